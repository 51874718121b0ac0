/* Agents that speak to their peers alone. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Transport } from '../../src/api/transport.ts'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { comesTo, says, transitions } from '../lab/agent-view.ts'
import { eventually, holders, startAgent, startKeepalived } from '../lab/daemons.ts'
import { listenOn } from '../lab/frames.ts'
import type { LabNode } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const ADDRESSES = ['10.1.0.100/24', 'fd01::100/64']
/** In milliseconds. A machine so busy that a router is silent for three of these changes hands where it should not. */
const INTERVAL = 500

describe('agents that speak to their peers alone', { concurrency: 4 }, () => {
  test('move the address as by multicast, and nobody else on the LAN hears a word', async t => {
    const { node } = testLan(t, 'uni-move')
    const [node1, node2, node3] = [node(), node(), node()]
    const listener = listenOn(node3)
    t.after(() => listener.close())
    const file = stream(web([node1, node2]))
    const first = startAgent(node1, { file })
    for (const family of ['IPv4', 'IPv6'] as const) await comesTo(first, 'MASTER', { family })
    const second = startAgent(node2, { file })
    for (const family of ['IPv4', 'IPv6'] as const) await comesTo(second, 'BACKUP', { family })
    assert.equal(await first.stop(), 0)
    for (const family of ['IPv4', 'IPv6'] as const) await comesTo(second, 'MASTER', { family })
    assert.match(second.output(), /PriorityZeroReceived/)
    await says(first, /web: handed over(: another node has announced| to the node that advertises)/)
    assert.deepEqual(
      listener.heard.filter(line => line.startsWith('advert')),
      [],
    )
    const isAnnounced = () => listener.heard.includes(`10.1.0.100 is at ${node2.mac}`)
    await eventually('the address is announced to all', isAnnounced, { daemons: [second] })
  })

  test('hear of another peer, and of one less, without a transition', async t => {
    const { node } = testLan(t, 'uni-peer')
    const [node1, node2, node3] = [node(), node(), node()]
    const listener = listenOn(node3)
    t.after(() => listener.close())
    const agent = startAgent(node1, { file: stream(web([node1, node2])) })
    for (const family of ['IPv4', 'IPv6'] as const) await comesTo(agent, 'MASTER', { family })
    const before = transitions(agent)
    const adverts = () => listener.heard.filter(line => line.startsWith('advert')).length
    writeFileSync(agent.file, stream(web([node1, node2, node3])))
    for (const source of ['10.1.0.1', 'fd01::1']) {
      const advert = `advert 51 priority 200 from ${source}`
      await eventually(`${advert} is heard`, () => listener.heard.includes(advert), { daemons: [agent] })
    }
    writeFileSync(agent.file, stream(web([node1, node2])))
    const isSilent = async () => {
      const before = adverts()
      await sleep(3 * INTERVAL)
      return adverts() === before
    }
    await eventually('none is heard any more', isSilent, { daemons: [agent] })
    assert.deepEqual(transitions(agent), before)
    assert.deepEqual(holders([node1], '10.1.0.100'), [node1.name])
    assert.deepEqual(
      listener.heard.filter(line => line.includes('priority 0')),
      [],
    )
  })

  test('believe no longer who is a peer no longer, though it says what it said before', async t => {
    const { node } = testLan(t, 'uni-ex')
    const [node1, node2, node3] = [node(), node(), node()]
    const keepalived = startKeepalived(node3, instance('10.1.0.3', '10.1.0.1'))
    await says(keepalived, 'Entering MASTER STATE')
    const agent = startAgent(node1, { file: stream(web([node1, node2, node3])) })
    await comesTo(agent, 'BACKUP')
    // Longer than a Backup waits for a silent one.
    await sleep(5 * INTERVAL)
    await comesTo(agent, 'BACKUP')
    assert.deepEqual(holders([node1], '10.1.0.100'), [])
    writeFileSync(agent.file, stream(web([node1, node2])))
    await comesTo(agent, 'MASTER', { daemons: [keepalived] })
    await keepalived.stop()
  })

  test('refuse whoever is no peer, and who is too far away, and count both by their reasons', async t => {
    const { node } = testLan(t, 'uni-else')
    const [node1, node2, node3] = [node(), node(), node()]
    const agent = startAgent(node1, { file: stream(web([node1, node2], { minTTL: 255 })) })
    await comesTo(agent, 'MASTER')
    const stranger = startKeepalived(node3, instance('10.1.0.3', '10.1.0.1'))
    const distant = startKeepalived(node2, instance('10.1.0.2', '10.1.0.1', 'unicast_ttl 64'))
    await says(agent, 'an advert from 10.1.0.3 is refused: Peer: it comes from none of the peers')
    await says(agent, 'an advert from 10.1.0.2 is refused: TTL: TTL is 64, must be at least 255')
    const metrics = scrape(node1)
    for (const reason of ['Peer', 'TTL']) {
      assert.match(metrics, new RegExp(`kube_vrrp_packets_refused_total{reason="${reason}"} [1-9]`))
    }
    await comesTo(agent, 'MASTER')
    assert.deepEqual(
      transitions(agent).filter(line => line.includes('MASTER -> ')),
      [],
    )
    for (const daemon of [stranger, distant]) await daemon.stop()
  })

  test('on two links with a router between: who leaves hears its successor advertise, if not announce', async t => {
    const { node } = testLan(t, 'uni-far')
    const [node1, node2, router] = [node(), node(), node()]
    connect(router, node1, 1)
    connect(router, node2, 2)
    router.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
    const peers = [
      { node: node1.name, address: '10.21.0.2' },
      { node: node2.name, address: '10.22.0.2' },
    ]
    const file = stream(
      virtualIP('web', {
        addresses: ['10.99.0.1'],
        interface: { name: 'wan0' },
        virtualRouterID: 51,
        priorities: priorities({ [node1.name]: 200, [node2.name]: 100 }),
        transport: { mode: 'Unicast', peers },
      }),
    )
    const first = startAgent(node1, { file })
    await comesTo(first, 'MASTER')
    const second = startAgent(node2, { file })
    await comesTo(second, 'BACKUP')
    assert.equal(await first.stop(), 0)
    await comesTo(second, 'MASTER')
    assert.match(second.output(), /PriorityZeroReceived/)
    await says(first, 'web: handed over to the node that advertises; it was not heard to announce the addresses')
  })
})

/** `nodes`: the first two take part; the third is a router that is none of these nodes. */
function web(nodes: readonly LabNode[], more: Partial<Transport> = {}): object {
  const [one, two] = nodes
  const ranks = { [one?.name ?? '']: 200, [two?.name ?? '']: 100 }
  const peers = nodes.flatMap(({ name, addresses }, i) =>
    addresses.map(text => ({ ...(i < 2 && { node: name }), address: text.replace(/\/.*/, '') })),
  )
  const spec: VirtualIPSpec = {
    addresses: ADDRESSES,
    virtualRouterID: 51,
    advertisementInterval: `${INTERVAL}ms`,
    priorities: priorities(ranks),
    transport: { mode: 'Unicast', peers, ...more },
  }
  return virtualIP('web', spec)
}

function scrape(node: LabNode): string {
  return node.run(
    'node',
    '-e',
    "fetch('http://127.0.0.1:9180/metrics').then(async got => console.log(await got.text()))",
  )
}

function instance(own: string, peer: string, more = ''): string {
  return `
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority 250
  version 3
  advert_int ${INTERVAL / 1000}
  unicast_src_ip ${own}
  unicast_peer {
    ${peer}
  }
  ${more}
  virtual_ipaddress {
    10.1.0.100
  }
}
`
}

/** The node's link wan0 leads to the router, which it has its routes by. */
function connect(router: LabNode, node: LabNode, i: number): void {
  router.run('ip', 'link', 'add', `to${i}`, 'type', 'veth', 'peer', 'name', 'wan0', 'netns', node.name)
  router.run('ip', 'address', 'add', `10.2${i}.0.1/24`, 'dev', `to${i}`)
  router.run('ip', 'link', 'set', `to${i}`, 'up')
  node.run('ip', 'address', 'add', `10.2${i}.0.2/24`, 'dev', 'wan0')
  node.run('ip', 'link', 'set', 'wan0', 'up')
  node.run('ip', 'route', 'add', '10.0.0.0/8', 'via', `10.2${i}.0.1`)
}
