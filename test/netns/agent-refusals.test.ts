/* What an agent can't do is said in one sentence that says what to do; where it can't go on it ends, and holds nothing. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { comesTo, rowOf, says } from '../lab/agent-view.ts'
import { behind } from '../lab/behind.ts'
import { type AgentSettings, holders, scratchFolder, startAgent } from '../lab/daemons.ts'
import { type LabNode, type Lan, openLan } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { nodeDocument, priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const GOOD = file({ refuse1: 200 })

describe('an agent ends with status 1 and a sentence', { concurrency: 1 }, () => {
  let lan: Lan
  let node: LabNode
  before(() => {
    lan = openLan({ bridge: 'br-refuse' })
    node = lan.addNode({ name: 'refuse1', addresses: ['10.1.0.1/24'] })
  })
  after(() => {
    assert.deepEqual(holders([node], '10.1.0.100'), [])
    lan.close()
  })

  for (const [capability, flag] of [
    ['CAP_NET_ADMIN', '-net_admin'],
    ['CAP_NET_RAW', '-net_raw'],
    ['CAP_NET_ADMIN and CAP_NET_RAW', '-net_admin,-net_raw'],
  ] as const) {
    test(`without ${capability}`, async () => {
      await refused(
        behind(node, ['setpriv', `--bounding-set=${flag}`]),
        { file: GOOD },
        `Cannot run an agent without ${capability} (run it as root, or add them to the container's securityContext.capabilities)`,
      )
    })
  }

  test('without its file', async () => {
    await refused(node, { args: ['--file', '/run/nowhere.yaml'] }, 'Cannot read /run/nowhere.yaml: ENOENT')
  })

  test('with a folder for its file', async () => {
    const folder = scratchFolder()
    await refused(node, { args: ['--file', folder] }, `Cannot read ${folder}: EISDIR`)
  })

  test('with a file that it may not read', async () => {
    const path = `${scratchFolder()}/vips.yaml`
    writeFileSync(path, GOOD)
    chmodSync(path, 0)
    const ordinary = behind(node, ['setpriv', '--bounding-set=-dac_override,-dac_read_search'])
    await refused(ordinary, { args: ['--file', path] }, `Cannot read ${path}: EACCES`)
  })

  test('with a file that says nobody takes part', async () => {
    const stateDir = scratchFolder()
    await refused(
      node,
      { stateDir, file: stream(virtualIP('web', { addresses: ['10.1.0.100/24'] })) },
      `${stateDir}/refuse1.yaml:7: spec.priorities: Required value: which nodes take part? Add priorities, e.g. [{node: node1, priority: 200}, {node: node2, priority: 100}], or a Node document (apiVersion: v1, kind: Node) for each`,
    )
  })

  test('with every error that its file has, a line each', async () => {
    const stateDir = scratchFolder()
    const bad = file({ refuse1: 200 }, { addresses: ['10.1.0.300/24'], advertisementInterval: '5ms' })
    const output = await refused(node, { stateDir, file: bad }, `${stateDir}/refuse1.yaml:`)
    assert.match(output, /spec\.addresses\[0\]: Invalid value: "10\.1\.0\.300\/24": must be an IPv4 or IPv6 address/)
    assert.match(output, /spec\.advertisementInterval: Invalid value: "5ms": must be 10ms to 40\.95s/)
  })

  test('with a file in which nodes have the same priority', async () => {
    await refused(node, { file: file({ refuse1: 100, other: 100 }) }, 'must have a different priority for each node')
  })

  test('with a state folder that can not be made', async () => {
    const path = `${scratchFolder()}/file`
    writeFileSync(path, '')
    await refused(
      node,
      { args: ['--file', goodFile(), '--state-dir', `${path}/state`] },
      `Cannot make the state folder ${path}/state/refuse1: ENOTDIR (choose another with --state-dir)`,
    )
  })

  test('with a state folder whose path is too long for a socket', async () => {
    const long = `${scratchFolder()}/${'a'.repeat(100)}`
    mkdirSync(long)
    await refused(node, { args: ['--file', goodFile(), '--state-dir', long] }, 'choose a shorter --state-dir')
  })

  test('with a metrics address that is none', async () => {
    await refused(
      node,
      { file: GOOD, args: ['--metrics-address', '9180'] },
      'Cannot serve metrics on "9180": --metrics-address is like :9180, 127.0.0.1:9180 or [::1]:9180',
    )
  })

  function goodFile(): string {
    const path = `${scratchFolder()}/good.yaml`
    writeFileSync(path, GOOD)
    return path
  }
})

describe('an agent goes on', { concurrency: 3 }, () => {
  test('where nobody of its file is this node, and asks whether --node is right', async t => {
    const node = testLan(t, 'noname').node()
    const agent = startAgent(node, { file: file({ node1: 200, node2: 100 }) })
    await says(agent, 'web names other nodes: node1, node2; noname1 takes no part in it (is --node right?)')
    assert.equal(await agent.stop(), 0)
  })

  test('where others were chosen of the nodes that its file has, and says so', async t => {
    const node = testLan(t, 'spare').node()
    const spec = {
      addresses: ['10.1.0.100/24'],
      redundancy: 1,
      preferredNodes: [{ weight: 1, preference: { matchLabels: { a: 'b' } } }],
    }
    const other = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'other', labels: { a: 'b' } } }
    const agent = startAgent(node, { file: stream(virtualIP('web', spec), nodeDocument(node.name), other) })
    await says(agent, 'web has its nodes: other; spare1 takes no part in it')
    assert.equal(await agent.stop(), 0)
  })

  test('with a check whose weight moves nothing, and says what would', async t => {
    const node = testLan(t, 'weak').node()
    const checks = [{ name: 'up', exec: { command: ['/bin/true'] }, weight: -10 }]
    const agent = startAgent(node, { file: file({ [node.name]: 100, other: 90 }, { checks }) })
    await says(
      agent,
      'web is accepted. Warning: weight -10 of check up is too small to make another node take over (the first has priority 100, the second 90): make it -11 or less',
    )
    assert.equal(await agent.stop(), 0)
  })

  test('with the VirtualIPs that it can accept, and says what is wrong with the others', async t => {
    const node = testLan(t, 'partly').node()
    const spec = { priorities: priorities({ [node.name]: 200 }), interface: { name: 'eth0' } }
    const agent = startAgent(node, {
      file: stream(
        virtualIP('web', { ...spec, addresses: ['10.1.0.100/24'], virtualRouterID: 51 }),
        virtualIP('web2', { ...spec, addresses: ['10.1.0.100/32'], virtualRouterID: 52 }),
        virtualIP('web3', { ...spec, addresses: ['10.1.0.103/24'], virtualRouterID: 51 }),
      ),
    })
    await comesTo(agent, 'MASTER')
    await says(
      agent,
      'web2 is not accepted: AddressInUse: 10.1.0.100 belongs to VirtualIP web: remove it here or there',
    )
    await says(agent, 'web3 is not accepted: VirtualRouterIDInUse: VRID 51 belongs to VirtualIP web on this segment')
    assert.equal(await rowOf(agent, 'web2'), undefined)
  })
})

/** It ends with status 1 and a single line that holds `sentence`; gives all that it wrote. */
async function refused(node: LabNode, settings: AgentSettings, sentence: string): Promise<string> {
  const agent = startAgent(node, settings)
  const status = await agent.ended
  const output = agent.output()
  assert.equal(status, 1, output)
  assert.ok(output.includes(sentence), output)
  assert.equal(output.match(/ FATAL /g)?.length, 1, output)
  assert.doesNotMatch(output, /\n {4}at /, 'no stack')
  return output
}

function file(byNode: Record<string, number>, spec: object = {}): string {
  return stream(
    virtualIP('web', {
      addresses: ['10.1.0.100/24'],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      priorities: priorities(byNode),
      ...spec,
    }),
  )
}
