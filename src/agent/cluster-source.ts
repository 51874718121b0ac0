import { setTimeout as sleep } from 'node:timers/promises'
import { type Condition, type DesiredCondition, setConditions } from '../api/conditions.ts'
import { agentLeaseName, FIELD_MANAGER } from '../api/names.ts'
import { describeFieldErrors, parseVirtualIPNodeSpec } from '../api/parse.ts'
import type {
  LinkStatus,
  VirtualIPNode,
  VirtualIPNodeSpec,
  VirtualIPNodeStatus,
  VirtualRouterStatus,
} from '../api/virtual-ip-node.ts'
import { type KubeClient, openClient } from '../kube/client.ts'
import { hasReason, KubeError } from '../kube/kube-error.ts'
import { renewLease } from '../kube/lease.ts'
import { SECRETS, VIRTUAL_IP_NODES } from '../kube/resources.ts'
import { type ResourceWatch, watchResource } from '../kube/watch.ts'
import type { Millis } from '../lib/time.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { ConfigStore } from './config-store.ts'

const RENEW_EVERY: Millis = 3000
const LEASE_SECONDS = 10
/** A refused report, or a Secret that could not be read, is tried again after this long. */
const RETRY_AFTER: Millis = 1000
/** A changed Secret is noticed within this long. */
const SECRETS_EVERY: Millis = 30_000

/** How long the last report may take. */
const LAST_REPORT: Millis = 1000

type Passwords = Readonly<Record<string, string>>

export interface ClusterSourceOptions {
  readonly node: string
  readonly namespace: string
  readonly kubeconfig?: string
  readonly version: string
  readonly checksAllowed: readonly ('Process' | 'Exec')[]
  readonly store: ConfigStore
  /** `live`: the controller says so now, as opposed to what was kept on disk. */
  readonly apply: (spec: VirtualIPNodeSpec, passwords: Passwords, live: boolean) => void
  readonly logger: Logger
}

/** Cluster mode's spec and reports: this node's own VirtualIPNode, its Lease and the Secrets its spec names. */
export class ClusterSource {
  readonly #options: ClusterSourceOptions
  readonly #client: KubeClient
  readonly #ending = new AbortController()
  #watch: ResourceWatch<VirtualIPNode> | undefined
  #timers: NodeJS.Timeout[] = []
  #retry: NodeJS.Timeout | undefined
  #routers: VirtualRouterStatus[] = []
  #links: LinkStatus[] = []
  /** The generation that runs; 0: none was seen yet. */
  #generation = 0
  #spec: VirtualIPNodeSpec = { virtualRouters: [] }
  #passwords: Passwords = {}
  #accepted: DesiredCondition = {
    type: 'Accepted',
    status: 'Unknown',
    reason: 'Starting',
    message: 'No spec was received yet',
  }
  #reporting = false
  #reportAgain = false
  #reported = ''
  /** Why what runs is not what the controller asked for. */
  problem: string | undefined

  /** Runs what the disk has, connects, and goes on by itself. Throws a KubeError where there is no usable kubeconfig. */
  static start(options: ClusterSourceOptions): ClusterSource {
    const source = new ClusterSource(options)
    source.#startFromDisk()
    source.#follow()
    return source
  }

  private constructor(options: ClusterSourceOptions) {
    this.#options = options
    this.#client = openClient({ kubeconfig: options.kubeconfig, namespace: options.namespace })
  }

  statusChanged(routers: VirtualRouterStatus[], links: LinkStatus[]): void {
    this.#routers = routers
    this.#links = links
    void this.#report()
  }

  linksChanged(): void {}

  /** SIGHUP in cluster mode: Secrets are read again now. */
  reload(): void {
    void this.#readSecrets()
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    // The last word, that everything was given up; an API server that does not answer must not hold up the end.
    await Promise.race([this.#report(), sleep(LAST_REPORT)])
    clearTimeout(this.#retry)
    this.#ending.abort()
    this.#client.close()
  }

  #startFromDisk(): void {
    const { store, apply, logger } = this.#options
    try {
      const stored = store.read()
      if (!stored) return
      const spec = parseVirtualIPNodeSpec(stored.spec)
      if (Array.isArray(spec)) throw new Error(`The last spec on disk can't be used: ${describeFieldErrors(spec)}`)
      this.#spec = spec
      this.#passwords = stored.passwords
      logger.info(`Starting with the last spec on disk (generation ${stored.generation})`)
      apply(spec, stored.passwords, false)
    } catch (error) {
      logger.warn((error as Error).message)
    }
  }

  #follow(): void {
    const { node, logger } = this.#options
    const fail = (error: KubeError) => logger.warn(`${error.message}; what runs goes on`)
    this.#watch = watchResource<VirtualIPNode>({
      client: this.#client,
      resource: VIRTUAL_IP_NODES,
      fieldSelector: `metadata.name=${node}`,
      signal: this.#ending.signal,
      onChange: (_, current) => this.#received(current),
      onSynced: () => {
        if (this.#watch?.cache.size === 0) this.#received(undefined)
        void this.#renew()
      },
      onConnected: () => void this.#report(),
      onDisconnected: fail,
    })
    this.#timers = [
      setInterval(() => void this.#renew(), RENEW_EVERY),
      setInterval(() => void this.#readSecrets(), SECRETS_EVERY),
    ]
  }

  /** The controller's word. Without an object there is nothing to run: a VirtualIP that was deleted while this node was down must not come back. */
  #received(node: VirtualIPNode | undefined): void {
    const generation = node?.metadata.generation ?? 0
    if (node && generation === this.#generation) return
    const spec = parseVirtualIPNodeSpec(node?.spec ?? { virtualRouters: [] })
    this.#generation = generation
    if (Array.isArray(spec)) {
      this.problem = `Generation ${generation} of VirtualIPNode ${this.#options.node} can't be used: ${describeFieldErrors(spec)}`
      this.#options.logger.error(`${this.problem}; the last good one goes on`)
      this.#setAccepted('False', 'InvalidSpec', this.problem)
    } else {
      this.problem = undefined
      this.#spec = spec
      this.#setAccepted('True', 'Accepted', `Generation ${generation} runs`)
      void this.#applyLive()
    }
    void this.#report()
  }

  async #applyLive(): Promise<void> {
    if (secretNames(this.#spec).some(name => !hasPasswords(this.#passwords, name))) await this.#readSecrets()
    else this.#applyNow()
  }

  #applyNow(): void {
    const { store, apply, logger } = this.#options
    apply(this.#spec, this.#passwords, true)
    try {
      store.write({ generation: this.#generation, spec: this.#spec, passwords: this.#passwords })
    } catch (error) {
      logger.warn(
        `Cannot keep the spec on disk: ${(error as Error).message}; after a restart without an API server this node will not take part`,
      )
    }
  }

  /** A Secret that can't be read leaves the last good password in force. */
  async #readSecrets(): Promise<void> {
    const { logger } = this.#options
    const passwords = { ...this.#passwords }
    for (const name of secretNames(this.#spec)) {
      try {
        const ref = { resource: SECRETS, namespace: this.#client.namespace, name }
        const secret = await this.#client.get<{ data?: Record<string, string> }>(ref)
        for (const [key, value] of Object.entries(secret.data ?? {})) {
          passwords[`${name}/${key}`] = Buffer.from(value, 'base64').toString()
        }
      } catch (error) {
        if (!(error instanceof KubeError)) throw error
        logger.warn(error.message)
      }
    }
    if (JSON.stringify(passwords) === JSON.stringify(this.#passwords) && this.#generation === 0) return
    this.#passwords = passwords
    this.#applyNow()
  }

  /**
   * A renewal says that what was last reported is still so: nothing is renewed before that was written. Only where there is no object yet, the
   * Lease comes first, for it makes the controller create one.
   */
  async #renew(): Promise<void> {
    const { node, logger } = this.#options
    if (!this.#watch?.synced) return
    await this.#report()
    const known = this.#watch.cache.has(node)
    if (known && this.#reported !== this.#statusText()) return
    try {
      await renewLease(this.#client, agentLeaseName(node), node, LEASE_SECONDS)
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      logger.debug(error.message)
    }
  }

  #setAccepted(status: Condition['status'], reason: string, message: string): void {
    this.#accepted = { type: 'Accepted', status, reason, message, observedGeneration: this.#generation }
  }

  /** Writes the status where it differs from what was written; one request at a time, the newest state wins. */
  async #report(): Promise<void> {
    if (this.#reporting) {
      this.#reportAgain = true
      return
    }
    const node = this.#watch?.cache.get(this.#options.node)
    if (!node) return
    const status = this.#status(node)
    const text = this.#statusText()
    if (text === this.#reported) return
    this.#reporting = true
    try {
      const ref = { resource: VIRTUAL_IP_NODES, name: this.#options.node, subresource: 'status' as const }
      await this.#client.mergePatch(ref, { status }, FIELD_MANAGER.agent)
      this.#reported = text
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      const { message } = error
      if (!hasReason(error, 'NotFound')) this.#options.logger.warn(message)
      clearTimeout(this.#retry)
      this.#retry = setTimeout(() => void this.#report(), RETRY_AFTER)
    } finally {
      this.#reporting = false
    }
    if (!this.#reportAgain) return
    this.#reportAgain = false
    await this.#report()
  }

  /** What there is to report, without the times that a report is given. */
  #statusText(): string {
    return JSON.stringify([this.#generation, this.#accepted, this.#routers, this.#links])
  }

  #status(node: VirtualIPNode): VirtualIPNodeStatus {
    return {
      observedGeneration: this.#generation,
      agentVersion: this.#options.version,
      checksAllowed: [...this.#options.checksAllowed],
      links: this.#links,
      virtualRouters: this.#routers,
      conditions: setConditions(node.status?.conditions ?? [], [this.#accepted], new Date().toISOString()),
    }
  }
}

function secretNames(spec: VirtualIPNodeSpec): string[] {
  return [
    ...new Set(
      spec.virtualRouters.flatMap(({ authentication }) => (authentication ? [authentication.secretRef.name] : [])),
    ),
  ]
}

function hasPasswords(passwords: Passwords, secret: string): boolean {
  return Object.keys(passwords).some(name => name.startsWith(`${secret}/`))
}
