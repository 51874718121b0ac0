/* A file that changes under a running agent: what did not change does not notice, what is wrong changes nothing. */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { comesTo, rowOf, says, transitions } from '../lab/agent-view.ts'
import { type AgentDaemon, eventually, holders, scratchFolder, startAgent } from '../lab/daemons.ts'
import { type Listener, listenOn } from '../lab/frames.ts'
import { type LabNode, type Lan, openLan } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

describe('a file that changes', () => {
  let lan: Lan
  let node1: LabNode
  let listener: Listener
  let agent: AgentDaemon
  /** What the agent had said, and what was heard, before the change. */
  let [said, heard] = [0, 0]

  before(async () => {
    lan = openLan({ bridge: 'br-reload' })
    node1 = lan.addNode({ name: 'reload1', addresses: ['10.1.0.1/24', 'fd01::1/64'] })
    listener = listenOn(lan.addNode({ name: 'reload2', addresses: ['10.1.0.2/24', 'fd01::2/64'] }))
    agent = startAgent(node1, { file: stream(web(), db()) })
    await comesTo(agent, 'MASTER')
    await comesTo(agent, 'MASTER', { virtualIP: 'db' })
    await says(agent, 'Holds 10.1.0.100/24')
    await says(agent, 'Holds 10.1.0.200/24')
  })
  after(async () => {
    listener.close()
    await agent.stop()
    lan.close()
  })

  test('to one with another address: it is held and announced, and MASTER stays MASTER', async () => {
    change(stream(web({ addresses: ['10.1.0.100/24', '10.1.0.101/24'] }), db()))
    await isHeld('10.1.0.101')
    await isHeard(`10.1.0.101 is at ${node1.mac}`)
    assert.deepEqual(changesOf('web'), [])
    assert.deepEqual(changesOf('db'), [])
    assert.deepEqual(priorityZeros(), [])
  })

  for (const [what, text, sentence] of [
    [
      'no YAML',
      'kind: VirtualIP\n  metadata: {name: web}\n',
      /:1: Nested mappings are not allowed in compact mappings/,
    ],
    [
      'no VirtualIP a kernel could hold',
      stream(web({ addresses: ['10.1.0.300/24'] }), db()),
      /:\d+: spec\.addresses\[0\]: Invalid value: "10\.1\.0\.300\/24": must be/,
    ],
    ['empty', '', /:1: there is no VirtualIP in it: add one/],
    [
      'without its members',
      stream(without(web(), 'priorities')),
      /:\d+: spec\.priorities: Required value: which nodes take part\?/,
    ],
  ] as const) {
    test(`to one that is ${what}: the last good one goes on, and the error is told with its line, once`, async () => {
      change(text)
      await says(agent, 'The last good configuration goes on')
      await eventually('it is told', () => sentence.test(agent.output().slice(said)), { daemons: [agent] })
      assert.match(agent.output().slice(said), new RegExp(`${agent.file}${sentence.source}`))
      agent.kill('SIGHUP')
      await ready(503)
      assert.equal(
        agent
          .output()
          .slice(said)
          .match(/The last good configuration goes on/g)?.length,
        1,
      )
      change(stream(web({ addresses: ['10.1.0.100/24', '10.1.0.101/24'] }), db()))
      await eventually('it is read', () => agent.output().slice(said).includes(`Read ${agent.file}`))
      await ready(200)
      assert.deepEqual([...changesOf('web'), ...changesOf('db')], [])
      assert.deepEqual(holders([node1], '10.1.0.101'), [node1.name])
      assert.deepEqual(priorityZeros(), [])
    })
  }

  test('by SIGHUP, where nothing is new: it is read, and nothing happens', async () => {
    mark()
    agent.kill('SIGHUP')
    await eventually('it is read', () => agent.output().slice(said).includes(`Read ${agent.file}`))
    assert.deepEqual([...changesOf('web'), ...changesOf('db')], [])
  })

  test('to one without an address: it is released, and MASTER stays MASTER', async () => {
    change(stream(web(), db()))
    await eventually('it is released', () => holders([node1], '10.1.0.101').length === 0, { daemons: [agent] })
    await isHeld('10.1.0.100')
    assert.deepEqual(changesOf('web'), [])
    assert.deepEqual(priorityZeros(), [])
  })

  test('to another priority and interval: what is sent changes, MASTER stays MASTER', async () => {
    change(stream(web({ advertisementInterval: '300ms', priorities: priorities({ [node1.name]: 240 }) }), db()))
    await isHeard('advert 51 priority 240 from 10.1.0.1')
    assert.deepEqual(changesOf('web'), [])
    assert.equal((await rowOf(agent, 'web'))?.priority, 240)
  })

  test('to another VRID: the old virtual router ends with Priority 0, the new one waits its turn', async () => {
    change(stream(web({ virtualRouterID: 61 }), db()))
    await isHeard('advert 51 priority 0 from 10.1.0.1')
    await isHeard('advert 61 priority 200 from 10.1.0.1')
    await isHeld('10.1.0.100')
    assert.deepEqual(changesOf('db'), [])
    assert.equal(
      listener.heard
        .slice(listener.heard.indexOf('advert 51 priority 0 from 10.1.0.1') + 1)
        .filter(line => line.startsWith('advert 51')).length,
      0,
    )
  })

  test('to one in which two VirtualIPs have swapped their VRIDs: each ends as what it was before the other begins', async () => {
    change(stream(web({ virtualRouterID: 52 }), db({ virtualRouterID: 61 })))
    await isHeard('advert 61 priority 0 from 10.1.0.1')
    await isHeard('advert 52 priority 0 from 10.1.0.1')
    await comesTo(agent, 'MASTER')
    await comesTo(agent, 'MASTER', { virtualIP: 'db' })
    await isHeld('10.1.0.100')
    await isHeld('10.1.0.200')
  })

  test('to one without a VirtualIP: it is released, Priority 0 is sent, and the others go on', async () => {
    change(stream(web({ virtualRouterID: 52 })))
    await isHeard('advert 61 priority 0 from 10.1.0.1')
    assert.deepEqual(holders([node1], '10.1.0.200'), [])
    assert.deepEqual(changesOf('web'), [])
    await isHeld('10.1.0.100')
    assert.equal(await rowOf(agent, 'db'), undefined)
  })

  test('that is removed is told, and goes on as it was; one moved into its place is read', async () => {
    mark()
    rmSync(agent.file)
    await eventually('it is told', () =>
      agent.output().slice(said).includes(`Cannot read ${agent.file}: ENOENT\nThe last good configuration goes on`),
    )
    await isHeld('10.1.0.100')
    writeFileSync(`${agent.file}.new`, stream(web({ virtualRouterID: 52 }), db({ virtualRouterID: 61 })))
    renameSync(`${agent.file}.new`, agent.file)
    await comesTo(agent, 'MASTER', { virtualIP: 'db' })
    assert.deepEqual(changesOf('web'), [])
  })

  function change(text: string): void {
    mark()
    writeFileSync(agent.file, text)
  }

  function mark(): void {
    said = agent.output().length
    heard = listener.heard.length
  }

  function changesOf(name: string): string[] {
    const before = agent
      .output()
      .slice(0, said)
      .split('\n')
      .filter(line => / -> /.test(line)).length
    return transitions(agent)
      .slice(before)
      .filter(line => line.includes(` ${name}: `))
  }

  function priorityZeros(): string[] {
    return listener.heard.slice(heard).filter(line => line.includes('priority 0'))
  }

  async function isHeld(address: string): Promise<void> {
    await eventually(`${address} is held`, () => holders([node1], address).length === 1, { daemons: [agent] })
  }

  async function isHeard(line: string): Promise<void> {
    await eventually(`"${line}" is heard`, () => listener.heard.slice(heard).includes(line), { daemons: [agent] })
  }

  /** /readyz answers with this status. */
  async function ready(status: number): Promise<void> {
    const script = 'fetch("http://127.0.0.1:9180/readyz").then(({ status }) => console.log(status))'
    await eventually(`/readyz is ${status}`, () => node1.run('node', '-e', script).trim() === String(status))
  }
})

test('a file in a folder that is replaced as a whole, as Kubernetes does with a ConfigMap, is read again', async t => {
  const node1 = testLan(t, 'mount').node()
  const folder = scratchFolder()
  for (const [version, spec] of [web(), web({ addresses: ['10.1.0.101/24'] })].entries()) {
    mkdirSync(`${folder}/..v${version}`)
    writeFileSync(`${folder}/..v${version}/vips.yaml`, stream(forNode(spec, node1.name)))
  }
  symlinkSync('..v0', `${folder}/..data`)
  symlinkSync('..data/vips.yaml', `${folder}/vips.yaml`)
  const agent = startAgent(node1, { args: ['--file', `${folder}/vips.yaml`] })
  await says(agent, 'Holds 10.1.0.100/24')
  symlinkSync('..v1', `${folder}/..data_tmp`)
  renameSync(`${folder}/..data_tmp`, `${folder}/..data`)
  await says(agent, 'Holds 10.1.0.101/24')
  await says(agent, 'Released 10.1.0.100/24')
  assert.equal(await agent.stop(), 0)
})

test('to one with another version while the link has lost its own address for a moment: what runs is what it was until then', async t => {
  const node1 = testLan(t, 'lost').node()
  const [own = ''] = node1.addresses
  const version2 = { version: 2, authentication: { type: 'PASS', secretRef: { name: 'vrrp' } } } as const
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'vrrp' }, stringData: { password: 'Secret-1' } }
  const fileOf = (spec: Partial<VirtualIPSpec>) =>
    stream(forNode(web({ advertisementInterval: '1s', ...spec }), node1.name), secret)
  const agent = startAgent(node1, { file: fileOf({}) })
  await comesTo(agent, 'MASTER')
  node1.run('ip', 'address', 'delete', own, 'dev', 'eth0')
  writeFileSync(agent.file, fileOf(version2))
  await says(agent, `Read ${agent.file}`)
  const { message } = await comesTo(agent, 'FAULT', { reason: 'NoPrimaryAddress' })
  assert.match(message ?? '', /has no IPv4 address of its own/)
  node1.run('ip', 'address', 'add', own, 'dev', 'eth0')
  await comesTo(agent, 'MASTER')
  assert.equal(await agent.stop(), 0)
})

interface Named {
  readonly spec: VirtualIPSpec
}

// Slow enough that a busy machine can't make a transition of its own.
function web(spec: Partial<VirtualIPSpec> = {}): object {
  return vip('web', { addresses: ['10.1.0.100/24'], virtualRouterID: 51, ...spec })
}

function db(spec: Partial<VirtualIPSpec> = {}): object {
  return vip('db', { addresses: ['10.1.0.200/24'], virtualRouterID: 52, ...spec })
}

function vip(name: string, spec: VirtualIPSpec): object {
  const common = {
    interface: { name: 'eth0' },
    priorities: priorities({ reload1: 200 }),
    advertisementInterval: '500ms',
  }
  return virtualIP(name, { ...common, ...spec })
}

function without(object: object, field: keyof VirtualIPSpec): object {
  const { spec, ...rest } = object as Named
  return { ...rest, spec: { ...spec, [field]: undefined } }
}

function forNode(object: object, node: string): object {
  const { spec, ...rest } = object as Named
  return { ...rest, spec: { ...spec, priorities: priorities({ [node]: 200 }) } }
}
