import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Check } from '../../src/api/virtual-ip.ts'
import { startCheck } from '../../src/checks/check.ts'
import type { CheckResult } from '../../src/checks/repeat.ts'
import { FakeClock } from './fake-clock.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** The results of a real check, each within 5 s. */
function results(t: TestContext, check: Check) {
  const queue: CheckResult[] = []
  const { close } = startCheck(check, result => queue.push(result))
  t.after(close)
  return async () => {
    for (let i = 0; i < 500 && queue.length === 0; i++) await sleep(10)
    return queue.shift()
  }
}

test("the seed's check: nginx runs, is stopped, and is started again", async t => {
  const program = join(folder(t), 'kv-nginx')
  writeFileSync(program, '#!/bin/sh\nread line\n', { mode: 0o755 })
  const start = (): ChildProcess => {
    const child = spawn(program, { stdio: ['pipe', 'ignore', 'ignore'] })
    t.after(() => child.kill('SIGKILL'))
    return child
  }
  const nginx = start()
  const next = results(t, {
    name: 'nginx',
    process: { name: 'kv-nginx' },
    interval: '100ms',
    timeout: '5s',
    fall: 2,
    rise: 2,
  })
  assert.deepEqual(await next(), { passing: true })
  nginx.kill('SIGKILL')
  assert.deepEqual(await next(), { passing: false, message: 'No process kv-nginx runs' })
  start()
  assert.deepEqual(await next(), { passing: true })
})

test('a command that fails, then passes, is a check that fails, then passes', async t => {
  const flag = join(folder(t), 'flag')
  const next = results(t, { name: 'flag', exec: { command: ['/bin/cat', flag] }, interval: '100ms', timeout: '5s' })
  const first = await next()
  assert.equal(first?.passing, false)
  assert.match(first?.message ?? '', /^exit status 1: .*flag: No such file or directory$/)
  writeFileSync(flag, '')
  assert.deepEqual(await next(), { passing: true })
})

test('runs of a slow command never overlap', async t => {
  const log = join(folder(t), 'log')
  const script = `echo begin >> ${log}; sleep 0.25; echo end >> ${log}`
  const { close } = startCheck(
    { name: 'slow', exec: { command: ['/bin/sh', '-c', script] }, interval: '100ms', timeout: '5s' },
    () => {},
  )
  await sleep(1200)
  close()
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  assert.ok(lines.length >= 4)
  lines.forEach((line, i) => {
    assert.equal(line, i % 2 === 0 ? 'begin' : 'end')
  })
})

test('the time limit is the interval unless it is given', async t => {
  const command = ['/bin/sleep', '60']
  const byInterval = results(t, { name: 'a', exec: { command }, interval: '150ms' })
  const byTimeout = results(t, { name: 'b', exec: { command }, interval: '150ms', timeout: '400ms' })
  assert.equal((await byInterval())?.message, 'took longer than 150ms')
  assert.equal((await byTimeout())?.message, 'took longer than 400ms')
})

test('process checks of one interval run at the same moment, commands are spread over theirs', async () => {
  const moments = (checks: Check[]) => {
    const wanted: number[] = []
    for (const check of checks) {
      const clock = new FakeClock(123_456)
      const at = clock.at.bind(clock)
      clock.at = (moment, wake) => {
        wanted.push(moment - clock.now())
        return at(moment, wake)
      }
      startCheck(check, () => {}, clock).close()
    }
    return wanted
  }
  const names = Array.from({ length: 50 }, (_, i) => `check-${i}`)
  const processes = moments(names.map(name => ({ name, process: { name } })))
  assert.deepEqual([...new Set(processes)], [0])
  const commands = moments(names.map(name => ({ name, exec: { command: [name] } })))
  assert.ok(new Set(commands.map(moment => Math.floor(moment / 25))).size > 7)
  assert.ok(commands.every(moment => moment >= 0 && moment < 250))
})

test('a duration that is none, or no time at all, is a mistake of the caller', () => {
  for (const interval of ['0s', 'soon']) {
    assert.throws(() => startCheck({ name: 'a', process: { name: 'b' }, interval }, () => {}), {
      message: `Check a: interval "${interval}" is no duration above 0`,
    })
  }
  assert.throws(() => startCheck({ name: 'a' }, () => {}), { message: 'Check a is neither process nor exec' })
})
