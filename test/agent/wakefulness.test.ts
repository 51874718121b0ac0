/* On a virtual clock: who must wait anew after this loop, or its machine, stood still. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { Wakefulness } from '../../src/agent/wakefulness.ts'
import { ipAddress } from '../../src/lib/ip-address.ts'
import type { Instant, Millis } from '../../src/lib/time.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import { deadline, type Message, type VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'

const INTERVAL = 100
const [ACTIVE, BACKUP] = ['active/IPv4', 'backup/IPv4']

let now: Instant
let wallClock: Instant
let asleep: Millis
let set: RouterSet
let router: { advertisedAt: Instant | undefined; outbox: Message[] }
let suspensions: Millis[]
let wakefulness: Wakefulness

beforeEach(() => {
  now = 1000
  wallClock = 1e12
  asleep = 0
  suspensions = []
  set = new RouterSet()
  set.add(ACTIVE, 2, config(51), now)
  set.step(ACTIVE, { type: 'Startup', unheard: true }, now)
  set.add(BACKUP, 2, config(52), now)
  set.step(BACKUP, { type: 'Startup', unheard: false }, now)
  router = { advertisedAt: now, outbox: [] }
  wakefulness = new Wakefulness({
    clock: {
      now: () => now,
      at: () => assert.fail('Nothing is waited for'),
      timeAsleep: () => asleep,
      wallClock: () => wallClock,
    },
    set,
    routers: new Map([[ACTIVE, router]]),
    suspended: length => suspensions.push(length),
  })
})

test('who is woken in time knows what it needs', () => {
  pass(50)
  assert.deepEqual(wakefulness.sleepers(now - 15), [])
  pass(400)
  assert.deepEqual(wakefulness.sleepers(now - 15), [], 'it has rested, and nothing was due')
})

test('an Active Router that is late waits anew once it was silent for three intervals', () => {
  pass(299)
  assert.deepEqual(wakefulness.sleepers(1100), [])
  pass(1)
  assert.deepEqual(wakefulness.sleepers(1100), [ACTIVE])
})

test('who stood still since it looked last finds out before each advert', () => {
  pass(290)
  assert.deepEqual(wakefulness.sleepers(now), [])
  pass(15)
  assert.deepEqual(wakefulness.sleepersSince(now), [], 'a busy loop is no sleeper')
  pass(20)
  assert.deepEqual(wakefulness.sleepersSince(now), [ACTIVE])
  assert.deepEqual(wakefulness.sleepersSince(now), [], 'it was told')
})

test('who advertised meanwhile goes on', () => {
  pass(290)
  router.advertisedAt = now
  pass(290)
  assert.deepEqual(wakefulness.sleepersSince(now), [])
})

test('who waits for its addresses to speak again is as silent as one that waits for nothing', () => {
  router.outbox = [{ type: 'Advertise', priority: 100 }]
  for (let late = 0; late < 3; late++) {
    pass(100)
    set.step(ACTIVE, { type: 'DeadlineReached' }, now)
  }
  assert.deepEqual(wakefulness.sleepers(now - 100), [ACTIVE])
})

test('who waits for its addresses to speak for the first time, and would have spoken, is silent for another reason', () => {
  router.outbox = [{ type: 'Advertise', priority: 100 }]
  router.advertisedAt = undefined
  for (let late = 0; late < 4; late++) {
    pass(100)
    set.step(ACTIVE, { type: 'DeadlineReached' }, now)
  }
  assert.deepEqual(wakefulness.sleepers(now - 100), [])
  pass(300)
  assert.deepEqual(wakefulness.sleepers(now - 200), [ACTIVE], 'it would not have spoken for three intervals')
})

test('a Backup was deaf where the loop stood still for more than half an interval after its deadline', () => {
  const due = deadline(set.get(BACKUP)?.state ?? assert.fail()) ?? assert.fail()
  const standUntil = (after: Millis) => {
    now = due - 300
    wakefulness.awake()
    now = due + after
    wakefulness.awake()
    return wakefulness.overslept(BACKUP, now)
  }
  assert.equal(standUntil(40), false)
  assert.equal(standUntil(60), true)
  now++
  wakefulness.awake()
  assert.equal(wakefulness.overslept(BACKUP, now), true, 'it has not heard yet')
})

test('a Backup that waited for its group, and rested meanwhile, was not deaf; who stood still when the group was ready was', () => {
  const due = deadline(set.get(BACKUP)?.state ?? assert.fail()) ?? assert.fail()
  const ready = due + 10_000
  for (now = due; now < ready - 90; now += 90) wakefulness.awake()
  now = ready
  wakefulness.awake()
  assert.equal(wakefulness.overslept(BACKUP, now, ready), false)
  now = ready + 60
  wakefulness.awake()
  assert.equal(wakefulness.overslept(BACKUP, now, ready), true)
})

test('a busy loop is not deaf, however late it is', () => {
  for (now = 1000; now < 3000; now += 15) wakefulness.awake()
  assert.equal(wakefulness.overslept(BACKUP, now), false)
})

test('a machine that was suspended has all wait anew, and tells for how long; a wall clock that is set has not', () => {
  pass(1)
  wallClock += 86_400_000
  assert.deepEqual(wakefulness.sleepers(undefined), [])
  pass(1)
  wallClock += 5000
  asleep += 5000
  assert.deepEqual(wakefulness.sleepers(undefined), [ACTIVE, BACKUP])
  assert.deepEqual(suspensions, [5000])
  pass(1)
  assert.deepEqual(wakefulness.sleepers(undefined), [])
})

function pass(length: Millis): void {
  now += length
  wallClock += length
}

function config(virtualRouterID: number): VirtualRouterConfig {
  return {
    family: 'IPv4',
    version: 3,
    virtualRouterID,
    priority: 100,
    advertisementInterval: INTERVAL,
    addresses: [ipAddress(`10.0.0.${virtualRouterID}`)],
    preemption: { mode: 'Always', delay: 0 },
    primaryAddress: ipAddress('10.0.0.1'),
    handover: 0,
  }
}
