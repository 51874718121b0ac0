import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Condition } from '../../src/api/conditions.ts'
import { API_VERSION } from '../../src/api/names.ts'
import type { VirtualIP, VirtualIPSpec, VirtualIPStatus } from '../../src/api/virtual-ip.ts'
import type { VirtualIPNode } from '../../src/api/virtual-ip-node.ts'
import { SECRETS, VIRTUAL_IP_NODES, VIRTUAL_IPS } from '../../src/kube/resources.ts'
import { watchResource } from '../../src/kube/watch.ts'
import { isHandingOver } from '../../src/status/summary.ts'
import { type ApiServer, startApiServer } from '../lab/api-server.ts'
import { type AgentDaemon, scratchFolder, startAgent } from '../lab/daemons.ts'
import { type LabNode, type Lan, openLan } from '../lab/lan.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Generous: a machine under load is slow, not wrong. */
const WITHIN = 40_000

/** One version of a VirtualIP's status; undefined: there is none yet, or no VirtualIP any more. */
export interface Seen {
  readonly name: string
  readonly status: VirtualIPStatus | undefined
}

/** What may be wrong for a while in one test, because it is what the test is about. */
export type Expected = 'SplitBrain' | 'Degraded'

interface Settings {
  /** What agents are started with beside the usual. */
  readonly agentArgs?: readonly string[]
  /** Gives an agent another kubeconfig than the one of the API server itself. */
  readonly kubeconfigOf?: (api: ApiServer, node: string, kubeconfig: string) => Promise<string>
  /** Gives each agent a place of its own on its node. */
  readonly whereAgentsRun?: (node: LabNode) => LabNode
}

interface Controller {
  readonly process: ChildProcess
  readonly ended: Promise<number | null>
}

/** A real API server, real controllers and a real agent on every node, each with the rights of deploy/install.yaml and no more. */
export class LiveCluster {
  readonly api: ApiServer
  readonly lan: Lan
  readonly nodes: readonly LabNode[]
  /** Every status that any VirtualIP had, in order. */
  readonly seen: Seen[] = []
  readonly agents = new Map<string, AgentDaemon>()
  readonly #controllers = new Map<string, Controller>()
  readonly #said = new Map<string, string>()
  readonly #down = new Set<string>()
  #mend: (() => void) | undefined
  readonly #folder: string
  readonly #settings: Settings
  /** By node. */
  readonly #kubeconfigs = new Map<string, string>()
  #controllerKubeconfig: string | undefined
  readonly #watching = new AbortController()

  /** By the names of its nodes. */
  static async start(names: readonly string[], settings: Settings = {}): Promise<LiveCluster> {
    const folder = scratchFolder()
    const lan = openLan({ addresses: ['192.168.1.254/24'] })
    mkdirSync(`${folder}/api`)
    const api = await startApiServer({ dir: `${folder}/api`, address: '192.168.1.254' })
    const cluster = new LiveCluster(api, lan, names, folder, settings)
    try {
      await cluster.startController('a')
      await Promise.all(names.map(name => cluster.startAgent(name)))
      await cluster.until('every agent has reported its links', async () => {
        const nodes = await cluster.virtualIPNodes()
        return nodes.length === names.length && nodes.every(({ status }) => status?.links)
      })
    } catch (error) {
      await cluster.close()
      throw error
    }
    return cluster
  }

  private constructor(api: ApiServer, lan: Lan, names: readonly string[], folder: string, settings: Settings) {
    this.api = api
    this.lan = lan
    this.#folder = folder
    this.#settings = settings
    this.nodes = names.map((name, i) => lan.addNode({ name, addresses: [`192.168.1.1${i}/24`, `fd00:1::1${i}/64`] }))
    watchResource<VirtualIP>({
      client: api.client,
      resource: VIRTUAL_IPS,
      signal: this.#watching.signal,
      timing: { firstRetry: 50, lastRetry: 200 },
      onChange: (name, object) => {
        this.seen.push({ name, status: object?.status })
      },
    })
  }

  async close(): Promise<void> {
    this.#watching.abort()
    try {
      await Promise.all([...this.#controllers.keys()].map(identity => this.stopController(identity, 'SIGKILL')))
      this.lan.close()
    } finally {
      await this.api.close()
    }
  }

  /** Nothing is asked for any more, everything runs, and every status since the last time was sound. */
  async reset(expected?: Expected): Promise<void> {
    this.mend()
    for (const node of this.nodes) this.lan.uncut(node)
    for (const name of this.#down) this.restore(name)
    if (this.#controllers.size === 0) await this.startController('a')
    for (const { name } of this.nodes) if (!this.agents.has(name)) await this.startAgent(name)
    for (const resource of [VIRTUAL_IPS, SECRETS]) {
      const namespace = resource === SECRETS ? this.api.client.namespace : undefined
      for (const { metadata } of (await this.api.client.list<VirtualIP>(resource, namespace)).items) {
        await this.api.client.delete({ resource, name: metadata.name, ...(namespace && { namespace }) })
      }
    }
    await this.until('nothing runs any more', async () => {
      const nodes = await this.virtualIPNodes()
      return nodes.every(({ spec, status }) => !spec.virtualRouters.length && !status?.virtualRouters?.length)
    })
    assertSound(this.seen.splice(0), expected)
  }

  // ---- machines and programs

  node(name: string): LabNode {
    const node = this.nodes.find(candidate => candidate.name === name)
    assert.ok(node, `There is no ${name}`)
    return node
  }

  agent(name: string): AgentDaemon {
    const agent = this.agents.get(name)
    assert.ok(agent, `No agent runs on ${name}`)
    return agent
  }

  async startAgent(name: string): Promise<AgentDaemon> {
    // Asked for once: an agent that is started again has what it had, also while the API server is away.
    const { agentArgs = [], kubeconfigOf = (_api, _node, file) => file, whereAgentsRun = node => node } = this.#settings
    const asked = async () => kubeconfigOf(this.api, name, await this.api.kubeconfigOf(`agent:${name}`))
    const kubeconfig = this.#kubeconfigs.get(name) ?? (await asked())
    this.#kubeconfigs.set(name, kubeconfig)
    const args = ['--kubeconfig', kubeconfig, ...agentArgs]
    const agent = startAgent(whereAgentsRun(this.node(name)), { stateDir: this.stateDir, args })
    this.agents.set(name, agent)
    return agent
  }

  get stateDir(): string {
    return `${this.#folder}/state`
  }

  /** SIGTERM; its exit status. */
  async stopAgent(name: string): Promise<number | null> {
    const agent = this.agent(name)
    this.agents.delete(name)
    return agent.stop()
  }

  /** The node is off, all at once. */
  crash(name: string): void {
    this.lan.crash(this.node(name))
    this.#down.add(name)
    this.agents.delete(name)
  }

  /** The node is on again; its disk is what it was, and no agent runs yet. */
  restore(name: string): void {
    this.lan.restore(this.node(name))
    this.#down.delete(name)
  }

  async startController(identity: string, kubeconfig?: string): Promise<void> {
    await this.bootController(identity, kubeconfig)
    await this.until(`the controller ${identity} follows or leads`, () =>
      this.controllerSaid(identity).includes('lead'),
    )
  }

  /** Without waiting for what becomes of it. `elsewhere`: a kubeconfig that leads to another API server. */
  async bootController(identity: string, elsewhere?: string): Promise<void> {
    const kubeconfig = elsewhere ?? (await this.controllerKubeconfig())
    const flags = ['--kubeconfig', kubeconfig, '--identity', identity, '--metrics-address', '127.0.0.1:0']
    const child = spawn(process.execPath, [MAIN, 'controller', ...flags, '--log-format', 'text'])
    const said = (chunk: Buffer) => this.#said.set(identity, this.controllerSaid(identity) + chunk)
    child.stdout.on('data', said)
    child.stderr.on('data', said)
    const ended = new Promise<number | null>(resolve => child.on('exit', resolve))
    this.#controllers.set(identity, { process: child, ended })
  }

  /** Asked for once, as those of agents. */
  async controllerKubeconfig(): Promise<string> {
    this.#controllerKubeconfig ??= await this.api.kubeconfigOf('controller')
    return this.#controllerKubeconfig
  }

  async stopController(identity: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const controller = this.#controllers.get(identity)
    assert.ok(controller, `No controller ${identity} runs`)
    this.#controllers.delete(identity)
    controller.process.kill(signal)
    return controller.ended
  }

  /** Of those that run. */
  get controllers(): readonly string[] {
    return [...this.#controllers.keys()]
  }

  /** All that controllers of that name ever said. */
  controllerSaid(identity: string): string {
    return this.#said.get(identity) ?? ''
  }

  /** The node and the others no longer hear each other; the API server hears them all. Until `mend`. */
  isolate(name: string): void {
    const rules = `iifname "p-${name}" drop; oifname "p-${name}" drop`
    execFileSync('nft', [`table bridge isolated { chain forward { type filter hook forward priority 0; ${rules}; }; }`])
    this.#mend = () => execFileSync('nft', ['delete table bridge isolated'])
  }

  /** Nobody hears the node, nor the node anybody. Until `mend`. */
  cut(name: string): void {
    this.lan.cut(this.node(name))
    this.#mend = () => this.lan.uncut(this.node(name))
  }

  mend(): void {
    this.#mend?.()
    this.#mend = undefined
  }

  // ---- what is asked for

  apply(name: string, spec: VirtualIPSpec): Promise<VirtualIP> {
    const object = { apiVersion: API_VERSION, kind: 'VirtualIP', metadata: { name }, spec }
    return this.api.client.apply({ resource: VIRTUAL_IPS, name }, object, 'test')
  }

  /** Applies it and waits until a MASTER holds it and all others stand by. Gives the nodes in rank order. */
  async ready(name: string, spec: VirtualIPSpec): Promise<readonly string[]> {
    await this.apply(name, spec)
    await this.settled(name)
    return this.ranked(name)
  }

  // ---- what is

  latest(name: string): VirtualIPStatus {
    return this.seen.findLast(entry => entry.name === name)?.status ?? {}
  }

  condition(name: string, type: string): Condition | undefined {
    return this.latest(name).conditions?.find(candidate => candidate.type === type)
  }

  is(name: string, type: string, status: Condition['status']): boolean {
    return this.condition(name, type)?.status === status
  }

  /** Its row in the status: `MASTER`, or `FAULT LinkMissing`. */
  row(name: string, node: string): string {
    const row = this.latest(name).nodes?.find(candidate => candidate.node === node)
    return row?.state === 'FAULT' ? `FAULT ${row.reason}` : (row?.state ?? 'none')
  }

  ranked(name: string): readonly string[] {
    const rows = [...(this.latest(name).nodes ?? [])].sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0))
    return [...new Set(rows.map(({ node }) => node))]
  }

  /** Waits until it is Ready with every BACKUP that is planned, as its highest-ranked node's. */
  async settled(name: string): Promise<void> {
    await this.until(`${name} is Ready with all its BACKUPs`, () => {
      const { master, backups = '', nodes = [] } = this.latest(name)
      const [standing, planned] = backups.split('/')
      const all = nodes.every(({ state }) => state === 'MASTER' || state === 'BACKUP')
      return this.is(name, 'Ready', 'True') && all && standing === planned && master === this.ranked(name)[0]
    })
  }

  /** The nodes whose kernel has it, but for those that are off. */
  holders(address: string): string[] {
    return this.nodes
      .filter(({ name }) => !this.#down.has(name))
      .filter(node => node.run('ip', '-brief', 'address').includes(` ${address}/`))
      .map(({ name }) => name)
  }

  async heldBy(address: string, ...names: string[]): Promise<void> {
    const who = names.join(' and ') || 'nobody'
    await this.until(`${address} is held by ${who}`, () => this.holders(address).join() === names.join())
  }

  virtualIPNodes(): Promise<readonly VirtualIPNode[]> {
    return this.api.client.list<VirtualIPNode>(VIRTUAL_IP_NODES).then(({ items }) => items)
  }

  virtualIPNode(name: string): Promise<VirtualIPNode> {
    return this.api.client.get<VirtualIPNode>({ resource: VIRTUAL_IP_NODES, name })
  }

  /** What every object of ours is, in one text that differs after any write. */
  async versions(): Promise<string> {
    const lists = [VIRTUAL_IPS, VIRTUAL_IP_NODES].map(resource => this.api.client.list<VirtualIP>(resource))
    const objects = (await Promise.all(lists)).flatMap(({ items }) => items)
    return objects.map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`).join('\n')
  }

  /** What controllers write: another text after any change. */
  async plans(): Promise<string> {
    const { items } = await this.api.client.list<VirtualIP>(VIRTUAL_IPS)
    const statuses = items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)
    const specs = (await this.virtualIPNodes()).map(({ metadata }) => `${metadata.name} ${metadata.generation}`)
    return [...statuses, ...specs].join('\n')
  }

  /** Waits until nobody has written anything for a second: the last word of an election comes after its result. */
  async calm(): Promise<void> {
    let written = ''
    let since = 0
    await this.until('nothing is written any more', async () => {
      const now = await this.versions()
      if (now !== written) since = performance.now()
      written = now
      return performance.now() - since > 1000
    })
  }

  /** How many transitions the agents that run now have logged. */
  transitions(): number {
    return [...this.agents.values()].flatMap(agent => agent.output().match(/ -> (MASTER|BACKUP|FAULT)/g) ?? []).length
  }

  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = performance.now() + WITHIN; !(await condition()); await sleep(20)) {
      if (performance.now() < end) continue
      const said = [...this.agents].map(([name, agent]) => `--- ${name}\n${tail(agent.output())}`)
      const controllers = [...this.#said].map(([name, text]) => `--- controller ${name}\n${tail(text)}`)
      const nodes = await this.virtualIPNodes().catch(error => [String(error)])
      const objects = JSON.stringify([this.seen.at(-1), ...nodes], null, 1)
      assert.fail([`Not within ${WITHIN / 1000} s: ${what}`, objects, ...said, ...controllers].join('\n'))
    }
  }
}

function tail(text: string): string {
  return text.split('\n').slice(-25).join('\n')
}

const CONDITIONS = ['Accepted', 'AddressConflict', 'Degraded', 'Ready', 'Redundant', 'SplitBrain']

/** What no status may ever say, whatever goes on. */
export function assertSound(seen: readonly Seen[], expected?: Expected): void {
  for (const { name, status } of seen) {
    if (!status) continue
    const { conditions = [], nodes = [], master } = status
    const text = `${name}: ${JSON.stringify(status, null, 1)}`
    assert.deepEqual(conditions.map(({ type }) => type).sort(), CONDITIONS, text)
    const is = (type: string) => conditions.find(condition => condition.type === type)?.status
    if (expected === 'SplitBrain') continue
    assert.notEqual(is('AddressConflict'), 'True', text)
    if (expected !== 'Degraded') assert.notEqual(is('Degraded'), 'True', text)
    assert.equal(is('SplitBrain'), 'False', text)
    for (const family of ['IPv4', 'IPv6']) {
      const masters = nodes.filter(row => row.family === family && row.state === 'MASTER')
      assert.ok(masters.length <= 1, text)
    }
    const shown = nodes.some(({ node, state }) => node === master && state === 'MASTER')
    assert.ok(master === undefined || shown, `the MASTER has no row that says so: ${text}`)
    const isServed = master !== undefined || isHandingOver(status)
    assert.ok(is('Ready') !== 'True' || isServed, text)
  }
}
