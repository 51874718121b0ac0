/* How an agent ends, and what the next one makes of what it left. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parsePrefix } from '../../src/lib/ip-address.ts'
import { openAddresses } from '../../src/linux/addresses.ts'
import { comesTo, rowOf, says, transitions } from '../lab/agent-view.ts'
import { eventually, scratchFolder, startAgent } from '../lab/daemons.ts'
import { listenOn } from '../lab/frames.ts'
import type { LabNode } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

describe('an agent', { concurrency: 4 }, () => {
  test('that gets SIGTERM releases what it holds, sends Priority 0 once and ends with status 0', async t => {
    const { node } = testLan(t, 'term')
    const [node1, other] = [node(), node()]
    const agent = startAgent(node1, { file: file(node1, 'web', 100, 51) })
    await comesTo(agent, 'MASTER')
    const listener = listenOn(other)
    t.after(() => listener.close())

    assert.equal(await agent.stop(), 0, agent.output())
    assert.deepEqual(heldOn(node1), [])
    const leaving = 'advert 51 priority 0 from 10.1.0.1'
    await eventually('Priority 0 is heard', () => listener.heard.includes(leaving), { daemons: [agent] })
    const after = listener.heard.slice(listener.heard.indexOf(leaving) + 1)
    assert.deepEqual(after, [], 'and then nothing')
  })

  test('that gets SIGINT leaves as well, and says nothing on the wire where it is BACKUP', async t => {
    const { node } = testLan(t, 'int')
    const [node1, node2, other] = [node(), node(), node()]
    const text = stream(web(100, 51, { [node1.name]: 200, [node2.name]: 100 }))
    const master = startAgent(node1, { file: text })
    await comesTo(master, 'MASTER')
    const backup = startAgent(node2, { file: text })
    await comesTo(backup, 'BACKUP')
    const listener = listenOn(other)
    t.after(() => listener.close())

    backup.kill('SIGINT')
    assert.equal(await backup.ended, 0, backup.output())
    await eventually('the MASTER goes on', () => listener.heard.includes('advert 51 priority 200 from 10.1.0.1'))
    assert.deepEqual(
      listener.heard.filter(line => line.endsWith('from 10.1.0.2')),
      [],
    )
  })

  test('that was killed leaves its addresses for a while; the next sweeps them before it takes part', async t => {
    const { node } = testLan(t, 'kill')
    const node1 = node()
    const first = startAgent(node1, { file: file(node1, 'web', 100, 51) })
    await comesTo(first, 'MASTER')
    await killed(first)
    assert.deepEqual(heldOn(node1), ['10.1.0.100'], 'a killed agent can release nothing')
    await addMarked(node1, '10.1.0.99/24', markOf(first.stateDir, node1.name))

    const second = startAgent(node1, { stateDir: first.stateDir, file: file(node1, 'web', 100, 51) })
    await says(second, 'Holds 10.1.0.100/24 on eth0')
    assert.match(second.output(), /Released 10\.1\.0\.99\/24 on eth0.* -> MASTER.*Holds 10\.1\.0\.100\/24/s)
  })

  test('sweeps what a killed one left of a VirtualIP that is gone from the file, and touches nothing else', async t => {
    const { node } = testLan(t, 'sweep')
    const node1 = node()
    const first = startAgent(node1, { file: stream(web(100, 51, { [node1.name]: 200 }), dual(node1)) })
    await Promise.all([
      comesTo(first, 'MASTER'),
      comesTo(first, 'MASTER', { virtualIP: 'dual' }),
      comesTo(first, 'MASTER', { virtualIP: 'dual', family: 'IPv6' }),
    ])
    await killed(first)
    node1.run('ip', 'address', 'add', '10.1.0.77/32', 'dev', 'eth0')
    // As another routing daemon does, which marks what it adds (RTPROT_BIRD).
    await addMarked(node1, '10.1.0.78/24', 12)
    for (const left of ['10.1.0.99/24', 'fd01::99/64']) {
      await addMarked(node1, left, markOf(first.stateDir, node1.name))
    }

    const second = startAgent(node1, { stateDir: first.stateDir, file: file(node1, 'other', 102, 53) })
    await comesTo(second, 'MASTER', { virtualIP: 'other' })
    assert.deepEqual(heldOn(node1), ['10.1.0.102', '10.1.0.77', '10.1.0.78'])
    assert.equal(await second.stop(), 0)
    assert.deepEqual(heldOn(node1), ['10.1.0.77', '10.1.0.78'])
  })

  test('that can not start with its file sweeps all the same: a dead configuration must not answer for an address', async t => {
    const { node } = testLan(t, 'dead')
    const node1 = node()
    const first = startAgent(node1, { file: file(node1, 'web', 100, 51) })
    await comesTo(first, 'MASTER')
    await killed(first)

    const second = startAgent(node1, { stateDir: first.stateDir, file: 'kind: VirtualIP' })
    assert.equal(await second.ended, 1, second.output())
    assert.deepEqual(heldOn(node1), [], second.output())
  })
})

describe('two agents on one node', { concurrency: 3 }, () => {
  test('with instances of their own never touch what the other holds', async t => {
    const { node } = testLan(t, 'inst')
    const node1 = node()
    const stateDir = scratchFolder()
    const a = () => startInstance(node1, 'a', stateDir, file(node1, 'web', 100, 51))
    const b = () => startInstance(node1, 'b', stateDir, file(node1, 'db', 101, 52))
    const [firstA, firstB] = [a(), b()]
    await comesTo(firstA, 'MASTER', { instance: 'a' })
    await comesTo(firstB, 'MASTER', { virtualIP: 'db', instance: 'b' })
    assert.deepEqual(heldOn(node1), ['10.1.0.100', '10.1.0.101'])

    await killed(firstB)
    await addMarked(node1, '10.1.0.99/24', markOf(stateDir, 'b'))
    const leftByB = () => heldOn(node1).filter(address => address !== '10.1.0.101')
    assert.equal(await firstA.stop(), 0)
    assert.deepEqual(leftByB(), ['10.1.0.99'], 'a leaves what b left')
    const secondA = a()
    await comesTo(secondA, 'MASTER', { instance: 'a' })
    assert.deepEqual(leftByB(), ['10.1.0.100', '10.1.0.99'], 'and sweeps only its own')
    const secondB = b()
    await says(secondB, 'Released 10.1.0.99/24')
    await comesTo(secondB, 'MASTER', { virtualIP: 'db', instance: 'b' })
    assert.deepEqual(heldOn(node1), ['10.1.0.100', '10.1.0.101'])
    assert.doesNotMatch(secondA.output(), /10\.1\.0\.101/)
    assert.doesNotMatch(secondB.output(), /10\.1\.0\.100/)
  })

  test('know of each other’s VRIDs: the one beside the node’s own is heard by it, and not by itself', async t => {
    const { node } = testLan(t, 'hear')
    const node1 = node()
    const own = startAgent(node1, { file: file(node1, 'web', 100, 51) })
    await comesTo(own, 'MASTER')
    const beside = startInstance(node1, 'control-plane', own.stateDir, stream(dual(node1)))
    await Promise.all(
      (['IPv4', 'IPv6'] as const).map(family =>
        comesTo(beside, 'MASTER', { virtualIP: 'dual', family, instance: 'control-plane' }),
      ),
    )
    await says(own, 'VRID 52 (IPv4) is run on eth0 by 10.1.0.1, and not by this agent')
    await says(own, /VRID 52 \(IPv6\) is run on eth0 by fe80::\S+, and not by this agent/)
    assert.equal(transitions(own).length, 2)
    assert.equal(transitions(beside).length, 4, 'to BACKUP and MASTER twice, and no more for what it hears of itself')
    assert.doesNotMatch(beside.output(), /WARN|is run on/)
  })

  test('never send from an address that another holds, also where the node’s own comes behind it', async t => {
    const { node } = testLan(t, 'src')
    const [node1, other] = [node(), node()]
    const agent = startAgent(node1, { file: file(node1, 'web', 100, 51) })
    await comesTo(agent, 'MASTER')
    // As an agent of another instance does.
    await addMarked(node1, '10.1.0.78/32', 200)
    node1.run('ip', 'address', 'delete', '10.1.0.1/24', 'dev', 'eth0')
    await comesTo(agent, 'FAULT', { reason: 'NoPrimaryAddress' })
    node1.run('ip', 'address', 'add', '10.1.0.1/24', 'dev', 'eth0')
    const listener = listenOn(other)
    t.after(() => listener.close())
    await eventually('it advertises from its own', () =>
      listener.heard.includes('advert 51 priority 200 from 10.1.0.1'),
    )
  })

  test('with one instance are one too many: the second says so and leaves the first alone', async t => {
    const { node } = testLan(t, 'twice')
    const node1 = node()
    // So slow that a busy machine's start of the second makes no difference to the first.
    const slow = virtualIP('web', {
      addresses: ['10.1.0.100/24'],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      priorities: priorities({ [node1.name]: 255 }),
      advertisementInterval: '5s',
    })
    const first = startAgent(node1, { file: stream(slow) })
    await comesTo(first, 'MASTER')
    const told = transitions(first).length

    const second = startAgent(node1, { stateDir: first.stateDir, args: ['--file', first.file] })
    assert.equal(await second.ended, 1, second.output())
    assert.match(second.output(), /another agent runs here \(give each its own --instance\)/)
    await eventually('the first is MASTER', async () => (await rowOf(first, 'web'))?.state === 'MASTER')
    assert.deepEqual(heldOn(node1), ['10.1.0.100'])
    assert.equal(transitions(first).length, told)
  })

  test('where the port of one is taken: the second says so and ends, and holds nothing', async t => {
    const { node } = testLan(t, 'port')
    const node1 = node()
    const first = startAgent(node1, { file: file(node1, 'web', 100, 51) })
    await comesTo(first, 'MASTER')
    const second = startAgent(node1, {
      file: file(node1, 'db', 101, 52),
      args: ['--instance', 'b', '--metrics-address', ':9180'],
    })
    assert.equal(await second.ended, 1, second.output())
    assert.match(
      second.output(),
      /Cannot serve metrics on :9180: EADDRINUSE \(another process listens there; choose another with --metrics-address\)/,
    )
    assert.deepEqual(heldOn(node1), ['10.1.0.100'])
  })
})

function startInstance(node: LabNode, instance: string, stateDir: string, text: string) {
  const path = `${stateDir}/${instance}.yaml`
  writeFileSync(path, text)
  return startAgent(node, { stateDir, args: ['--instance', instance, '--file', path] })
}

async function killed(agent: { kill(signal: NodeJS.Signals): void; ended: Promise<unknown> }): Promise<void> {
  agent.kill('SIGKILL')
  await agent.ended
}

async function addMarked(node: LabNode, text: string, mark: number): Promise<void> {
  const prefix = parsePrefix(text) ?? assert.fail(text)
  const linkIndex = Number(node.run('cat', '/sys/class/net/eth0/ifindex'))
  const addresses = await inNamespace(node.name, () => openAddresses(mark, 60_000))
  const [error] = await addresses.apply([{ action: 'hold', linkIndex, linkName: 'eth0', prefix }])
  addresses.close()
  assert.equal(error, undefined)
}

function markOf(stateDir: string, instance: string): number {
  return Number(readFileSync(join(stateDir, instance, 'mark'), 'utf8'))
}

/** What eth0 has beside the node's own addresses. */
function heldOn(node: LabNode): string[] {
  const shown = node.run('ip', '-brief', 'address', 'show', 'eth0')
  return [...shown.matchAll(/ ([0-9a-f.:]+)\/\d+/g)]
    .map(([, address = '']) => address)
    .filter(address => !address.startsWith('fe80') && !node.addresses.some(own => own.startsWith(`${address}/`)))
    .sort()
}

function file(node: LabNode, name: string, host: number, virtualRouterID: number): string {
  return stream(web(host, virtualRouterID, { [node.name]: 200 }, name))
}

function web(host: number, virtualRouterID: number, byNode: Record<string, number>, name = 'web'): object {
  return virtualIP(name, {
    addresses: [`10.1.0.${host}/24`],
    interface: { name: 'eth0' },
    virtualRouterID,
    priorities: priorities(byNode),
  })
}

function dual(node: LabNode): object {
  return virtualIP('dual', {
    addresses: ['10.1.0.101/24', 'fd01::101/64'],
    virtualRouterID: 52,
    priorities: priorities({ [node.name]: 200 }),
  })
}
