import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Check } from '../../src/api/check.ts'
import { startCheck } from '../../src/checks/check.ts'
import { CheckSet } from '../../src/checks/check-set.ts'
import type { RouteHop } from '../../src/checks/route.ts'
import { FakeClock, settled } from './fake-clock.ts'
import { surroundings } from './surroundings.ts'

/** 255 virtual routers, each with the same fifty checks of routes, every second; `pending`: the runs that go on. */
function crowd() {
  const clock = new FakeClock()
  const pending: ((hops: readonly RouteHop[]) => void)[] = []
  const find = () => new Promise<readonly RouteHop[]>(resolve => pending.push(resolve))
  const told = new Map<string, number>()
  const calls: number[] = []
  const set = new CheckSet(
    keys => {
      calls.push(keys.length)
      for (const key of keys) told.set(key, (told.get(key) ?? 0) + 1)
    },
    (check, tell) => startCheck(check, tell, surroundings({ routes: { find } }), clock),
  )
  const checks = Array.from(
    { length: 50 },
    (_, i): Check => ({ name: `${i}`, route: { destination: `10.${i}.0.0/16` }, timeout: '1h' }),
  )
  const routers = Array.from({ length: 255 }, (_, i) => `vip-${i}/IPv4`)
  set.set(new Map(routers.flatMap(router => checks.map(check => [`${router}/${check.name}`, check] as const))))
  const close = () => {
    set.close()
    for (const end of pending) end([])
  }
  return { clock, pending, told, calls, close }
}

test('fifty checks that hang on 255 virtual routers are fifty runs, however long that goes on', async t => {
  const { clock, pending, told, close } = crowd()
  t.after(close)
  await clock.runUntil(600_000)
  assert.equal(pending.length, 50)
  assert.equal(told.size, 0)
})

test('when they end, each is told once, of all its virtual routers together, and begins once more', async t => {
  const { clock, pending, told, calls, close } = crowd()
  t.after(close)
  await clock.runUntil(10_000)
  for (const end of pending.splice(0)) end([{ link: 'eth0' }])
  await settled()
  await clock.runUntil(20_000)
  assert.equal(pending.length, 50)
  assert.equal(told.size, 50 * 255)
  assert.deepEqual(new Set(told.values()), new Set([1]))
  // What is told may be what all virtual routers are gone through for.
  assert.deepEqual(calls, Array(50).fill(255))
})
