import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Check } from '../../src/api/check.ts'
import { startCheck } from '../../src/checks/check.ts'
import type { CheckResult } from '../../src/checks/repeat.ts'
import { FakeClock } from './fake-clock.ts'
import { FakePods, surroundings } from './surroundings.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** The results of a real check, each within 5 s. */
function results(t: TestContext, check: Check) {
  const queue: CheckResult[] = []
  const { close } = startCheck(check, result => queue.push(result), surroundings())
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
    surroundings(),
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

test('a server that begins to answer 500 is a check that fails; one that goes is another', async t => {
  let code = 200
  const server = createServer((_request, response) => response.writeHead(code).end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const http = results(t, { name: 'web', http: { port, path: '/healthz' }, interval: '100ms', timeout: '5s' })
  const tcp = results(t, { name: 'port', tcp: { port }, interval: '100ms', timeout: '5s' })
  assert.deepEqual([await http(), await tcp()], [{ passing: true }, { passing: true }])
  code = 500
  assert.deepEqual(await http(), { passing: false, message: `GET http://127.0.0.1:${port}/healthz: 500` })
  server.close()
  assert.deepEqual(await tcp(), { passing: false, message: `Cannot connect to 127.0.0.1:${port}: ECONNREFUSED` })
})

test('process checks of one interval run at the same moment, all others are spread over theirs', async () => {
  const moments = (checks: Check[]) => {
    const wanted: number[] = []
    for (const check of checks) {
      const clock = new FakeClock(123_456)
      const at = clock.at.bind(clock)
      clock.at = (moment, wake) => {
        wanted.push(moment - clock.now())
        return at(moment, wake)
      }
      startCheck(check, () => {}, surroundings(), clock).close()
    }
    return wanted
  }
  const names = Array.from({ length: 50 }, (_, i) => `check-${i}`)
  const processes = moments(names.map(name => ({ name, process: { name } })))
  assert.deepEqual([...new Set(processes)], [0])
  for (const others of [
    names.map(name => ({ name, exec: { command: [name] } })),
    names.map((name, i) => ({ name, http: { port: i + 1 } })),
    names.map((name, i) => ({ name, tcp: { port: i + 1 } })),
  ]) {
    const spread = moments(others)
    assert.ok(new Set(spread.map(moment => Math.floor(moment / 25))).size > 7)
    assert.ok(spread.every(moment => moment >= 0 && moment < 250))
  }
})

test('a duration that is none, or no time at all, is a mistake of the caller', () => {
  for (const interval of ['0s', 'soon']) {
    assert.throws(() => startCheck({ name: 'a', process: { name: 'b' }, interval }, () => {}, surroundings()), {
      message: `Check a: interval "${interval}" is no duration above 0`,
    })
  }
  assert.throws(() => startCheck({ name: 'a' }, () => {}, surroundings()), { message: 'Check a is of no kind' })
})

test('pods are waited for until something is known of them, at most for the time limit', async t => {
  const pods = new FakePods()
  const told: CheckResult[] = []
  const fields = { pods: { namespace: 'web', selector: { matchLabels: { app: 'a' } } }, interval: '1h' }
  const check = (timeout: string) => {
    t.after(startCheck({ name: 'app', ...fields, timeout }, result => told.push(result), surroundings({ pods })).close)
  }
  check('100ms')
  for (let i = 0; i < 500 && told.length === 0; i++) await sleep(10)
  assert.deepEqual(told.splice(0), [{ passing: false, message: 'Nothing is known of pods' }])
  check('1m')
  await sleep(400)
  assert.deepEqual(told.splice(0), [])
  pods.set(0)
  for (let i = 0; i < 500 && told.length === 0; i++) await sleep(10)
  assert.deepEqual(told.splice(0), [{ passing: false, message: 'No pod in web with app=a is Ready on this node' }])
  pods.set(2)
  for (let i = 0; i < 500 && told.length < 2; i++) await sleep(10)
  assert.deepEqual(told, [{ passing: true }, { passing: true }])
})
