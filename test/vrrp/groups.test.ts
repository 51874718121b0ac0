import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Turns } from '../../src/agent/turns.ts'
import { ipAddress } from '../../src/lib/ip-address.ts'
import type { Instant, Millis } from '../../src/lib/time.ts'
import { Groups } from '../../src/vrrp/groups.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import {
  holdsAddresses,
  type Message,
  type RouterEvent,
  type VirtualRouterConfig,
} from '../../src/vrrp/virtual-router.ts'
import { seeded } from '../lab/random.ts'

const INTERVAL = 100
/** 3 intervals and the Skew_Time of the lowest priority. */
const LONGEST_WAIT = 4 * INTERVAL

interface Sent {
  readonly from: Node
  readonly key: string
  readonly priority: number
}

/** The virtual routers of a node, stepped as the agent's loop does. */
class Node {
  readonly name: string
  readonly priority: number
  readonly set = new RouterSet()
  readonly groups = new Groups(this.set)
  readonly turns = new Turns(this.set, this.groups)
  readonly sent: Sent[] = []
  /** By key, how often it became Active. */
  readonly takeovers = new Map<string, number>()
  isDead = false
  /** When all its routers were last in one state. */
  wholeAt: Instant = 0

  constructor(name: string, priority: number) {
    this.name = name
    this.priority = priority
  }

  start(keys: readonly string[], group: string | undefined, now: Instant, change: Partial<VirtualRouterConfig> = {}) {
    for (const key of keys) {
      const index = Number(key.slice(1))
      const place = { link: 2 + Math.floor(index / 255), virtualRouterID: (index % 255) + 1 }
      this.set.add(key, place.link, { ...configOf(this, place.virtualRouterID), ...change }, now)
      this.groups.join(key, group, now)
    }
    this.pass(now, () => {
      for (const key of keys) this.step(key, { type: 'Startup', unheard: false }, now)
    })
  }

  pass(now: Instant, work: () => void = () => {}): void {
    if (this.isDead) return
    work()
    for (const key of this.turns.take(now, true, 0)) {
      this.step(key, { type: 'DeadlineReached', isHeldBack: !this.groups.isReady(key, now) }, now)
    }
    for (const key of this.groups.yielding(now)) this.step(key, { type: 'Yield' }, now)
    const next = this.turns.next() ?? now
    assert.ok(next >= now, `${this.name} would be ${now - next} ms late`)
  }

  step(key: string, event: RouterEvent, now: Instant): void {
    const before = this.set.get(key)?.state
    if (!before) return
    const { state, messages } = this.set.step(key, event, now)
    this.groups.stepped(key, before, state, now)
    if (state.name === 'Active' && before.name !== 'Active') {
      this.takeovers.set(key, (this.takeovers.get(key) ?? 0) + 1)
    }
    for (const message of messages) this.#send(key, message)
  }

  states(): Set<string | undefined> {
    return new Set(Array.from(this.set.keys(), key => this.set.get(key)?.state.name))
  }

  isActive(): boolean {
    return this.states().has('Active')
  }

  #send(key: string, message: Message): void {
    if (message.type === 'Advertise') this.sent.push({ from: this, key, priority: message.priority })
  }
}

function configOf({ name, priority }: Node, virtualRouterID: number): VirtualRouterConfig {
  return {
    family: 'IPv4',
    version: 3,
    virtualRouterID,
    priority,
    advertisementInterval: INTERVAL,
    addresses: [ipAddress('10.0.0.100')],
    preemption: { mode: 'Always', delay: 0 },
    primaryAddress: ipAddress(`10.0.0.${name.charCodeAt(0)}`),
    handover: 29_000,
  }
}

/** Nodes on wires, a wire for each virtual router: what arrives is up to `passes`. */
class Lan {
  now: Instant = 0
  readonly nodes: readonly Node[]
  passes: (sent: Sent, to: Node) => boolean = () => true
  delay: (sent: Sent) => Millis = () => 1
  /** After every pass of every node. */
  check: (node: Node, now: Instant) => void = () => {}
  #underWay: (Sent & { readonly at: Instant })[] = []

  constructor(...nodes: Node[]) {
    this.nodes = nodes
  }

  run(length: Millis): void {
    for (const end = this.now + length; this.now < end; this.now++) {
      const arriving = this.#underWay.filter(({ at }) => at <= this.now)
      this.#underWay = this.#underWay.filter(({ at }) => at > this.now)
      for (const node of this.nodes) {
        node.pass(this.now, () => {
          for (const sent of arriving) if (sent.from !== node && this.passes(sent, node)) this.#hear(node, sent)
        })
        if (!node.isDead) this.check(node, this.now)
        this.#underWay.push(...node.sent.splice(0).map(sent => ({ ...sent, at: this.now + this.delay(sent) })))
      }
    }
  }

  active(): string[] {
    return this.nodes.flatMap(node => (!node.isDead && node.isActive() ? [node.name] : []))
  }

  #hear(node: Node, { from, key, priority }: Sent): void {
    const config = node.set.get(key)?.config
    if (!config) return
    const { version, virtualRouterID, addresses } = config
    const advertisement = { version, virtualRouterID, priority, interval: INTERVAL, addresses }
    const source = configOf(from, virtualRouterID).primaryAddress
    node.step(key, { type: 'AdvertisementReceived', advertisement, source }, this.now)
  }
}

function keys(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `r${i}`)
}

function pair(members: number): { a: Node; b: Node; lan: Lan } {
  const [a, b] = [new Node('a', 200), new Node('b', 100)]
  for (const node of [a, b]) node.start(keys(members), 'edge', 0)
  return { a, b, lan: new Lan(a, b) }
}

/** All are Active or none is, but for the moment in which who made one yield speaks to the others. */
function together(node: Node, now: Instant): void {
  if (node.states().size <= 1) node.wholeAt = now
  assert.ok(
    now - node.wholeAt <= 20,
    `${node.name} is ${[...node.states()].join(' and ')} for ${now - node.wholeAt} ms`,
  )
}

test('a group becomes Active as a whole, on the node of the highest priority', () => {
  const { lan } = pair(3)
  lan.check = together
  lan.run(1000)
  assert.deepEqual(lan.active(), ['a'])
})

test('who is not heard on one wire is not followed there alone: no node becomes MASTER of a part of the group', () => {
  const { a, b, lan } = pair(2)
  lan.check = together
  lan.run(1000)
  lan.passes = ({ key }) => key !== 'r1'
  lan.run(20 * INTERVAL)
  assert.deepEqual(lan.active(), ['a'])
  assert.equal(b.takeovers.size, 0)
  a.isDead = true
  lan.run(LONGEST_WAIT + 10)
  assert.deepEqual(lan.active(), ['b'], 'when the other wire falls silent too, it takes all')
})

test('of members that cannot be heard at all each node has its own, as without groups', () => {
  const { lan } = pair(2)
  lan.passes = () => false
  lan.check = together
  lan.run(1000)
  assert.deepEqual(lan.active(), ['a', 'b'])
  lan.passes = () => true
  lan.run(2 * INTERVAL)
  assert.deepEqual(lan.active(), ['a'])
})

test('when one member hears a higher priority all yield, and say that they leave', () => {
  const a = new Node('a', 200)
  const b = new Node('b', 100)
  b.start(keys(3), 'edge', 0)
  const lan = new Lan(a, b)
  lan.check = together
  lan.run(1000)
  // A router that knows no groups, and has one of the three.
  a.start(['r1'], undefined, lan.now)
  const left: string[] = []
  lan.passes = ({ from, key, priority }) => {
    if (from === b && priority === 0) left.push(key)
    return true
  }
  lan.run(1000)
  assert.deepEqual(lan.active(), ['a'])
  assert.deepEqual(left, ['r0', 'r2'])
  const takeovers = b.takeovers.get('r0')
  lan.run(100 * INTERVAL)
  assert.equal(b.takeovers.get('r0'), takeovers, 'it does not flap')
  const isHeld = keys(3).filter(key => holdsAddresses(b.set.get(key)?.state ?? assert.fail()))
  assert.deepEqual(isHeld, [], 'what nobody took over is released in the end')
})

test('where the others have no groups and share the members between them, nobody flaps and every member is served', () => {
  const grouped = new Node('b', 150)
  const [high, low] = [new Node('c', 200), new Node('d', 100)]
  grouped.start(keys(2), 'edge', 0)
  high.start(['r0'], undefined, 0)
  low.start(['r1'], undefined, 0)
  const lan = new Lan(grouped, high, low)
  lan.check = (node, now) => node !== grouped || together(node, now)
  lan.run(3000)
  assert.deepEqual(lan.active(), ['c', 'd'])
  const before = [...low.takeovers.values(), ...high.takeovers.values(), ...grouped.takeovers.values()]
  lan.run(100 * INTERVAL)
  assert.deepEqual([...low.takeovers.values(), ...high.takeovers.values(), ...grouped.takeovers.values()], before)
  high.isDead = true
  lan.run(2 * LONGEST_WAIT)
  assert.deepEqual(lan.active(), ['b'], 'who then wants all has all')
})

test('a group of 255 becomes Active in one pass, and yields without a word where all were preempted, one advert after the other', () => {
  const { a, b, lan } = pair(255)
  a.isDead = true
  lan.check = together
  lan.run(1000)
  assert.deepEqual(lan.active(), ['b'])
  let farewells = 0
  lan.passes = ({ priority }) => {
    if (priority === 0) farewells++
    return true
  }
  const returned = new Node('c', 250)
  const others = new Lan(returned, b)
  others.now = lan.now
  others.passes = lan.passes
  others.check = together
  others.delay = ({ key }) => 1 + Number(key.slice(1)) / 20
  returned.start(keys(255), 'edge', lan.now)
  others.run(1000)
  assert.deepEqual(others.active(), ['c'])
  assert.equal(farewells, 0)
  assert.deepEqual(new Set(returned.takeovers.values()), new Set([1]))
})

test('who joins a group that is Active follows it within Active_Down_Interval, and nobody yields', () => {
  const { a, lan } = pair(2)
  lan.run(1000)
  for (const node of lan.nodes) node.start(['r2'], 'edge', lan.now)
  lan.run(LONGEST_WAIT)
  assert.deepEqual(lan.active(), ['a'])
  for (const node of lan.nodes) assert.equal(node.states().size, 1)
  assert.deepEqual(new Set(a.takeovers.values()), new Set([1]))
})

test('routers that serve on different nodes and join one group come together on one, also where nobody preempts', () => {
  const [a, b] = [new Node('a', 200), new Node('b', 100)]
  const never = { preemption: { mode: 'Never' } } as const
  a.start(['r0'], undefined, 0, never)
  b.start(['r1'], undefined, 0, never)
  const lan = new Lan(a, b)
  lan.run(1000)
  a.start(['r1'], undefined, lan.now, never)
  b.start(['r0'], undefined, lan.now, never)
  lan.run(1000)
  assert.deepEqual([a.states().size, b.states().size], [2, 2], 'each has one of the two')
  for (const node of lan.nodes) for (const key of keys(2)) node.groups.join(key, 'edge', lan.now)
  lan.run(6 * LONGEST_WAIT)
  for (const node of lan.nodes) assert.equal(node.states().size, 1)
  assert.equal(lan.active().length, 1)
  for (const node of lan.nodes) assert.ok((node.takeovers.get('r0') ?? 0) + (node.takeovers.get('r1') ?? 0) <= 3)
})

test('who waits for another of its group takes over when that one is in the group no longer', () => {
  const { a, b, lan } = pair(2)
  lan.run(1000)
  lan.passes = ({ key }) => key !== 'r1'
  lan.run(1000)
  b.groups.join('r0', undefined, lan.now)
  lan.run(2)
  assert.equal(b.set.get('r1')?.state.name, 'Active')
  assert.equal(b.set.get('r0')?.state.name, 'Backup')
  assert.equal(a.states().size, 1)
})

test('whatever is lost, all members of a node are Active or none is, but for 20 ms; when nothing is lost any more one node has them all', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e9 }),
      fc.integer({ min: 2, max: 4 }),
      fc.integer({ min: 2, max: 4 }),
      fc.array(
        fc.record({
          length: fc.integer({ min: 1, max: 900 }),
          loss: fc.double({ min: 0, max: 1, noNaN: true }),
          deafKey: fc.option(fc.integer({ min: 0, max: 3 })),
          kill: fc.option(fc.integer({ min: 0, max: 3 })),
        }),
        { maxLength: 8 },
      ),
      (seed, nodes, members, phases) => {
        const random = seeded(seed)
        const all = Array.from({ length: nodes }, (_, i) => new Node('abcd'[i] ?? 'z', 250 - 12 * i))
        const lan = new Lan(...all)
        lan.check = together
        for (const node of all) node.start(keys(members), 'edge', 0)
        for (const { length, loss, deafKey, kill } of phases) {
          lan.passes = ({ key }) => key !== `r${deafKey}` && random() >= loss
          const victim = kill === null ? undefined : all[kill]
          if (victim && all.some(node => node !== victim && !node.isDead)) victim.isDead = true
          lan.run(length)
        }
        lan.passes = () => true
        lan.run(4 * LONGEST_WAIT)
        assert.deepEqual(lan.active(), [all.find(({ isDead }) => !isDead)?.name])
      },
    ),
    { numRuns: 60 },
  )
})
