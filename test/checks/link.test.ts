import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Check } from '../../src/api/check.ts'
import { startCheck } from '../../src/checks/check.ts'
import type { CheckResult } from '../../src/checks/repeat.ts'
import { FakeClock, settled } from './fake-clock.ts'
import { FakeLinks, surroundings } from './surroundings.ts'

/** A check of eth1 on a clock of the test's; `take`: what it has told since it was asked last. */
function linkCheck(fields: Partial<Check> = {}) {
  const links = new FakeLinks()
  const clock = new FakeClock()
  const told: CheckResult[] = []
  const check = { name: 'uplink', link: { name: 'eth1' }, ...fields }
  const { close } = startCheck(check, result => told.push(result), surroundings({ links }), clock)
  return { links, clock, close, take: () => told.splice(0) }
}

test('a link that is absent, down or without carrier fails, and says which', async () => {
  const { links, clock, take } = linkCheck()
  await clock.runUntil(250)
  assert.deepEqual(take(), [{ passing: false, message: 'Link eth1 does not exist on this node' }])
  for (const [state, message] of [
    ['Down', 'Link eth1 is down (ip link set eth1 up)'],
    ['NoCarrier', 'Link eth1 has no carrier'],
  ] as const) {
    links.set('eth1', 'Connected')
    await settled()
    assert.deepEqual(take(), [{ passing: true }])
    links.set('eth1', state)
    await settled()
    assert.deepEqual(take(), [{ passing: false, message }])
  }
})

test('a change is noticed when it comes, not at the next interval; changes of other links are nothing', async () => {
  const { links, clock, take } = linkCheck({ interval: '1h' })
  links.set('eth1', 'Connected')
  await clock.runUntil(250)
  take()
  links.set('eth2', 'Connected')
  links.set('eth2', 'Down')
  await settled()
  assert.deepEqual(take(), [])
  links.set('eth1', 'NoCarrier')
  await settled()
  assert.deepEqual(take(), [{ passing: false, message: 'Link eth1 has no carrier' }])
  assert.equal(clock.now(), 250)
})

test('rise and fall count intervals: one change of a link is one failure', async () => {
  const { links, clock, take } = linkCheck({ interval: '1s', fall: 3 })
  links.set('eth1', 'Connected')
  await clock.runUntil(10_000)
  take()
  links.set('eth1', 'Down')
  for (let i = 0; i < 5; i++) links.set('eth2', i % 2 === 0 ? 'Connected' : 'Down')
  await settled()
  await clock.runUntil(11_000)
  assert.deepEqual(take(), [])
  await clock.runUntil(12_000)
  assert.equal(take()[0]?.passing, false)
})

test('a check that has ended watches nothing', async () => {
  const { links, clock, take, close } = linkCheck()
  await clock.runUntil(250)
  take()
  close()
  assert.equal(links.watchers, 0)
  links.set('eth1', 'Connected')
  await clock.runUntil(5000)
  assert.deepEqual(take(), [])
})

test('nothing is looked at before the initial delay, whatever happens meanwhile', async () => {
  const { links, clock, take } = linkCheck({ initialDelay: '30s' })
  links.set('eth1', 'Connected')
  await clock.runUntil(29_999)
  links.set('eth1', 'Down')
  await clock.runUntil(29_999)
  assert.deepEqual(take(), [])
  await clock.runUntil(30_250)
  assert.equal(take()[0]?.passing, false)
})
