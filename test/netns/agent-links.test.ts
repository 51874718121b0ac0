/* What happens to links and addresses under a running agent, by hand or by themselves. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { comesTo, says, transitions } from '../lab/agent-view.ts'
import { type AgentDaemon, eventually, holders, startAgent } from '../lab/daemons.ts'
import { listenOn } from '../lab/frames.ts'
import type { LabNode } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

describe('addresses', { concurrency: 4 }, () => {
  test('that somebody deletes come back and are announced, without a transition', async t => {
    const { node } = testLan(t, 'byhand')
    const [node1, other] = [node(), node()]
    // Slow enough that a busy machine can't make a transition of its own.
    const agent = startAgent(node1, {
      file: file(node1, { addresses: ['10.1.0.100/24', 'fd01::100/64'], advertisementInterval: '500ms' }),
    })
    await comesTo(agent, 'MASTER')
    await comesTo(agent, 'MASTER', { family: 'IPv6' })
    await says(agent, 'Holds fd01::100/64')
    // The announcements of the takeover itself are over.
    await sleep(5500)
    const told = transitions(agent).length
    const listener = listenOn(other)
    t.after(() => listener.close())

    node1.run('ip', 'address', 'delete', '10.1.0.100/24', 'dev', 'eth0')
    await eventually('it is back', () => holders([node1], '10.1.0.100').length === 1, { daemons: [agent] })
    await heard(listener.heard, `10.1.0.100 is at ${node1.mac}`, agent)
    node1.run('ip', 'address', 'delete', 'fd01::100/64', 'dev', 'eth0')
    await eventually('it is back', () => holders([node1], 'fd01::100').length === 1, { daemons: [agent] })
    await heard(listener.heard, `fd01::100 is at ${node1.mac}`, agent)
    assert.deepEqual(transitions(agent).slice(told), [])
  })

  test('that somebody put there before us serve, and stay when we leave', async t => {
    const { node } = testLan(t, 'foreign')
    const node1 = node()
    node1.run('ip', 'address', 'add', '10.1.0.100/32', 'dev', 'eth0')
    const agent = startAgent(node1, { file: file(node1) })
    await comesTo(agent, 'MASTER')
    assert.equal(await agent.stop(), 0)
    assert.deepEqual(holders([node1], '10.1.0.100'), [node1.name])
  })

  test("and the node's own are flushed: FAULT, since adverts have nothing to come from; with an own address it goes on", async t => {
    const { node } = testLan(t, 'flush')
    const { master, backup } = await pair(node(), node())
    master.node.run('ip', 'address', 'flush', 'dev', 'eth0')
    const { message } = await comesTo(master, 'FAULT', { reason: 'NoPrimaryAddress' })
    assert.equal(message, 'Link eth0 has no IPv4 address of its own to send adverts from')
    await comesTo(backup, 'MASTER')
    master.node.run('ip', 'address', 'add', '10.1.0.1/24', 'dev', 'eth0')
    await comesTo(master, 'MASTER')
    await alone([master, backup], master)
  })
})

describe('a link', { concurrency: 2 }, () => {
  test('that is set down is a FAULT that says how to end it; the other node takes over, and yields when it is up', async t => {
    const { node } = testLan(t, 'down')
    const { master, backup } = await pair(node(), node())
    master.node.run('ip', 'link', 'set', 'eth0', 'down')
    const { message } = await comesTo(master, 'FAULT', { reason: 'LinkDown' })
    assert.equal(message, 'Link eth0 is down (ip link set eth0 up)')
    await comesTo(backup, 'MASTER')
    await alone([master, backup], backup)
    master.node.run('ip', 'link', 'set', 'eth0', 'up')
    await comesTo(master, 'MASTER')
    await alone([master, backup], master)
    // On a busy machine MASTER and BACKUP may change once more in between.
    const told = transitions(master).map(line => / web: (\w+ -> \w+): /.exec(line)?.[1])
    const ofFault = told.filter(change => change?.includes('FAULT') || change?.includes('INITIALIZE'))
    assert.deepEqual(ofFault, ['INITIALIZE -> BACKUP', 'MASTER -> FAULT', 'FAULT -> BACKUP'], 'one line each')
  })

  test('that loses its carrier is a FAULT, also for IPv6', async t => {
    const { lan, node } = testLan(t, 'carrier')
    const { master, backup } = await pair(node(), node(), { addresses: ['10.1.0.100/24', 'fd01::100/64'] })
    await comesTo(master, 'MASTER', { family: 'IPv6' })
    lan.setCarrier(master.node, false)
    const { message } = await comesTo(master, 'FAULT', { reason: 'NoCarrier' })
    assert.equal(message, 'Link eth0 has no carrier')
    await comesTo(master, 'FAULT', { family: 'IPv6' })
    assert.deepEqual([holders([master.node], '10.1.0.100'), holders([master.node], 'fd01::100')], [[], []])
    await comesTo(backup, 'MASTER')
    await comesTo(backup, 'MASTER', { family: 'IPv6' })
    lan.setCarrier(master.node, true)
    await comesTo(master, 'MASTER')
    await comesTo(master, 'MASTER', { family: 'IPv6' })
    await alone([master, backup], master)
  })

  test('that is deleted is a FAULT; made anew, it is served again', async t => {
    const node1 = testLan(t, 'delete').node()
    addLink(node1)
    const agent = startAgent(node1, {
      file: file(node1, { addresses: ['10.2.0.100/24'], interface: { name: 'eth1' } }),
    })
    await comesTo(agent, 'MASTER')
    node1.run('ip', 'link', 'delete', 'eth1')
    const { message } = await comesTo(agent, 'FAULT', { reason: 'LinkMissing' })
    assert.equal(message, 'Link eth1 does not exist on this node')
    addLink(node1)
    await comesTo(agent, 'MASTER')
    await says(agent, /Holds 10\.2\.0\.100.*FAULT.*Holds 10\.2\.0\.100/s)
  })

  test('that was found by its subnet is missed when it is deleted, and found again under another name', async t => {
    const node1 = testLan(t, 'subnet').node()
    addLink(node1)
    const agent = startAgent(node1, { file: file(node1, { addresses: ['10.2.0.100/24'], interface: {} }) })
    await comesTo(agent, 'MASTER')
    node1.run('ip', 'link', 'delete', 'eth1')
    const { message } = await comesTo(agent, 'FAULT', { reason: 'LinkMissing' })
    assert.equal(message, 'No link of this node is in 10.2.0.0/24')
    addLink(node1, 'eth7')
    const { link } = await comesTo(agent, 'MASTER')
    assert.equal(link, 'eth7')
  })

  test('that is renamed keeps nothing of ours, and serves again under its old name', async t => {
    const node1 = testLan(t, 'rename').node()
    addLink(node1)
    const agent = startAgent(node1, {
      file: file(node1, { addresses: ['10.2.0.100/24'], interface: { name: 'eth1' } }),
    })
    await comesTo(agent, 'MASTER')
    await says(agent, 'Holds 10.2.0.100/24')
    rename(node1, 'eth1', 'eth9')
    await comesTo(agent, 'FAULT', { reason: 'LinkMissing' })
    await eventually('it is released', () => !node1.run('ip', 'address', 'show', 'dev', 'eth9').includes('10.2.0.100'))
    rename(node1, 'eth9', 'eth1')
    await comesTo(agent, 'MASTER')
    await eventually('it is held', () => node1.run('ip', 'address', 'show', 'dev', 'eth1').includes('10.2.0.100'))
  })

  test('that one node does not have is a FAULT there, and the other serves', async t => {
    const { node } = testLan(t, 'absent')
    const [node1, node2] = [node(), node()]
    rename(node2, 'eth0', 'lan0')
    const text = file(node1, { priorities: priorities({ [node1.name]: 100, [node2.name]: 200 }) })
    const [serving, faulty] = [startAgent(node1, { file: text }), startAgent(node2, { file: text })]
    const { message } = await comesTo(faulty, 'FAULT', { reason: 'LinkMissing' })
    assert.equal(message, 'Link eth0 does not exist on this node')
    await comesTo(serving, 'MASTER')
    await says(faulty, 'web: INITIALIZE -> FAULT: Link eth0 does not exist on this node')
  })

  test('whose own address changes goes on with the new one as the source of its adverts', async t => {
    const { node } = testLan(t, 'source')
    const [node1, other] = [node(), node()]
    const agent = startAgent(node1, { file: file(node1, { advertisementInterval: '500ms' }) })
    await comesTo(agent, 'MASTER')
    const told = transitions(agent).length
    const listener = listenOn(other)
    t.after(() => listener.close())
    await heard(listener.heard, 'advert 51 priority 200 from 10.1.0.1', agent)
    node1.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv4/conf/eth0/promote_secondaries')
    node1.run('ip', 'address', 'add', '10.1.0.33/24', 'dev', 'eth0')
    node1.run('ip', 'address', 'delete', '10.1.0.1/24', 'dev', 'eth0')
    await heard(listener.heard, 'advert 51 priority 200 from 10.1.0.33', agent)
    assert.deepEqual(transitions(agent).slice(told), [])
    assert.deepEqual(holders([node1], '10.1.0.100'), [node1.name])
  })
})

/** One end of a pair whose other end is on the node too. */
function addLink(node: LabNode, name = 'eth1'): void {
  node.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'peer1')
  node.run('ip', 'link', 'set', 'peer1', 'up')
  node.run('ip', 'link', 'set', name, 'up')
  node.run('ip', 'address', 'add', '10.2.0.1/24', 'dev', name)
}

/** Older kernels rename a link only while it is down. */
function rename(node: LabNode, from: string, to: string): void {
  node.run('ip', 'link', 'set', from, 'down')
  node.run('ip', 'link', 'set', from, 'name', to)
  node.run('ip', 'link', 'set', to, 'up')
}

/** node1, of priority 200, is MASTER; node2, of 100, is BACKUP. */
async function pair(
  node1: LabNode,
  node2: LabNode,
  spec: Partial<VirtualIPSpec> = {},
): Promise<{ master: AgentDaemon; backup: AgentDaemon }> {
  const text = file(node1, { ...spec, priorities: priorities({ [node1.name]: 200, [node2.name]: 100 }) })
  const master = startAgent(node1, { file: text })
  await comesTo(master, 'MASTER')
  const backup = startAgent(node2, { file: text })
  await comesTo(backup, 'BACKUP')
  return { master, backup }
}

async function alone(agents: readonly AgentDaemon[], holder: AgentDaemon): Promise<void> {
  const nodes = agents.map(({ node }) => node)
  await eventually(
    `${holder.node.name} alone holds it`,
    () => holders(nodes, '10.1.0.100').join() === holder.node.name,
    {
      daemons: agents,
    },
  )
}

async function heard(lines: readonly string[], line: string, agent: AgentDaemon): Promise<void> {
  await eventually(`"${line}" is heard`, () => lines.includes(line), { daemons: [agent] })
}

function file(node: LabNode, spec: Partial<VirtualIPSpec> = {}): string {
  return stream(
    virtualIP('web', {
      addresses: ['10.1.0.100/24'],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      priorities: priorities({ [node.name]: 200 }),
      advertisementInterval: '200ms',
      ...spec,
    }),
  )
}
