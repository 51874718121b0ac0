import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { eventually } from './daemons.ts'

function startDemo() {
  const child = spawn('test/lab/in-namespaces', ['node', 'test/lab/demo.ts'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, as a shell gives it: Ctrl-C goes to all of it.
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk
    })
  }
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  return { child, ended, output: () => output }
}

/** All that run in this test's PID namespace. */
function processes(): number {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).length
}

test('the demo shows one failover from apply to status, and leaves nothing behind', async () => {
  const before = processes()
  const { ended, output } = startDemo()
  assert.equal(await ended, 0, output())
  const [, crashed] = /(node\d) crashes now/.exec(output()) ?? []
  const [, successor] = /took over +(node\d)/.exec(output()) ?? []
  assert.ok(crashed && successor && crashed !== successor, output())
  assert.match(output(), /outage +\d+ ms/)
  assert.match(output(), /lost probes +\d+ of \d+/)
  assert.match(output(), /in the status +\d+ ms after the crash/)
  const tables = [...output().matchAll(/web +192\.168\.1\.100\/24 +(node\d) +True +(\d\/\d)/g)].map(([, ...row]) =>
    row.join(' '),
  )
  assert.deepEqual(tables, [`${crashed} 2/2`, `${successor} 1/2`, `${crashed} 2/2`], output())
  await eventually('its processes are gone', () => processes() <= before)
})

test('Ctrl-C in the middle of the demo ends everything it started', async () => {
  const before = processes()
  const { child, ended, output } = startDemo()
  await eventually('the demo has started its agents', () => output().includes('Applying a VirtualIP'), {
    within: 60_000,
  })
  assert.ok(processes() > before + 5)
  if (child.pid === undefined) assert.fail('It did not start')
  process.kill(-child.pid, 'SIGINT')
  assert.notEqual(await ended, 0)
  assert.doesNotMatch(output(), /Done in/)
  await eventually('its processes are gone', () => processes() <= before)
})
