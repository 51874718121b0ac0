import { isDeepStrictEqual } from 'node:util'
import { type DesiredCondition, setConditions } from '../api/conditions.ts'
import { agentLeaseName, FIELD_MANAGER } from '../api/names.ts'
import type {
  CheckToAllow,
  LinkStatus,
  VirtualIPNode,
  VirtualIPNodeStatus,
  VirtualRouterStatus,
} from '../api/virtual-ip-node.ts'
import { retryDelay } from '../kube/backoff.ts'
import type { KubeClient } from '../kube/client.ts'
import { KubeError } from '../kube/kube-error.ts'
import { renewLease } from '../kube/lease.ts'
import { VIRTUAL_IP_NODES } from '../kube/resources.ts'
import type { Instant, Millis } from '../lib/time.ts'
import type { Logger } from '../telemetry/logger.ts'

const LEASE_SECONDS = 10
/** A report or a renewal that failed is tried again after this long, and later and later. */
const RETRY = { first: 500, last: 2000 }
/** What somebody else wrote over a report is put right after this long: should it be another agent, neither shall write all the time. */
const PUT_RIGHT_AFTER: Millis = 1000

export interface ClusterReportsSettings {
  readonly client: KubeClient
  readonly node: string
  readonly version: string
  readonly checksAllowed: readonly CheckToAllow[]
  /** Absolute paths. */
  readonly fileCheckFolders: readonly string[]
  /** `*`: all. */
  readonly podCheckNamespaces: readonly string[]
  readonly logger: Logger
  /** A report failed, in a sentence. */
  readonly onTrouble: (sentence: string) => void
  /** Finds out whether this agent slept; what is then so is reported before it returns. */
  readonly lookForSleep: () => void
  /** This node's object as the API server last told it; undefined: there is none; `Unknown`: it has told nothing yet. */
  readonly current: () => VirtualIPNode | undefined | 'Unknown'
}

/** What is reported. */
export interface Report {
  /** The generation that runs; 0: none. */
  readonly running: number
  readonly accepted: DesiredCondition
  readonly routers: readonly VirtualRouterStatus[]
  readonly links: readonly LinkStatus[]
}

const now = (): Instant => performance.now()

/** Keeps this node's reports at the API server true: the status of its VirtualIPNode, and its Lease, which says that this is still so. */
export class ClusterReports {
  readonly #settings: ClusterReportsSettings
  /** Undefined: there is nothing to report yet. */
  #report: Report | undefined
  /** What was last written, and how the API server kept it. */
  #written = ''
  #kept: VirtualIPNode | undefined
  #writing = false
  #renewalDue = false
  #closed = false
  #retry: NodeJS.Timeout | undefined
  /** In a row. */
  #failures = 0
  #notBefore: Instant = Number.NEGATIVE_INFINITY

  constructor(settings: ClusterReportsSettings) {
    this.#settings = settings
  }

  /** What is so from now on. Resolves when it is written, or when that failed: it is tried again. */
  report(report: Report): Promise<void> {
    this.#report = report
    return this.#write()
  }

  /**
   * A renewal says that what was last reported is still so: nothing is renewed before that was written. Only where there is no object yet, the
   * Lease comes first, for it makes the controller create one.
   */
  async renew(): Promise<void> {
    this.#renewalDue = true
    await this.#write()
    await this.#vouch()
  }

  /** This node's object is different. A report that an old request of ours, late on its way, or anybody else has overwritten is written again. */
  seen(node: VirtualIPNode): void {
    if (!this.#kept || !isNewer(node, this.#kept) || isDeepStrictEqual(node.status, this.#kept.status)) return
    this.#settings.logger.debug(`Somebody else wrote the status of VirtualIPNode ${this.#settings.node}`)
    this.#written = ''
    this.#later(PUT_RIGHT_AFTER)
  }

  /** The last word, said at once. */
  async sayLast(): Promise<void> {
    this.#notBefore = Number.NEGATIVE_INFINITY
    await this.#write()
  }

  /** Nothing is tried again, also of what is under way. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
  }

  /** Writes the status where it differs from what was written; one request at a time, the newest state wins. */
  async #write(): Promise<void> {
    const node = this.#settings.current()
    if (this.#writing || !this.#report || !node || node === 'Unknown' || now() < this.#notBefore) return
    const text = JSON.stringify(this.#report)
    if (text === this.#written) return
    this.#writing = true
    try {
      const ref = { resource: VIRTUAL_IP_NODES, name: this.#settings.node, subresource: 'status' as const }
      const status = this.#status(node, this.#report)
      this.#kept = await this.#settings.client.mergePatch(ref, { status }, FIELD_MANAGER.agent)
      this.#written = text
      this.#failures = 0
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (error.reason !== 'NotFound') this.#settings.onTrouble(error.message)
      this.#failed(error)
    } finally {
      this.#writing = false
    }
    if (now() < this.#notBefore) return
    void this.#vouch()
    // There may be more to report by now.
    await this.#write()
  }

  async #vouch(): Promise<void> {
    if (!this.#renewalDue) return
    const { client, node, logger } = this.#settings
    this.#settings.lookForSleep()
    const current = this.#settings.current()
    const isTold = !current || this.#written === JSON.stringify(this.#report)
    if (!this.#renewalDue || current === 'Unknown' || !isTold || now() < this.#notBefore) return
    this.#renewalDue = false
    try {
      await renewLease(client, agentLeaseName(node), node, LEASE_SECONDS)
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      logger.debug(error.message)
      this.#renewalDue = true
      this.#failed(error)
    }
  }

  #failed(error: KubeError): void {
    const delay = retryDelay(error, this.#failures++, RETRY.first, RETRY.last)
    this.#notBefore = now() + delay
    this.#later(delay)
  }

  #later(delay: Millis): void {
    clearTimeout(this.#retry)
    if (this.#closed) return
    this.#retry = setTimeout(() => void this.#again(), delay)
  }

  async #again(): Promise<void> {
    // A timer may be early by a fraction of a millisecond.
    this.#notBefore = Number.NEGATIVE_INFINITY
    await this.#write()
    await this.#vouch()
  }

  #status(node: VirtualIPNode, { running, accepted, routers, links }: Report): VirtualIPNodeStatus {
    const { version, checksAllowed, fileCheckFolders, podCheckNamespaces } = this.#settings
    return {
      observedGeneration: running,
      agentVersion: version,
      checksAllowed: [...checksAllowed],
      ...(podCheckNamespaces.length > 0 && { podCheckNamespaces: [...podCheckNamespaces] }),
      ...(fileCheckFolders.length > 0 && { fileCheckFolders: [...fileCheckFolders] }),
      links: [...links],
      virtualRouters: [...routers],
      conditions: setConditions(node.status?.conditions ?? [], [accepted], new Date().toISOString()),
    }
  }
}

function isNewer(one: VirtualIPNode, other: VirtualIPNode): boolean {
  return Number(one.metadata.resourceVersion) > Number(other.metadata.resourceVersion)
}
