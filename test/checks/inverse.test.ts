import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Check } from '../../src/api/check.ts'
import { startCheck } from '../../src/checks/check.ts'
import type { CheckResult } from '../../src/checks/repeat.ts'
import { FakeLinks, surroundings } from './surroundings.ts'

/** The first verdict of a check with `inverse`. */
function inverse(t: TestContext, fields: Omit<Check, 'name'>): Promise<CheckResult> {
  const links = new FakeLinks()
  links.set('eth1', 'Connected')
  const { promise, resolve } = Promise.withResolvers<CheckResult>()
  const check = { name: 'contrary', timeout: '5s', inverse: true, ...fields }
  const { close } = startCheck(check, resolve, surroundings({ links }))
  t.after(close)
  return promise
}

test('with inverse what would pass fails, and says what should not be so', async t => {
  const child = spawn('sleep', ['60'], { argv0: 'kv-contrary', stdio: 'ignore' })
  t.after(() => child.kill())
  const server = createServer((_request, response) => response.end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const cases: [Omit<Check, 'name'>, string][] = [
    [{ process: { name: 'kv-contrary' } }, 'Process kv-contrary runs'],
    [{ exec: { command: ['/bin/true'] } }, 'The command has exit status 0'],
    [{ http: { port } }, `GET http://127.0.0.1:${port}/ is answered as expected`],
    [{ tcp: { port } }, `A connection to 127.0.0.1:${port} opens`],
    [{ link: { name: 'eth1' } }, 'Link eth1 has carrier'],
  ]
  for (const [fields, found] of cases) {
    assert.deepEqual(await inverse(t, fields), { passing: false, message: `${found}, and should not (inverse)` })
  }
})

test('with inverse what would fail passes', async t => {
  const cases: Omit<Check, 'name'>[] = [
    { process: { name: 'kv-nobody' } },
    { exec: { command: ['/bin/false'] } },
    { http: { port: 1 } },
    { tcp: { port: 1 } },
    { link: { name: 'eth2' } },
  ]
  for (const fields of cases) assert.deepEqual(await inverse(t, fields), { passing: true })
})

test('what could not be found out fails, with inverse too', async t => {
  assert.deepEqual(await inverse(t, { exec: { command: ['/nonexistent'] } }), {
    passing: false,
    message: 'Cannot run /nonexistent: ENOENT',
  })
  assert.deepEqual(await inverse(t, { exec: { command: ['/bin/sleep', '60'] }, timeout: '100ms' }), {
    passing: false,
    message: 'took longer than 100ms',
  })
})
