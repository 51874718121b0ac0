import { CONTROLLER_LEASE } from '../api/names.ts'
import { pause } from '../kube/backoff.ts'
import { type KubeClient, openClient } from '../kube/client.ts'
import { type EventRecorder, type KubeEvent, openEventRecorder } from '../kube/events.ts'
import { KubeError } from '../kube/kube-error.ts'
import { type ElectionTiming, runElection } from '../kube/leader-election.ts'
import { VIRTUAL_IPS } from '../kube/resources.ts'
import type { Millis } from '../lib/time.ts'
import { HANDED_OVER_WITHIN } from '../status/summary.ts'
import { type ControllerMetrics, createControllerMetrics } from '../telemetry/controller-metrics.ts'
import { serveHealth } from '../telemetry/health-server.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type ClusterView, openClusterView } from './cluster-view.ts'
import { type Change, reconcile } from './reconcile.ts'
import { transitions } from './transitions.ts'
import type { Written } from './write.ts'
import { openWriter, type Writer } from './writer.ts'

export interface ControllerSettings {
  /** A file; else $KUBECONFIG, the pod's service account, ~/.kube/config. */
  readonly kubeconfig?: string
  /** Where the Leases are (default: the pod's namespace, else kube-vrrp). */
  readonly namespace?: string
  /** Unique among the replicas. */
  readonly identity: string
  /** Absent: neither metrics nor health are served. */
  readonly metricsAddress?: string
  /** False: lead without asking, for a controller that is alone. */
  readonly leaderElect: boolean
  readonly election?: Partial<ElectionTiming>
  readonly logger: Logger
}

/**
 * Watches, plans, tells the nodes and sums up what they report, until `signal` aborts. Every replica watches; the leader alone writes, so a
 * follower knows everything when it takes over. Rejects where it can't go on: no kubeconfig, or the API server refuses it.
 */
export async function runController(settings: ControllerSettings, signal: AbortSignal): Promise<void> {
  const client = openClient(settings)
  const ending = new AbortController()
  try {
    await refuseEarly(client, settings.logger)
    await new Controller(client, settings, AbortSignal.any([signal, ending.signal])).run()
  } finally {
    ending.abort()
    client.close()
  }
}

/** Credentials that are refused now stay refused; an API server that is not there yet comes. */
async function refuseEarly(client: KubeClient, logger: Logger): Promise<void> {
  try {
    await client.list(VIRTUAL_IPS, undefined, { limit: 1 })
  } catch (error) {
    if (!(error instanceof KubeError) || FINAL.has(error.reason)) throw error
    logger.warn(`${error.message}; trying again`)
  }
}

const FINAL: ReadonlySet<string> = new Set(['Unauthorized', 'Forbidden', 'Untrusted', 'Misconfigured'])

/** Changes that come together are planned together. */
const COALESCE: Millis = 5
/** When to decide again on what had changed meanwhile, should the watch not tell before. */
const OUTDATED_RETRY: Millis = 250
const REFRESH_RETRY: Millis = 1000
/** Of one attempt to renew the leader's Lease, on connections of its own: a term has time for more than one. */
const ELECTION_TIMEOUT: Millis = 2000
const SAY_AGAIN: Millis = 10_000

const now = () => performance.now()

class Controller {
  readonly #settings: ControllerSettings
  readonly #logger: Logger
  readonly #ended: AbortSignal
  readonly #view: ClusterView
  readonly #writer: Writer
  readonly #events: EventRecorder
  readonly #metrics: ControllerMetrics
  /** Undefined or aborted: this replica does not lead. */
  #term: AbortSignal | undefined
  #contested = false
  #passTimer: NodeJS.Timeout | undefined
  #passDue = 0
  #putOff = false
  /** Events, since the start. */
  #dropped = 0
  #dropSaidAt = Number.NEGATIVE_INFINITY
  #passAt = 0
  #passTook: Millis = 0

  constructor(client: KubeClient, settings: ControllerSettings, ended: AbortSignal) {
    const { logger } = settings
    this.#settings = settings
    this.#logger = logger
    this.#ended = ended
    this.#view = openClusterView({
      client,
      logger,
      signal: ended,
      now,
      onChange: () => this.#passSoon(),
      onRenewal: () => {
        if (this.#contested) this.#passSoon()
      },
      onAgentNews: (node, sentence) => this.#tellOfAgent(node, sentence),
    })
    this.#writer = openWriter({
      client,
      logger,
      onWritten: (change, written) => this.#written(change, written),
      onOutdated: () => {
        this.#passSoon(OUTDATED_RETRY)
        this.#passIfPutOff()
      },
      onFailed: () => {
        this.#metrics.observeReconcile((now() - this.#passAt) / 1000, false)
        this.#passIfPutOff()
      },
    })
    this.#events = openEventRecorder({
      client,
      component: 'kube-vrrp-controller',
      instance: settings.identity,
      signal: ended,
      onDropped: (event, why) => this.#eventDropped(event, why),
    })
    this.#metrics = createControllerMetrics({
      virtualIPs: () =>
        this.#view.cluster.virtualIPs.values().map(({ status }) => ({ conditions: status?.conditions ?? [] })),
      leader: () => this.#leads,
      agents: () => this.#view.agents(),
    })
  }

  async run(): Promise<void> {
    const { metricsAddress: address, leaderElect } = this.#settings
    const { registry } = this.#metrics
    const ready = () => this.#view.synced
    const health =
      address === undefined ? undefined : await serveHealth({ address, registry, healthy: () => true, ready })
    const stop = () => this.#writer.close()
    this.#ended.addEventListener('abort', stop, { once: true })
    try {
      await Promise.all([this.#view.ended, this.#writer.run(), leaderElect ? this.#stand() : this.#lead(this.#ended)])
      await this.#events.drained()
    } finally {
      stop()
      clearTimeout(this.#passTimer)
      await health?.close()
    }
  }

  get #leads(): boolean {
    return this.#term !== undefined && !this.#term.aborted
  }

  /** Stands for election until the end. Rejects for a mistake of ours. */
  async #stand(): Promise<void> {
    const { identity, election = {} } = this.#settings
    const { promise: mistake, reject } = Promise.withResolvers<never>()
    const client = openClient({ ...this.#settings, timeout: ELECTION_TIMEOUT })
    const standing = runElection(
      {
        client,
        name: CONTROLLER_LEASE,
        identity,
        timing: election,
        onElected: term => void this.#lead(term).catch(reject),
        onLost: reason => this.#logger.warn(`This controller leads no longer: ${reason}`),
        onLeader: leader => {
          if (leader !== '' && leader !== identity) this.#logger.info(`The controller ${leader} leads`)
        },
        onError: error => this.#logger.warn(`${error.message}; trying again`),
      },
      this.#ended,
    )
    await Promise.race([standing, mistake]).finally(() => client.close())
  }

  /** Begins to write, once all that the leader before has written is known. */
  async #lead(term: AbortSignal): Promise<void> {
    this.#logger.info('This controller leads')
    // What was to be written is another's to decide from then on.
    term.addEventListener('abort', () => this.#writer.submit([]), { once: true })
    while (!term.aborted) {
      try {
        await this.#view.refresh()
        break
      } catch (error) {
        if (!(error instanceof KubeError)) throw error
        await pause(REFRESH_RETRY, term)
      }
    }
    if (term.aborted) return
    this.#term = term
    this.#passSoon()
  }

  #passSoon(delay: Millis = COALESCE): void {
    if (this.#ended.aborted) return
    // Deciding takes half of the time at most: what was decided must get written, too.
    const wait = Math.max(delay, this.#passTook)
    const due = now() + wait
    if (this.#passTimer && this.#passDue <= due) return
    clearTimeout(this.#passTimer)
    this.#passDue = due
    this.#passTimer = setTimeout(() => this.#pass(), wait)
  }

  #pass(): void {
    this.#passTimer = undefined
    const decides = this.#leads && this.#view.synced === true
    // A plan that is half told is no state to plan from: who was told first would come first.
    this.#putOff = decides && this.#writer.telling
    if (this.#putOff) return
    const changes = decides ? this.#decide() : []
    // Who is dead and who alive is not certain yet: only where nothing would be planned otherwise there is something to say of it.
    const isCertain = this.#view.settled || changes.every(({ type }) => type === 'SetStatus')
    this.#writer.submit(isCertain ? changes : [])
  }

  #passIfPutOff(): void {
    if (this.#putOff && !this.#writer.telling) this.#passSoon()
  }

  #decide(): readonly Change[] {
    this.#passAt = now()
    const { changes, contested, handingOver } = reconcile(this.#view.cluster, new Date().toISOString(), this.#passAt)
    this.#contested = contested
    this.#passTook = now() - this.#passAt
    if (handingOver) this.#passSoon(HANDED_OVER_WITHIN)
    return changes
  }

  #written(change: Change, written: Written): void {
    this.#metrics.observeReconcile((now() - this.#passAt) / 1000, true)
    this.#view.note(written)
    if (this.#writer.idle) this.#passSoon()
    this.#passIfPutOff()
    switch (change.type) {
      case 'CreateNode':
      case 'SetSpec':
        this.#logger.info(`${nodeOf(change)} is told ${routers(change.spec.virtualRouters.length)}`)
        break
      case 'DeleteNode':
      case 'DeleteLease':
        this.#logger.info(`${nodeOf(change)} has left the cluster`)
        break
      case 'SetStatus':
        this.#tell(change)
        break
    }
  }

  /** Said once, and again with a count when it happens later: the lost events may be thousands. */
  #eventDropped({ note }: KubeEvent, why: string): void {
    this.#dropped++
    if (now() - this.#dropSaidAt < SAY_AGAIN) return
    this.#dropSaidAt = now()
    this.#logger.warn({ dropped: this.#dropped }, `The event "${note}" was not written: ${why}`)
  }

  /** To everyone who reads about a VirtualIP that this node takes part in. */
  #tellOfAgent(node: string, note: string): void {
    if (!this.#leads) return
    this.#logger.warn({ node }, note)
    for (const { metadata, status } of this.#view.cluster.virtualIPs.values()) {
      if (!status?.nodes?.some(row => row.node === node)) continue
      const regarding = { resource: VIRTUAL_IPS, metadata }
      this.#events.record({ regarding, type: 'Warning', reason: 'AgentEnded', action: 'Transition', note })
    }
  }

  #tell({ virtualIP: { metadata, status: previous }, status }: Extract<Change, { type: 'SetStatus' }>): void {
    for (const { type, reason, note } of transitions(previous, status)) {
      this.#logger[type === 'Warning' ? 'warn' : 'info']({ virtualIP: metadata.name }, `${metadata.name}: ${note}`)
      this.#events.record({ regarding: { resource: VIRTUAL_IPS, metadata }, type, reason, action: 'Transition', note })
    }
  }
}

function nodeOf(change: Exclude<Change, { type: 'SetStatus' }>): string {
  return 'node' in change ? change.node.metadata.name : change.name
}

function routers(count: number): string {
  return count === 0 ? 'to run no virtual router' : `to run ${count} virtual router${count === 1 ? '' : 's'}`
}
