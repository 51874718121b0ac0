import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Transport } from '../../src/api/transport.ts'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import type { VirtualRouterSpec } from '../../src/api/virtual-ip-node.ts'
import { type Plan, plan } from '../../src/plan/plan.ts'
import { Cluster, link, print } from './cluster.ts'

// A history of a cluster: users edit, nodes come, go and are cordoned, agents are cut off from the API server and go on with what they
// were told last, specs and reports arrive late. Whatever happens in whatever order, no two nodes may run the same number.

/** eth0 of every node is one wire, eth1 of the odd ones another. */
const WIRES = { eth0: '192.168.1', eth1: '10.0.0' } as const
const NODES = [1, 2, 3, 4, 5]

/** Renumbered: first it gets a second address, then it loses the first. */
const NUMBERINGS = [[0], [0, 20], [20]] as const
let numberings = new Map<number, number>()

function linksOf(i: number) {
  return Object.entries(WIRES).flatMap(([name, subnet]) =>
    name === 'eth0' || i % 2 === 1 ? [link(name, ...ownOn(i, subnet), `fe80::${i}/64`)] : [],
  )
}

function ownOn(i: number, subnet: string): string[] {
  const offsets = NUMBERINGS[(numberings.get(i) ?? 0) % NUMBERINGS.length] ?? []
  return offsets.map(offset => `${subnet}.${i + offset}/24`)
}

type NodeChange = 'cordon' | 'ready' | 'relabel' | 'lease' | 'links' | 'renumber' | 'leave'
type Step =
  | { type: 'apply'; name: string; spec: Partial<VirtualIPSpec> }
  | { type: 'delete'; name: string }
  | { type: NodeChange; node: number }
  | { type: 'write' }
  | { type: 'receive' | 'report' | 'confirm'; node: number }

const node = fc.constantFrom(...NODES)
const name = fc.constantFrom('a', 'b', 'c', 'd')
const address = fc.oneof(
  fc.integer({ min: 100, max: 103 }).map(host => `${WIRES.eth0}.${host}/24`),
  fc.integer({ min: 100, max: 101 }).map(host => `${WIRES.eth1}.${host}/24`),
)
const preferred = fc.tuple(fc.constant({ weight: 10, preference: { matchLabels: { rack: 'a' } } }))
const transport: fc.Arbitrary<Transport> = fc.constantFrom<Transport[]>(
  { mode: 'Unicast' as const },
  { mode: 'Multicast' as const },
  { mode: 'Unicast' as const, peers: [{ address: '192.168.1.99' }, { node: 'node2', address: '192.168.1.2' }] },
)
const spec: fc.Arbitrary<Partial<VirtualIPSpec>> = fc.record(
  {
    addresses: fc.tuple(address),
    redundancy: fc.integer({ min: 1, max: 5 }),
    virtualRouterID: fc.constantFrom(51, 52),
    nodeSelector: fc.constant({ matchLabels: { role: 'edge' } }),
    preferredNodes: preferred,
    transport,
    interface: fc.constantFrom({ name: 'eth1' }, { subnet: `${WIRES.eth0}.0/24` }),
    priorities: fc
      .uniqueArray(fc.record({ node: node.map(i => `node${i}`), priority: fc.constantFrom(250, 238, 237, 100) }), {
        minLength: 1,
        selector: ({ node }) => node,
      })
      .filter(given => new Set(given.map(({ priority }) => priority)).size === given.length),
  },
  { requiredKeys: ['addresses'] },
)
const groupedSpec = fc
  .tuple(spec, fc.option(fc.constantFrom('g', 'h')))
  .map(([spec, group]) => (group === null ? spec : { ...spec, group }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('apply' as const), name, spec: groupedSpec }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('delete' as const), name }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom(
        'cordon' as const,
        'ready' as const,
        'relabel' as const,
        'lease' as const,
        'links' as const,
        'renumber' as const,
        'leave' as const,
      ),
      node,
    }),
  },
  { weight: 6, arbitrary: fc.constant({ type: 'write' as const }) },
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constantFrom('receive' as const, 'report' as const, 'confirm' as const), node }),
  },
)

function newCluster(): Cluster {
  numberings = new Map()
  const cluster = new Cluster()
  for (const i of NODES) cluster.join(`node${i}`, labelsOf(i), linksOf(i))
  return cluster
}

function labelsOf(i: number): Record<string, string> {
  return { role: 'edge', rack: i < 3 ? 'a' : 'b' }
}

function carryOut(cluster: Cluster, step: Step): Plan | undefined {
  switch (step.type) {
    case 'apply':
      cluster.apply(step.name, step.spec)
      return undefined
    case 'delete':
      cluster.virtualIPs.delete(step.name)
      return undefined
    case 'write':
      return cluster.write()
    case 'receive':
    case 'report':
    case 'confirm': {
      const agent = cluster.agents.get(`node${step.node}`)
      if (agent?.alive) agent[step.type]()
      return undefined
    }
    case 'cordon':
    case 'ready':
    case 'relabel':
    case 'lease':
    case 'links':
    case 'renumber':
    case 'leave':
      changeNode(cluster, step.type, step.node)
      return undefined
  }
}

function changeNode(cluster: Cluster, what: NodeChange, i: number): void {
  const name = `node${i}`
  const old = cluster.nodes.get(name)
  const agent = cluster.agents.get(name)
  if (!old || !agent) {
    cluster.join(name, labelsOf(i), linksOf(i))
    return
  }
  switch (what) {
    case 'cordon':
      cluster.change(name, { unschedulable: !old.unschedulable })
      return
    case 'ready':
      cluster.change(name, { ready: !old.ready })
      return
    case 'relabel':
      cluster.change(name, { labels: 'role' in old.labels ? {} : labelsOf(i) })
      return
    case 'lease':
      agent.alive = !agent.alive
      return
    case 'links':
      agent.links = agent.links.length > 0 ? [] : linksOf(i)
      return
    case 'renumber':
      numberings.set(i, (numberings.get(i) ?? 0) + 1)
      if (agent.links.length > 0) agent.links = linksOf(i)
      return
    case 'leave':
      // Its machine is gone for good: only so may its Node and VirtualIPNode be deleted.
      cluster.nodes.delete(name)
      cluster.agents.delete(name)
      return
  }
}

/** What is on the wires: where the link exists in the world, not only in a report. */
function running(cluster: Cluster): (VirtualRouterSpec & { node: string })[] {
  return [...cluster.agents.values()].flatMap(({ node, runs }) =>
    runs.virtualRouters
      .filter(router => linksOf(Number(node.slice(4))).some(({ name }) => name === router.link))
      .map(router => ({ ...router, node })),
  )
}

function assertNumbersUnique(cluster: Cluster): void {
  const holders = new Map<string, string>()
  for (const { node, link, family, virtualRouterID, priority, virtualIP } of running(cluster)) {
    const vrid = `${link} VRID ${virtualRouterID}`
    assert.equal(holders.get(vrid) ?? virtualIP, virtualIP, `${vrid} is run for two VirtualIPs`)
    holders.set(vrid, virtualIP)
    const number = `${vrid} ${family} priority ${priority}`
    assert.equal(holders.get(number) ?? node, node, `${number} is run by two nodes`)
    holders.set(number, node)
  }
}

/** Of two that run one virtual router each believes the other's adverts, or both may be MASTER. */
function assertAudible(cluster: Cluster): void {
  const speaking = running(cluster).filter(({ node, unicast }) => !unicast || hasAddress(node, unicast.source))
  for (const one of speaking) {
    for (const other of speaking) {
      const same = (['virtualIP', 'family', 'link', 'virtualRouterID'] as const).every(
        name => one[name] === other[name],
      )
      if (!same || one.node === other.node) continue
      assert.ok(hears(one, other), `${one.node} hears ${other.node}: ${JSON.stringify([one, other])}`)
    }
  }
}

function hasAddress(node: string, address: string): boolean {
  return linksOf(Number(node.slice(4))).some(({ subnets }) => subnets.includes(`${address}/24`))
}

function hears(one: VirtualRouterSpec, other: VirtualRouterSpec): boolean {
  const byMulticast = [one, other].every(({ unicast }) => !unicast || unicast.multicast)
  const isSent = other.unicast?.peers.includes(one.unicast?.source ?? '')
  return byMulticast || (isSent === true && one.unicast?.peers.includes(other.unicast?.source ?? '') === true)
}

function assertPlanSound(planned: Plan): void {
  const holders = new Map<string, string>()
  for (const { virtualRouters } of planned.nodes.values()) {
    for (const { virtualIP, addresses } of virtualRouters) {
      for (const address of addresses) {
        assert.equal(holders.get(address) ?? virtualIP, virtualIP, `${address} is planned for two VirtualIPs`)
        holders.set(address, virtualIP)
      }
    }
  }
  for (const [name, { members }] of planned.virtualIPs) {
    const priorities = members.map(({ priority }) => priority)
    assert.deepEqual(
      priorities,
      [...new Set(priorities)].sort((a, b) => b - a),
      `the ranks of ${name} fall`,
    )
  }
}

test('no two nodes ever run the same VRID and priority, and no VRID serves two VirtualIPs', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), steps => {
      const cluster = newCluster()
      for (const step of steps) {
        const planned = carryOut(cluster, step)
        if (planned) assertPlanSound(planned)
        assertNumbersUnique(cluster)
      }
    }),
    { numRuns: 300 },
  )
})

/** One VirtualIP on one wire, whose members, addresses and transport change. */
const talk: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('apply' as const),
      name: fc.constant('a'),
      spec: fc.record(
        {
          addresses: fc.tuple(fc.constant(`${WIRES.eth0}.100/24`)),
          redundancy: fc.integer({ min: 1, max: 4 }),
          transport,
          preferredNodes: preferred,
          nodeSelector: fc.constant({ matchLabels: { role: 'edge' } }),
        },
        { requiredKeys: ['addresses'] },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom('relabel' as const, 'lease' as const, 'renumber' as const, 'leave' as const),
      node,
    }),
  },
  { weight: 4, arbitrary: fc.constant({ type: 'write' as const }) },
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constantFrom('receive' as const, 'report' as const, 'confirm' as const), node }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('delete' as const), name: fc.constant('a') }) },
)

test('whatever they have received, two nodes that run one virtual router hear each other', () => {
  fc.assert(
    fc.property(fc.array(talk, { minLength: 20, maxLength: 80, size: 'max' }), steps => {
      const cluster = newCluster()
      for (const step of steps) {
        carryOut(cluster, step)
        assertAudible(cluster)
      }
    }),
    { numRuns: 300 },
  )
})

test('once all agents live and report, the plan settles, and everyone who can takes part', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), steps => {
      const cluster = newCluster()
      for (const step of steps) carryOut(cluster, step)
      for (const agent of cluster.agents.values()) {
        agent.alive = true
        agent.links = linksOf(Number(agent.node.slice(4)))
      }
      const planned = cluster.settle()
      assertPlanSound(planned)
      assertNumbersUnique(cluster)
      assertAudible(cluster)
      for (const [name, { accepted, members }] of planned.virtualIPs) {
        const spec = cluster.virtualIPs.get(name)?.spec
        if (accepted.status === 'False' || !spec) continue
        // Who has no such link has no address there that the others could know, and all of its group wait there.
        const isAddressKnown = !messagesOf(planned, cluster, name).some(text =>
          /is missing|has not reported/.test(text),
        )
        if (isAddressKnown) assert.doesNotMatch(accepted.message, /waits|changed over/)
        if (spec.priorities) assertAsGiven(spec.priorities, members)
        else if (isAddressKnown && spec.group === undefined) assertAutomatic(cluster, spec, members)
      }
      assertGroupsRankAlike(cluster, planned)
    }),
    { numRuns: 200 },
  )
})

/** Of a VirtualIP and those of its group that are accepted. */
function messagesOf({ virtualIPs }: Plan, cluster: Cluster, name: string): string[] {
  const group = cluster.virtualIPs.get(name)?.spec.group
  const isMate = (other: string) => group !== undefined && cluster.virtualIPs.get(other)?.spec.group === group
  return [...virtualIPs].flatMap(([other, { accepted }]) =>
    other === name || (isMate(other) && accepted.status === 'True') ? [accepted.message] : [],
  )
}

/** What ran before it joined its group goes on, also where another one of it waits for an address. */
function assertGroupsRankAlike(cluster: Cluster, planned: Plan): void {
  const ranks = new Map<string, readonly string[]>()
  for (const [name, { accepted, members }] of planned.virtualIPs) {
    const group = cluster.virtualIPs.get(name)?.spec.group
    if (group === undefined || accepted.status === 'False') continue
    const isKnown = !messagesOf(planned, cluster, name).some(text => /has not reported/.test(text))
    const own = members.map(({ node }) => node)
    const theirs = ranks.get(group) ?? own
    const among = (nodes: readonly string[], others: readonly string[]) =>
      nodes.filter(node => isKnown || others.includes(node))
    assert.deepEqual(among(own, theirs), among(theirs, own), `${name} ranks nodes as its group ${group} does`)
    ranks.set(group, own)
  }
}

function assertAsGiven(
  given: NonNullable<VirtualIPSpec['priorities']>,
  members: readonly { node: string; priority: number }[],
): void {
  for (const { node, priority } of members) {
    assert.equal(priority, given.find(entry => entry.node === node)?.priority, `${node} has the priority given`)
  }
}

function assertAutomatic(
  cluster: Cluster,
  spec: VirtualIPSpec,
  members: readonly { node: string; priority: number }[],
): void {
  const matching = [...cluster.nodes.values()].filter(({ labels }) => !spec.nodeSelector || 'role' in labels)
  const onEth1 = spec.interface ? false : spec.addresses[0]?.startsWith(WIRES.eth1)
  const eligible = matching.filter(({ name }) => !onEth1 || Number(name.slice(4)) % 2 === 1)
  assert.equal(members.length, Math.min(spec.redundancy ?? 3, eligible.length))
  members.slice(1).forEach(({ priority }, i) => {
    const gap = (members[i]?.priority ?? 0) - priority
    assert.ok(gap > 0 && gap < 20, `weight -20 passes the next rank: ${members.map(({ priority }) => priority)}`)
  })
  const last = members
    .map(({ node }) => cluster.nodes.get(node))
    .map(node => node && (node.unschedulable || !node.ready))
  assert.deepEqual(last, [...last].sort(), 'those ranked last are last')
}

test('a plan carried out is planned again', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const cluster = newCluster()
      for (const step of steps) carryOut(cluster, step)
      const written = cluster.write()
      const again = cluster.plan()
      assert.deepEqual(again.nodes, written.nodes)
      assert.equal(print(again), print(written))
    }),
    { numRuns: 300 },
  )
})

test('the plan does not depend on the order of its input', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (steps, random) => {
      const cluster = newCluster()
      for (const step of steps) carryOut(cluster, step)
      const { virtualIPs, nodes, agents } = cluster.input()
      const shuffled = <Item>(items: readonly Item[]) =>
        items
          .map(item => ({ item, key: random.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ item }) => item)
      const other = plan({ virtualIPs: shuffled(virtualIPs), nodes: shuffled(nodes), agents: shuffled(agents) })
      assert.deepEqual(other, plan({ virtualIPs, nodes, agents }))
      assert.equal(JSON.stringify([...other.nodes]), JSON.stringify([...plan({ virtualIPs, nodes, agents }).nodes]))
    }),
    { numRuns: 200 },
  )
})

test('what nobody edits keeps its VRID, and its members keep their order while the nodes stay as they are', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), name, spec, (steps, name, spec) => {
      const cluster = newCluster()
      for (const step of steps) carryOut(cluster, step)
      for (const agent of cluster.agents.values()) agent.alive = true
      const before = cluster.settle()
      cluster.apply(name, spec)
      const after = cluster.settle()
      for (const [other, { virtualRouterID, members, accepted }] of before.virtualIPs) {
        const isRun = accepted.status === 'True' && members.length > 0
        if (other === name || !isRun) continue
        // Of a group an edit may move the others.
        if (cluster.virtualIPs.get(other)?.spec.group !== undefined) continue
        const then = after.virtualIPs.get(other)
        assert.equal(then?.virtualRouterID, virtualRouterID, `${other} keeps its VRID`)
        assert.deepEqual(then?.members, members, `${other} keeps its members`)
      }
    }),
    { numRuns: 200 },
  )
})

test('first ranks are spread evenly: no node has two more than another', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 4 }),
      (nodes, count, redundancy) => {
        const cluster = Cluster.of(nodes, i => [link('eth0', `10.0.0.${i}/16`)])
        for (let i = 0; i < count; i++) cluster.apply(`vip${i}`, { addresses: [`10.0.1.${i}/16`], redundancy })
        const firsts = new Map([...cluster.nodes.keys()].map(name => [name, 0]))
        for (const { members } of cluster.plan().virtualIPs.values()) {
          const first = members[0]?.node ?? ''
          firsts.set(first, (firsts.get(first) ?? 0) + 1)
        }
        assert.ok(Math.max(...firsts.values()) - Math.min(...firsts.values()) <= 1, [...firsts].join(' '))
      },
    ),
    { numRuns: 60 },
  )
})
