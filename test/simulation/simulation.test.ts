import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ipAddress } from '../../src/lib/ip-address.ts'
import type { Instant, Millis } from '../../src/lib/time.ts'
import { UNTIL_ANNOUNCED } from '../../src/vrrp/handover.ts'
import { activeDownInterval } from '../../src/vrrp/timers.ts'
import { deadline, holdsAddresses, step, type VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'
import { seeded } from '../lab/random.ts'
import { type Happening, Lan } from './lan.ts'

// Networks in which packets are lost, late and cut off, and nodes crash, freeze, sleep and are reconfigured; then calm. When a run fails,
// fast-check prints its seed and path (replay with fc.assert(…, { seed, path })) and the transitions that led there.

/** Whatever went before, by then a calm network has decided: freezes end (5 s), delays are over (3 s), waits too (4 s each). */
const CALM: Millis = 30_000
/** In a network that has decided nothing happens. */
const STEADY: Millis = 10_000

const VIP = ipAddress('10.0.0.100')
const MORE = ipAddress('10.0.0.101')

interface Network {
  readonly routers: readonly { readonly priority: number; readonly interval: Millis }[]
  readonly version: 2 | 3
  readonly preemption: VirtualRouterConfig['preemption']
  readonly handover: Millis
  readonly seed: number
  readonly delay: Millis
  readonly lateness: Millis
}

type Fault =
  | { readonly type: 'crash' | 'start' | 'stop' | 'addAddress' | 'removeAddress'; readonly router: number }
  | { readonly type: 'freeze' | 'sleep'; readonly router: number; readonly length: Millis }
  | { readonly type: 'priority'; readonly router: number; readonly priority: number }
  | { readonly type: 'interval'; readonly router: number; readonly interval: Millis }
  | { readonly type: 'partition'; readonly sides: number }
  | { readonly type: 'heal' }
  | { readonly type: 'loss'; readonly share: number }

const router = fc.nat({ max: 4 })
const length = fc.nat({ max: 5000 })
const priority = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 254 }) },
  { weight: 3, arbitrary: fc.integer({ min: 99, max: 101 }) },
  { weight: 1, arbitrary: fc.constant(255) },
)
const interval = fc.constantFrom(100, 200, 1000)
const preemption = fc.constantFrom<VirtualRouterConfig['preemption']>(
  { mode: 'Always', delay: 0 },
  { mode: 'Always', delay: 3000 },
  { mode: 'Never' },
)

const network: fc.Arbitrary<Network> = fc.record({
  routers: fc.array(fc.record({ priority, interval }), { minLength: 2, maxLength: 5 }),
  version: fc.constantFrom(2, 3),
  preemption,
  handover: fc.constantFrom(0, 30, 29_000),
  seed: fc.integer(),
  delay: fc.nat({ max: 5 }),
  lateness: fc.nat({ max: 20 }),
})

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ type: fc.constantFrom('crash', 'start', 'stop', 'addAddress', 'removeAddress'), router }),
  fc.record({ type: fc.constantFrom('freeze', 'sleep'), router, length }),
  fc.record({ type: fc.constant('priority'), router, priority }),
  fc.record({ type: fc.constant('interval'), router, interval }),
  fc.record({ type: fc.constant('partition'), sides: fc.nat({ max: 31 }) }),
  fc.record({ type: fc.constant('heal') }),
  fc.record({ type: fc.constant('loss'), share: fc.double({ min: 0, max: 0.8, noNaN: true }) }),
)

const faults = fc.array(fc.tuple(length, fault), { maxLength: 12 })

test('whatever happens, every step is sound; in a calm network one router is Active, and it is the one the RFC elects', () => {
  fc.assert(
    fc.property(network, faults, fc.context(), (net, troubles, context) => {
      const lan = lanOf(net)
      const watch = new Watch(lan, line => context.log(line))
      for (const name of lan.names()) lan.start(name)
      for (const [wait, trouble] of troubles) {
        lan.run(wait)
        cause(lan, net, trouble)
      }
      for (const name of lan.names()) lan.start(name)
      calm(lan)
      watch.quietSince = lan.now
      lan.run(STEADY)
      assertElected(lan, net.preemption)
    }),
    { numRuns: 400 },
  )
})

test('with preemption Never a returning router, however high, disturbs nobody', () => {
  const notOwners = network.filter(net => net.routers.every(each => each.priority < 255))
  fc.assert(
    fc.property(notOwners, interval, router, fc.context(), (net, interval, index, context) => {
      // Of one interval: a Backup that just started can't know a longer one, and waits by its own (RFC 9568 §6.1).
      const routers = net.routers.map(({ priority }) => ({ priority, interval }))
      const lan = lanOf({ ...net, routers, preemption: { mode: 'Never' } })
      const watch = new Watch(lan, line => context.log(line))
      const returning = nameOf(lan, index)
      for (const name of lan.names()) if (name !== returning) lan.start(name)
      calm(lan)
      const before = activeRouters(lan)
      watch.quietSince = lan.now
      watch.mayMove = returning
      lan.configure(returning, { priority: 254 })
      lan.start(returning)
      lan.run(STEADY)
      assert.deepEqual(activeRouters(lan), before)
    }),
    { numRuns: 100 },
  )
})

test('a Backup takes over within Active_Down_Interval of a crash, the highest one, and none sooner than 3 intervals', () => {
  const distinct = fc.uniqueArray(fc.integer({ min: 1, max: 254 }), { minLength: 3, maxLength: 5 })
  fc.assert(
    fc.property(distinct, interval, fc.constantFrom(2, 3), fc.nat({ max: 1000 }), (priorities, pace, version, wait) => {
      const lan = lanOf({
        routers: priorities.map(each => ({ priority: each, interval: pace })),
        version,
        preemption: { mode: 'Always', delay: 0 },
        handover: 0,
        seed: 1,
        delay: 0,
        lateness: 0,
      })
      let lastAdvert: Instant = 0
      let tookOver: Instant | undefined
      let crashed = false
      lan.onStep = ({ result }) => {
        if (!crashed && result.messages.some(message => message.type === 'Advertise')) lastAdvert = lan.now
        if (crashed && result.state.name === 'Active') tookOver ??= lan.now
      }
      for (const name of lan.names()) lan.start(name)
      lan.run(10_000 + wait)
      const [first = ''] = activeRouters(lan)
      lan.crash(first)
      crashed = true
      lan.run(10_000)
      const [, heir = 0] = priorities.toSorted((a, b) => b - a)
      const waited = version === 2 ? 3000 + ((256 - heir) * 1000) / 256 : 3 * pace + ((256 - heir) * pace) / 256
      assert.ok(tookOver !== undefined && Math.abs(tookOver - lastAdvert - waited) < 1e-6)
      assert.deepEqual(
        activeRouters(lan).map(name => lan.config(name).priority),
        [heir],
      )
    }),
    { numRuns: 100 },
  )
})

test('in a lossless network a planned move never leaves the address without an answer, and two answer for a moment only', () => {
  // Where Priority 0 is lost, a Backup of a lower one may be reached by the last advert too late to follow in time.
  const distinct = fc.uniqueArray(fc.integer({ min: LEAST, max: 254 }), { minLength: 2, maxLength: 4 })
  const move = fc.record({
    type: fc.constantFrom('stop', 'lower', 'raise'),
    router,
    wait: fc.nat({ max: 2000 }),
    isZeroLost: fc.boolean(),
  })
  const moves = fc.array(move, { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(distinct, network, interval, moves, fc.context(), (priorities, net, pace, planned, context) => {
      const routers = priorities.map(each => ({ priority: each, interval: pace }))
      // A timer that is later than the wait it ends is another fault than a move.
      const lan = lanOf({ ...net, routers, preemption: { mode: 'Always', delay: 0 }, handover: 29_000, lateness: 0 })
      const watch = new Watch(lan, line => context.log(line))
      for (const name of lan.names()) lan.start(name)
      calm(lan)
      watch.mustBeHeld = true
      for (const { type, router, wait, isZeroLost } of planned) {
        lan.run(wait)
        const [active = ''] = activeRouters(lan)
        const name = type === 'stop' ? active : nameOf(lan, router)
        if (isZeroLost && type === 'stop') lan.loseNext(name, 1)
        if (type === 'stop') lan.stop(name)
        else lan.configure(name, { priority: unused(lan, type === 'lower' ? LEAST : 240) })
        calm(lan)
        lan.start(name)
        calm(lan)
      }
      assertElected(lan, { mode: 'Always', delay: 0 })
      assert.ok(watch.longestOverlap <= UNTIL_ANNOUNCED + 2 * (lan.delay + lan.jitter), `${watch.longestOverlap} ms`)
    }),
    { numRuns: 100 },
  )
})

const LEAST = 30

/** The lowest priority from `from` on that no router has. */
function unused(lan: Lan, from: number): number {
  const used = new Set(lan.names().map(name => lan.config(name).priority))
  let priority = from
  while (used.has(priority)) priority++
  return priority
}

/** Holds every step against what must always be so. */
class Watch {
  /** From then on nothing may happen, except to `mayMove`. */
  quietSince: Instant = Infinity
  mayMove: string | undefined
  /** Whether somebody must hold the addresses at any moment. */
  mustBeHeld = false
  /** How long two routers held them at once. */
  longestOverlap: Millis = 0
  #overlapsSince: Instant | undefined
  readonly #lan: Lan
  readonly #log: (line: string) => void
  /** By when each router that was Active must hold nothing. */
  readonly #heldUntil = new Map<string, Instant>()
  /** When each router last heard an advert that keeps it Backup. */
  readonly #heard = new Map<string, Instant>()

  constructor(lan: Lan, log: (line: string) => void) {
    this.#lan = lan
    this.#log = log
    lan.onStep = happening => this.#check(happening)
  }

  #check(happening: Happening): void {
    this.#logTransition(happening)
    this.#isPure(happening)
    this.#deadlineIsAhead(happening)
    this.#addressesAreRight(happening)
    this.#handsOverInTime(happening)
    this.#speaksOnlyAsActive(happening)
    this.#waitedLongEnough(happening)
    this.#isQuiet(happening)
    this.#isHeld()
  }

  #isHeld(): void {
    const { now } = this.#lan
    const holders = this.#lan.names().filter(name => this.#lan.addresses(name).held.size > 0)
    if (this.mustBeHeld) assert.ok(holders.length > 0, `nobody holds the addresses at ${now}`)
    if (this.mustBeHeld && holders.length > 1) this.#overlapsSince ??= now
    else if (this.#overlapsSince !== undefined) {
      this.longestOverlap = Math.max(this.longestOverlap, now - this.#overlapsSince)
      this.#overlapsSince = undefined
    }
  }

  #logTransition({ router, event, result }: Happening): void {
    for (const observation of result.observations) {
      if (observation.type !== 'Transition') continue
      const { from, to, reason } = observation
      this.#log(`${this.#lan.now} ${router} ${from} -> ${to} (${reason}) on ${event.type}`)
    }
  }

  #isPure({ config, before, event, result }: Happening): void {
    deepFreeze(config)
    deepFreeze(event)
    deepFreeze(result)
    assert.deepEqual(step(config, before, event, this.#lan.now), result, 'the same step twice gives the same')
  }

  #deadlineIsAhead({ before, event, result }: Happening): void {
    const next = deadline(result.state) ?? Infinity
    // A late loop may do something else before it believes a deadline, and what was overdue may still be.
    const overdue = event.type === 'DeadlineReached' ? Infinity : (deadline(before) ?? Infinity)
    assert.ok(next >= Math.min(this.#lan.now, overdue), 'a step leaves no deadline in the past')
  }

  #addressesAreRight({ router, config, result }: Happening): void {
    const { held, announced } = this.#lan.addresses(router)
    const due = holdsAddresses(result.state) ? config.addresses.map(address => address.text) : []
    assert.deepEqual([...held].sort(), due.toSorted(), 'addresses are held by who is Active or hands over, all of them')
    if (result.state.name !== 'Active') return
    assert.deepEqual([...announced].sort(), due.toSorted(), 'what an Active Router holds has been announced')
  }

  /** Who ceases to be Active holds on for so long at most; nothing that it hears makes it longer. */
  #handsOverInTime({ router, config, before, result: { state } }: Happening): void {
    if (before.name === 'Active') {
      const { version, advertisementInterval, handover = 0 } = config
      const longest = Math.min(handover, activeDownInterval(version, 0, advertisementInterval))
      this.#heldUntil.set(router, this.#lan.now + longest)
    }
    if (state.name === 'Active' || !state.handover) return
    const limit = this.#heldUntil.get(router) ?? Number.NEGATIVE_INFINITY
    assert.ok(state.handover.until <= limit, `${router} would hold until ${state.handover.until}, not ${limit}`)
  }

  #speaksOnlyAsActive({ config, before, event, result }: Happening): void {
    for (const message of result.messages) {
      if (message.type === 'Announce') assert.equal(result.state.name, 'Active', 'only an Active Router announces')
      if (message.type !== 'Advertise') continue
      const leaves = before.name === 'Active' && result.state.name === 'Initialize'
      assert.equal(message.priority, leaves ? 0 : config.priority)
      // Who was Active has a last word where its successor was not heard to announce.
      const yielded =
        before.name === 'Backup' && before.handover?.successor === 'Advertised' && event.type !== 'Announced'
      const isLastWord = yielded && !holdsAddresses(result.state)
      assert.ok(leaves || isLastWord || result.state.name === 'Active', 'only an Active Router speaks')
    }
  }

  #waitedLongEnough({ router, config, before, event, result }: Happening): void {
    const { now } = this.#lan
    if (event.type === 'AdvertisementReceived' && event.advertisement.priority >= config.priority) {
      this.#heard.set(router, now)
    }
    const takeover = result.observations.find(observation => observation.type === 'Transition')
    if (before.name !== 'Backup' || takeover?.reason !== 'ActiveDown') return
    const silence = now - (this.#heard.get(router) ?? -Infinity)
    assert.ok(silence >= 3 * before.activeInterval, `${router} took over after ${silence} ms`)
  }

  #isQuiet({ router, result }: Happening): void {
    if (this.#lan.now <= this.quietSince || router === this.mayMove) return
    const noise = result.observations.filter(({ type }) => type === 'Transition' || type === 'LosingAdvertisement')
    assert.deepEqual(noise, [], `${router} is disturbed in a calm network`)
  }
}

function assertElected(lan: Lan, mode: VirtualRouterConfig['preemption']): void {
  const active = activeRouters(lan)
  assert.equal(active.length, 1, `Active at the end: ${active.join(' ')}`)
  const highest = Math.max(...lan.names().map(name => lan.config(name).priority))
  if (mode.mode === 'Never' && highest < 255) return
  assert.equal(lan.config(active[0] ?? '').priority, highest, 'the highest priority is Active')
}

function activeRouters(lan: Lan): string[] {
  return lan.names().filter(name => lan.state(name).name === 'Active')
}

function calm(lan: Lan): void {
  lan.heal()
  lan.loss = 0
  lan.run(CALM)
}

function cause(lan: Lan, net: Network, fault: Fault): void {
  switch (fault.type) {
    case 'crash':
      return void lan.crash(nameOf(lan, fault.router))
    case 'start':
      return void lan.start(nameOf(lan, fault.router))
    case 'stop':
      return void unlessFrozen(lan, fault.router, name => lan.stop(name))
    case 'freeze':
    case 'sleep':
      return void lan.freeze(nameOf(lan, fault.router), fault.length, fault.type === 'sleep')
    case 'priority':
      return void unlessFrozen(lan, fault.router, name => lan.configure(name, { priority: fault.priority }))
    case 'interval':
      if (net.version === 2) return
      return void unlessFrozen(lan, fault.router, name =>
        lan.configure(name, { advertisementInterval: fault.interval }),
      )
    case 'addAddress':
      return void unlessFrozen(lan, fault.router, name => lan.configure(name, { addresses: [VIP, MORE] }))
    case 'removeAddress':
      return void unlessFrozen(lan, fault.router, name => lan.configure(name, { addresses: [VIP] }))
    case 'partition':
      return void lan.partition(sidesOf(lan, fault.sides))
    case 'heal':
      return void lan.heal()
    case 'loss':
      lan.loss = fault.share
      return
  }
}

function unlessFrozen(lan: Lan, index: number, act: (name: string) => void): void {
  const name = nameOf(lan, index)
  if (!lan.isFrozen(name)) act(name)
}

function sidesOf(lan: Lan, bits: number): string[][] {
  const names = lan.names()
  return [0, 1].map(side => names.filter((_, i) => ((bits >> i) & 1) === side))
}

function nameOf(lan: Lan, index: number): string {
  const names = lan.names()
  return names[index % names.length] ?? ''
}

function lanOf(net: Network): Lan {
  const configs = net.routers.map(({ priority, interval }, i): [string, VirtualRouterConfig] => [
    `r${i}`,
    {
      family: 'IPv4',
      version: net.version,
      virtualRouterID: 51,
      priority,
      advertisementInterval: net.version === 2 ? 1000 : interval,
      addresses: [VIP],
      preemption: net.preemption,
      handover: net.handover,
      primaryAddress: ipAddress(`10.0.0.${i + 1}`),
    },
  ])
  const lan = new Lan(Object.fromEntries(configs), seeded(net.seed))
  lan.delay = net.delay
  lan.jitter = net.delay
  lan.lateness = net.lateness
  return lan
}

/** So that a step which changes its input throws. */
function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
}
