import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Check } from '../../src/api/check.ts'
import { startCheck } from '../../src/checks/check.ts'
import { CheckSet } from '../../src/checks/check-set.ts'
import type { CheckResult } from '../../src/checks/repeat.ts'
import { settled } from './fake-clock.ts'
import { surroundings } from './surroundings.ts'

const NGINX: Check = { name: 'nginx', process: { name: 'nginx' }, interval: '2s', fall: 2, rise: 2, weight: -20 }
const ROUTE: Check = { name: 'route', exec: { command: ['/bin/ping', '-c1', '10.0.0.1'] } }

/** A set whose checks say what the test makes them say. */
function fakeSet() {
  const log: string[] = []
  const say = new Map<string, (result: CheckResult) => void>()
  const start = (check: Check, onResult: (result: CheckResult) => void) => {
    log.push(`start ${check.name}`)
    say.set(check.name, onResult)
    return { close: () => log.push(`close ${check.name}`) }
  }
  const set = new CheckSet(
    (keys, { passing }) => log.push(`${keys.join(' ')} ${passing ? 'passes' : 'fails'}`),
    start as never,
  )
  const take = () => log.splice(0)
  return { set, take, say: (name: string, passing: boolean) => say.get(name)?.({ passing }) }
}

test('checks that are there before and after go on; others end and begin', () => {
  const { set, take } = fakeSet()
  set.set(new Map([['web/nginx', NGINX]]))
  assert.deepEqual(take(), ['start nginx'])
  set.set(
    new Map([
      ['web/nginx', { ...NGINX }],
      ['web/route', ROUTE],
    ]),
  )
  assert.deepEqual(take(), ['start route'])
  set.set(new Map([['web/route', ROUTE]]))
  assert.deepEqual(take(), ['close nginx'])
  set.set(new Map([['web/route', { ...ROUTE, interval: '5s' }]]))
  assert.deepEqual(take(), ['start route', 'close route'])
  set.close()
  assert.deepEqual(take(), ['close route'])
})

test('a verdict outlives a reconfiguration that changes only what a check is called or weighs', () => {
  const { set, take, say } = fakeSet()
  set.set(new Map([['web/nginx', NGINX]]))
  say('nginx', false)
  set.set(new Map([['web/nginx', { ...NGINX, weight: -50 }]]))
  assert.deepEqual(set.result('web/nginx'), { passing: false })
  assert.deepEqual(take(), ['start nginx', 'web/nginx fails'])
})

test('the same check of many VirtualIPs is run once and told to each', () => {
  const { set, take, say } = fakeSet()
  set.set(
    new Map([
      ['a/nginx', NGINX],
      ['b/nginx', { ...NGINX, weight: 10 }],
      ['a/route', ROUTE],
    ]),
  )
  assert.deepEqual(take(), ['start nginx', 'start route'])
  say('nginx', true)
  assert.deepEqual(take(), ['a/nginx b/nginx passes'])
  assert.equal(set.result('a/route'), undefined)
  set.set(new Map([['b/nginx', NGINX]]))
  assert.deepEqual(take(), ['close route'])
  say('nginx', false)
  assert.deepEqual(take(), ['b/nginx fails'])
})

test('checks are the same only where they look at the same thing', () => {
  const { set, take } = fakeSet()
  const checks: Check[] = [
    { name: 'a', http: { port: 80 } },
    { name: 'b', http: { port: 80 }, weight: 10 },
    { name: 'c', http: { port: 80, path: '/healthz' } },
    { name: 'd', http: { port: 80, scheme: 'HTTPS', insecureSkipVerify: true } },
    { name: 'e', tcp: { port: 80 } },
    { name: 'f', tcp: { port: 80 } },
    { name: 'g', tcp: { port: 80, host: '::1' } },
    { name: 'h', exec: { command: ['80'] } },
    { name: 'i', process: { name: '80' } },
    { name: 'j', link: { name: '80' } },
    { name: 'k', link: { name: '80' }, inverse: false },
    { name: 'l', link: { name: '80' }, inverse: true },
    { name: 'n', file: { path: '/80' } },
    { name: 'o', file: { path: '/80' }, weight: 1 },
    { name: 'p', file: { path: '/80' }, weight: -2 },
    { name: 'q', file: { path: '/80', reads: 'Existence' } },
    { name: 'r', file: { path: '/80', reads: 'Existence' }, weight: 1 },
    { name: 's', route: { destination: '80.0.0.0/8' } },
    { name: 't', route: { destination: '80.0.0.0/8', link: 'eth0' } },
    { name: 'u', pods: { namespace: 'web', selector: {} } },
    { name: 'v', pods: { namespace: 'db', selector: {} } },
    { name: 'm', link: { name: '80' }, initialDelay: '1s' },
  ]
  set.set(new Map(checks.map(check => [`web/${check.name}`, check])))
  assert.deepEqual(
    take(),
    Array.from('acdeghijlnoqstuvm', name => `start ${name}`),
  )
})

test('a VirtualIP that joins a running check is told its verdict, after set has returned', async () => {
  const { set, take, say } = fakeSet()
  set.set(new Map([['a/nginx', NGINX]]))
  say('nginx', true)
  take()
  set.set(
    new Map([
      ['a/nginx', NGINX],
      ['b/nginx', NGINX],
    ]),
  )
  assert.deepEqual(take(), [])
  assert.deepEqual(set.result('b/nginx'), { passing: true })
  await settled()
  assert.deepEqual(take(), ['b/nginx passes'])
})

test('a check that is gone has no result, and nobody is told of it', async () => {
  const { set, take, say } = fakeSet()
  set.set(new Map([['a/nginx', NGINX]]))
  say('nginx', true)
  set.set(
    new Map([
      ['a/nginx', NGINX],
      ['b/nginx', NGINX],
    ]),
  )
  set.close()
  take()
  await settled()
  say('nginx', false)
  assert.deepEqual(take(), [])
  assert.equal(set.result('a/nginx'), undefined)
})

test('a set of real checks tells their results', async () => {
  const { promise, resolve } = Promise.withResolvers<[readonly string[], CheckResult]>()
  const set = new CheckSet(
    (keys, result) => resolve([keys, result]),
    (check, tell) => startCheck(check, tell, surroundings()),
  )
  set.set(new Map([['web/true', { name: 'true', exec: { command: ['/bin/true'] } }]]))
  assert.deepEqual(await promise, [['web/true'], { passing: true }])
  set.close()
})
