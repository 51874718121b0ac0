import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { filePlanInput } from '../../src/agent/file-plan-input.ts'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { parseVirtualIPFile } from '../../src/api/virtual-ip-file.ts'
import type { VirtualIPNodeSpec } from '../../src/api/virtual-ip-node.ts'
import { type Plan, plan } from '../../src/plan/plan.ts'
import { Cluster, eth0, link, sentence } from './cluster.ts'

const unicast = { transport: { mode: 'Unicast' as const } }
const both = ['192.168.1.100/24', '2001:db8::100/64']

/** `node1 192.168.1.1 > 192.168.1.2,192.168.1.3`, a line for each virtual router; + where adverts go by multicast too. */
function speech({ nodes }: Plan): string[] {
  return [...nodes].flatMap(([node, { virtualRouters }]) =>
    virtualRouters.map(({ unicast }) => {
      if (!unicast) return `${node} multicast`
      return `${node} ${unicast.source} > ${unicast.peers.join()}${unicast.multicast ? ' + multicast' : ''}`
    }),
  )
}

/** What decides whether another hears it. */
function heardBy(spec: VirtualIPNodeSpec | undefined) {
  return spec?.virtualRouters.map(({ version, virtualRouterID, advertisementInterval, checksum, authentication }) => ({
    version,
    virtualRouterID,
    advertisementInterval,
    checksum,
    authentication,
  }))
}

test('each member is told its own address and those of the others, of every family', () => {
  const cluster = Cluster.of(3).apply('web', { addresses: both, ...unicast })
  assert.deepEqual(speech(cluster.write()), [
    'node1 192.168.1.1 > 192.168.1.2,192.168.1.3',
    'node1 2001:db8::1 > 2001:db8::2,2001:db8::3',
    'node2 192.168.1.2 > 192.168.1.1,192.168.1.3',
    'node2 2001:db8::2 > 2001:db8::1,2001:db8::3',
    'node3 192.168.1.3 > 192.168.1.1,192.168.1.2',
    'node3 2001:db8::3 > 2001:db8::1,2001:db8::2',
  ])
  const [router] = cluster.agent('node1').spec?.virtualRouters ?? []
  assert.deepEqual([router?.unicast?.ttl, router?.unicast?.minTTL], [255, 255], 'what came through a router is refused')
})

test('of several addresses of a link it is one beside those to be held', () => {
  const own = (i: number) => [link('eth0', `10.0.0.${i}/24`, `192.168.1.${i}/24`, `192.168.1.${i + 10}/24`)]
  const cluster = Cluster.of(2, own).apply('web', unicast)
  assert.deepEqual(speech(cluster.write()), ['node1 192.168.1.1 > 192.168.1.2', 'node2 192.168.1.2 > 192.168.1.1'])
})

test('nodes on several subnets speak through the routers between', () => {
  const cluster = Cluster.of(2, i => [link('eth0', `10.0.${i}.1/24`)])
  cluster.apply('web', { addresses: ['10.9.9.9'], interface: { name: 'eth0' }, ...unicast })
  assert.deepEqual(speech(cluster.write()), ['node1 10.0.1.1 > 10.0.2.1', 'node2 10.0.2.1 > 10.0.1.1'])
  assert.equal(cluster.agent('node1').spec?.virtualRouters[0]?.unicast?.minTTL, 1)
})

describe('peers given by hand', () => {
  test('are an address for a node, and routers that are no nodes here; how far away they are is not checked', () => {
    const peers = [{ node: 'node1', address: '192.168.1.41' }, { address: '10.7.0.1' }]
    const cluster = Cluster.of(2).apply('web', { transport: { mode: 'Unicast', peers } })
    assert.deepEqual(speech(cluster.write()), [
      'node1 192.168.1.41 > 10.7.0.1,192.168.1.2',
      'node2 192.168.1.2 > 10.7.0.1,192.168.1.41',
    ])
    const [router] = cluster.agent('node1').spec?.virtualRouters ?? []
    assert.deepEqual([router?.unicast?.ttl, router?.unicast?.minTTL], [255, 1])
  })

  test('a node is not its own peer, whoever named its address', () => {
    const cluster = Cluster.of(2).apply('web', {
      transport: { mode: 'Unicast', peers: [{ address: '192.168.1.1' }, { address: '192.168.1.2' }], ttl: 64 },
    })
    assert.deepEqual(speech(cluster.write()), ['node1 192.168.1.1 > 192.168.1.2', 'node2 192.168.1.2 > 192.168.1.1'])
  })
})

describe('a node that joins', () => {
  test('is known to the others first, and is told when all of them have confirmed', () => {
    const cluster = Cluster.of(2).apply('web', unicast)
    cluster.settle()
    cluster.join('node3')
    const planned = cluster.write()
    assert.deepEqual(speech(planned), [
      'node1 192.168.1.1 > 192.168.1.2,192.168.1.3',
      'node2 192.168.1.2 > 192.168.1.1,192.168.1.3',
    ])
    assert.match(sentence(planned, 'web'), /node3 waits until it is known as a peer to node1 and node2/)
    cluster.agent('node1').confirm()
    assert.equal(speech(cluster.write()).length, 2, 'node2 may not know it yet')
    cluster.agent('node2').confirm()
    assert.equal(speech(cluster.write())[2], 'node3 192.168.1.3 > 192.168.1.1,192.168.1.2')
    assert.doesNotMatch(sentence(cluster.settle(), 'web'), /waits/)
  })

  test('waits for one that is out of reach, which may still be MASTER, until its Node is deleted', () => {
    const cluster = Cluster.of(2).apply('web', unicast)
    cluster.settle()
    cluster.agent('node2').alive = false
    cluster.join('node3')
    const planned = cluster.settle()
    assert.equal(speech(planned).length, 2)
    assert.match(
      sentence(planned, 'web'),
      /node3 waits .* to node2: where that agent is gone for good, delete its Node/,
    )
    cluster.nodes.delete('node2')
    cluster.agents.delete('node2')
    assert.deepEqual(speech(cluster.settle()), ['node1 192.168.1.1 > 192.168.1.3', 'node3 192.168.1.3 > 192.168.1.1'])
  })

  test('whose place another leaves: that one goes on until the newcomer can be heard', () => {
    const cluster = Cluster.of(2)
    for (const node of ['node1', 'node2']) cluster.change(node, { labels: { role: 'edge' } })
    cluster.apply('web', { ...unicast, redundancy: 1, nodeSelector: { matchLabels: { role: 'edge' } } })
    assert.deepEqual(speech(cluster.settle()), ['node1 192.168.1.1 > '])
    cluster.change('node1', { labels: {} })
    assert.deepEqual(speech(cluster.write()), ['node1 192.168.1.1 > 192.168.1.2'])
    cluster.agent('node1').confirm()
    assert.deepEqual(speech(cluster.write()), ['node2 192.168.1.2 > 192.168.1.1'], 'which may still speak')
    assert.deepEqual(speech(cluster.settle()), ['node2 192.168.1.2 > '])
  })

  test('whose place another leaves, with another VRID: nobody goes on with the old one beside the new', () => {
    const edge = { ...unicast, redundancy: 2, nodeSelector: { matchLabels: { role: 'edge' } } }
    const vrids = (plan: Plan) =>
      [...plan.nodes].map(([, { virtualRouters }]) => virtualRouters.map(({ virtualRouterID }) => virtualRouterID))
    const cluster = new Cluster().join('node1', { role: 'edge' }).join('node2', { role: 'edge' }).join('node3')
    cluster.apply('web', { ...edge, virtualRouterID: 51 }).settle()
    cluster.change('node2', { labels: {} }).change('node3', { labels: { role: 'edge' } })
    cluster.apply('web', { ...edge, virtualRouterID: 52 })
    assert.deepEqual(vrids(cluster.write()), [[52], [], []])
    assert.deepEqual(vrids(cluster.settle()), [[52], [], [52]])
    cluster
      .change('node1', { labels: {} })
      .change('node3', { labels: {} })
      .change('node2', { labels: { role: 'edge' } })
    cluster.apply('web', { ...edge, virtualRouterID: 53 })
    assert.deepEqual(vrids(cluster.write()), [[52], [], [52]], 'nobody runs the new one yet')
    assert.deepEqual(vrids(cluster.settle()), [[], [53], []])
  })

  test('whose place another leaves: that one speaks as the others do meanwhile, and the user is told that it goes on', () => {
    const addresses = ['192.168.1.100/24']
    const edge = { addresses, ...unicast, nodeSelector: { matchLabels: { role: 'edge' } } }
    const signed = (activeKey: number, ...ids: number[]): Partial<VirtualIPSpec> => {
      const hmac = { keys: ids.map(id => ({ id, key: `key${id}` })), activeKey }
      return { ...edge, authentication: { type: 'HMAC', secretRef: { name: 'keys' }, hmac } }
    }
    const cluster = new Cluster()
    for (const node of ['node1', 'node2', 'node3']) cluster.join(node, { role: 'edge' })
    cluster.join('node4').apply('web', signed(1, 1))
    assert.doesNotMatch(sentence(cluster.settle(), 'web'), /goes on/)
    cluster.agent('node3').alive = false
    cluster.change('node2', { labels: {} }).change('node4', { labels: { role: 'edge' } })
    assert.match(
      sentence(cluster.settle(), 'web'),
      /node1, node3 and node4 take part\. node2 goes on until node4 is known\. node4 waits .* to node3:/,
    )
    const changes: Partial<VirtualIPSpec>[] = [
      signed(1, 1, 2),
      signed(2, 1, 2),
      { ...edge, advertisementInterval: '1s', checksum: 'RFC9568' },
      { ...edge, version: 2, authentication: { type: 'PASS', secretRef: { name: 'keys' } } },
    ]
    for (const change of changes) {
      const { nodes } = cluster.apply('web', change).settle()
      const [node1, node2] = ['node1', 'node2'].map(node => heardBy(nodes.get(node)))
      assert.equal(node2?.length, 1, 'node2 goes on')
      assert.deepEqual(node2, node1)
    }
  })

  test('with no address that is known waits until it reports one', () => {
    const cluster = Cluster.of(2).apply('web', { ...unicast, interface: { name: 'eth0' } })
    cluster.agent('node2').links = []
    cluster.agent('node2').report()
    const planned = cluster.settle()
    assert.deepEqual(speech(planned), ['node1 192.168.1.1 > '])
    assert.match(sentence(planned, 'web'), /node2 waits: it has not reported an IPv4 address on its link/)
    assert.match(sentence(planned, 'web'), /node1 has no peer: nobody is sent its adverts/)
    cluster.agent('node2').links = [eth0(2)]
    assert.equal(speech(cluster.settle()).length, 2)
  })
})

test('a node that leaves is known to the others until it has confirmed that it stopped', () => {
  const cluster = Cluster.of(3).apply('web', unicast)
  cluster.settle()
  cluster.apply('web', { ...unicast, redundancy: 2 })
  assert.deepEqual(speech(cluster.write()), [
    'node1 192.168.1.1 > 192.168.1.2,192.168.1.3',
    'node2 192.168.1.2 > 192.168.1.1,192.168.1.3',
  ])
  cluster.agent('node3').confirm()
  assert.deepEqual(speech(cluster.write()), ['node1 192.168.1.1 > 192.168.1.2', 'node2 192.168.1.2 > 192.168.1.1'])
})

describe('a node with another address', () => {
  test('keeps to the one that it speaks from while it has that', () => {
    const cluster = Cluster.of(2).apply('web', unicast)
    cluster.settle()
    cluster.agent('node1').links = [link('eth0', '192.168.1.71/24', '192.168.1.1/24')]
    assert.equal(speech(cluster.settle())[0], 'node1 192.168.1.1 > 192.168.1.2')
  })

  test('speaks from the new one when the others know it; one that reports none for a while loses nothing', () => {
    const cluster = Cluster.of(2).apply('web', unicast)
    cluster.settle()
    const report = (...links: ReturnType<typeof link>[]) => {
      cluster.agent('node1').links = links
      cluster.agent('node1').report()
      return speech(cluster.write())
    }
    const before = ['node1 192.168.1.1 > 192.168.1.2', 'node2 192.168.1.2 > 192.168.1.1']
    assert.deepEqual(report(), before)
    const known = [before[0], 'node2 192.168.1.2 > 192.168.1.1,192.168.1.71']
    assert.deepEqual(report(link('eth0', '192.168.1.71/24')), known)
    cluster.agent('node2').confirm()
    assert.deepEqual(speech(cluster.write()), ['node1 192.168.1.71 > 192.168.1.2', known[1]])
    assert.deepEqual(speech(cluster.settle()), ['node1 192.168.1.71 > 192.168.1.2', 'node2 192.168.1.2 > 192.168.1.71'])
  })

  test('that has lost the one that it speaks from cannot speak before the others know the new one, and the user is told', () => {
    const cluster = Cluster.of(2).apply('web', { addresses: both, ...unicast })
    cluster.settle()
    cluster.agent('node2').alive = false
    const report = (...subnets: string[]) => {
      cluster.agent('node1').links = [link('eth0', ...subnets)]
      return cluster.settle()
    }
    const renumbered = report('192.168.1.71/24', '2001:db8::1/64')
    assert.deepEqual(speech(renumbered).slice(0, 2), [
      'node1 192.168.1.1 > 192.168.1.2',
      'node1 2001:db8::1 > 2001:db8::2',
    ])
    assert.match(
      sentence(renumbered, 'web'),
      /take part\. node1 has no more 192\.168\.1\.1 and cannot speak until 192\.168\.1\.71 is known as a peer to node2: where that agent is gone for good, delete its Node$/,
    )
    assert.doesNotMatch(sentence(report('192.168.1.1/24', '2001:db8::1/64'), 'web'), /cannot speak/)
    report('192.168.1.71/24', '2001:db8::1/64')
    cluster.nodes.delete('node2')
    cluster.agents.delete('node2')
    const alone = cluster.settle()
    assert.deepEqual(speech(alone), ['node1 192.168.1.71 > ', 'node1 2001:db8::1 > '])
    assert.doesNotMatch(sentence(alone, 'web'), /cannot speak/)
  })

  test('given by hand while another agent is out of reach: it goes on from the one that it has', () => {
    const addresses = ['192.168.1.100/24']
    const cluster = Cluster.of(2).apply('web', { addresses, ...unicast })
    cluster.agent('node1').links = [link('eth0', '192.168.1.1/24', '192.168.1.71/24')]
    cluster.settle()
    cluster.agent('node2').alive = false
    cluster.apply('web', {
      addresses,
      transport: { mode: 'Unicast', peers: [{ node: 'node1', address: '192.168.1.71' }] },
    })
    const planned = cluster.settle()
    assert.equal(speech(planned)[0], 'node1 192.168.1.1 > 192.168.1.2')
    assert.doesNotMatch(sentence(planned, 'web'), /cannot speak/)
  })
})

describe('a change of the transport', () => {
  for (const [from, to] of [
    ['Multicast', 'Unicast'],
    ['Unicast', 'Multicast'],
  ] as const) {
    test(`from ${from} to ${to}: all speak both, and each only the new one when all have confirmed that they do`, () => {
      const cluster = Cluster.of(2).apply('web', { transport: { mode: from } })
      cluster.settle()
      cluster.apply('web', { transport: { mode: to } })
      const planned = cluster.write()
      const spoken = ['node1 192.168.1.1 > 192.168.1.2 + multicast', 'node2 192.168.1.2 > 192.168.1.1 + multicast']
      assert.deepEqual(speech(planned), spoken)
      assert.match(sentence(planned, 'web'), /Adverts go by multicast and unicast until all nodes have changed over/)
      cluster.agent('node1').confirm()
      assert.deepEqual(speech(cluster.write()), spoken)
      cluster.agent('node2').confirm()
      assert.deepEqual(
        speech(cluster.write()),
        to === 'Multicast'
          ? ['node1 multicast', 'node2 multicast']
          : ['node1 192.168.1.1 > 192.168.1.2', 'node2 192.168.1.2 > 192.168.1.1'],
      )
    })
  }
})

describe('in file mode, where nobody knows the addresses of the others', () => {
  const file = (peers: string) => {
    const parsed = parseVirtualIPFile(`
apiVersion: kube-vrrp.io/v1alpha1
kind: VirtualIP
metadata: {name: web}
spec:
  addresses: ["192.168.1.100/24"]
  priorities: [{node: node1, priority: 200}, {node: node2, priority: 100}]
  transport: {mode: Unicast${peers}}
`)
    assert.ok(!Array.isArray(parsed), JSON.stringify(parsed))
    return plan(filePlanInput(parsed, [eth0(1)]))
  }

  test('those of all nodes are given', () => {
    const peers = '{node: node1, address: 192.168.1.1}, {node: node2, address: 192.168.1.2}, {address: 192.168.1.3}'
    assert.deepEqual(speech(file(`, peers: [${peers}]`)), [
      'node1 192.168.1.1 > 192.168.1.2,192.168.1.3',
      'node2 192.168.1.2 > 192.168.1.1,192.168.1.3',
    ])
  })

  test('a node without one is a sentence', () => {
    const missing = (who: string) =>
      `PeerAddressMissing: ${who} no IPv4 address in transport.peers: without a cluster every node's must be given there, e.g. `
    assert.equal(
      sentence(file(', peers: [{node: node1, address: 192.168.1.1}]'), 'web'),
      `${missing('node2 has')}{node: node2, address: 192.168.1.11}`,
    )
    assert.equal(sentence(file(''), 'web'), `${missing('node1 and node2 have')}{node: node1, address: 192.168.1.11}`)
  })
})
