/* What an address looks like on the link that holds it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { comesTo } from '../lab/agent-view.ts'
import { eventually, holders, startAgent } from '../lab/daemons.ts'
import { listenOn } from '../lab/frames.ts'
import type { LabNode } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { nodeDocument, priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

interface ShownAddress {
  readonly local: string
  readonly prefixlen: number
  readonly noprefixroute?: boolean
  readonly tentative?: boolean
  readonly nodad?: boolean
}

describe('addresses', { concurrency: 3 }, () => {
  test('without a prefix length are /32 and /128; none brings a route, and IPv6 ones are usable at once', async t => {
    const { node } = testLan(t, 'prefix')
    const node1 = node()
    node1.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad')
    const routes = routesOf(node1)
    const agent = startAgent(node1, {
      file: file(node1, { addresses: ['10.1.0.100', 'fd01::100', '10.1.0.101/24', 'fd01::101/64'] }),
    })
    await comesTo(agent, 'MASTER')
    await comesTo(agent, 'MASTER', { family: 'IPv6' })
    await eventually('all are held', () => ours(node1).length === 4, { daemons: [agent] })
    assert.deepEqual(
      ours(node1)
        .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
        .sort(),
      ['10.1.0.100/32', '10.1.0.101/24', 'fd01::100/128', 'fd01::101/64'],
    )
    for (const address of ours(node1)) {
      assert.equal(address.tentative, undefined, JSON.stringify(address))
      if (address.prefixlen !== 32) assert.equal(address.noprefixroute, true, JSON.stringify(address))
    }
    assert.deepEqual(routesOf(node1), routes)
  })

  test("without a prefix length are no source of the node's own connections", async t => {
    const { node } = testLan(t, 'origin')
    const [node1] = [node(), node()]
    const agent = startAgent(node1, { file: file(node1, { addresses: ['10.1.0.100', 'fd01::100'] }) })
    await eventually('both are held', () => ours(node1).length === 2, { daemons: [agent] })
    assert.match(node1.run('ip', 'route', 'get', '10.1.0.2'), /src 10\.1\.0\.1 /)
    assert.match(node1.run('ip', '-6', 'route', 'get', 'fd01::2'), /src fd01::1 /)
  })

  test('of both families are held by the same node, and move together', async t => {
    const { lan, node } = testLan(t, 'dual')
    const [node1, node2, client] = [node(), node(), node()]
    const listener = listenOn(client)
    t.after(() => listener.close())
    const text = file(node1, {
      addresses: ['10.1.0.100/24', 'fd01::100/64'],
      priorities: priorities({ [node1.name]: 200, [node2.name]: 100 }),
    })
    const [agent1, agent2] = [startAgent(node1, { file: text }), startAgent(node2, { file: text })]
    await comesTo(agent1, 'MASTER')
    await comesTo(agent1, 'MASTER', { family: 'IPv6' })
    await comesTo(agent2, 'BACKUP')
    await comesTo(agent2, 'BACKUP', { family: 'IPv6' })
    // The client knows where they are.
    for (const address of ['10.1.0.100', 'fd01::100']) assert.equal(answer(client, address), 'ECONNREFUSED')

    lan.crash(node1)
    await comesTo(agent2, 'MASTER')
    await comesTo(agent2, 'MASTER', { family: 'IPv6' })
    await eventually('both are announced', () =>
      [`10.1.0.100 is at ${node2.mac}`, `fd01::100 is at ${node2.mac}`].every(line => listener.heard.includes(line)),
    )
    assert.match(client.run('ip', 'neighbor', 'show', '10.1.0.100'), new RegExp(node2.mac))
    assert.match(client.run('ip', 'neighbor', 'show', 'fd01::100'), new RegExp(node2.mac))
    for (const address of ['10.1.0.100', 'fd01::100']) assert.equal(answer(client, address), 'ECONNREFUSED')
  })

  test('that link-local IPv6 routers have are held beside the others', async t => {
    const { node } = testLan(t, 'local')
    const node1 = node()
    const agent = startAgent(node1, { file: file(node1, { addresses: ['fd01::100/64', 'fe80::100/64'] }) })
    await comesTo(agent, 'MASTER', { family: 'IPv6' })
    await eventually(
      'both are held',
      () => holders([node1], 'fe80::100').length + holders([node1], 'fd01::100').length === 2,
    )
  })

  test('without priorities are spread over the nodes of the file: one MASTER here, one there, each the other’s BACKUP', async t => {
    const { node } = testLan(t, 'spread')
    const [node1, node2] = [node(), node()]
    const text = stream(
      virtualIP('vip-a', { addresses: ['10.1.0.100/24'] }),
      virtualIP('vip-b', { addresses: ['10.1.0.101/24'] }),
      nodeDocument(node1.name),
      nodeDocument(node2.name),
    )
    const [agent1, agent2] = [startAgent(node1, { file: text }), startAgent(node2, { file: text })]
    const rows = await Promise.all([
      comesTo(agent1, 'MASTER', { virtualIP: 'vip-a' }),
      comesTo(agent2, 'BACKUP', { virtualIP: 'vip-a' }),
      comesTo(agent2, 'MASTER', { virtualIP: 'vip-b' }),
      comesTo(agent1, 'BACKUP', { virtualIP: 'vip-b' }),
    ])
    assert.deepEqual(
      rows.map(({ priority }) => priority),
      [250, 238, 250, 238],
    )
    await eventually(
      'each holds one',
      () =>
        ['10.1.0.100', '10.1.0.101'].map(address => holders([node1, node2], address).join()).join(' ') ===
        `${node1.name} ${node2.name}`,
    )
  })
})

/** What eth0 has beside the node's own. */
function ours(node: LabNode): ShownAddress[] {
  const [{ addr_info = [] } = {}] = JSON.parse(node.run('ip', '-json', 'address', 'show', 'dev', 'eth0')) as {
    addr_info?: ShownAddress[]
  }[]
  return addr_info.filter(({ local }) => /(\.|:)10[0-9]$/.test(local))
}

/** What becomes of a connection to a port that nobody listens on: whoever refuses it is there. */
function answer(client: LabNode, address: string): string {
  const script = `require('node:net').connect(9, '${address}').on('error', ({ code }) => console.log(code))`
  return client.run('node', '-e', script).trim()
}

function routesOf(node: LabNode): string {
  return node.run('ip', 'route') + node.run('ip', '-6', 'route', 'show', 'table', 'main')
}

function file(node: LabNode, spec: Partial<VirtualIPSpec>): string {
  return stream(
    virtualIP('web', {
      addresses: ['10.1.0.100/24'],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      priorities: priorities({ [node.name]: 200 }),
      ...spec,
    }),
  )
}
