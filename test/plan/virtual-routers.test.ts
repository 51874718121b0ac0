import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseVirtualIPNodeSpec } from '../../src/api/parse.ts'
import { Cluster, eth0, link } from './cluster.ts'

test('every default is written out', () => {
  const cluster = Cluster.of(1).apply('web')
  assert.deepEqual(cluster.settle().nodes.get('node1'), {
    virtualRouters: [
      {
        virtualIP: 'web',
        family: 'IPv4',
        version: 3,
        virtualRouterID: 56,
        link: 'eth0',
        priority: 250,
        advertisementInterval: '200ms',
        addresses: ['192.168.1.100/24'],
        preemption: { mode: 'Always', delay: '0s' },
        checksum: 'PseudoHeader',
        initial: true,
      },
    ],
  })
})

test('version 2 has an interval of 1 s, and what the user says is passed on', () => {
  const cluster = Cluster.of(1)
  cluster.agent('node1').checksAllowed = ['Process', 'Exec']
  cluster.agent('node1').report()
  cluster.apply('seed', {
    addresses: ['192.168.1.100'],
    version: 2,
    virtualRouterID: 51,
    authentication: { type: 'PASS', secretRef: { name: 'vrrp' } },
    preemption: { mode: 'Never' },
    checksum: 'RFC9568',
    checks: [
      { name: 'nginx', process: { name: 'nginx' }, interval: '2s', fall: 2, rise: 2, weight: -20 },
      { name: 'plain', exec: { command: ['true'] } },
    ],
  })
  const [router] = cluster.plan().nodes.get('node1')?.virtualRouters ?? []
  assert.deepEqual(router, {
    virtualIP: 'seed',
    family: 'IPv4',
    version: 2,
    virtualRouterID: 51,
    link: 'eth0',
    priority: 250,
    advertisementInterval: '1s',
    addresses: ['192.168.1.100/32'],
    preemption: { mode: 'Never' },
    checksum: 'RFC9568',
    authentication: { type: 'PASS', secretRef: { name: 'vrrp' } },
    checks: [
      { name: 'nginx', process: { name: 'nginx' }, interval: '2s', timeout: '2s', fall: 2, rise: 2, weight: -20 },
      { name: 'plain', exec: { command: ['true'] }, interval: '1s', timeout: '1s', fall: 1, rise: 1 },
    ],
  })
})

const KEYS = [
  { id: 1, key: 'web-1' },
  { id: 2, key: 'web-2' },
]
const ONE_KEY = { keys: [{ id: 7, key: 'web-1' }] }
const SIGNED = [
  { hmac: ONE_KEY, interval: '200ms', told: { ...ONE_KEY, activeKey: 7, mode: 'Enforce', timeWindow: '5s' } },
  { hmac: ONE_KEY, interval: '2s', told: { ...ONE_KEY, activeKey: 7, mode: 'Enforce', timeWindow: '6s' } },
  ...[{ keys: KEYS, activeKey: 2, mode: 'ReceiveOnly' as const, timeWindow: '1m' }].map(hmac => ({
    hmac,
    interval: '200ms',
    told: hmac,
  })),
]

for (const { hmac, interval, told } of SIGNED) {
  test(`adverts every ${interval} are signed as ${JSON.stringify(hmac)} says, with its defaults`, () => {
    const authentication = { type: 'HMAC', secretRef: { name: 'vrrp' } } as const
    const cluster = Cluster.of(1).apply('web', {
      addresses: ['192.168.1.100'],
      advertisementInterval: interval,
      authentication: { ...authentication, hmac },
    })
    const { virtualRouters = [] } = cluster.plan().nodes.get('node1') ?? {}
    assert.deepEqual(
      virtualRouters.map(router => router.authentication),
      [{ ...authentication, hmac: told }],
    )
  })
}

test("a node's spec is one that its agent accepts, routers in order of name and family", () => {
  const cluster = Cluster.of(2)
    .apply('web', { addresses: ['192.168.1.100/24', '2001:db8::100/64'], preemption: { mode: 'Always', delay: '5s' } })
    .apply('db', { addresses: ['192.168.1.101/24'], advertisementInterval: '1s' })
  for (const spec of cluster.settle().nodes.values()) {
    assert.deepEqual(parseVirtualIPNodeSpec(spec), spec)
    assert.deepEqual(
      spec.virtualRouters.map(({ virtualIP, family }) => `${virtualIP}/${family}`),
      ['db/IPv4', 'web/IPv4', 'web/IPv6'],
    )
  }
})

test('every node and every agent gets a spec, also where there is nothing to run', () => {
  const cluster = Cluster.of(1)
  cluster.nodes.set('node2', { name: 'node2', labels: {}, ready: true, unschedulable: false })
  cluster.join('node3').nodes.delete('node3')
  assert.deepEqual(
    [...cluster.plan().nodes],
    [
      ['node1', { virtualRouters: [] }],
      ['node2', { virtualRouters: [] }],
      ['node3', { virtualRouters: [] }],
    ],
  )
})

test('a deleted VirtualIP is taken from every node, also where the agent is down', () => {
  const cluster = Cluster.of(3).apply('web')
  cluster.settle()
  cluster.agent('node2').alive = false
  cluster.virtualIPs.delete('web')
  cluster.settle()
  for (const agent of cluster.agents.values()) assert.deepEqual(agent.spec?.virtualRouters, [])
})

describe('initial', () => {
  const initial = (cluster: Cluster) =>
    [...cluster.plan().nodes].flatMap(([node, { virtualRouters }]) =>
      virtualRouters.filter(router => router.initial).map(({ virtualIP, family }) => `${node} ${virtualIP}/${family}`),
    )
  const dual = { addresses: ['192.168.1.100/24', '2001:db8::100/64'] }

  test('marks the first rank of a VirtualIP whose VRID was just allocated, until a MASTER is reported', () => {
    const cluster = Cluster.of(3).apply('web', dual)
    const marked = ['node1 web/IPv4', 'node1 web/IPv6']
    assert.deepEqual(initial(cluster), marked)
    cluster.settle()
    assert.deepEqual(initial(cluster), marked)
    cluster.agent('node1').masterOf.add('web/IPv4')
    cluster.agent('node1').report()
    assert.deepEqual(initial(cluster), [])
    cluster.settle()
    cluster.agent('node1').masterOf.clear()
    cluster.agent('node1').report()
    assert.deepEqual(initial(cluster), [], 'and not again')
  })

  test('is gone with a change of members', () => {
    const cluster = Cluster.of(3).apply('web')
    cluster.settle()
    cluster.nodes.delete('node3')
    assert.deepEqual(initial(cluster), [])
  })

  test('is gone when another node is first', () => {
    const cluster = Cluster.of(3).apply('web')
    cluster.settle()
    cluster.change('node1', { unschedulable: true })
    assert.deepEqual(initial(cluster), [])
  })

  test('marks the first that can serve: not one without link or carrier', () => {
    const preferredNodes = [{ weight: 1, preference: { matchLabels: { first: 'yes' } } }]
    const cluster = new Cluster()
      .join('node1', { first: 'yes' }, [{ ...eth0(1), carrier: false }])
      .join('node2')
      .apply('web', { preferredNodes })
    assert.deepEqual(initial(cluster), ['node2 web/IPv4'])
  })

  test('marks nobody for a VRID that the user gave or the status remembers: somebody may be running it', () => {
    assert.deepEqual(initial(Cluster.of(1).apply('web', { virtualRouterID: 51 })), [])
    const cluster = Cluster.of(1).apply('web')
    const web = cluster.virtualIPs.get('web')
    if (web) cluster.virtualIPs.set('web', { ...web, status: { virtualRouterID: 99 } })
    assert.deepEqual(initial(cluster), [])
  })

  test('marks nobody for an address that a node may still hold for another VirtualIP', () => {
    const cluster = Cluster.of(2).apply('old')
    cluster.settle()
    cluster.virtualIPs.delete('old')
    cluster.apply('new', { addresses: ['192.168.1.100/32'] })
    assert.deepEqual(initial(cluster), [])
  })

  test('marks nobody for a VirtualIP of the same name that a node has not given up', () => {
    const cluster = Cluster.of(2, i => [eth0(i), link('eth1', `10.0.0.${i}/24`)]).apply('web')
    cluster.settle()
    cluster.virtualIPs.delete('web')
    cluster.write()
    cluster.apply('web', { addresses: ['10.0.0.100/24'] })
    assert.deepEqual(initial(cluster), [])
  })
})
