/* Virtual routers that change state together: two agents, and one beside keepalived with a sync group and without. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { agentSource } from '../../src/cli/agent-source.ts'
import { comesTo } from '../lab/agent-view.ts'
import {
  type AgentDaemon,
  type Daemon,
  eventually,
  holders,
  scratchFolder,
  startAgent,
  startKeepalived,
} from '../lab/daemons.ts'
import type { LabNode } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

/** In milliseconds. A machine so busy that a router is silent for three of these changes hands where it should not. */
const INTERVAL = 500
const FAMILIES = ['IPv4', 'IPv6'] as const
const DUAL = ['10.1.0.100', 'fd01::100']
const [OUTSIDE, INSIDE] = ['10.1.0.101', '10.1.0.102']

function specOf(nodes: readonly LabNode[], spec: Partial<VirtualIPSpec> & Pick<VirtualIPSpec, 'addresses'>) {
  const ranks = Object.fromEntries(nodes.map(({ name }, i) => [name, 200 - 100 * i]))
  return {
    interface: { name: 'eth0' },
    virtualRouterID: 51,
    advertisementInterval: `${INTERVAL}ms`,
    priorities: priorities(ranks),
    ...spec,
  }
}

async function bothFamilies(agent: AgentDaemon, state: 'MASTER' | 'BACKUP' | 'FAULT', ...others: Daemon[]) {
  for (const family of FAMILIES) await comesTo(agent, state, { family, daemons: others })
}

function isHeldBy(node: LabNode, addresses: readonly string[], nodes: readonly LabNode[], daemons: readonly Daemon[]) {
  const hasAll = () => addresses.every(address => holders(nodes, address).join() === node.name)
  return eventually(`${node.name} alone holds ${addresses.join(' and ')}`, hasAll, { daemons })
}

describe('a group', { concurrency: 4 }, () => {
  test('of both families of a VirtualIP stays whole where one family is not heard, or cannot be served', async t => {
    const { node } = testLan(t, 'dual')
    const [node1, node2] = [node(), node()]
    const file = stream(virtualIP('web', specOf([node1, node2], { addresses: DUAL })))
    const first = startAgent(node1, { file })
    await bothFamilies(first, 'MASTER')
    const second = startAgent(node2, { file })
    await bothFamilies(second, 'BACKUP', first)

    node2.run('nft', 'add table inet deaf')
    node2.run('nft', 'add chain inet deaf in { type filter hook input priority 0; }')
    node2.run('nft', 'add rule inet deaf in meta nfproto ipv6 meta l4proto 112 drop')
    const waits = /^On dual2: no MASTER is heard, .* for web\/IPv4, which it changes state with, follows 10\.1\.0\.1 /
    const saysSo = async () => waits.test((await degraded(second)) ?? '')
    await eventually('it says that it waits', saysSo, { daemons: [first, second] })
    assert.equal(takeovers(second), 0)
    await isHeldBy(node1, DUAL, [node1, node2], [first, second])

    // Who has waited for the other family takes over with it.
    node1.run('sysctl', '-qw', 'net.ipv6.conf.eth0.disable_ipv6=1')
    await isHeldBy(node2, DUAL, [node2], [first, second])
    await bothFamilies(second, 'MASTER', first)
    node2.run('nft', 'delete table inet deaf')
    const row = await comesTo(first, 'FAULT', { reason: 'GroupFault' })
    assert.match(row.message ?? '', /^web \(IPv6\), which it changes state with, is in FAULT: Link eth0 has no usable/)
    await isHeldBy(node2, DUAL, [node1, node2], [first, second])

    node1.run('sysctl', '-qw', 'net.ipv6.conf.eth0.disable_ipv6=0')
    await bothFamilies(first, 'MASTER', second)
    await isHeldBy(node1, DUAL, [node1, node2], [first, second])
    assert.equal(await first.stop(), 0)
    await bothFamilies(second, 'MASTER', first)
  })

  test('of two VirtualIPs moves with the check of one, and is told as a GROUP', async t => {
    const { node } = testLan(t, 'edge')
    const [node1, node2] = [node(), node()]
    const folder = scratchFolder()
    const [mark, told] = [join(folder, 'mark'), join(folder, 'told')]
    writeFileSync(mark, '')
    const exists = { path: mark, reads: 'Existence' as const }
    // Starved, it fails a check that takes longer.
    const well = { name: 'well', file: exists, interval: '100ms', timeout: '10s' }
    const file = stream(
      virtualIP('outside', specOf([node1, node2], { addresses: [OUTSIDE], group: 'edge' })),
      virtualIP(
        'inside',
        specOf([node1, node2], { addresses: [INSIDE], virtualRouterID: 52, group: 'edge', checks: [well] }),
      ),
    )
    // Of the second node the file is another one.
    const elsewhere = file.replaceAll(mark, '/etc/passwd')
    const first = startAgent(node1, { file, args: ['--notify-fifo', told] })
    await comesTo(first, 'MASTER', { virtualIP: 'outside' })
    const second = startAgent(node2, { file: elsewhere })
    await comesTo(second, 'BACKUP', { virtualIP: 'outside' })
    const reader = node1.spawn('cat', [told], { stdio: ['ignore', 'pipe', 'ignore'] })
    let read = ''
    reader.stdout?.on('data', (chunk: Buffer) => {
      read += chunk
    })

    rmSync(mark)
    for (const name of ['outside', 'inside']) await comesTo(second, 'MASTER', { virtualIP: name, daemons: [first] })
    const row = await comesTo(first, 'FAULT', { virtualIP: 'outside' })
    assert.match(row.message ?? '', /^Check well of inside, which is in its group, fails/)
    writeFileSync(mark, '')
    for (const name of ['outside', 'inside']) await comesTo(first, 'MASTER', { virtualIP: name, daemons: [second] })
    await isHeldBy(node1, [OUTSIDE, INSIDE], [node1, node2], [first, second])
    assert.equal(await first.stop(), 0)
    const states = () => Array.from(read.matchAll(/^GROUP "edge" (\w+) 0$/gm), ([, state]) => state)
    await eventually('all is read', () => states().at(-1) === 'STOP', { daemons: [first] })
    assert.deepEqual(states(), ['BACKUP', 'MASTER', 'FAULT', 'BACKUP', 'MASTER', 'STOP'])
  })

  for (const { how, name, syncGroup } of [
    { how: 'with a sync group', name: 'sync', syncGroup: 'vrrp_sync_group edge {\n  group {\n    A\n    B\n  }\n}\n' },
    { how: 'that knows of no group', name: 'alone', syncGroup: '' },
  ]) {
    test(`shares its addresses with a keepalived ${how}: all move together, each way`, async t => {
      const { lan, node } = testLan(t, name)
      const [ours, theirs] = [node(), node()]
      const spec = (address: string, virtualRouterID: number) =>
        specOf([ours, theirs], { addresses: [address], virtualRouterID, group: 'edge' })
      const file = stream(virtualIP('a', spec(OUTSIDE, 51)), virtualIP('b', spec(INSIDE, 52)))
      const instances = (priority: number) =>
        `${instance('A', 51, OUTSIDE, priority)}${instance('B', 52, INSIDE, priority)}`
      let agent = startAgent(ours, { file })
      await isHeldBy(ours, [OUTSIDE, INSIDE], [ours, theirs], [agent])
      const keepalived = startKeepalived(theirs, syncGroup + instances(100))
      await eventually('keepalived is BACKUP', () => /\(B\) Entering BACKUP/.test(keepalived.output()))

      lan.crash(ours)
      await isHeldBy(theirs, [OUTSIDE, INSIDE], [theirs], [agent, keepalived])
      lan.restore(ours)
      agent = startAgent(ours, { file })
      await isHeldBy(ours, [OUTSIDE, INSIDE], [ours, theirs], [agent, keepalived])

      // One of the two is wanted there: both go, for we say of the other one that we leave.
      const lone = instance('A', 51, OUTSIDE, 250) + instance('B', 52, INSIDE, syncGroup === '' ? 100 : 250)
      writeFileSync(keepalived.configurationPath, syncGroup + lone)
      keepalived.kill('SIGHUP')
      await isHeldBy(theirs, [OUTSIDE, INSIDE], [ours, theirs], [agent, keepalived])
      const masters = takeovers(agent)
      await sleep(8 * INTERVAL)
      await isHeldBy(theirs, [OUTSIDE, INSIDE], [ours, theirs], [agent, keepalived])
      assert.equal(takeovers(agent), masters, 'nobody flaps')

      assert.equal(await keepalived.stop(), 0)
      await isHeldBy(ours, [OUTSIDE, INSIDE], [ours, theirs], [agent, keepalived])
      assert.equal(await agent.stop(), 0)
    })
  }
})

/** What the node itself tells of what is wrong. */
async function degraded({ node, stateDir }: AgentDaemon): Promise<string | undefined> {
  const [web] = await agentSource(join(stateDir, node.name, 'agent.sock'))
    .list()
    .catch(() => [])
  return web?.status.conditions?.find(({ type }) => type === 'Degraded')?.message
}

function takeovers(agent: AgentDaemon): number {
  return agent.output().split('-> MASTER').length - 1
}

function instance(name: string, virtualRouterID: number, address: string, priority: number): string {
  return `vrrp_instance ${name} {
  interface eth0
  virtual_router_id ${virtualRouterID}
  priority ${priority}
  version 3
  advert_int ${INTERVAL / 1000}
  virtual_ipaddress {
    ${address}
  }
}
`
}
