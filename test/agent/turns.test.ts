import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from '../../src/agent/turns.ts'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { Groups } from '../../src/vrrp/groups.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import type { VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'

const INTERVAL = 100

test('who is Active speaks before anyone takes over, however many do', () => {
  const { set, turns } = routers({ active: 3, silent: 500 })
  const at = 1000
  const taken = turns.take(at, true, 0)
  assert.deepEqual(taken.slice(0, 3), ['active0', 'active1', 'active2'])
  assert.equal(taken.length, 3 + 128)
  for (const key of taken) set.step(key, { type: 'DeadlineReached' }, at)
  assert.ok((turns.next() ?? at + 9) <= at + 1, 'the others follow at once')
})

test('everybody who is silent is taken over from, in a few turns, also while addresses are being added', () => {
  const { set, turns } = routers({ silent: 500 })
  const active = new Set<string>()
  for (let at = 1000; at < 1004; at++) {
    for (const key of turns.take(at, false, 50)) {
      set.step(key, { type: 'DeadlineReached' }, at)
      active.add(key)
    }
  }
  assert.equal(active.size, 500)
})

test('who preempts waits until the addresses of those before are held, and is one of 64', () => {
  const { set, turns } = routers({ preempting: 200 })
  const at = 1000
  assert.deepEqual(turns.take(at, false, 0), [])
  const first = turns.take(at + 1, true, 0)
  assert.equal(first.length, 64)
  for (const key of first) set.step(key, { type: 'DeadlineReached' }, at + 1)
  assert.deepEqual(turns.take(at + 2, false, 0), [])
  assert.equal(turns.take(at + 3, true, 0).length, 64)
})

test('a loop that is late preempts less, and less often, but all in the end', () => {
  const { set, turns } = routers({ preempting: 20 })
  const preempted: number[] = []
  for (let at = 1000; at < 1100; at = turns.next() ?? Number.POSITIVE_INFINITY) {
    for (const key of turns.take(at, true, 30)) {
      set.step(key, { type: 'DeadlineReached' }, at)
      preempted.push(at)
    }
  }
  assert.deepEqual(
    [1000, 1020, 1040].map(at => preempted.filter(each => each === at).length),
    [8, 8, 4],
  )
})

test('who heard of a higher priority while it waited for its turn does not preempt', () => {
  const { set, turns } = routers({ preempting: 100 })
  const first = turns.take(1000, true, 0)
  for (const key of first) set.step(key, { type: 'DeadlineReached' }, 1000)
  for (let i = 0; i < 100; i++) hear(set, `preempting${i}`, 250, 1000)
  assert.deepEqual(turns.take(1001, true, 0), [])
})

/** Routers whose deadlines have all come at 1000. */
function routers({ active = 0, silent = 0, preempting = 0 }): { set: RouterSet; turns: Turns } {
  const set = new RouterSet()
  let last = 0
  const add = (kind: string, count: number, begin: (key: string) => void) => {
    for (let i = 0; i < count; i++) {
      const [key, number] = [`${kind}${i}`, last++]
      set.add(key, 2 + Math.floor(number / 255), config((number % 255) + 1), 0)
      begin(key)
    }
  }
  const start = (key: string, unheard: boolean) => set.step(key, { type: 'Startup', unheard }, 500)
  add('silent', silent, key => start(key, false))
  add('preempting', preempting, key => {
    start(key, false)
    hear(set, key, 100, 900)
  })
  add('active', active, key => start(key, true))
  return { set, turns: new Turns(set, new Groups(set)) }
}

function hear(set: RouterSet, key: string, priority: number, now: number): void {
  const { virtualRouterID, version, addresses, advertisementInterval: interval } = set.get(key)?.config ?? assert.fail()
  const advertisement = { version, virtualRouterID, priority, interval, addresses }
  set.step(key, { type: 'AdvertisementReceived', advertisement, source: ipAddress('10.0.0.6') }, now)
}

function config(virtualRouterID: number): VirtualRouterConfig {
  return {
    family: 'IPv4',
    version: 3,
    virtualRouterID,
    priority: 200,
    advertisementInterval: INTERVAL,
    addresses: [ipAddress('10.0.0.100')],
    preemption: { mode: 'Always', delay: 0 },
    primaryAddress: ipAddress('10.0.0.5'),
  }
}
