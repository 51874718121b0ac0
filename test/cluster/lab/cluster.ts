/*
 * A Kubernetes cluster of real kubelets on this machine, in the namespaces that test/lab/in-namespaces made (as real root):
 *
 *   const cluster = await startCluster({ nodes: 3 })         // at the top of a test file; about 10 s
 *   after(() => cluster.close())
 *   afterEach(t => cluster.explain(t))                       // after a failure: pods, events, logs
 *   await cluster.helm('install', 'kube-vrrp', chart, '--namespace', 'kube-vrrp', '--create-namespace', '--wait')
 *   await cluster.apply(`apiVersion: …`)
 *   const probing = cluster.client.probe({ address: '10.77.0.200', protocol: 'ICMP', every: 1 })
 *   await cluster.node(1).crash()
 *   await cluster.waitFor('node2 has the address', async () => (await cluster.kubectl('get', 'vip', 'web')).includes('node2'))
 *   const { outage, lost } = await probing.stop()
 *
 * addresses.ts says who has which address; images.ts which images there are. `make cluster` leaves one up with a shell.
 */
import type { ChildProcess } from 'node:child_process'
import { openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '../../../src/kube/client.ts'
import { NODES, PODS } from '../../../src/kube/resources.ts'
import { toolPath } from '../../lab/api-server.ts'
import { behind } from '../../lab/behind.ts'
import { type LabNode, type Lan, openLan } from '../../lab/lan.ts'
import { CLIENT, CLIENT_6, CONTROL_PLANE, CONTROL_PLANE_6, MAX_NODES, nodeName } from './addresses.ts'
import { type ArpWatch, watchArp } from './arp-watch.ts'
import type { Cgroup } from './cgroup.ts'
import { type ProbeSettings, type Probing, startProbing } from './client.ts'
import { ClusterNode } from './cluster-node.ts'
import { type CommandOptions, runCommand } from './command.ts'
import { ensureContainerdRoot } from './containerd-root.ts'
import { type ControlPlane, nodeUser, PROXY, startControlPlane } from './control-plane.ts'
import { madeImages } from './images.ts'
import { claimRunFolder, type RunFolder } from './run-folder.ts'
import { step } from './step.ts'

export interface ClusterSettings {
  /** 1..9 (default: 3). */
  readonly nodes?: number
}

/** A machine that is no part of the cluster. */
export interface Client extends LabNode {
  probe(settings: ProbeSettings): Probing
}

/** As the API has it, as far as tests look into it. */
export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string }
  readonly spec: { readonly nodeName?: string }
  readonly status: {
    readonly phase: string
    readonly podIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
}

export interface ContainerStatus {
  readonly name: string
  readonly ready: boolean
  readonly restartCount: number
  readonly containerID?: string
  readonly imageID: string
  readonly state: { readonly waiting?: { readonly reason: string }; readonly running?: object }
  readonly lastState: { readonly terminated?: { readonly reason: string; readonly exitCode: number } }
}

/** The process of a pod's container. */
export interface RunningContainer {
  readonly node: ClusterNode
  readonly id: string
  /** SIGKILL where nothing else is said, to every process of it. */
  kill(signal?: NodeJS.Signals): void
  freeze(): Promise<void>
  thaw(): void
}

export interface WaitSettings {
  /** Seconds (default: 60). */
  readonly within?: number
  /** What to say where it does not come about (default: nodes, pods and VirtualIPs). */
  readonly state?: () => Promise<string>
}

const FURTHER_API_PORT = 6443

type Truthy<T> = Exclude<T, false | undefined | null | '' | 0>

/** See the head of cluster.ts. */
export async function startCluster({ nodes = 3 }: ClusterSettings = {}): Promise<Cluster> {
  const run = await claimRunFolder()
  try {
    return await step(`cluster of ${nodes} nodes`, () => Cluster.start(run, nodes))
  } catch (error) {
    await run.remove()
    throw error
  }
}

export class Cluster {
  readonly client: Client
  /** Of everything that the cluster writes. */
  readonly folder: string
  readonly #run: RunFolder
  readonly #lan: Lan
  readonly #control: ControlPlane
  readonly #watcher: LabNode
  readonly #nodes = new Map<number, ClusterNode>()
  readonly #watches: ArpWatch[] = []
  #proxied = false
  #isClosed = false

  static async start(run: RunFolder, count: number): Promise<Cluster> {
    await ensureContainerdRoot(madeImages())
    const lan = openLan({ addresses: [`${CONTROL_PLANE}/24`, `${CONTROL_PLANE_6}/64`] })
    const control = await startControlPlane(join(run.path, 'control-plane'))
    const cluster = new Cluster(run, lan, control)
    try {
      await Promise.all(Array.from({ length: count }, (_, i) => cluster.addNode(i + 1)))
      return cluster
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  private constructor(run: RunFolder, lan: Lan, control: ControlPlane) {
    this.folder = run.path
    this.#run = run
    this.#lan = lan
    this.#control = control
    this.#watcher = lan.addNode({ name: 'watcher', addresses: [] })
    const outside = lan.addNode({ name: 'client', addresses: [`${CLIENT}/24`, `${CLIENT_6}/64`] })
    this.client = {
      ...behind(outside, ['env']),
      probe: settings => startProbing(outside, settings),
    }
  }

  get nodes(): readonly ClusterNode[] {
    return [...this.#nodes.values()].sort((a, b) => a.number - b.number)
  }

  /** Asks without a pause who has an IPv4 address, by ARP, from a machine of its own that has none. */
  watchArp(address: string, every?: number): ArpWatch {
    const watch = watchArp(this.#watcher, address, () => this.nodes, every)
    this.#watches.push(watch)
    return watch
  }

  /** The names of the nodes that are on and have the address on their eth0 now. */
  holders(address: string): string[] {
    const up = this.nodes.filter(({ isUp }) => isUp)
    return up
      .filter(node => node.run('ip', '-brief', 'address', 'show', 'eth0').includes(` ${address}/`))
      .map(({ name }) => name)
  }

  /** By its number, from 1, or its name. */
  node(which: number | string): ClusterNode {
    const found = this.nodes.find(({ number, name }) => which === number || which === name)
    if (!found) throw new Error(`There is no node ${which}`)
    return found
  }

  /** The API server as administrator. */
  get api(): KubeClient {
    return this.#control.api.client
  }

  get kubeconfig(): string {
    return this.#control.api.kubeconfig
  }

  /** What kubectl and helm need in their environment. */
  get environment(): Readonly<Record<string, string>> {
    const caches = join(this.folder, 'caches')
    const helm = ['CACHE', 'CONFIG', 'DATA'].map(name => [`HELM_${name}_HOME`, join(caches, 'helm')])
    return {
      ...Object.fromEntries(helm),
      KUBECONFIG: this.kubeconfig,
      KUBECACHEDIR: join(caches, 'kubectl'),
      PATH: `${dirname(toolPath('kubectl'))}:${process.env['PATH']}`,
    }
  }

  /** Resolves with its output; rejects with what it said on stderr. */
  kubectl(...args: readonly string[]): Promise<string> {
    return this.command('kubectl', args)
  }

  helm(...args: readonly string[]): Promise<string> {
    return this.command('helm', args)
  }

  command(name: 'kubectl' | 'helm', args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return runCommand(name, args, { ...options, env: { ...this.environment, ...options.env } })
  }

  /** By `kubectl apply`. */
  apply(...documents: readonly (string | object)[]): Promise<string> {
    const texts = documents.map(document => (typeof document === 'string' ? document : JSON.stringify(document)))
    return this.command('kubectl', ['apply', '-f', '-'], { input: texts.join('\n---\n') })
  }

  /** The output of a program in a pod; `pod` also as `deployment/name`. */
  exec(namespace: string, pod: string, ...command: readonly string[]): Promise<string> {
    return this.kubectl('exec', '--namespace', namespace, pod, '--', ...command)
  }

  /** Those of a namespace that a label selector chooses, e.g. `app=web`, by the names of their nodes. */
  async pods(namespace: string, labelSelector?: string): Promise<readonly Pod[]> {
    const { items } = await this.api.list<Pod>(PODS, namespace, { labelSelector })
    return items.toSorted((a, b) => (a.spec.nodeName ?? '').localeCompare(b.spec.nodeName ?? ''))
  }

  /** The next one, or that number; resolves when it is Ready. */
  async addNode(number = this.#freeNumber()): Promise<ClusterNode> {
    const node = new ClusterNode({
      lan: this.#lan,
      number,
      folder: this.folder,
      cgroup: this.#run.cgroup,
      kubeconfig: this.#control.api.kubeconfigOfUser(nodeUser(nodeName(number))),
    })
    this.#nodes.set(number, node)
    await node.start()
    if (this.#proxied) node.startKubeProxy(this.#control.api.kubeconfigOfUser(PROXY))
    await this.ready(node)
    return node
  }

  /** Switched off for good: its Node, its disk and all that ran on it are gone. */
  async removeNode(which: number | string): Promise<void> {
    const node = this.node(which)
    await node.destroy()
    this.#nodes.delete(node.number)
    await this.kubectl('delete', 'node', node.name)
  }

  /** Waits until its kubelet has said that it is Ready since it was last switched on, and pods are let onto it. */
  async ready(node: ClusterNode, within = 60): Promise<void> {
    const isReady = async () => {
      const { spec, status } = await this.api.get<NodeObject>({ resource: NODES, name: node.name })
      // A DaemonSet that is made before they are gone wants no pods, and counts as rolled out.
      if (spec.taints?.some(({ key }) => STARTING.has(key))) return false
      const ready = status.conditions?.find(({ type }) => type === 'Ready')
      // Times of the API have no fractions of a second.
      return ready?.status === 'True' && Date.parse(ready.lastHeartbeatTime) >= Math.floor(node.startedAt / 1000) * 1000
    }
    await this.waitFor(`${node.name} is Ready`, isReady, { within, state: async () => node.log('kubelet') })
  }

  /** kube-proxy (nftables) on every node, also on those that are added later: Services have their addresses then. */
  async startKubeProxy(): Promise<void> {
    this.#proxied = true
    const binding = `${PROXY}-of-the-lab`
    const role = ['--clusterrole=system:node-proxier', `--user=${PROXY}`]
    await this.kubectl('create', 'clusterrolebinding', binding, ...role)
    for (const node of this.nodes) node.startKubeProxy(this.#control.api.kubeconfigOfUser(PROXY))
  }

  /** The container of a running pod, the first one where none is named. */
  async container(namespace: string, pod: string, name?: string): Promise<RunningContainer> {
    const { spec, status } = await this.api.get<Pod>({ resource: PODS, namespace, name: pod })
    const statuses = status.containerStatuses ?? []
    const found = name === undefined ? statuses[0] : statuses.find(container => container.name === name)
    const id = found?.containerID?.replace(/^.*:\/\//, '')
    if (id === undefined || spec.nodeName === undefined) throw new Error(`The pod ${pod} does not run`)
    const node = this.node(spec.nodeName)
    const cgroup: Cgroup = node.containerCgroup(id)
    return {
      node,
      id,
      kill: (signal = 'SIGKILL') => {
        for (const process_ of cgroup.processes) process.kill(process_, signal)
      },
      freeze: () => cgroup.freeze(),
      thaw: () => cgroup.thaw(),
    }
  }

  /** SIGKILL. Kubelets and agents find nobody at its address until `startApiServer`. */
  killApiServer(): Promise<void> {
    return this.#control.api.stop()
  }

  /** Resolves when it is ready. */
  startApiServer(): Promise<void> {
    return this.#control.api.start()
  }

  /**
   * Another one, of the same etcd, on a node: on port 6443 of 127.0.0.1 there and of every address of the node. It ends with `kill` or with the
   * node. Resolves when it is ready.
   */
  async startApiServerOn(node: ClusterNode): Promise<ChildProcess> {
    const own = {
      'advertise-address': node.address,
      'secure-port': String(FURTHER_API_PORT),
      'endpoint-reconciler-type': 'none',
    }
    const flags = Object.entries({ ...this.#control.api.flags, ...own }).map(([name, value]) => `--${name}=${value}`)
    const log = openSync(join(node.disk, 'log/kube-apiserver.log'), 'a')
    const server = node.spawn(toolPath('kube-apiserver'), flags, { stdio: ['ignore', log, log] })
    const there = this.kubectlAt(node.address)
    await this.waitFor(
      `the API server on ${node.name} is ready`,
      async () => (await there('get', '--raw', '/readyz')) === 'ok',
    )
    return server
  }

  /** kubectl with an API server that `startApiServerOn` started, at one of its node's addresses. */
  kubectlAt(address: string): (...args: readonly string[]) => Promise<string> {
    const server = ['--server', `https://${address}:${FURTHER_API_PORT}`, '--tls-server-name', 'kubernetes']
    return (...args) => this.kubectl(...server, '--request-timeout=2s', ...args)
  }

  /** From now on kubelets speak with the API server at this address, on the port of `startApiServerOn` where none is named. */
  useApiServerAt(address: string, port = FURTHER_API_PORT): void {
    for (const node of this.nodes) {
      node.setKubeconfig(this.#control.api.kubeconfigOfUser(nodeUser(node.name), `https://${address}:${port}`))
      node.kill('kubelet')
    }
  }

  /** SIGSTOP: its connections stay open and silent. */
  freezeApiServer(): void {
    this.#control.api.freeze()
  }

  thawApiServer(): void {
    this.#control.api.thaw()
  }

  /** Tries `condition` until it gives something true, and resolves with that; where it throws, it is tried again. */
  async waitFor<T>(
    sentence: string,
    condition: () => T | Promise<T>,
    { within = 60, state = () => this.overview() }: WaitSettings = {},
  ): Promise<Truthy<T>> {
    const deadline = performance.now() + within * 1000
    for (let last = 'it was never so'; ; await sleep(100)) {
      try {
        const result = await condition()
        if (result) return result as Truthy<T>
        last = `the condition gave ${String(result)}`
      } catch (error) {
        last = String(error)
      }
      if (performance.now() < deadline) continue
      const said = await state().catch(String)
      throw new Error(`Not within ${within} s: ${sentence} (at last ${last})\n${said}`)
    }
  }

  /** Nodes, pods and VirtualIPs, as kubectl lists them. */
  async overview(): Promise<string> {
    const lists = ['nodes', 'pods --all-namespaces', 'vip,vipn']
    const texts = lists.map(async list => {
      const wide = list === 'vip,vipn' ? [] : ['--output', 'wide']
      return this.kubectl('get', ...list.split(' '), ...wide).catch(() => `(no ${list})\n`)
    })
    return (await Promise.all(texts)).join('\n')
  }

  /** For `afterEach`: where the test failed, writes to the output what there is to know of the cluster. */
  async explain(test: unknown): Promise<void> {
    if (!hasFailed(test)) return
    const parts = [
      await this.overview(),
      await this.kubectl('get', 'events', '--all-namespaces', '--sort-by=.lastTimestamp').catch(String),
      ...(await this.#podLogs()),
      ...this.nodes.map(node => `--- kubelet of ${node.name}\n${node.log('kubelet', 15)}`),
    ]
    const lines = parts
      .join('\n')
      .split('\n')
      .map(line => `    ${line.slice(0, 400)}\n`)
    process.stderr.write(lines.join(''))
  }

  /** Ends all of it; nothing is left. A second time it does nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const watch of this.#watches) watch.close()
    for (const node of this.nodes) if (node.isUp) await node.crash()
    await this.#control.close()
    this.#lan.close()
    await this.#run.remove()
  }

  #freeNumber(): number {
    for (let number = 1; number <= MAX_NODES; number++) if (!this.#nodes.has(number)) return number
    throw new Error(`A cluster has ${MAX_NODES} nodes at most`)
  }

  async #podLogs(): Promise<string[]> {
    const lines = await this.kubectl('get', 'pods', '--all-namespaces', '--no-headers').catch(() => '')
    return Promise.all(
      lines
        .split('\n')
        .filter(Boolean)
        .map(async line => {
          const [namespace = '', pod = ''] = line.split(/\s+/)
          const options = ['--namespace', namespace, '--all-containers', '--tail=40', '--prefix']
          return `--- ${namespace}/${pod}\n${await this.kubectl('logs', pod, ...options).catch(String)}`
        }),
    )
  }
}

/** Taints of a node that was not Ready a moment ago. */
const STARTING: ReadonlySet<string> = new Set(['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'])

interface NodeObject {
  readonly spec: { readonly taints?: readonly { readonly key: string }[] }
  readonly status: {
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly lastHeartbeatTime: string
    }[]
  }
}

/** A TestContext, which says whether its test passed. */
function hasFailed(test: unknown): boolean {
  return typeof test === 'object' && test !== null && 'passed' in test && test.passed === false
}
