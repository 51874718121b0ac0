import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXCLUDE_LABEL } from '../../src/api/names.ts'
import { Cluster, eth0, link, print, sentence } from './cluster.ts'

const firsts = (printed: string) => printed.split('\n').map(line => line.split(' ')[1]?.split('=')[0])

test('the ranks of several VirtualIPs rotate: each node is first for one and backs up the others', () => {
  const cluster = Cluster.of(2).apply('vip-a').apply('vip-b')
  assert.equal(print(cluster.plan()), ['vip-a node1=250 node2=238', 'vip-b node2=250 node1=238'].join('\n'))
  const three = Cluster.of(3).apply('vip-a').apply('vip-b').apply('vip-c').apply('vip-d')
  assert.equal(
    print(three.plan()),
    [
      'vip-a node1=250 node2=238 node3=226',
      'vip-b node2=250 node3=238 node1=226',
      'vip-c node3=250 node1=238 node2=226',
      'vip-d node1=250 node3=238 node2=226',
    ].join('\n'),
  )
})

test('redundancy says how many nodes take part, three by default', () => {
  const cluster = Cluster.of(5).apply('default').apply('two', { redundancy: 2 }).apply('all', { redundancy: 16 })
  const members = print(cluster.plan())
    .split('\n')
    .map(line => line.split(' ').length - 1)
  assert.deepEqual(members, [3, 2, 5])
  assert.equal(
    sentence(cluster.plan(), 'all'),
    'Accepted: node3, node5, node1, node4 and node2 take part. That is 5 of 16 (redundancy): no other node matches, has the subnet and an agent',
  )
})

test('a nodeSelector chooses by labels and expressions', () => {
  const cluster = new Cluster()
    .join('node1', { role: 'edge', rack: 'a' })
    .join('node2', { role: 'edge', rack: 'b' })
    .join('node3', { role: 'worker', rack: 'a' })
    .join('node4', {})
  const expressions = {
    edge: [{ key: 'role', operator: 'In' as const, values: ['edge'] }],
    'not-edge': [{ key: 'role', operator: 'NotIn' as const, values: ['edge'] }],
    'has-rack': [{ key: 'rack', operator: 'Exists' as const }],
    'no-rack': [{ key: 'rack', operator: 'DoesNotExist' as const }],
  }
  for (const [name, matchExpressions] of Object.entries(expressions)) {
    cluster.apply(name, { nodeSelector: { matchExpressions } })
  }
  cluster.apply('both', {
    nodeSelector: { matchLabels: { role: 'edge' }, matchExpressions: [{ key: 'rack', operator: 'In', values: ['b'] }] },
  })
  const members = print(cluster.plan())
    .split('\n')
    .map(line => line.replaceAll(/=\d+/g, '').split(' '))
    .map(([name, ...nodes]) => [name, ...nodes.sort()].join(' '))
  assert.deepEqual(members, [
    'edge node1 node2',
    'not-edge node3 node4',
    'has-rack node1 node2 node3',
    'no-rack node4',
    'both node2',
  ])
})

test('preferred nodes rank first, the greater sum of weights before the smaller', () => {
  const cluster = new Cluster()
    .join('node1')
    .join('node2', { rack: 'a' })
    .join('node3', { rack: 'a', disk: 'ssd' })
    .apply('web', {
      preferredNodes: [
        { weight: 50, preference: { matchLabels: { rack: 'a' } } },
        { weight: 10, preference: { matchLabels: { disk: 'ssd' } } },
      ],
    })
  assert.equal(print(cluster.plan()), 'web node3=250 node2=238 node1=226')
})

test('a preference that is added reorders, and brings in a node that was not a member', () => {
  const cluster = new Cluster().join('node1').join('node2').join('node3', { rack: 'a' }).apply('web', { redundancy: 2 })
  assert.equal(print(cluster.settle()), 'web node1=250 node2=238')
  const preferredNodes = [{ weight: 1, preference: { matchLabels: { rack: 'a' } } }]
  cluster.apply('web', { redundancy: 2, addresses: ['192.168.1.100/24'], preferredNodes })
  assert.match(print(cluster.settle()), /^web node3=\d+ node1=250$/)
})

for (const [what, change] of [
  ['is not Ready', { ready: false }],
  ['is cordoned', { unschedulable: true }],
  [`has the label ${EXCLUDE_LABEL}`, { labels: { [EXCLUDE_LABEL]: '' } }],
] as const) {
  test(`a node that ${what} ranks last but takes part, and the user is told; afterwards it has its rank again`, () => {
    const cluster = Cluster.of(3).apply('web').apply('other')
    const before = print(cluster.settle())
    assert.equal(before, 'web node1=250 node2=238 node3=226\nother node2=250 node3=238 node1=226')
    cluster.change('node1', change)
    assert.equal(print(cluster.settle()), 'web node2=238 node3=226 node1=214\nother node2=250 node3=238 node1=226')
    const said = `Accepted: node2, node3 and node1 take part. node1 ranks last, for it ${what}`
    assert.equal(sentence(cluster.plan(), 'web'), said)
    cluster.change('node1', { ready: true, unschedulable: false, labels: {} })
    assert.equal(print(cluster.settle()), before)
  })
}

test('the priority of a node that is ranked last for a time waits for it: nobody else gets it', () => {
  const cluster = Cluster.of(3).apply('web')
  cluster.settle()
  cluster.change('node2', { unschedulable: true })
  assert.equal(print(cluster.settle()), 'web node1=250 node3=237 node2=225')
  assert.deepEqual(
    cluster.agent('node2').spec?.released?.map(({ priority }) => priority),
    [238],
  )
  cluster.change('node2', { unschedulable: false })
  assert.equal(print(cluster.settle()), 'web node1=250 node2=238 node3=237')
  assert.equal(cluster.agent('node2').spec?.released, undefined)
})

test('a new VirtualIP gives its first rank to no node that is ranked last', () => {
  const cluster = Cluster.of(3).change('node1', { ready: false }).apply('a').apply('b').apply('c')
  assert.deepEqual(firsts(print(cluster.plan())), ['node2', 'node3', 'node2'])
})

test('a node that joins changes nothing, unless there are fewer members than wanted: then it comes last', () => {
  const full = Cluster.of(3).apply('web')
  const before = print(full.settle())
  full.join('node4')
  assert.equal(full.settle().rounds, 1, 'the new node alone gets a spec')
  assert.equal(print(full.plan()), before)

  const short = Cluster.of(2).apply('a').apply('b')
  short.settle()
  short.join('node3')
  assert.equal(print(short.settle()), 'a node1=250 node2=238 node3=226\nb node2=250 node1=238 node3=226')
})

test('a node that is gone is replaced by the least used one, in the last rank', () => {
  const cluster = Cluster.of(4).apply('a').apply('b').apply('c', { redundancy: 4 })
  cluster.settle()
  cluster.nodes.delete('node2')
  cluster.agents.delete('node2')
  const [a] = print(cluster.settle()).split('\n')
  assert.match(a ?? '', /^a node1=250 node3=\d+ node4=\d+$/)
})

test('a member whose labels no longer match leaves', () => {
  const cluster = new Cluster()
  for (const name of ['node1', 'node2', 'node3']) cluster.join(name, { role: 'edge' })
  cluster.apply('web', { nodeSelector: { matchLabels: { role: 'edge' } } })
  cluster.settle()
  cluster.change('node2', { labels: {} })
  assert.match(print(cluster.settle()), /^web node1=250 node3=\d+$/)
  assert.deepEqual(cluster.agent('node2').spec, { virtualRouters: [] })
})

test('dead members stay in the plan as long as another lives', () => {
  const cluster = Cluster.of(5).apply('web')
  const before = print(cluster.settle())
  cluster.agent('node1').alive = false
  cluster.agent('node2').alive = false
  assert.equal(print(cluster.settle()), before)
})

test('of more members than there should be, one that can serve stays', () => {
  const cluster = Cluster.of(3).apply('web')
  cluster.settle()
  cluster.agent('node1').alive = false
  cluster.apply('web', { redundancy: 1, addresses: ['192.168.1.100/24'] })
  assert.equal(print(cluster.settle()), 'web node2=238')
})

test('when every member is dead, living nodes take their places with numbers that no dead one may be running', () => {
  const cluster = Cluster.of(5).apply('web')
  cluster.settle()
  for (const node of ['node1', 'node2', 'node3']) cluster.agent(node).alive = false
  assert.equal(print(cluster.settle()), 'web node4=249 node5=237')
})

test('when every member is dead and nobody else can serve, they keep their places', () => {
  const cluster = Cluster.of(3).apply('web')
  const before = print(cluster.settle())
  for (const node of ['node1', 'node2', 'node3']) cluster.agent(node).alive = false
  assert.equal(print(cluster.settle()), before)
})

test('only nodes with a link on the subnet take part, each on its own link', () => {
  const cluster = Cluster.of(4, i =>
    i < 3 ? [eth0(i)] : [link('bond0', `10.1.0.${i}/24`), link('eth1', `10.2.0.${i}/24`)],
  )
  cluster
    .apply('web')
    .apply('db', { addresses: ['10.1.0.100/24'] })
    .apply('host', { addresses: ['10.2.0.100'] })
  const { virtualIPs } = cluster.plan()
  const links = [...virtualIPs].map(([name, { members }]) => [
    name,
    ...members.map(({ node, link }) => `${node}/${link}`),
  ])
  assert.deepEqual(links, [
    ['web', 'node1/eth0', 'node2/eth0'],
    ['db', 'node3/bond0', 'node4/bond0'],
    ['host', 'node4/eth1', 'node3/eth1'],
  ])
})

test('interface.subnet takes the link that has an address there, whatever the VirtualIP is', () => {
  const cluster = Cluster.of(2, i => [eth0(i), link('eth1', `10.2.0.${i}/24`)])
  cluster.apply('web', { addresses: ['203.0.113.5'], interface: { subnet: '10.2.0.0/24' } })
  assert.deepEqual(
    cluster
      .plan()
      .virtualIPs.get('web')
      ?.members.map(({ node, link }) => `${node}/${link}`),
    ['node1/eth1', 'node2/eth1'],
  )
})

test('interface.name takes every node; one without that link ranks last, and the user is told', () => {
  const cluster = Cluster.of(3, i => (i === 1 ? [eth0(i)] : [eth0(i), link('eth1', `10.2.0.${i}/24`)]))
  cluster.apply('web', { addresses: ['10.2.0.100/24'], interface: { name: 'eth1' } })
  assert.equal(print(cluster.settle()), 'web node2=250 node3=238 node1=226')
  assert.equal(
    sentence(cluster.plan(), 'web'),
    'Accepted: node2, node3 and node1 take part. The link is missing on node1 (eth1)',
  )
})

test('a link without carrier ranks later at first; when a cable is pulled later, ranks stay', () => {
  const dark = Cluster.of(3, i => [{ ...eth0(i), carrier: i !== 1 }]).apply('web')
  assert.equal(print(dark.plan()), 'web node2=250 node3=238 node1=226')

  const cluster = Cluster.of(3).apply('web')
  const before = print(cluster.settle())
  cluster.agent('node1').links = [{ ...eth0(1), carrier: false }]
  cluster.agent('node1').report()
  assert.equal(print(cluster.settle()), before)
})

test('of two links on the subnet it takes one with carrier, then the narrower subnet, and stays there', () => {
  const cluster = Cluster.of(1, () => [
    link('wide', '192.168.0.7/16'),
    { ...link('dark', '192.168.1.8/24'), carrier: false },
    link('narrow', '192.168.1.9/24'),
  ]).apply('web')
  const where = () =>
    cluster
      .plan()
      .virtualIPs.get('web')
      ?.members.map(({ link }) => link)
  assert.deepEqual(where(), ['narrow'])
  cluster.settle()
  cluster.agent('node1').links.push(link('narrower', '192.168.1.10/25'))
  cluster.agent('node1').report()
  assert.deepEqual(where(), ['narrow'])
})

test('a link that loses its address keeps its rank; one that is re-addressed does not, and a new link is found', () => {
  const cluster = Cluster.of(3).apply('web')
  const before = print(cluster.settle())
  const relink = (...links: ReturnType<typeof link>[]) => {
    cluster.agent('node1').links = links
    cluster.agent('node1').report()
  }
  relink()
  assert.equal(print(cluster.settle()), before)
  assert.match(sentence(cluster.plan(), 'web'), /The link is missing on node1 \(eth0\)$/)
  relink(link('bond0', '192.168.1.1/24'))
  assert.equal(print(cluster.settle()), before)
  assert.equal(cluster.plan().virtualIPs.get('web')?.members[0]?.link, 'bond0')
  relink(link('bond0', '10.9.0.1/24'))
  assert.match(print(cluster.settle()), /^web node2=\d+ node3=\d+$/)
})

test('a link that lost its address is no place for an address that is asked for now', () => {
  const cluster = Cluster.of(2).apply('web')
  cluster.settle()
  cluster.agent('node1').links = []
  cluster.apply('web', { addresses: ['192.168.1.101/24'] })
  assert.equal(print(cluster.settle()), 'web node2=238')
})

test('a dual-stack VirtualIP takes nodes that have both families, with one priority and one VRID for both', () => {
  const cluster = Cluster.of(3, i => [i === 2 ? link('eth0', '192.168.1.2/24') : eth0(i)])
  cluster.apply('web', { addresses: ['192.168.1.100/24', '2001:db8::100/64', 'fe80::100/64'] })
  assert.equal(print(cluster.plan()), 'web node1=250 node3=238')
  const routers = cluster.plan().nodes.get('node1')?.virtualRouters ?? []
  assert.deepEqual(
    routers.map(({ family, addresses, priority }) => [family, priority, ...addresses]),
    [
      ['IPv4', 250, '192.168.1.100/24'],
      ['IPv6', 250, 'fe80::100/64', '2001:db8::100/64'],
    ],
  )
  assert.equal(new Set(routers.map(({ virtualRouterID }) => virtualRouterID)).size, 1)
})

test('fixed priorities are used as they are, on those nodes alone, whatever state the nodes are in', () => {
  const cluster = Cluster.of(3)
    .change('node2', { unschedulable: true })
    .apply('web', {
      priorities: [
        { node: 'node1', priority: 90 },
        { node: 'node2', priority: 100 },
      ],
    })
  assert.equal(print(cluster.settle()), 'web node2=100 node1=90')
})

test('fixed priorities may name nodes that are not there, have not reported or lack the subnet: the user is told', () => {
  const cluster = Cluster.of(2, i => [i === 1 ? eth0(i) : link('eth0', '10.0.0.2/24')])
  cluster.nodes.set('node3', { name: 'node3', labels: {}, ready: true, unschedulable: false })
  const priorities = ['node1', 'node2', 'node3', 'node4'].map((node, i) => ({ node, priority: 100 - 10 * i }))
  cluster.apply('web', { priorities })
  assert.equal(print(cluster.plan()), 'web node1=100')
  assert.equal(
    sentence(cluster.plan(), 'web'),
    'Accepted: node1 takes part. node2 has no link in 192.168.1.0/24. No agent has reported from node3 yet. There is no node node4',
  )
})

test('a redundancy that is lowered takes the last ranks out', () => {
  const cluster = Cluster.of(3).apply('web')
  cluster.settle()
  cluster.apply('web', { redundancy: 2, addresses: ['192.168.1.100/24'] })
  assert.equal(print(cluster.settle()), 'web node1=250 node2=238')
})
