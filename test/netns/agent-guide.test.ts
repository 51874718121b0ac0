/* The guide that keepalived's users know: its two nodes, its health check, its pitfalls. */
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Check } from '../../src/api/check.ts'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { runImport } from '../../src/cli/import.ts'
import { comesTo, says, transitions } from '../lab/agent-view.ts'
import { type Daemon, eventually, holders, scratchFolder, startAgent, startKeepalived } from '../lab/daemons.ts'
import { type LabNode, openLan } from '../lab/lan.ts'
import { withOwnProcesses } from '../lab/own-processes.ts'
import { priorities, secret, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const ADDRESS = '192.168.1.100'
const CHECK: Check = { name: 'nginx', process: { name: 'nginx' }, interval: '2s', fall: 2, rise: 2, weight: -20 }

describe('the guide', { concurrency: 4 }, () => {
  test('with our agents on both nodes: nginx ends on node1, the address moves; nginx is back, so is the address', async t => {
    const { node1, node2 } = guide(t, 'guide')
    const [machine1, machine2] = [await withOwnProcesses(node1), await withOwnProcesses(node2)]
    const [nginx1] = [startNginx(machine1), startNginx(machine2)]
    const file = fileOf({ checks: [CHECK] }, { [node1.name]: 100, [node2.name]: 90 })
    const agents = [startAgent(machine1, { file }), startAgent(machine2, { file })] as const
    await isHeldBy(node1, [node1, node2], agents)
    assert.equal((await comesTo(agents[1], 'BACKUP')).priority, 90)

    nginx1.stop()
    await isHeldBy(node2, [node1, node2], agents)
    assert.equal((await comesTo(agents[0], 'BACKUP')).priority, 80)
    startNginx(machine1)
    await isHeldBy(node1, [node1, node2], agents)
    assert.equal((await comesTo(agents[0], 'MASTER')).priority, 100)
  })

  test("with keepalived and the guide's own file on node2, and what we import of the guide's files on node1", async t => {
    const { node1, node2 } = guide(t, 'mixed')
    const [machine1, machine2] = [await withOwnProcesses(node1), await withOwnProcesses(node2)]
    const [nginx1] = [startNginx(machine1), startNginx(machine2)]
    const keepalived = startKeepalived(machine2, readFileSync(seed('node2'), 'utf8'))
    const agent = startAgent(machine1, { file: imported(node1, node2) })
    const daemons = [agent, keepalived]
    await isHeldBy(node1, [node1, node2], daemons)

    nginx1.stop()
    await isHeldBy(node2, [node1, node2], daemons)
    startNginx(machine1)
    await isHeldBy(node1, [node1, node2], daemons)
    assert.doesNotMatch(keepalived.output(), /(expected|invalid|mismatch|bogus|dropped)/i)
  })

  test('pitfall: a firewall that drops protocol 112 on arrival makes two MASTERs, and one again when it is open', async t => {
    const { node1, node2 } = guide(t, 'deaf')
    for (const node of [node1, node2]) firewall(node, 'input', 'drop')
    const file = fileOf({ version: 3, advertisementInterval: '200ms' }, { [node1.name]: 100, [node2.name]: 90 })
    const agents = [startAgent(node1, { file }), startAgent(node2, { file })]
    await eventually('both hold it', () => holders([node1, node2], ADDRESS).length === 2, { daemons: agents })
    for (const node of [node1, node2]) node.run('nft', 'delete', 'table', 'inet', 'firewall')
    await isHeldBy(node1, [node1, node2], agents)
  })

  test('pitfall: a firewall that refuses protocol 112 out of a node is a FAULT that says so, and never MASTER', async t => {
    const { node1, node2 } = guide(t, 'mute')
    firewall(node1, 'output', 'drop')
    const file = fileOf({ version: 3, advertisementInterval: '200ms' }, { [node1.name]: 100, [node2.name]: 90 })
    const [mute, other] = [startAgent(node1, { file }), startAgent(node2, { file })]
    const { message } = await comesTo(mute, 'FAULT', { reason: 'SendRefused' })
    assert.equal(
      message,
      "Cannot send to 224.0.0.18 on eth0: EPERM (refused by this node's firewall): allow IP protocol 112 out of eth0 in this node's firewall",
    )
    await isHeldBy(node2, [node1, node2], [mute, other])
    // Longer than it takes to try again.
    for (const end = Date.now() + 7000; Date.now() < end; await sleep(50)) {
      assert.deepEqual(holders([node1], ADDRESS), [], mute.output())
    }
    assert.doesNotMatch(mute.output(), /-> MASTER/)

    node1.run('nft', 'delete', 'table', 'inet', 'firewall')
    await isHeldBy(node1, [node1, node2], [mute, other])
    firewall(node1, 'output', 'reject')
    await comesTo(mute, 'FAULT', { reason: 'SendRefused' })
    await isHeldBy(node2, [node1, node2], [mute, other])
  })

  test('pitfall: with two VRIDs both hold the address, and both say whom they hear', async t => {
    const { node1, node2 } = guide(t, 'vrids')
    const file = (virtualRouterID: number) =>
      fileOf({ version: 3, advertisementInterval: '200ms', virtualRouterID }, { [node1.name]: 100, [node2.name]: 90 })
    const agents = [startAgent(node1, { file: file(51) }), startAgent(node2, { file: file(52) })] as const
    await eventually('both hold it', () => holders([node1, node2], ADDRESS).length === 2, { daemons: agents })
    await says(
      agents[0],
      `web: 192.168.1.11 advertises ${ADDRESS} too, with VRID 52 where this node has 51: give both the same virtualRouterID`,
    )
    await says(
      agents[1],
      `web: 192.168.1.10 advertises ${ADDRESS} too, with VRID 51 where this node has 52: give both the same virtualRouterID`,
    )
  })

  test('pitfall: an advert with another password is refused, told and counted', async t => {
    const { node1, node2 } = guide(t, 'pass')
    const byNode = { [node1.name]: 100, [node2.name]: 90 }
    const agents = [
      startAgent(node1, { file: fileOf({}, byNode) }),
      startAgent(node2, { file: fileOf({}, byNode, 'Secret456') }),
    ] as const
    await eventually('both hold it', () => holders([node1, node2], ADDRESS).length === 2, { daemons: agents })
    await says(agents[0], 'web: an advert from 192.168.1.11 is refused: Authentication: the password is not ours')
    await says(agents[1], 'web: an advert from 192.168.1.10 is refused: Authentication: the password is not ours')
    await eventually('they are counted', () =>
      /kube_vrrp_packets_refused_total\{reason="Authentication"\} ([4-9]|\d\d)/.test(metrics(node1)),
    )
    assert.equal(agents[0].output().match(/is refused: Authentication/g)?.length, 1, 'told once, not with every advert')
    assert.deepEqual(transitions(agents[0]).length, 2)
  })
})

/** node1, 192.168.1.10, and node2, 192.168.1.11. */
function guide(t: TestContext, name: string): { node1: LabNode; node2: LabNode } {
  const lan = openLan({ bridge: `br-${name}` })
  t.after(() => lan.close())
  return {
    node1: lan.addNode({ name: `${name}1`, addresses: ['192.168.1.10/24'] }),
    node2: lan.addNode({ name: `${name}2`, addresses: ['192.168.1.11/24'] }),
  }
}

function fileOf(spec: Partial<VirtualIPSpec>, byNode: Record<string, number>, password = 'SecretKey123'): string {
  const version2 = { version: 2, authentication: { type: 'PASS', secretRef: { name: 'vrrp' } } } as const
  return stream(
    virtualIP('web', {
      addresses: [`${ADDRESS}/24`],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      priorities: priorities(byNode),
      ...(spec.version === 3 ? {} : version2),
      ...spec,
    }),
    secret('vrrp', password),
  )
}

function seed(node: 'node1' | 'node2'): string {
  return fileURLToPath(new URL(`../keepalived/seed/${node}.conf`, import.meta.url))
}

function imported(node1: LabNode, node2: LabNode): string {
  let file = ''
  const status = runImport([`${node1.name}=${seed('node1')}`, `${node2.name}=${seed('node2')}`], {
    readFile: path => readFileSync(path, 'utf8'),
    glob: () => [],
    stdout: text => {
      file += text
    },
    stderr: () => {},
  })
  assert.equal(status, 0)
  return file
}

/** Something that runs under that name. */
function startNginx(machine: LabNode): { stop(): void } {
  const folder = scratchFolder()
  copyFileSync('/bin/sleep', `${folder}/nginx`)
  machine.spawn('sh', ['-c', `echo $$ >${folder}/pid; exec ${folder}/nginx 1000`], { stdio: 'ignore' })
  return {
    stop: () => {
      machine.spawn('sh', ['-c', `kill "$(cat ${folder}/pid)"`], { stdio: 'ignore' })
    },
  }
}

function firewall(node: LabNode, hook: 'input' | 'output', verdict: 'drop' | 'reject'): void {
  const chain = `add chain inet firewall ${hook} { type filter hook ${hook} priority 0; }`
  node.run('nft', `add table inet firewall; ${chain}; add rule inet firewall ${hook} meta l4proto 112 ${verdict}`)
}

function metrics(node: LabNode): string {
  return node.run('node', '-e', 'fetch("http://127.0.0.1:9180/metrics").then(r => r.text()).then(console.log)')
}

async function isHeldBy(node: LabNode, nodes: readonly LabNode[], daemons: readonly Daemon[]): Promise<void> {
  await eventually(`${node.name} alone holds ${ADDRESS}`, () => holders(nodes, ADDRESS).join() === node.name, {
    daemons,
    within: 40_000,
  })
}
