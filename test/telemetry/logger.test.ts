import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
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

describe('a reader that does not read', { concurrency: true }, () => {
  test('never holds up who writes; its memory is bounded, and what is left out is counted, and said when there is a reader', async () => {
    // A hundred times what a pipe and the logger hold.
    const child = run(`
      const line = 'x'.repeat(1000)
      let turns = 0
      const timer = setInterval(() => turns++, 1)
      for (let i = 0; i < 200; i++) {
        for (let j = 0; j < 1000; j++) log.logger.info({ line }, 'a line')
        await new Promise(resolve => setImmediate(resolve))
      }
      clearInterval(timer)
      const [dropped, { rss }] = [log.dropped(), process.memoryUsage()]
      process.send({ dropped, rss, turns })
      await new Promise(resolve => process.once('message', resolve))
      process.exit((await log.end(60_000)) ? 0 : 1)`)
    const [{ dropped, rss, turns }] = await once(child, 'message')
    assert.ok(dropped > 190_000 && dropped < 200_000, `${dropped}`)
    assert.ok(rss < 400 * 2 ** 20, `${rss} bytes`)
    assert.ok(turns > 0)
    child.send('read')
    const [output, [status]] = await Promise.all([text(child.stderr as Readable), once(child, 'exit')])
    assert.equal(status, 0)
    const lines = output.trim().split('\n')
    assert.equal(lines.filter(line => line.includes('a line')).length, 200_000 - dropped)
    assert.equal(
      JSON.parse(lines.at(-1) ?? '').msg,
      `${dropped} log lines were left out here: nobody read those before`,
    )
  })

  test('does not keep the process', async () => {
    const child = run(`
      const { exitAtOnce } = await import('${new URL('../../src/linux/libc.ts', import.meta.url)}')
      for (let i = 0; i < 2000; i++) log.logger.info({ line: 'x'.repeat(1000) }, 'a line')
      const isWritten = await log.end(100)
      process.send({ isWritten })
      exitAtOnce(7)`)
    const [[{ isWritten }], [status]] = await Promise.all([once(child, 'message'), once(child, 'exit')])
    assert.equal(isWritten, false)
    assert.equal(status, 7)
  })
})

test('a log that can not be written, as on a full disk, ends nobody', async () => {
  const full = openSync('/dev/full', 'w')
  const child = run(
    `
    log.logger.info('a line')
    await new Promise(resolve => setTimeout(resolve, 200))
    log.logger.info('another')
    process.send('alive')
    await log.end(100)
    const { exitAtOnce } = await import('${new URL('../../src/linux/libc.ts', import.meta.url)}')
    exitAtOnce(5)`,
    full,
  )
  const heard: unknown[] = []
  child.on('message', message => heard.push(message))
  const [status] = await once(child, 'exit')
  closeSync(full)
  assert.deepEqual([heard, status], [['alive'], 5])
})

/** A process with a log, whose standard error is a pipe unless another one is given. */
function run(program: string, stderr: 'pipe' | number = 'pipe'): ChildProcess {
  const logger = new URL('../../src/telemetry/logger.ts', import.meta.url)
  const code = `import { openLog } from '${logger}'\nconst log = openLog({ level: 'info' })\n${program}`
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'ignore', stderr, 'ipc'],
  })
}
