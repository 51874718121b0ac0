/* Addresses that adverts do not list, or that another link holds than the one they go over. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { agentSource } from '../../src/cli/agent-source.ts'
import { comesTo, says } from '../lab/agent-view.ts'
import { type AgentDaemon, eventually, startAgent, startKeepalived } from '../lab/daemons.ts'
import { listenOn } from '../lab/frames.ts'
import type { LabNode } from '../lab/lan.ts'
import { secondLan } from '../lab/second-lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const SPEC = {
  addresses: ['10.1.0.100/24', '10.2.0.100/24', '10.2.0.101/24', 'fd01::100/64', 'fd02::100/64'],
  addressOptions: [
    { address: '10.2.0.100', link: 'eth1' },
    { address: '10.2.0.101', link: 'eth1', advertised: false },
    { address: 'fd01::100', advertised: false },
    { address: 'fd02::100', advertised: false, link: 'eth1' },
  ],
  virtualRouterID: 51,
}
const PLACES = ['eth0 10.1.0.100', 'eth0 fd01::100', 'eth1 10.2.0.100', 'eth1 10.2.0.101', 'eth1 fd02::100']
const ON_ETH1 = ['10.2.0.100', '10.2.0.101', 'fd02::100']

describe('addresses on two links, some of them not advertised,', { concurrency: 4 }, () => {
  test('are held together, move together, and are announced where they are', async t => {
    const { nodes, client, macs } = segments(t, 'two')
    const [node1, node2] = nodes
    const listener = listenOn(client)
    t.after(() => listener.close())
    const file = fileFor(nodes, SPEC)
    const [agent1, agent2] = [startAgent(node1, { file }), startAgent(node2, { file })]
    await comesTo(agent1, 'MASTER')
    await comesTo(agent2, 'BACKUP')
    const daemons = [agent1, agent2]
    // The other may have been MASTER before, and yields.
    await eventually('one holds all', () => held(node1) === PLACES.join() && held(node2) === '', { daemons })
    const announced = (node: LabNode) => [
      ...ON_ETH1.map(address => `${address} is at ${macs.get(node.name)}`),
      ...['10.1.0.100', 'fd01::100'].map(address => `${address} is at ${node.mac}`),
    ]
    const isAnnounced =
      (node: LabNode, since = 0) =>
      () =>
        announced(node).every(line => listener.heard.slice(since).includes(line))
    await eventually('all are announced', isAnnounced(node1), { daemons: [agent1] })

    let since = listener.heard.length
    await agent1.stop()
    assert.equal(held(node1), '')
    await comesTo(agent2, 'MASTER')
    await eventually('all have moved', () => held(node2) === PLACES.join(), { daemons: [agent2] })
    await eventually('all are announced by the other', isAnnounced(node2, since), { daemons: [agent2] })

    const again = startAgent(node1, { file, stateDir: agent1.stateDir })
    await comesTo(again, 'MASTER')
    await eventually('all are back', () => held(node1) === PLACES.join() && held(node2) === '', { daemons: [again] })
    since = listener.heard.length
    again.kill('SIGKILL')
    await comesTo(agent2, 'MASTER')
    await eventually('all are announced by who took over', isAnnounced(node2, since), { daemons: [agent2] })
    client.run('ip', 'neighbor', 'flush', 'all')
    askFor(client, [...ON_ETH1, '10.1.0.100', 'fd01::100'])
    for (const address of [...ON_ETH1, '10.1.0.100', 'fd01::100']) {
      const mac = address.includes('1.0.100') || address.includes('fd01') ? node2.mac : macs.get(node2.name)
      assert.match(client.run('ip', 'neighbor', 'show', address), new RegExp(`${mac}`), address)
    }
    await eventually('nothing is left where it died', () => held(node1) === '', { daemons: [agent2] })
    // Not one of them listed the addresses of IPv6, nor was there a virtual router for them.
    assert.deepEqual(
      listener.heard.filter(line => /^advert .* from fe80/.test(line)),
      [],
    )
  })

  test('come back when somebody deletes one, and are given up where its link has no carrier, or another has it', async t => {
    const { nodes, client, macs } = segments(t, 'lev')
    const [node1, node2] = nodes
    const listener = listenOn(client)
    t.after(() => listener.close())
    const file = fileFor(nodes, SPEC)
    const [agent1, agent2] = [startAgent(node1, { file }), startAgent(node2, { file })]
    await comesTo(agent1, 'MASTER')
    await comesTo(agent2, 'BACKUP')
    await eventually('all are held', () => held(node1) === PLACES.join(), { daemons: [agent1] })
    for (const address of ['10.2.0.101/24', 'fd02::100/64']) {
      const since = listener.heard.length
      node1.run('ip', 'address', 'delete', address, 'dev', 'eth1')
      const line = `${address.split('/')[0]} is at ${macs.get(node1.name)}`
      await eventually(`${address} is announced again`, () => listener.heard.slice(since).includes(line))
      await eventually('all are held again', () => held(node1) === PLACES.join(), { daemons: [agent1] })
    }

    node1.run('sh', '-c', `for of in all eth1; do echo 0 >/proc/sys/net/ipv4/conf/$of/promote_secondaries; done`)
    node1.run('ip', 'address', 'add', '10.2.0.7/24', 'dev', 'eth1')
    await says(agent1, /10\.2\.0\.7\/24 on eth1 goes when 10\.2\.0\.10[01]\/24 is released/)

    client.run('ip', 'address', 'add', '10.2.0.101/32', 'dev', 'eth1')
    await eventually('it is told who else answers', async () =>
      (await conditions(agent1)).some(({ message }) => message.includes(`10.2.0.101 too`)),
    )
    client.run('ip', 'address', 'delete', '10.2.0.101/32', 'dev', 'eth1')

    node1.run('ip', 'link', 'set', 'eth1', 'down')
    const { message } = await comesTo(agent1, 'FAULT', { reason: 'LinkDown' })
    assert.equal(message, 'Link eth1 is down (ip link set eth1 up)')
    await comesTo(agent2, 'MASTER')
    await eventually('all have moved', () => held(node1) === '' && held(node2) === PLACES.join())
    node1.run('ip', 'link', 'delete', 'eth1')
    await comesTo(agent1, 'FAULT', { reason: 'LinkMissing' })
    await agent2.stop()
    assert.equal(held(node2), '')
  })

  test('look as they are told to, also when that changes, and stay behind the fence', async t => {
    const { nodes } = segments(t, 'look')
    const [node1] = nodes
    const addresses = ['10.1.0.100/24', '10.1.0.101', 'fd01::100/64', 'fd01::101']
    const file = (label: string, scope: 'Link' | 'Host') =>
      fileFor([node1], {
        addresses,
        addressOptions: [
          { address: '10.1.0.100', label },
          { address: '10.1.0.101', scope },
          { address: 'fd01::100', deprecated: true },
          { address: 'fd01::101', deprecated: false },
        ],
      })
    const agent = startAgent(node1, { file: file('1', 'Link'), args: ['--set-ip-nonlocal-bind'] })
    await comesTo(agent, 'MASTER')
    await comesTo(agent, 'MASTER', { family: 'IPv6' })
    const shown = (...lines: string[]) =>
      eventually(`it is ${lines.join()}`, () => looks(node1).join() === lines.join(), { daemons: [agent] })
    await shown('10.1.0.100 eth0:1', '10.1.0.101 eth0 link', 'fd01::100 deprecated', 'fd01::101')
    assert.match(node1.run('ip', '-6', 'route', 'get', 'fd01::7'), /src fd01::(1|101) /)
    writeFileSync(agent.file, file('vip', 'Host'))
    agent.kill('SIGHUP')
    await shown('10.1.0.100 eth0:vip', '10.1.0.101 eth0 host', 'fd01::100 deprecated', 'fd01::101')
    assert.match(node1.run('ip', 'route', 'get', '10.1.0.7'), /src 10\.1\.0\.1 /)
    const fence = node1.run('nft', 'list', 'ruleset')
    for (const text of addresses.map(address => address.split('/')[0]))
      assert.ok(fence.includes(`${text} timeout`), fence)
    for (const family of ['ipv4', 'ipv6']) {
      assert.equal(node1.run('cat', `/proc/sys/net/${family}/ip_nonlocal_bind`).trim(), '1')
    }
    await agent.stop()
    assert.deepEqual(looks(node1), [])
  })

  test('move from and to a keepalived with virtual_ipaddress_excluded and dev, whose adverts list the same', async t => {
    const { nodes } = segments(t, 'both')
    const [node1, node2] = nodes
    const keepalived = startKeepalived(
      node2,
      `vrrp_instance web {
  interface eth0
  state BACKUP
  virtual_router_id 51
  priority 100
  advert_int 0.5
  version 3
  virtual_ipaddress { 10.1.0.100/24 dev eth0
    10.2.0.100/24 dev eth1
  }
  virtual_ipaddress_excluded { 10.2.0.101/24 dev eth1
    fd01::100/64 dev eth0
    fd02::100/64 dev eth1
  }
}
`,
    )
    await eventually('keepalived has them', () => held(node2) === PLACES.join(), { daemons: [keepalived] })
    const agent = startAgent(node1, { file: fileFor(nodes, SPEC) })
    await comesTo(agent, 'MASTER', { daemons: [keepalived] })
    await eventually('all have moved', () => held(node1) === PLACES.join() && held(node2) === '', {
      daemons: [agent, keepalived],
    })
    assert.ok(!agent.output().includes('other addresses'), agent.output())
    await agent.stop()
    await eventually('all are back', () => held(node1) === '' && held(node2) === PLACES.join(), {
      daemons: [agent, keepalived],
    })
  })
})

/** Two nodes and a client, each on two LANs; eth1 has an address at the client alone. */
function segments(t: TestContext, name: string) {
  const { node } = testLan(t, name)
  const [node1, node2, client] = [node(), node(), node()]
  const macs = secondLan(t, `br2-${name}`, [node1, node2, client])
  client.run('ip', 'address', 'add', '10.2.0.3/24', 'dev', 'eth1')
  client.run('ip', 'address', 'add', 'fd02::3/64', 'dev', 'eth1', 'nodad')
  return { nodes: [node1, node2] as const, client, macs }
}

/** Has the neighbor table of the client filled, by connections that are refused. */
function askFor(client: LabNode, addresses: readonly string[]): void {
  const connect = `address => require('node:net').connect(9, address).on('error', () => {})`
  const giveUp = 'setTimeout(() => process.exit(), 2000).unref()'
  client.run('node', '-e', `${JSON.stringify(addresses)}.forEach(${connect}); ${giveUp}`)
}

function fileFor(nodes: readonly LabNode[], spec: VirtualIPSpec): string {
  const ranks = Object.fromEntries(nodes.map(({ name }, i) => [name, i === 0 ? 200 : 100]))
  return stream(
    virtualIP('web', {
      interface: { name: 'eth0' },
      advertisementInterval: '500ms',
      priorities: priorities(ranks),
      ...spec,
    }),
  )
}

interface ShownAddress {
  readonly family: string
  readonly local: string
  readonly label?: string
  readonly scope: string
  readonly deprecated?: boolean
}

/** What a node has beside its own, and on which link. */
function shown(node: LabNode): (ShownAddress & { readonly link: string })[] {
  const links: { ifname: string; addr_info: ShownAddress[] }[] = JSON.parse(node.run('ip', '-json', 'address', 'show'))
  return links.flatMap(({ ifname, addr_info }) =>
    addr_info.filter(({ local }) => /(\.|:)10[0-9]$/.test(local)).map(address => ({ ...address, link: ifname })),
  )
}

function held(node: LabNode): string {
  return shown(node)
    .map(({ link, local }) => `${link} ${local}`)
    .sort()
    .join()
}

function looks(node: LabNode): string[] {
  return shown(node)
    .map(({ family, local, label = '', scope, deprecated }) =>
      [
        local,
        ...(family === 'inet' ? [label] : []),
        ...(scope === 'global' ? [] : [scope]),
        ...(deprecated ? ['deprecated'] : []),
      ].join(' '),
    )
    .sort()
}

async function conditions({ node, stateDir }: AgentDaemon) {
  const entries = await agentSource(join(stateDir, node.name, 'agent.sock')).list()
  return entries.flatMap(({ status }) => status.conditions ?? [])
}
