/* The whole thread: a VirtualIP applied to a real API server becomes an address on real kernels, and comes back as a status. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { EXCLUDE_LABEL } from '../../src/api/names.ts'
import type { VirtualRouterSpec } from '../../src/api/virtual-ip-node.ts'
import { VIRTUAL_IPS } from '../../src/kube/resources.ts'
import { startKeepalived } from '../lab/daemons.ts'
import type { LabNode } from '../lab/lan.ts'
import { assertSound, type Expected, LiveCluster } from './live-cluster.ts'

const ADDRESS = '192.168.1.100'
const WEB = { addresses: [`${ADDRESS}/24`] }

describe('three nodes with agents, a controller and an API server', () => {
  let cluster: LiveCluster
  let foreign: LabNode
  let expected: Expected | undefined
  before(async () => {
    cluster = await LiveCluster.start(['node1', 'node2', 'node3'])
    foreign = cluster.lan.addNode({ name: 'foreign', addresses: ['192.168.1.20/24'] })
  })
  afterEach(async () => {
    await cluster.reset(expected)
    expected = undefined
  })
  after(() => cluster.close())

  test('a VirtualIP becomes an address on one node, a status, columns and events; then nobody writes anything', async () => {
    const [first = '', second = '', third = ''] = await cluster.ready('web', WEB)
    await cluster.heldBy(ADDRESS, first)
    const { master, backups, nodes, virtualRouterID } = cluster.latest('web')
    assert.equal(master, first)
    assert.equal(backups, '2/2')
    assert.deepEqual(
      nodes?.map(({ node, family, state, priority, link }) => [node, family, state, priority, link]),
      [
        [first, 'IPv4', 'MASTER', 250, 'eth0'],
        [second, 'IPv4', 'BACKUP', 238, 'eth0'],
        [third, 'IPv4', 'BACKUP', 226, 'eth0'],
      ],
    )
    for (const type of ['Accepted', 'Ready', 'Redundant']) assert.ok(cluster.is('web', type, 'True'), type)

    const [header = '', row = ''] = (await cluster.api.kubectl(['get', 'vip'])).split('\n')
    assert.deepEqual(header.trim().split(/\s+/), ['NAME', 'ADDRESS', 'MASTER', 'READY', 'BACKUPS', 'VRID', 'AGE'])
    assert.match(row, new RegExp(`^web +${ADDRESS}/24 +${first} +True +2/2 +${virtualRouterID} +\\d+s`))

    for (const { metadata, spec, status } of await cluster.virtualIPNodes()) {
      const [told] = spec.virtualRouters
      assert.equal(told?.virtualRouterID, virtualRouterID)
      assert.equal(status?.observedGeneration, metadata.generation)
      assert.equal(status?.conditions?.[0]?.status, 'True')
      assert.deepEqual(
        status?.links?.map(({ name, carrier }) => [name, carrier]),
        [['eth0', true]],
      )
    }
    await cluster.until('there are events of every transition', async () => {
      const notes = await eventNotes(cluster, 'web')
      return [`${first} is MASTER`, `${second} is BACKUP`, `${third} is BACKUP`].every(note =>
        notes.some(text => text.startsWith(note)),
      )
    })

    await cluster.calm()
    const written = await cluster.versions()
    await sleep(10_000)
    assert.equal(await cluster.versions(), written)
  })

  test('both families of a VirtualIP are on one node, a row for each', async () => {
    const [first = ''] = await cluster.ready('web', { addresses: [`${ADDRESS}/24`, 'fd00:1::100/64'] })
    await cluster.heldBy(ADDRESS, first)
    await cluster.heldBy('fd00:1::100', first)
    assert.equal(cluster.latest('web').nodes?.length, 6)
    assert.equal(cluster.latest('web').backups, '2/2')
  })

  test('a crash moves the address; the dead node is never shown as MASTER again until it is', async () => {
    const [first = '', second = ''] = await cluster.ready('web', WEB)
    cluster.crash(first)
    await cluster.heldBy(ADDRESS, second)
    await cluster.until('the status says so', () => cluster.latest('web').master === second)
    const since = cluster.seen.length - 1
    await cluster.until('the dead agent is noticed', () => cluster.row('web', first) === 'FAULT AgentUnreachable')
    assert.ok(cluster.is('web', 'Ready', 'True'))
    assert.equal(cluster.latest('web').backups, '1/2')
    assert.deepEqual(
      cluster.seen.slice(since).filter(({ status }) => status?.master === first),
      [],
    )
    await cluster.until('there are events of both', async () => {
      const notes = await eventNotes(cluster, 'web')
      const expected = [`${second} is MASTER (was `, `${first} is FAULT (was `]
      return expected.every(note => notes.some(text => text.startsWith(note)))
    })

    cluster.restore(first)
    await cluster.startAgent(first)
    await cluster.settled('web')
    await cluster.heldBy(ADDRESS, first)
    assert.equal(cluster.latest('web').backups, '2/2')
  })

  test('its last failovers are in its status, with why and how long nobody answered; no controller repeats or loses one', async () => {
    const [first = '', second = ''] = await cluster.ready('web', { ...WEB, redundancy: 2 })
    assert.equal(cluster.latest('web').failovers, undefined, 'the first MASTER is no failover')
    cluster.crash(first)
    await cluster.until('the failover is in the status', () => cluster.latest('web').failovers?.length === 1)
    const [crashed] = cluster.latest('web').failovers ?? []
    assert.deepEqual(
      [crashed?.from, crashed?.to, crashed?.family, crashed?.reason],
      [first, second, 'IPv4', 'ActiveDown'],
    )
    assert.match(crashed?.message ?? '', /^BACKUP -> MASTER: no advert from 192\.168\.1\.1\d \(priority 250\) for \d/)
    // Three intervals and a Skew_Time are 611 ms at 238; the last advert may have been sent long before it was read.
    assert.ok((crashed?.unansweredMillis ?? 0) >= 600, String(crashed?.unansweredMillis))
    assert.equal(cluster.latest('web').nodes?.find(({ node }) => node === second)?.lastTakeover, crashed?.time)
    await cluster.until('there is an event with the same words', async () => {
      const notes = await eventNotes(cluster, 'web')
      return notes.some(
        note => note.startsWith(`IPv4 moved from ${first} to ${second}`) && note.endsWith(crashed?.message ?? '-'),
      )
    })

    // While no controller runs the node comes back, and takes it over from one that answers until then.
    await cluster.stopController('a')
    cluster.restore(first)
    await cluster.startAgent(first)
    await cluster.heldBy(ADDRESS, first)
    await cluster.startController('a')
    await cluster.settled('web')
    assert.deepEqual(
      cluster.latest('web').failovers?.map(({ from, to, unansweredMillis }) => [from, to, unansweredMillis]),
      [
        [second, first, 0],
        [first, second, crashed?.unansweredMillis],
      ],
    )
    const described = await cluster.api.kubectl(['describe', 'vip', 'web'])
    assert.match(described, new RegExp(`Failovers:\\n +Family: +IPv4\\n +From: +${second}\\n`))
    await cluster.calm()
    const planned = await cluster.plans()
    await cluster.stopController('a')
    await cluster.startController('a')
    await sleep(3000)
    assert.equal(await cluster.plans(), planned, 'nothing is news to a controller that starts')
  })

  test('an agent that is told to end gives the address up first, and says so', async () => {
    const [first = '', second = ''] = await cluster.ready('web', WEB)
    assert.equal(await cluster.stopAgent(first), 0)
    assert.ok(!cluster.holders(ADDRESS).includes(first), 'released before it ended')
    await cluster.heldBy(ADDRESS, second)
    await cluster.until('the status says so', () => cluster.latest('web').master === second)
    assert.equal(cluster.latest('web').nodes?.find(({ node }) => node === second)?.reason, 'PriorityZeroReceived')
    assert.notEqual(cluster.row('web', first), 'MASTER')
    await cluster.startAgent(first)
    await cluster.settled('web')
    await cluster.heldBy(ADDRESS, first)
  })

  test('cordoning the MASTER moves the address away before anything ends there; uncordoning brings it back', async () => {
    const [first = '', second = ''] = await cluster.ready('web', WEB)
    await cluster.api.kubectl(['cordon', first])
    await cluster.heldBy(ADDRESS, second)
    await cluster.settled('web')
    assert.deepEqual(cluster.ranked('web').at(-1), first)
    await cluster.api.kubectl(['uncordon', first])
    await cluster.until(`${first} is MASTER again`, () => cluster.latest('web').master === first)
    await cluster.settled('web')
    await cluster.heldBy(ADDRESS, first)

    await cluster.api.kubectl(['label', 'node', first, `${EXCLUDE_LABEL}=`])
    await cluster.heldBy(ADDRESS, second)
    await cluster.api.kubectl(['label', 'node', first, `${EXCLUDE_LABEL}-`])
    await cluster.heldBy(ADDRESS, first)
    await cluster.settled('web')
  })

  test("two VirtualIPs on two nodes: each node is MASTER of one and the other's BACKUP; alone it holds both", async () => {
    for (const name of ['node1', 'node2']) await cluster.api.createNode(name, { role: 'edge' })
    const edge = { nodeSelector: { matchLabels: { role: 'edge' } } }
    const [first = '', second = ''] = await cluster.ready('vip-a', { addresses: ['192.168.1.101/24'], ...edge })
    assert.deepEqual(await cluster.ready('vip-b', { addresses: ['192.168.1.102/24'], ...edge }), [second, first])
    assert.deepEqual([first, second], ['node1', 'node2'])
    await cluster.heldBy('192.168.1.101', first)
    await cluster.heldBy('192.168.1.102', second)
    cluster.crash(first)
    await cluster.heldBy('192.168.1.101', second)
    await cluster.until('the status says so', () => cluster.latest('vip-a').master === second)
    assert.deepEqual(cluster.holders('192.168.1.102'), [second])
  })

  test('twelve VirtualIPs applied at once are planned as one: each node is first for four, in the usual priorities', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `many-${i}`)
    await Promise.all(names.map((name, i) => cluster.apply(name, { addresses: [`192.168.1.${140 + i}/24`] })))
    for (const name of names) await cluster.settled(name)
    const firsts = Map.groupBy(names, name => cluster.ranked(name)[0])
    assert.deepEqual(
      [...firsts.values()].map(({ length }) => length),
      [4, 4, 4],
    )
    for (const name of names) {
      const numbers = cluster.latest(name).nodes?.map(({ priority }) => priority)
      assert.deepEqual(numbers, [250, 238, 226], name)
    }
  })

  test('deleting ends at once though a node is dead, whose agent finds nothing left to hold when it is back', async () => {
    const [first = '', second = ''] = await cluster.ready('web', WEB)
    cluster.crash(first)
    await cluster.heldBy(ADDRESS, second)
    await cluster.api.kubectl(['delete', 'vip', 'web', '--timeout=10s'])
    await cluster.heldBy(ADDRESS)
    cluster.restore(first)
    const agent = await cluster.startAgent(first)
    await cluster.until('it has heard of it', async () => {
      const { metadata, spec, status } = await cluster.virtualIPNode(first)
      return spec.virtualRouters.length === 0 && status?.observedGeneration === metadata.generation
    })
    assert.doesNotMatch(agent.output(), /MASTER/)
  })

  test('a living VirtualIP gets another address, another interval and fewer addresses without a transition', async () => {
    const [first = ''] = await cluster.ready('web', WEB)
    await cluster.calm()
    const before = cluster.transitions()
    await cluster.apply('web', { addresses: [`${ADDRESS}/24`, '192.168.1.120/24'] })
    await cluster.heldBy('192.168.1.120', first)
    await cluster.apply('web', { ...WEB, advertisementInterval: '1s' })
    await cluster.heldBy('192.168.1.120')
    await isRunByAll(cluster, ({ advertisementInterval }) => advertisementInterval === '1s')
    await cluster.apply('web', { ...WEB, advertisementInterval: '100ms' })
    await isRunByAll(cluster, ({ advertisementInterval }) => advertisementInterval === '100ms')
    // Longer than any BACKUP would wait by the shorter interval.
    await sleep(1500)
    assert.deepEqual(cluster.holders(ADDRESS), [first])
    assert.equal(cluster.transitions(), before)
    await cluster.settled('web')
  })

  test('priorities that the user turns round move the address once', async () => {
    const web = (node1: number, node2: number) => ({
      ...WEB,
      priorities: [
        { node: 'node1', priority: node1 },
        { node: 'node2', priority: node2 },
      ],
    })
    assert.deepEqual(await cluster.ready('web', web(100, 90)), ['node1', 'node2'])
    await cluster.calm()
    const before = cluster.transitions()
    await cluster.apply('web', web(90, 100))
    await cluster.until('both run what was asked for', () => {
      const numbers = cluster.latest('web').nodes?.map(({ node, priority }) => `${node} ${priority}`)
      return numbers?.sort().join() === 'node1 90,node2 100'
    })
    await cluster.settled('web')
    await cluster.heldBy(ADDRESS, 'node2')
    assert.equal(cluster.transitions() - before, 2)
  })

  test('a VirtualIP that is deleted and applied again has its VRID again: what one node left, others leave too', async () => {
    await cluster.ready('web', WEB)
    const { virtualRouterID } = cluster.latest('web')
    await cluster.reset()
    await cluster.ready('web', WEB)
    assert.equal(cluster.latest('web').virtualRouterID, virtualRouterID)
    const links = (await cluster.virtualIPNodes()).flatMap(({ status }) => status?.links ?? [])
    const heard = links.flatMap(link => link.heard ?? [])
    assert.ok(!heard.some(router => router.virtualRouterID === virtualRouterID))
  })

  test('a VRID that a foreign keepalived speaks on the segment is not handed out', async () => {
    await cluster.ready('web', WEB)
    const { virtualRouterID: usual } = cluster.latest('web')
    await cluster.api.client.delete({ resource: VIRTUAL_IPS, name: 'web' })
    const keepalived = startKeepalived(foreign, configuration(usual))
    await cluster.until('all agents hear it', async () => {
      const links = (await cluster.virtualIPNodes()).flatMap(({ status }) => status?.links ?? [])
      return links.every(({ heard = [] }) => heard.some(({ virtualRouterID }) => virtualRouterID === usual))
    })
    const [first = ''] = await cluster.ready('web', WEB)
    assert.notEqual(cluster.latest('web').virtualRouterID, usual)
    await cluster.heldBy(ADDRESS, first)
    await keepalived.stop()
  })

  test('nodes that do not hear each other are a split brain, in the status and in an event, until they do again', async () => {
    expected = 'SplitBrain'
    const [first = '', second = ''] = await cluster.ready('split', WEB)
    cluster.isolate(first)
    await cluster.until('both claim it', () => cluster.is('split', 'SplitBrain', 'True'))
    assert.deepEqual(cluster.holders(ADDRESS), [first, second].sort())
    assert.ok(cluster.is('split', 'Ready', 'False'))
    const { message = '' } = cluster.condition('split', 'SplitBrain') ?? {}
    assert.match(message, new RegExp(`${first}.*${second}.*MASTER for IPv4.*IP protocol 112`))
    await cluster.until('there is an event', async () =>
      (await eventNotes(cluster, 'split')).includes(`SplitBrain is True: ${message}`),
    )
    cluster.mend()
    await cluster.until('it is over', () => cluster.is('split', 'SplitBrain', 'False'))
    await cluster.settled('split')
    await cluster.heldBy(ADDRESS, first)
  })

  test('adverts that are lost one way are a split brain, and its sentence says which way', async t => {
    expected = 'SplitBrain'
    const [first = '', second = ''] = await cluster.ready('split', { ...WEB, redundancy: 2 })
    cluster.lan.cut(cluster.node(second), 'ToNode', 'ip protocol 112')
    const cutAt = performance.now()
    const { name } = cluster.node(second)
    const way = `${first} hears ${second}, which does not hear ${first}. See that IP protocol 112 passes from ${first} to ${name}`
    await cluster.until('the status says so', () =>
      (cluster.condition('split', 'SplitBrain')?.message ?? '').includes(way),
    )
    assert.ok(cluster.is('split', 'SplitBrain', 'True'))
    t.diagnostic(`told ${Math.round(performance.now() - cutAt)} ms after the adverts were lost one way`)
    cluster.lan.uncut(cluster.node(second))
    await cluster.until('it is over', () => cluster.is('split', 'SplitBrain', 'False'))
    await cluster.until('no address conflict is left', () => cluster.is('split', 'AddressConflict', 'False'))
    await cluster.settled('split')
    await cluster.heldBy(ADDRESS, first)
  })

  test('only adverts are lost, both ways: a split brain too, and nothing is wrong when they pass again', async t => {
    expected = 'SplitBrain'
    const [first = '', second = ''] = await cluster.ready('mute', { ...WEB, redundancy: 2 })
    cluster.lan.cut(cluster.node(second), 'Both', 'ip protocol 112')
    const cutAt = performance.now()
    await cluster.until('the status says so', () => cluster.is('mute', 'SplitBrain', 'True'))
    t.diagnostic(`told ${Math.round(performance.now() - cutAt)} ms after the adverts were lost both ways`)
    assert.match(cluster.condition('mute', 'SplitBrain')?.message ?? '', /IP protocol 112/)
    cluster.lan.uncut(cluster.node(second))
    await cluster.until('it is over', () =>
      ['SplitBrain', 'AddressConflict', 'Degraded'].every(type => cluster.is('mute', type, 'False')),
    )
    await cluster.settled('mute')
    await cluster.heldBy(ADDRESS, first)
  })

  test('a BACKUP that hears nothing while another is MASTER, then a MASTER that no BACKUP hears, until they do', async t => {
    expected = 'SplitBrain'
    // So long that nobody becomes MASTER meanwhile: Active_Down_Interval is 30 s.
    const slow = { ...WEB, advertisementInterval: '10s' }
    const [first = '', second = '', third = ''] = await cluster.ready('unheard', slow)
    const tells = async (sentence: string): Promise<void> => {
      const startedAt = performance.now()
      await cluster.until(`the status says that ${sentence}`, () => {
        const { reason, message = '' } = cluster.condition('unheard', 'Degraded') ?? {}
        return reason === 'MasterNotHeard' && message.includes(sentence)
      })
      t.diagnostic(
        `told ${Math.round(performance.now() - startedAt)} ms after the BACKUP's agent was started, its own start included`,
      )
    }
    const restartDeaf = async (name: string): Promise<void> => {
      await cluster.stopAgent(name)
      cluster.lan.cut(cluster.node(name), 'ToNode', 'ip protocol 112')
      await cluster.startAgent(name)
    }
    await restartDeaf(third)
    await tells(`${first} is MASTER for IPv4, and ${third} does not hear it: let IP protocol 112 into ${third} (eth0)`)
    await restartDeaf(second)
    // Its words are those of the first moment, when the second may not have heard an advert yet either.
    await cluster.until('there is an event', async () =>
      (await eventNotes(cluster, 'unheard')).some(note => note.includes(`${first} is MASTER for IPv4, and `)),
    )
    await tells(`${first} is MASTER for IPv4, and no BACKUP hears it: let IP protocol 112 out of ${first} (eth0)`)
    for (const name of [second, third]) cluster.lan.uncut(cluster.node(name))
    await cluster.until('it is over', () => cluster.is('unheard', 'Degraded', 'False'))
    assert.equal(cluster.latest('unheard').master, first)
  })

  test('a foreign router with the VRID: who it is, its priority and addresses, in the status and in an event, until it ends', async () => {
    expected = 'Degraded'
    await cluster.ready('web', WEB)
    await cluster.until('nothing is wrong', () => cluster.is('web', 'Degraded', 'False'))
    const keepalived = startKeepalived(foreign, configuration(cluster.latest('web').virtualRouterID, 254))
    await cluster.until('both are told', () => {
      const { message = '' } = cluster.condition('web', 'Degraded') ?? {}
      return [
        'follows 192.168.1.20 (priority 254), which is no node of this VirtualIP; end that router, or',
        '192.168.1.20 advertises other addresses than this node: 192.168.1.222',
      ].every(text => message.includes(text))
    })
    assert.equal(cluster.condition('web', 'Degraded')?.reason, 'ForeignRouter')
    await cluster.until('there is an event', async () =>
      (await eventNotes(cluster, 'web')).some(note => /^Degraded is True: .*192\.168\.1\.20/.test(note)),
    )
    await keepalived.stop()
    await cluster.until('it is over', () => cluster.is('web', 'Degraded', 'False'))
    await cluster.settled('web')
  })

  test('a node that is cut off from everyone is replaced, not accused; it yields or takes over when it is back', async () => {
    const [first = '', second = ''] = await cluster.ready('split', WEB)
    cluster.cut(first)
    await cluster.until('the other is MASTER', () => cluster.latest('split').master === second)
    await cluster.until('the silence is noticed', () => cluster.row('split', first) === 'FAULT AgentUnreachable')
    assertSound(cluster.seen)
    // Both claim it until they hear each other, which the API server may hear first.
    expected = 'SplitBrain'
    cluster.mend()
    await cluster.settled('split')
    await cluster.heldBy(ADDRESS, first)
  })
})

async function isRunByAll(cluster: LiveCluster, wanted: (router: VirtualRouterSpec) => boolean): Promise<void> {
  await cluster.until('all run what was asked for', async () => {
    const nodes = await cluster.virtualIPNodes()
    return nodes.every(
      ({ metadata, spec, status }) =>
        spec.virtualRouters.every(wanted) && status?.observedGeneration === metadata.generation,
    )
  })
}

function configuration(virtualRouterID: number | undefined, priority = 100): string {
  return `
vrrp_instance foreign {
  interface eth0
  virtual_router_id ${virtualRouterID}
  priority ${priority}
  version 3
  advert_int 0.2
  virtual_ipaddress {
    192.168.1.222
  }
}
`
}

async function eventNotes(cluster: LiveCluster, name: string): Promise<string[]> {
  const fields = [
    '-o',
    'jsonpath={range .items[*]}{.message}{"\\n"}{end}',
    `--field-selector=involvedObject.name=${name}`,
  ]
  return (await cluster.api.kubectl(['get', 'events', '-n', 'default', ...fields])).trim().split('\n')
}
