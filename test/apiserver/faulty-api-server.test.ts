/* An API server that misbehaves: what agents and controllers make of it. All faults at once, each with clients of its own. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClusterSource } from '../../src/agent/cluster-source.ts'
import { ConfigStore } from '../../src/agent/config-store.ts'
import type {
  LinkStatus,
  VirtualIPNode,
  VirtualIPNodeSpec,
  VirtualRouterStatus,
} from '../../src/api/virtual-ip-node.ts'
import { type ClusterView, openClusterView } from '../../src/controller/cluster-view.ts'
import { runController } from '../../src/controller/controller.ts'
import { openClient } from '../../src/kube/client.ts'
import { runElection } from '../../src/kube/leader-election.ts'
import { VIRTUAL_IP_NODES } from '../../src/kube/resources.ts'
import { watchResource } from '../../src/kube/watch.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { type AgentDaemon, scratchFolder } from '../lab/daemons.ts'
import { FAULTS, type Fault, FaultyApiServer } from '../lab/faulty-api-server.ts'
import { LiveCluster } from './live-cluster.ts'

const FAULTY_FOR = 10_000
/** What is promised is 10 s, and what it was is printed; the rest is for machines that are busy. */
const RECOVERED_WITHIN = 40_000
const TIMING = { leaseDuration: 5000, renewDeadline: 3500, retryPeriod: 1000 }

const faults = Object.keys(FAULTS) as Fault[]
/** Beside whom a whole agent runs, with a loop whose deadlines may be missed; the others have only that part of one that asks the API server. */
const WITH_LOOP: readonly Fault[] = ['HalfOpen', 'ShortWatches', 'Garbage', 'TooManyRequests']
/** Beside whom an agent and a controller begin while it is faulty. */
const WITH_STARTS: readonly Fault[] = ['HalfOpen', 'Plaintext', 'Garbage', 'WrongJson']
/** Beside whom a controller's view of everything is. */
const WITH_VIEW: readonly Fault[] = [
  'HalfOpen',
  'SilentWatches',
  'ShortWatches',
  'GoneEvents',
  'WrongJson',
  'Truncated',
  'LeftAlone',
]
/** Who has two candidates for one Lease. */
const WITH_ELECTION: readonly Fault[] = [
  'HalfOpen',
  'Unanswered',
  'RefusedWrites',
  'WrongJson',
  'TooManyRequests',
  'Slow',
]
const WHO = ['agent', 'controller', 'agent that was started', 'controller that was started'] as const
type Who = (typeof WHO)[number]
const BESIDE: Readonly<Record<Who, readonly Fault[]>> = {
  agent: faults,
  controller: WITH_VIEW,
  'agent that was started': WITH_STARTS,
  'controller that was started': WITH_STARTS,
}
const whoHas = (fault: Fault) => WHO.filter(who => BESIDE[who].includes(fault))
const nodeOf = (fault: Fault) => `n${faults.indexOf(fault)}`
const nameOf = (fault: Fault) => fault.toLowerCase()

describe('a faulty API server', () => {
  let cluster: LiveCluster
  let clients: readonly Clients[]
  const watching = new AbortController()

  before(async () => {
    const servers = new Map<string, FaultyApiServer>()
    cluster = await LiveCluster.start(WITH_LOOP.map(nodeOf), {
      agentArgs: ['--metrics-address', '0.0.0.0:9180'],
      kubeconfigOf: async (api, node, kubeconfig) => {
        const server = await FaultyApiServer.open(api)
        servers.set(node, server)
        return server.kubeconfig(kubeconfig)
      },
    })
    const { client } = cluster.api
    const { cache } = watchResource<VirtualIPNode>({ client, resource: VIRTUAL_IP_NODES, signal: watching.signal })
    const open = (fault: Fault) => Clients.open(cluster, cache, fault, servers.get(nodeOf(fault)))
    clients = await Promise.all(faults.map(open))
    await Promise.all(faults.map((fault, i) => cluster.ready(nameOf(fault), spec(fault, [`192.168.1.${150 + i}/24`]))))
    await Promise.all(clients.map(each => each.isReady()))

    for (const each of clients) each.worsen()
    await sleep(1000)
    for (const each of clients) each.setExtraLink(true)
    await Promise.all(clients.filter(({ fault }) => WITH_STARTS.includes(fault)).map(each => each.startCold()))
    await sleep(FAULTY_FOR - 3000)
    for (const each of clients) each.setExtraLink(false)
    const two = (i: number) => [`192.168.1.${150 + i}/24`, `192.168.1.${180 + i}/24`]
    await Promise.all(faults.map((fault, i) => cluster.apply(nameOf(fault), spec(fault, two(i)))))
    await cluster.api.createNode('late')
    await cluster.apply('late', { addresses: ['192.168.1.99/24'], nodeSelector: { matchLabels: { no: 'node' } } })
    await cluster.until('all nodes are told', () => cache.values().every(isToldTwo))
    await sleep(1000)

    for (const each of clients) each.mend()
    const wellAt = performance.now()
    await Promise.all(clients.map(each => each.recover(wellAt)))
    await Promise.all(clients.map(each => each.measureLateness()))
  })
  after(async () => {
    watching.abort()
    await Promise.all(clients.map(each => each.close()))
    await cluster.close()
  })

  for (const fault of faults) {
    describe(`${fault}: ${FAULTS[fault]}`, () => {
      const its = () => clients.find(each => each.fault === fault) ?? assert.fail()

      for (const who of whoHas(fault)) {
        test(`the ${who} knows and has told everything soon after it is well`, t => {
          const { took } = its().recovered.get(who) ?? assert.fail(`It has not recovered: ${its().said(who)}`)
          t.diagnostic(`${fault}: ${who}: ${(took / 1000).toFixed(1)} s`)
          assert.ok(took < RECOVERED_WITHIN, `${took} ms`)
        })
      }

      test('nobody gave up', () => {
        assert.deepEqual(its().fallen, [])
      })

      if (WITH_LOOP.includes(fault)) {
        test('no deadline of the agent was missed', async t => {
          for (const seconds of ['0.005', '0.05', '1']) {
            const late = its().lateness.get(seconds) ?? assert.fail()
            t.diagnostic(`${fault}: ${late} of ${its().lateness.get('+Inf')} wake-ups later than ${seconds} s`)
          }
          // Two busy cores wake anybody late now and then.
          const [all = 0, late = 0] = ['+Inf', '1'].map(seconds => its().lateness.get(seconds) ?? 0)
          const wasStarved = (its().lateness.get('0.2') ?? 0) > 0
          assert.ok(wasStarved || its().transitions() === 0, its().said('agent'))
          assert.ok(all > 0 && late <= all / 100, `${late} of ${all} wake-ups later than a second`)
        })
      }

      test('nobody asked too often', t => {
        for (const [who, server] of its().servers) {
          const asked = server.asked.filter(({ behaviour }) => behaviour === fault).map(({ at }) => at)
          const connected = server.connected.filter(at => at >= its().from && at < its().until)
          for (const [what, times] of Object.entries({ asked, connected })) {
            const busiest = mostInASecond(times)
            const mean = times.length / ((its().until - its().from) / 1000)
            t.diagnostic(`${fault}: ${who}: ${what} ${mean.toFixed(1)} times a second, ${busiest} in the busiest`)
            // A controller has five watches, each of which lists and watches.
            assert.ok(busiest <= 50 && mean <= 15, `${who} has ${what} ${times.length} times, ${busiest} in a second`)
          }
        }
      })

      if (WITH_ELECTION.includes(fault)) {
        test('there were never two leaders', () => {
          const { terms } = its()
          for (const { identity, from, until } of terms) {
            const others = terms.filter(other => other.identity !== identity)
            for (const other of others) assert.ok(other.from >= until || other.until <= from, JSON.stringify(terms))
          }
          assert.ok(terms.length > 0)
        })
      }
    })
  }
})

/** Those that have one fault to live with. */
class Clients {
  readonly fault: Fault
  readonly node: string
  readonly servers: ReadonlyMap<string, FaultyApiServer>
  readonly recovered = new Map<Who, { readonly took: number }>()
  /** Of the agent's loop since then: how often it woke later than so many seconds; `+Inf`: how often in all. */
  lateness: ReadonlyMap<string, number> = new Map()
  /** When it was faulty. */
  from = 0
  until = 0
  readonly terms: { readonly identity: string; readonly from: number; until: number }[] = []
  /** Who came to an end, and by what. */
  readonly fallen: string[] = []
  readonly #cluster: LiveCluster
  /** As they are. */
  readonly #nodes: ReadonlyMap<string, VirtualIPNode>
  readonly #ending = new AbortController()
  readonly #running: Promise<unknown>[] = []
  #agent: AgentDaemon | undefined
  #view: ClusterView | undefined
  /** What is to be closed. */
  readonly #sources: Promise<ClusterSource>[] = []
  #transitions = 0
  #wokenBefore: ReadonlyMap<string, number> = new Map()
  readonly #said = new Map<string, string>()
  readonly #told = new Map<Who, Told>()

  static async open(
    cluster: LiveCluster,
    nodes: ReadonlyMap<string, VirtualIPNode>,
    fault: Fault,
    ofAgent: FaultyApiServer | undefined,
  ): Promise<Clients> {
    const open = () => FaultyApiServer.open(cluster.api)
    const servers = new Map([
      ['agent', ofAgent ?? (await open())],
      ['controller', await open()],
      ['candidate', await open()],
      ['agent that was started', await open()],
      ['controller that was started', await open()],
    ])
    const clients = new Clients(cluster, nodes, fault, servers)
    await clients.#start()
    return clients
  }

  private constructor(
    cluster: LiveCluster,
    nodes: ReadonlyMap<string, VirtualIPNode>,
    fault: Fault,
    servers: ReadonlyMap<string, FaultyApiServer>,
  ) {
    this.#cluster = cluster
    this.#nodes = nodes
    this.fault = fault
    this.node = nodeOf(fault)
    this.servers = servers
  }

  async #start(): Promise<void> {
    if (WITH_LOOP.includes(this.fault)) this.#agent = this.#cluster.agent(this.node)
    else await this.#startSource('agent', this.node)
    if (WITH_VIEW.includes(this.fault)) await this.#startView()
    if (!WITH_ELECTION.includes(this.fault)) return
    this.#stand('faulty', this.#server('candidate').kubeconfig(this.#cluster.api.kubeconfig))
    await this.#cluster.until('the first candidate leads', () => this.terms.length === 1)
    this.#stand('well', this.#cluster.api.kubeconfig)
  }

  async #startView(): Promise<void> {
    const kubeconfig = this.#server('controller').kubeconfig(await this.#cluster.api.kubeconfigOf('controller'))
    const client = openClient({ kubeconfig, namespace: 'kube-vrrp' })
    const { signal } = this.#ending
    const nothing = () => {}
    this.#view = openClusterView({
      client,
      logger: this.#logger('controller'),
      signal,
      now: () => performance.now(),
      onChange: nothing,
      onRenewal: nothing,
      onAgentNews: nothing,
    })
    this.#runs(
      'controller',
      this.#view.ended.finally(() => client.close()),
    )
  }

  async isReady(): Promise<void> {
    await this.#cluster.until('the view is complete', () => !this.#view || this.#view.synced === true)
    this.#transitions = this.#logged()
    this.#wokenBefore = await this.#wakeUps()
  }

  async measureLateness(): Promise<void> {
    const before = this.#wokenBefore
    const counts = [...(await this.#wakeUps())].map(([bound, n]): [string, number] => [
      bound,
      n - (before.get(bound) ?? 0),
    ])
    const all = Math.max(0, ...counts.map(([, n]) => n))
    this.lateness = new Map(counts.map(([bound, n]) => [bound, bound === '+Inf' ? n : all - n]))
  }

  worsen(): void {
    this.from = performance.now()
    for (const server of this.servers.values()) server.behave(this.fault)
  }

  /** An agent without anything on its disk, and a controller, that begin while it is faulty. */
  async startCold(): Promise<void> {
    const { api } = this.#cluster
    await this.#startSource('agent that was started', `cold-${nameOf(this.fault)}`)
    const ofController = this.#server('controller that was started').kubeconfig(await api.kubeconfigOf('controller'))
    const controller = runController(
      {
        kubeconfig: ofController,
        namespace: 'kube-vrrp',
        identity: this.fault,
        leaderElect: true,
        logger: this.#logger('controller that was started'),
      },
      this.#ending.signal,
    )
    this.#runs('controller that was started', controller)
  }

  /** An agent without a loop: all that it is told runs at once. */
  async #startSource(who: Who, node: string): Promise<void> {
    const kubeconfig = this.#server(who).kubeconfig(await this.#cluster.api.kubeconfigOf(`agent:${node}`))
    const told = new Told()
    this.#told.set(who, told)
    const starting = ClusterSource.start({
      node,
      namespace: 'kube-vrrp',
      kubeconfig,
      version: 'test',
      checksAllowed: [],
      fileCheckFolders: [],
      podCheckNamespaces: [],
      store: new ConfigStore(scratchFolder()),
      apply: (spec, _passwords, live) => told.apply(spec, live),
      lookForSleep: () => {},
      logger: this.#logger(who),
    })
    this.#sources.push(starting)
    const started = starting.then(source => told.reportTo(source))
    this.#runs(who, started)
    if (who === 'agent') await started
  }

  /** Something that the agent has to report meanwhile. */
  setExtraLink(isThere: boolean): void {
    this.#told.get('agent')?.setExtraLink(isThere)
    if (!this.#agent) return
    const ip = (...args: string[]) => this.#cluster.node(this.node).run('ip', ...args)
    if (!isThere) return void ip('link', 'delete', 'extra')
    ip('link', 'add', 'extra', 'type', 'bridge')
    ip('address', 'add', '10.99.0.1/24', 'dev', 'extra')
    ip('link', 'set', 'extra', 'up')
  }

  mend(): void {
    this.until = performance.now()
    for (const server of this.servers.values()) server.behave('Well')
  }

  /** Waits until everybody knows, and has told, what has changed meanwhile. */
  async recover(since: number): Promise<void> {
    await Promise.all(
      whoHas(this.fault).map(async who => {
        while (performance.now() - since < RECOVERED_WITHIN) {
          if (this.#isRight(who)) return void this.recovered.set(who, { took: performance.now() - since })
          await sleep(100)
        }
      }),
    )
  }

  #isRight(who: Who): boolean {
    switch (who) {
      case 'agent': {
        const node = this.#nodes.get(this.node) ?? assert.fail()
        const { metadata, status } = node
        return isToldTwo(node) && status?.observedGeneration === metadata.generation && status?.links?.length === 1
      }
      case 'controller': {
        const { virtualIPs, virtualIPNodes, nodes } = this.#view?.cluster ?? assert.fail()
        return virtualIPs.has('late') && nodes.has('late') && isToldTwo(virtualIPNodes.get(this.node))
      }
      case 'agent that was started':
        return this.#told.get(who)?.isLive === true
      case 'controller that was started':
        return this.said(who).includes('The controller a leads')
    }
  }

  said(who: string): string {
    const all = who === 'agent' && this.#agent ? this.#agent.output() : (this.#said.get(who) ?? '')
    return all.split('\n').slice(-30).join('\n')
  }

  /** Of the agent, since all was well at first. */
  transitions(): number {
    return this.#logged() - this.#transitions
  }

  #logged(): number {
    return this.#agent?.output().match(/ -> (MASTER|BACKUP|FAULT|INITIALIZE)/g)?.length ?? 0
  }

  /** How often the agent's loop has woken, by how late at most, in seconds. */
  async #wakeUps(): Promise<ReadonlyMap<string, number>> {
    if (!this.#agent) return new Map()
    const [address = ''] = this.#agent.node.addresses[0]?.split('/') ?? []
    const text = await (await fetch(`http://${address}:9180/metrics`)).text()
    const buckets = [...text.matchAll(/^kube_vrrp_loop_lateness_seconds_bucket\{le="(\S+)"\} (\d+)$/gm)]
    return new Map(buckets.map(([, seconds = '', count]) => [seconds, Number(count)]))
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await Promise.allSettled(this.#sources.map(async source => (await source).close()))
    await Promise.all(this.#running)
    await Promise.all([...this.servers.values()].map(server => server.close()))
  }

  #server(who: string): FaultyApiServer {
    return this.servers.get(who) ?? assert.fail(who)
  }

  #stand(identity: string, kubeconfig: string): void {
    const client = openClient({ kubeconfig, namespace: 'kube-vrrp' })
    const election = runElection(
      {
        client,
        name: `election-${nameOf(this.fault)}`,
        identity,
        timing: TIMING,
        onElected: term => {
          const mine = { identity, from: performance.now(), until: Number.POSITIVE_INFINITY }
          this.terms.push(mine)
          term.addEventListener('abort', () => {
            mine.until = performance.now()
          })
        },
        onLost: () => {},
      },
      this.#ending.signal,
    )
    this.#runs(
      'candidate',
      election.finally(() => client.close()),
    )
  }

  #logger(who: string) {
    return createLogger({ level: 'info', destination: { write: line => this.#say(who, line) } })
  }

  #runs(who: string, running: Promise<unknown>): void {
    this.#running.push(
      running.catch(error => {
        this.fallen.push(`${who}: ${error instanceof Error ? error.stack : error}`)
      }),
    )
  }

  #say(who: string, line: string): void {
    this.#said.set(who, `${this.#said.get(who) ?? ''}${line}\n`)
  }
}

function spec(fault: Fault, addresses: readonly string[]) {
  return { addresses: [...addresses], priorities: [{ node: nodeOf(fault), priority: 100 }] }
}

function isToldTwo(node: VirtualIPNode | undefined): boolean {
  if (node && !/^n\d+$/.test(node.metadata.name)) return true
  return node?.spec.virtualRouters[0]?.addresses.length === 2
}

/** What an agent without a loop was told, and makes of it: it is MASTER of everything. */
class Told {
  isLive = false
  #source: ClusterSource | undefined
  #routers: VirtualRouterStatus[] = []
  #links: LinkStatus[] = [{ name: 'eth0', carrier: true, subnets: ['192.168.1.0/24'] }]

  apply({ virtualRouters }: VirtualIPNodeSpec, live: boolean): void {
    this.isLive ||= live
    const since = new Date(0).toISOString()
    this.#routers = virtualRouters.map(({ virtualIP, family, link, virtualRouterID, priority }) => {
      return { virtualIP, family, link, virtualRouterID, priority, state: 'MASTER', since, reason: 'Test' }
    })
    this.#report()
  }

  reportTo(source: ClusterSource): void {
    this.#source = source
    this.#report()
  }

  setExtraLink(isThere: boolean): void {
    const extra = { name: 'extra', carrier: true, subnets: ['10.99.0.0/24'] }
    this.#links = [...this.#links.filter(({ name }) => name !== 'extra'), ...(isThere ? [extra] : [])]
    this.#report()
  }

  #report(): void {
    this.#source?.statusChanged({ status: () => this.#routers, linkStatus: () => this.#links })
  }
}

function mostInASecond(times: readonly number[]): number {
  return Math.max(0, ...times.map(at => times.filter(other => other >= at && other < at + 1000).length))
}
