/*
 * docs/control-plane.md and deploy/static-pod.yaml as they are: kubelets that know the API server by an address which their own static pods hold.
 * node1 and node2 have an API server each (node3 has none), beside the lab's own, which is for the test.
 */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'yaml'
import { LEASES, NODES } from '../../src/kube/resources.ts'
import { install, masterOf, serve, virtualIP } from './kube-vrrp.ts'
import { type Cluster, startCluster } from './lab/cluster.ts'
import type { ClusterNode } from './lab/cluster-node.ts'
import { ROOT } from './lab/root.ts'
import { observe } from './outages.ts'

const ENDPOINT = '10.77.0.250'
const API_PORT = 6443
const WEB = '10.77.0.200'
const POD = 'kube-vrrp-control-plane'
/** What the controller allocates to `web` where nobody has it. */
const VRID_OF_WEB = 56

describe('the control plane’s own address', () => {
  let cluster: Cluster
  const servers = new Map<ClusterNode, ChildProcess>()
  before(async () => {
    cluster = await startCluster({ nodes: 3 })
    await Promise.all(controlPlane().map(startApiServer))
  })
  afterEach(t => cluster.explain(t))
  after(() => cluster.close())
  const controlPlane = () => [cluster.node(1), cluster.node(2)]
  const startApiServer = async (node: ClusterNode) => {
    servers.set(node, await cluster.startApiServerOn(node))
  }
  const isReady = async (pod: string) => {
    const path = '--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}'
    return (await cluster.kubectl('--namespace=kube-system', 'get', 'pod', pod, path)) === 'True'
  }
  const killApiServer = (node: ClusterNode, signal: NodeJS.Signals = 'SIGKILL') => servers.get(node)?.kill(signal)

  test('is there before any kubelet has reached an API server, and then all reach it there', async () => {
    // kubeadm's chicken and egg: they know the API server by this address alone.
    cluster.useApiServerAt(ENDPOINT, API_PORT)
    const restarted = Date.now()
    for (const node of controlPlane()) {
      await node.inside('mkdir', '-p', '/etc/kube-vrrp')
      await writeVirtualIPs(node, documented())
      node.addManifest('kube-vrrp', parse(readFileSync(join(ROOT, 'deploy/static-pod.yaml'), 'utf8')))
    }
    await held('node1')
    for (const node of cluster.nodes) {
      await renewed(node, restarted)
      await cluster.waitFor(`${node.name} speaks to ${ENDPOINT}`, () => connections(node) > 0)
    }
    // A static pod that was started without an API server is shown there at the kubelet's next round, a minute later.
    for (const { name } of controlPlane()) {
      await cluster.waitFor(`${POD}-${name} is Ready`, () => isReady(`${POD}-${name}`), { within: 120 })
    }
  })

  test('the chart’s agents run beside it, each holds its own, and the plan keeps away from its VRID', async () => {
    await install(cluster)
    const priorities = [
      { node: 'node1', priority: 200 },
      { node: 'node3', priority: 100 },
    ]
    const { status } = await serve(cluster, 'web', { addresses: [`${WEB}/24`], priorities })
    assert.notEqual(status?.virtualRouterID, VRID_OF_WEB)
    assert.equal(status?.master, 'node1')
    assert.deepEqual([cluster.holders(ENDPOINT), cluster.holders(WEB)], [['node1'], ['node1']])
    const [folders = ''] = await Promise.all([cluster.node(1).inside('ls', '/var/lib/kube-vrrp')])
    assert.deepEqual(folders.trim().split('\n'), ['control-plane', 'node1'])
  })

  test('a VirtualIP that asks for it too is refused', async () => {
    await cluster.apply({ ...(documented() as object), metadata: { name: 'thief' }, spec: { addresses: [ENDPOINT] } })
    const message = await cluster.waitFor('it is refused', async () => {
      const accepted = (await virtualIP(cluster, 'thief')).status?.conditions?.find(({ type }) => type === 'Accepted')
      return accepted?.status === 'False' && accepted.message
    })
    assert.equal(message, `${ENDPOINT} is the own address of node1 (eth0): choose an address that nobody has`)
    await cluster.kubectl('delete', 'vip', 'thief')
  })

  test('its agent is killed: it is restarted and sweeps its own, and what the chart’s agent holds on the same node stays where it is', async () => {
    const before = await readySince()
    const probing = cluster.client.probe({ address: WEB, protocol: 'ICMP' })
    const { kill } = await cluster.container('kube-system', `${POD}-node1`)
    await observe(cluster, 'agent of the control plane’s MASTER killed', ENDPOINT, async () => {
      kill()
      await held('node2')
      await held('node1')
    })
    // A probe each 5 ms. Nearly always none is lost; a starved machine may let the fence lapse for a moment.
    const { lost } = await probing.stop()
    assert.ok(lost <= 100, `${lost} lost`)
    assert.equal(await masterOf(cluster, 'web'), 'node1')
    assert.deepEqual(await readySince(), before)
  })

  test('the API server of its MASTER is killed: /livez fails, the address moves, and no node has ever been NotReady', async () => {
    const before = await readySince()
    const probing = cluster.client.probe({ address: WEB, protocol: 'ICMP' })
    await observe(cluster, 'API server of the control plane’s MASTER killed', ENDPOINT, async () => {
      killApiServer(cluster.node(1))
      await held('node2')
    })
    for (const node of cluster.nodes) await renewed(node, Date.now())
    assert.deepEqual(await readySince(), before)
    assert.match(await metrics(cluster.node(1)), /kube_vrrp_router_state\{.*state="BACKUP".*\} 1/)

    await startApiServer(cluster.node(1))
    await held('node1')
    for (const node of cluster.nodes) await renewed(node, Date.now())
    assert.deepEqual(await readySince(), before)
    assert.equal((await probing.stop()).lost, 0, 'the other address of node1 stays where it is')
  })

  test('the API server of its MASTER hangs: the address moves, and comes back', async () => {
    const before = await readySince()
    killApiServer(cluster.node(1), 'SIGSTOP')
    await held('node2')
    for (const node of cluster.nodes) await renewed(node, Date.now())
    killApiServer(cluster.node(1), 'SIGCONT')
    await held('node1')
    assert.deepEqual(await readySince(), before)
  })

  test('every API server is killed: the address stays, and they are found the moment one is back', async () => {
    for (const node of controlPlane()) killApiServer(node)
    await sleep(5000)
    assert.equal(cluster.holders(ENDPOINT).length, 1)
    await startApiServer(cluster.node(2))
    await held('node2')
    for (const node of cluster.nodes) await renewed(node, Date.now())
    await startApiServer(cluster.node(1))
    await held('node1')
  })

  test('another check, held to the cluster’s authority, takes effect without a flap; a file with an error does not', async () => {
    const { addresses, priorities, virtualRouterID } = documented().spec
    const http = {
      scheme: 'HTTPS',
      port: API_PORT,
      path: '/livez',
      httpHeaders: [{ name: 'Host', value: 'kubernetes' }],
      caBundle: readFileSync(join(cluster.folder, 'control-plane/certificates/apiserver.crt'), 'utf8'),
    }
    const spec = { addresses, priorities, virtualRouterID, checks: [{ name: 'livez', http, interval: '1s' }] }
    const sent = await transitions(cluster.node(1))
    for (const node of controlPlane()) await writeVirtualIPs(node, { ...documented(), spec })
    await said(cluster.node(1), 'Read /etc/kube-vrrp/virtualips.yaml')
    await writeVirtualIPs(cluster.node(1), { ...documented(), spec: { ...spec, addresses: ['10.77.0.300'] } })
    await notReady('node1')
    await writeVirtualIPs(cluster.node(1), { ...documented(), spec })
    await cluster.kubectl(
      '--namespace=kube-system',
      'wait',
      '--for=condition=Ready',
      `pod/${POD}-node1`,
      '--timeout=120s',
    )
    assert.deepEqual(cluster.holders(ENDPOINT), ['node1'])
    assert.equal(await transitions(cluster.node(1)), sent)

    killApiServer(cluster.node(1))
    await held('node2')
    await said(cluster.node(1), /Check livez fails: GET https:\/\/127\.0\.0\.1:6443\/livez: ECONN(REFUSED|RESET)/)
    await startApiServer(cluster.node(1))
    await held('node1')
  })

  test('its MASTER’s node crashes: the other takes over, the rest goes on, and it comes back with the node', async () => {
    const others = ['node2', 'node3']
    const before = await readySince(others)
    const { gap } = await observe(cluster, 'node of the control plane’s MASTER crashes', ENDPOINT, async () => {
      await cluster.node(1).crash()
      await held('node2')
    })
    for (const name of others) await renewed(cluster.node(name), Date.now())
    assert.deepEqual(await readySince(others), before)
    assert.ok(gap < 3000, `${gap} ms`)

    await cluster.node(1).start()
    await startApiServer(cluster.node(1))
    await cluster.ready(cluster.node(1))
    await held('node1')
    await serveAgain()
  })

  /** Both addresses are on node1, by both of its agents. */
  async function serveAgain(): Promise<void> {
    await cluster.waitFor('web is on node1 too', () => cluster.holders(WEB).join() === 'node1')
    assert.deepEqual(cluster.holders(ENDPOINT), ['node1'])
  }

  function held(name: string): Promise<unknown> {
    return cluster.waitFor(`${name} alone has ${ENDPOINT}`, () => cluster.holders(ENDPOINT).join() === name, {
      state: async () => (await Promise.all(controlPlane().map(logOf))).join('\n---\n'),
    })
  }

  /** Its kubelet has renewed its Lease since then, which it does through the address. */
  function renewed({ name }: ClusterNode, since: number): Promise<unknown> {
    return cluster.waitFor(`the kubelet of ${name} has renewed its Lease`, async () => {
      const ref = { resource: LEASES, namespace: 'kube-node-lease', name }
      const { spec } = await cluster.api.get<{ spec: { renewTime: string } }>(ref)
      return Date.parse(spec.renewTime) > since
    })
  }

  /** Since when each node is Ready, once they all are: one that has been NotReady meanwhile has another time. */
  async function readySince(names = ['node1', 'node2', 'node3']): Promise<readonly string[]> {
    for (const name of names) await cluster.ready(cluster.node(name))
    return Promise.all(
      names.map(async name => {
        const { status } = await cluster.api.get<NodeObject>({ resource: NODES, name })
        const ready = status.conditions.find(({ type }) => type === 'Ready')
        return `${name} ${ready?.status} since ${ready?.lastTransitionTime}`
      }),
    )
  }

  function notReady(name: string): Promise<unknown> {
    return cluster.waitFor(`the pod of ${name} is not ready`, async () => {
      const pods = await cluster.pods('kube-system', 'app.kubernetes.io/instance=control-plane')
      const pod = pods.find(({ spec }) => spec.nodeName === name)
      return pod?.status.conditions?.find(({ type }) => type === 'Ready')?.status === 'False'
    })
  }

  function connections(node: ClusterNode): number {
    const sockets = node.run('ss', '-Htn', 'state', 'established', `dst ${ENDPOINT}:${API_PORT}`)
    return sockets.split('\n').filter(Boolean).length
  }

  function logOf({ name }: ClusterNode): Promise<string> {
    return cluster.kubectl('--namespace=kube-system', 'logs', `${POD}-${name}`).catch(String)
  }

  async function said(node: ClusterNode, what: string | RegExp): Promise<void> {
    const isSaid = async () => {
      const log = await logOf(node)
      return typeof what === 'string' ? log.includes(what) : what.test(log)
    }
    await cluster.waitFor(`the agent of ${node.name} says ${what}`, isSaid, { state: () => logOf(node) })
  }

  async function metrics(node: ClusterNode): Promise<string> {
    return node.inside(
      'node',
      '-e',
      `fetch('http://127.0.0.1:9182/metrics').then(async r => console.log(await r.text()))`,
    )
  }

  /** How many transitions its agent for the control plane has made. */
  async function transitions(node: ClusterNode): Promise<number> {
    const counts = (await metrics(node)).matchAll(/^kube_vrrp_transitions_total\{.*\} (\d+)$/gm)
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
  }
})

interface Documented {
  readonly spec: { readonly addresses: string[]; readonly virtualRouterID: number; readonly priorities: object[] }
}

/** The VirtualIP of docs/control-plane.md, with the lab's names. */
function documented(): Documented {
  const text = readFileSync(join(ROOT, 'docs/control-plane.md'), 'utf8')
  const [, block = ''] = /```yaml\n([\s\S]*?)```/.exec(text) ?? []
  const here = block
    .replace('192.168.1.100', ENDPOINT)
    .replace('virtualRouterID: 250', `virtualRouterID: ${VRID_OF_WEB}`)
    .replace(/\bcp(\d)\b/g, 'node$1')
  assert.doesNotMatch(here, /192\.168|250\b.*virtual|cp\d/)
  return parse(here)
}

async function writeVirtualIPs(node: ClusterNode, document: object): Promise<void> {
  // As editors do: a new file in the place of the old one.
  const script = 'printf %s "$1" >/etc/kube-vrrp/new && mv /etc/kube-vrrp/new /etc/kube-vrrp/virtualips.yaml'
  await node.inside('sh', '-c', script, 'sh', JSON.stringify(document))
}

interface NodeObject {
  readonly status: {
    readonly conditions: readonly {
      readonly type: string
      readonly status: string
      readonly lastTransitionTime: string
    }[]
  }
}
