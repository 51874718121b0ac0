import { execFile, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { VirtualIP } from '../../src/api/virtual-ip.ts'
import { VIRTUAL_IP_NODES, VIRTUAL_IPS } from '../../src/kube/resources.ts'
import { type ResourceWatch, watchResource } from '../../src/kube/watch.ts'
import { type ApiServer, startApiServer, toolPath } from '../lab/api-server.ts'
import { eventually, scratchFolder } from '../lab/daemons.ts'
import { type LabNode, type Lan, labTime, openLan } from '../lab/lan.ts'
import { startProber, startResponder } from '../lab/prober.ts'
import { type HeardAdvert, listen } from './adverts.ts'
import { startLogged } from './virtual-routers.ts'

/** In ms, from the start of `kubectl apply`. */
export interface Applied {
  readonly firstAnswer: number
  /** Its own run, from start to exit. */
  readonly kubectl: number
}

export interface ApplyFigures {
  readonly applied: readonly Applied[]
  /** Created by a client that is connected already, to the first answer. */
  readonly created: readonly number[]
  /** What kubectl takes to say its version, without asking the API server. */
  readonly kubectlAlone: readonly number[]
}

/** Between two probes, in ms. */
export const PROBE_EVERY = 5

/** From a new VirtualIP to the first answer of its address; each run has a VirtualIP of its own. */
export async function measureApply(runs: number, progress: (done: number) => void): Promise<ApplyFigures> {
  const cluster = await startCluster()
  const { api } = cluster
  const applied: Applied[] = []
  const created: number[] = []
  const kubectlAlone: number[] = []
  try {
    for (let run = 0; run < runs; run++) {
      kubectlAlone.push(await timed(() => promisify(execFile)(toolPath('kubectl'), ['version', '--client'])))
      let kubectl = Number.NaN
      const firstAnswer = await cluster.firstAnswer(2 * run, async object => {
        kubectl = await timed(() => api.kubectl(['apply', '-f', '-'], JSON.stringify(object)))
      })
      applied.push({ firstAnswer, kubectl })
      created.push(await cluster.firstAnswer(2 * run + 1, object => api.client.create(VIRTUAL_IPS, object)))
      progress(run + 1)
    }
  } finally {
    await cluster.close()
  }
  return { applied, created, kubectlAlone }
}

/**
 * From the successor's first advert to the event of a watch on the VirtualIP that names it, in ms. Each node in turn crashes and comes back,
 * so every VirtualIP changes its MASTER again and again, several at once.
 */
export async function measureStatus(
  crashes: number,
  virtualIPs: number,
  progress: (done: number) => void,
): Promise<number[]> {
  const cluster = await startCluster()
  const { api, lan, nodes, watch, changes } = cluster
  const adverts = listen(cluster.client)
  try {
    for (let i = 0; i < virtualIPs; i++) await api.client.create(VIRTUAL_IPS, virtualIP(i))
    const settled = () =>
      eventually('two BACKUPs stand by for every VirtualIP', () => {
        const all = [...watch.cache.values()]
        return all.length === virtualIPs && all.every(({ status }) => status?.backups === '2/2')
      })
    await settled()
    for (let crash = 0; crash < crashes; crash++) {
      await sleep(1000 + Math.random() * 200)
      const node = nodes[crash % nodes.length]
      if (!node) throw new Error('There are no nodes')
      lan.crash(node)
      await eventually(`${node.name} is no longer MASTER`, () =>
        [...watch.cache.values()].every(({ status }) => status?.master !== node.name),
      )
      lan.restore(node)
      await cluster.boot(node)
      await settled()
      progress(crash + 1)
    }
    return changes.flatMap(change => reportLatency(change, changes, adverts.heard, nodes))
  } finally {
    adverts.close()
    await cluster.close()
  }
}

interface MasterChange {
  readonly name: string
  readonly virtualRouterID: number
  readonly master: string
  /** labTime */
  readonly at: number
}

/** The new MASTER's first advert is the first since the status named another one. */
function reportLatency(
  change: MasterChange,
  changes: readonly MasterChange[],
  heard: readonly HeardAdvert[],
  nodes: readonly LabNode[],
): number[] {
  const before = changes.findLast(({ name, at }) => name === change.name && at < change.at)
  if (!before) return []
  const [source] = nodes.find(({ name }) => name === change.master)?.addresses[0]?.split('/') ?? []
  const first = heard.find(
    advert => advert.at > before.at && advert.virtualRouterID === change.virtualRouterID && advert.source === source,
  )
  // The observer can miss an advert; the next one says nothing of how long the status took.
  return first && first.at <= change.at ? [change.at - first.at] : []
}

export interface Cluster {
  readonly api: ApiServer
  readonly lan: Lan
  readonly nodes: readonly LabNode[]
  readonly client: LabNode
  readonly watch: ResourceWatch<VirtualIPObject>
  /** What the watch told of MASTERs, in the order it came. */
  readonly changes: readonly MasterChange[]
  boot(node: LabNode): Promise<void>
  /** From `create` to the first answer of the address, in ms. */
  firstAnswer(number: number, create: (object: object) => Promise<unknown>): Promise<number>
  close(): Promise<void>
}

type VirtualIPObject = VirtualIP & { readonly metadata: { readonly name: string } }

const PROGRAM = fileURLToPath(new URL('../../bin/kube-vrrp', import.meta.url))

/** An API server, a controller, three nodes with an agent each, and a client. */
export async function startCluster(): Promise<Cluster> {
  const folder = scratchFolder()
  const lan = openLan({ bridge: 'br-cluster', addresses: ['192.168.1.254/24'] })
  const api = await startApiServer({ dir: folder, address: '192.168.1.254' })
  const nodes = ['node1', 'node2', 'node3'].map((name, i) => lan.addNode({ name, addresses: [`192.168.1.1${i}/24`] }))
  const client = lan.addNode({ name: 'client', addresses: ['192.168.1.200/24'] })
  const kubeconfig = await api.kubeconfigOf('controller')
  const controller = spawn(PROGRAM, ['controller', '--kubeconfig', kubeconfig], { stdio: 'ignore' })
  const boot = async (node: LabNode) => {
    const args = ['agent', '--node', node.name, '--state-dir', `${folder}/state`]
    startLogged(node, folder, PROGRAM, [...args, '--kubeconfig', await api.kubeconfigOf(`agent:${node.name}`)])
    startResponder(node)
  }
  for (const node of nodes) await boot(node)

  const ending = new AbortController()
  const changes: MasterChange[] = []
  const watch = watchResource<VirtualIPObject>({
    client: api.client,
    resource: VIRTUAL_IPS,
    signal: ending.signal,
    onChange: (name, current, previous) => {
      const { master, virtualRouterID } = current?.status ?? {}
      if (master === undefined || virtualRouterID === undefined || master === previous?.status?.master) return
      changes.push({ name, virtualRouterID, master, at: labTime() })
    },
  })
  await eventually('every agent has reported its links', async () => {
    const { items } = await api.client.list<{ status?: { links?: unknown[] } }>(VIRTUAL_IP_NODES)
    return items.filter(({ status }) => status?.links?.length).length === nodes.length
  })

  return {
    api,
    lan,
    nodes,
    client,
    watch,
    changes,
    boot,
    async firstAnswer(number, create) {
      const object = virtualIP(number)
      const prober = startProber(client, addressOf(number), PROBE_EVERY)
      await sleep(1000 + Math.random() * 200)
      const at = labTime()
      await create(object)
      await eventually('it is ready', () => changes.some(({ name }) => name === object.metadata.name))
      await sleep(300)
      const [first] = (await prober.stop()).answers
      if (!first) throw new Error(`${object.metadata.name} never answered`)
      return first.at - at
    },
    async close() {
      ending.abort()
      controller.kill('SIGKILL')
      lan.close()
      await api.close()
    },
  }
}

export function virtualIP(number: number) {
  return {
    apiVersion: 'kube-vrrp.io/v1alpha1',
    kind: 'VirtualIP',
    metadata: { name: `vip${number}` },
    spec: { addresses: [`${addressOf(number)}/24`] },
  }
}

export function addressOf(number: number): string {
  return `192.168.1.${100 + number}`
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const at = labTime()
  await work()
  return labTime() - at
}
