import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { createLogger } from '../../src/telemetry/logger.ts'

function collect() {
  const lines: string[] = []
  return { lines, destination: { write: (line: string) => lines.push(line) } }
}

test('an event is one JSON line with level, time, sentence and fields', () => {
  const { lines, destination } = collect()
  createLogger({ level: 'info', format: 'json', destination }).info({ virtualIP: 'web' }, 'web: BACKUP -> MASTER')
  assert.equal(lines.length, 1)
  const { time, ...line } = JSON.parse(lines[0] ?? '')
  assert.deepEqual(line, { level: 'info', virtualIP: 'web', msg: 'web: BACKUP -> MASTER' })
  assert.equal(new Date(time).toISOString(), time)
})

test('as text, an event is one line that is read from left to right', () => {
  const { lines, destination } = collect()
  const logger = createLogger({ level: 'info', format: 'text', destination })
  logger.warn({ virtualIP: 'web', why: 'two words' }, 'web is in FAULT')
  assert.match(
    lines[0] ?? '',
    /^\d{4}-\d\d-\d\dT[\d:.]+Z WARN {2}web is in FAULT {2}virtualIP=web {2}why="two words"\n$/,
  )
})

test('as text, an error comes with its stack and its cause', () => {
  const { lines, destination } = collect()
  const error = new Error('Cannot add', { cause: new Error('EPERM') })
  createLogger({ level: 'info', format: 'text', destination }).error({ err: error }, 'It failed')
  assert.match(lines[0] ?? '', /ERROR It failed\n {4}Error: Cannot add\n {4} +at (.*\n)*.*Error: EPERM\n/)
})

test('events below the level are left out', () => {
  const { lines, destination } = collect()
  const logger = createLogger({ level: 'warn', format: 'json', destination })
  logger.info('quiet')
  logger.warn('loud')
  assert.deepEqual(
    lines.map(line => JSON.parse(line).msg),
    ['loud'],
  )
})

test('an unknown level is refused with a sentence that names the flag', () => {
  assert.throws(() => createLogger({ level: 'loud' }), {
    message: 'Unknown log level "loud": --log-level is one of trace, debug, info, warn, error, fatal',
  })
})

test('lines written right before the process exits are not lost, and standard output stays clean', async () => {
  const program = `
    import { createLogger } from '${new URL('../../src/telemetry/logger.ts', import.meta.url)}'
    const logger = createLogger({ level: 'info' })
    for (let i = 0; i < 1000; i++) logger.info({ i }, 'a line')
    process.exit(3)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  assert.equal(status, 3)
  assert.equal(out, '')
  const lines = err.trim().split('\n')
  assert.equal(lines.length, 1000)
  assert.equal(JSON.parse(lines[999] ?? '').i, 999)
})
