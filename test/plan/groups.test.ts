import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Cluster, eth0, link, print, sentence } from './cluster.ts'

const DUAL = ['192.168.1.100/24', '2001:db8::100/64']

function groupsOn(cluster: Cluster, node: string): (string | undefined)[] {
  return (cluster.plan().nodes.get(node)?.virtualRouters ?? []).map(({ group }) => group)
}

test('the two families of a VirtualIP change state together, unless it says Separate', () => {
  assert.deepEqual(groupsOn(Cluster.of(1).apply('web', { addresses: DUAL }), 'node1'), [
    'VirtualIP/web',
    'VirtualIP/web',
  ])
  const separate = Cluster.of(1).apply('web', { addresses: DUAL, families: 'Separate' })
  assert.deepEqual(groupsOn(separate, 'node1'), [undefined, undefined])
  assert.deepEqual(groupsOn(Cluster.of(1).apply('web'), 'node1'), [undefined])
})

test('VirtualIPs of a group are one group, both families of each', () => {
  const cluster = Cluster.of(1).apply('web', { addresses: DUAL, group: 'edge' }).apply('db', { group: 'edge' })
  assert.deepEqual(groupsOn(cluster, 'node1'), ['edge', 'edge', 'edge'])
})

test('members of a group have the same nodes in the same ranks, others are spread', () => {
  const grouped = Cluster.of(5).apply('web', { group: 'edge' }).apply('db', { group: 'edge' })
  assert.equal(print(grouped.plan()), 'web node1=250 node2=238 node3=226\ndb node1=250 node2=238 node3=226')
  const spread = Cluster.of(5).apply('web').apply('db')
  assert.match(print(spread.plan()), /^web node1.*\ndb node2/)
})

test('a node that cannot serve all of a group serves nothing of it', () => {
  const inside = (i: number) => link('eth1', `10.0.0.${i}/24`)
  const cluster = Cluster.of(4, i => (i % 2 === 0 ? [eth0(i), inside(i)] : [eth0(i)]))
    .apply('outside', { group: 'edge' })
    .apply('inside', { addresses: ['10.0.0.100/24'], group: 'edge' })
  assert.equal(print(cluster.plan()), 'outside node2=250 node4=238\ninside node2=250 node4=238')
  cluster.apply('outside', { addresses: ['192.168.1.100/24'], group: 'edge', redundancy: 3 })
  assert.equal(
    sentence(cluster.plan(), 'outside'),
    'Accepted: node2 and node4 take part. In the group edge it changes state with inside. That is 2 of 3 (redundancy): no other node matches, has the subnet and an agent for all of the group',
  )
})

test('the ranks that one of a group has fixed are those of all', () => {
  const cluster = Cluster.of(3)
    .apply('web', { group: 'edge' })
    .apply('db', {
      group: 'edge',
      priorities: [
        { node: 'node3', priority: 200 },
        { node: 'node1', priority: 100 },
      ],
    })
  assert.equal(print(cluster.settle()), 'web node3=250 node1=238\ndb node3=200 node1=100')
})

test('VirtualIPs that run and join a group take the ranks of the first, one confirmation after the other', () => {
  const cluster = Cluster.of(3).apply('web').apply('db')
  assert.equal(print(cluster.settle()), 'web node1=250 node2=238 node3=226\ndb node2=250 node3=238 node1=226')
  cluster.apply('web', { addresses: ['192.168.1.100/24'], group: 'edge' })
  cluster.apply('db', { addresses: ['192.168.1.101/24'], group: 'edge' })
  const ranks = print(cluster.settle()).replace(/=\d+/g, '')
  assert.equal(ranks, 'web node1 node2 node3\ndb node1 node2 node3')
})

test('the weights of the checks of all of a group leave room for each', () => {
  const check = { name: 'well', tcp: { port: 80 }, weight: 40 }
  const cluster = Cluster.of(2)
    .apply('web', { group: 'edge', checks: [check] })
    .apply('db', { group: 'edge', checks: [{ ...check, name: 'other' }] })
  assert.equal(print(cluster.plan()), 'web node1=174 node2=162\ndb node1=174 node2=162')
})

test('who shares no node with its group is refused, and the others go on', () => {
  const role = (value: string) => ({ matchLabels: { role: value } })
  const cluster = new Cluster().join('node1', { role: 'edge' }).join('node2', { role: 'core' })
  cluster
    .apply('web', { group: 'g', nodeSelector: role('edge') })
    .apply('db', { group: 'g', nodeSelector: role('core') })
  const planned = cluster.plan()
  assert.equal(print(planned), 'web node1=250\ndb GroupSharesNoNode')
  assert.equal(
    sentence(planned, 'db'),
    'GroupSharesNoNode: Its group g needs a node that can serve all of it: web can be served by node1, this one by node2. Let their nodes meet (nodeSelector, priorities, addresses), or leave the group',
  )
})

test('who ranks nodes otherwise than its group is refused, and the others go on', () => {
  const ranked = (first: number, second: number) => [
    { node: 'node1', priority: first },
    { node: 'node2', priority: second },
  ]
  const cluster = Cluster.of(2)
    .apply('web', { group: 'g', priorities: ranked(255, 100) })
    .apply('db', { group: 'g', priorities: ranked(100, 150) })
    .apply('mail', { group: 'g', priorities: ranked(150, 100) })
    .apply('dns', { group: 'g', priorities: ranked(255, 90) })
  const planned = cluster.plan()
  assert.match(print(planned), /^web node1=255.*\ndb GroupRanksDiffer\nmail GroupRanksDiffer\ndns node1=255/)
  assert.equal(
    sentence(planned, 'db'),
    'GroupRanksDiffer: Its priorities rank nodes otherwise than those of web, and both are in the group g, of which one node at a time is MASTER: here node2, node1, there node1 (255), node2. Give them the same order (255 in all or in none), or leave the group',
  )
})

test('who is refused for its group and ran before goes on as it was', () => {
  const cluster = Cluster.of(2)
  cluster.apply('web', { group: 'g', priorities: [{ node: 'node1', priority: 200 }] })
  cluster.apply('db', { priorities: [{ node: 'node2', priority: 200 }] })
  cluster.settle()
  cluster.apply('db', {
    addresses: ['192.168.1.101/24'],
    group: 'g',
    priorities: [{ node: 'node2', priority: 200 }],
  })
  const planned = cluster.settle()
  assert.equal(print(planned), 'web node1=200\ndb GroupSharesNoNode node2=200')
  assert.match(sentence(planned, 'db'), /Until then the last accepted spec goes on, on node2$/)
})

describe('where one of a group speaks unicast', () => {
  const speaking = { group: 'edge', transport: { mode: 'Unicast' as const } }
  const runOn = (cluster: Cluster, node: string) =>
    (cluster.agent(node).spec?.virtualRouters ?? []).map(({ virtualIP }) => virtualIP)

  test('a node that joins begins with all of the group, when all know it as a peer', () => {
    const cluster = Cluster.of(2).apply('web', speaking).apply('db', { group: 'edge' }).apply('mail')
    cluster.settle()
    cluster.join('node3')
    const planned = cluster.write()
    assert.deepEqual(runOn(cluster, 'node3'), ['mail'])
    assert.match(sentence(planned, 'web'), /node3 waits until it is known as a peer to node1 and node2/)
    assert.match(sentence(planned, 'db'), /node3 waits as web does there$/)
    cluster.agent('node1').confirm()
    cluster.write()
    assert.deepEqual(runOn(cluster, 'node3'), ['mail'])
    cluster.agent('node2').confirm()
    assert.doesNotMatch(sentence(cluster.write(), 'db'), /waits/)
    assert.deepEqual(runOn(cluster, 'node3'), ['db', 'mail', 'web'])
  })

  test('who makes room for a node that waits goes on with all of the group until then', () => {
    const edge = { redundancy: 1, nodeSelector: { matchLabels: { role: 'edge' } } }
    const cluster = new Cluster().join('node1', { role: 'edge' }).join('node2')
    cluster.apply('web', { ...speaking, ...edge }).apply('db', { group: 'edge', ...edge })
    cluster.settle()
    cluster.change('node1', { labels: {} }).change('node2', { labels: { role: 'edge' } })
    cluster.write()
    assert.deepEqual([runOn(cluster, 'node1'), runOn(cluster, 'node2')], [['db', 'web'], []])
    cluster.agent('node1').confirm()
    cluster.write()
    assert.deepEqual([runOn(cluster, 'node1'), runOn(cluster, 'node2')], [[], ['db', 'web']])
  })

  test('what runs on a node goes on there while another one that joins its group waits', () => {
    const web = { ...speaking, addresses: ['192.168.1.100/24'] }
    const db = { addresses: ['192.168.1.101/24'] }
    const cluster = new Cluster().join('node1', { role: 'edge' }).join('node2')
    cluster.apply('web', { ...web, nodeSelector: { matchLabels: { role: 'edge' } } }).apply('db', db)
    cluster.settle()
    cluster.apply('web', web).apply('db', { ...db, group: 'edge' })
    cluster.write()
    assert.deepEqual(runOn(cluster, 'node1'), ['db', 'web'])
    assert.deepEqual(runOn(cluster, 'node2'), ['db'])
    cluster.settle()
    assert.deepEqual(runOn(cluster, 'node2'), ['db', 'web'])
  })
})
