import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Condition, DesiredCondition } from '../api/conditions.ts'
import { describeFieldErrors, parseVirtualIPNodeSpec } from '../api/parse.ts'
import type {
  CheckToAllow,
  LinkStatus,
  VirtualIPNode,
  VirtualIPNodeSpec,
  VirtualRouterStatus,
} from '../api/virtual-ip-node.ts'
import { type KubeClient, openClient } from '../kube/client.ts'
import type { KubeError } from '../kube/kube-error.ts'
import { VIRTUAL_IP_NODES } from '../kube/resources.ts'
import type { ResourceWatch } from '../kube/watch.ts'
import { watchCalmly } from '../kube/watch-calmly.ts'
import type { Millis } from '../lib/time.ts'
import type { Logger } from '../telemetry/logger.ts'
import { missingSecrets, namedPasswords, readPasswords, secretNames } from './cluster-passwords.ts'
import { ClusterReports } from './cluster-reports.ts'
import { Complaints } from './complaints.ts'
import type { ConfigStore } from './config-store.ts'
import type { Passwords } from './passwords.ts'

const RENEW_EVERY: Millis = 3000
/** At a start the API server has this long to say what runs, before the disk is believed. */
const FIRST_WORD: Millis = 1000
/** A Secret that could not be read is tried again after this long. */
const RETRY_AFTER: Millis = 1000
/** Secrets are read anew this often, by the wall clock: all nodes take a changed password within the same moment, and none flaps. */
const SECRETS_EVERY: Millis = 10_000
/** How long the last report may take. */
const LAST_REPORT: Millis = 1000
/** Refusals that stay, so that waiting helps nobody. */
const FINAL: ReadonlySet<string> = new Set(['Unauthorized', 'Forbidden', 'Untrusted'])

export interface ClusterSourceOptions {
  readonly node: string
  readonly namespace: string
  readonly kubeconfig?: string
  readonly version: string
  readonly checksAllowed: readonly CheckToAllow[]
  /** Absolute paths. */
  readonly fileCheckFolders: readonly string[]
  /** `*`: all. */
  readonly podCheckNamespaces: readonly string[]
  readonly store: ConfigStore
  /** `live`: the controller says so now, as opposed to what was kept on disk. */
  readonly apply: (spec: VirtualIPNodeSpec, passwords: Passwords, live: boolean) => void
  /** Finds out whether this agent slept; `statusChanged` is called before it returns where it has. */
  readonly lookForSleep: () => void
  readonly logger: Logger
}

/** Cluster mode's spec and reports: this node's own VirtualIPNode, its Lease and the Secrets its spec names. */
export class ClusterSource {
  readonly #options: ClusterSourceOptions
  readonly #client: KubeClient
  readonly #reports: ClusterReports
  readonly #ending = new AbortController()
  #watch: Pick<ResourceWatch<VirtualIPNode>, 'cache' | 'synced'> | undefined
  #timers: NodeJS.Timeout[] = []
  #secretsTimer: NodeJS.Timeout | undefined
  /** Undefined until the loop has told: there is nothing to report before. */
  #routers: VirtualRouterStatus[] | undefined
  #links: LinkStatus[] = []
  /** The generation that was received last; 0: none yet. */
  #received = 0
  /** The last one that could be parsed, and its spec. */
  #parsed = 0
  #spec: VirtualIPNodeSpec = { virtualRouters: [] }
  /** The one that runs: what is reported as observed. */
  #running = 0
  #passwords: Passwords = { known: {}, forbidden: {}, removed: [] }
  #accepted: DesiredCondition = {
    type: 'Accepted',
    status: 'Unknown',
    reason: 'Starting',
    message: 'No spec was received yet',
  }
  #disconnected = false
  readonly #complaints = new Complaints()
  /** Why what runs is not what the controller asked for. */
  problem: string | undefined

  /**
   * Connects, runs what the API server says or, where that does not come soon, what the disk has, and goes on by itself. Rejects with a
   * KubeError where there is no usable kubeconfig, or where the API server refuses it and the disk has nothing.
   */
  static async start(options: ClusterSourceOptions): Promise<ClusterSource> {
    const source = new ClusterSource(options)
    const refusal = await source.#follow()
    // What was deleted while this node was down must not come back, however eager: so the disk's word comes second.
    if (!source.#watch?.synced && !source.#startFromDisk() && refusal && FINAL.has(refusal.reason)) {
      await source.close()
      throw refusal
    }
    return source
  }

  private constructor(options: ClusterSourceOptions) {
    this.#options = options
    this.#client = openClient({ kubeconfig: options.kubeconfig, namespace: options.namespace })
    const { node, version, checksAllowed, fileCheckFolders, podCheckNamespaces, lookForSleep, logger } = options
    this.#reports = new ClusterReports({
      client: this.#client,
      node,
      version,
      checksAllowed,
      fileCheckFolders,
      podCheckNamespaces,
      lookForSleep,
      logger,
      onTrouble: sentence => this.#complain(sentence),
      current: () => (this.#watch?.synced ? this.#watch.cache.get(node) : 'Unknown'),
    })
  }

  statusChanged(running: { status(): VirtualRouterStatus[]; linkStatus(): LinkStatus[] }): void {
    const first = this.#routers === undefined
    this.#routers = running.status()
    this.#links = running.linkStatus()
    this.#report()
    // Who was taken for dead is believed again from its Lease's renewal on.
    if (first) void this.#reports.renew()
  }

  linksChanged(): void {}

  /** SIGHUP in cluster mode: Secrets are read again now. */
  reload(): void {
    void this.#refreshSecrets()
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    // The last word, that everything was given up; an API server that does not answer must not hold up the end.
    await Promise.race([this.#reports.sayLast(), sleep(LAST_REPORT)])
    this.#reports.close()
    clearTimeout(this.#secretsTimer)
    this.#ending.abort()
    this.#client.close()
  }

  /** Whether it has anything to run. */
  #startFromDisk(): boolean {
    const { store, apply, logger } = this.#options
    try {
      const stored = store.read()
      if (!stored) return false
      const spec = parseVirtualIPNodeSpec(stored.spec)
      if (Array.isArray(spec)) throw new Error(`The last spec on disk can't be used: ${describeFieldErrors(spec)}`)
      this.#spec = spec
      this.#passwords = { known: fromBase64(stored.secrets), forbidden: {}, removed: [] }
      logger.info(`Starting with the last spec on disk (generation ${stored.generation})`)
      apply(spec, this.#passwords, false)
      return true
    } catch (error) {
      logger.warn((error as Error).message)
      return false
    }
  }

  /** Resolves with the API server's first word: its error, or undefined where it told everything or nothing for a while. */
  #follow(): Promise<KubeError | undefined> {
    const { node, namespace, kubeconfig, logger } = this.#options
    const { promise: firstWord, resolve } = Promise.withResolvers<KubeError | undefined>()
    this.#watch = watchCalmly<VirtualIPNode>({
      client: this.#client,
      kubeconfig,
      namespace,
      resource: VIRTUAL_IP_NODES,
      fieldSelector: `metadata.name=${node}`,
      signal: this.#ending.signal,
      onChange: (_, current) => {
        if (current) this.#reports.seen(current)
        this.#receive(current)
      },
      onSynced: () => {
        if (this.#watch?.cache.size === 0) this.#receive(undefined)
        resolve(undefined)
        void this.#reports.renew()
      },
      onConnected: () => {
        if (this.#disconnected) logger.info('The API server is heard again')
        this.#disconnected = false
        void this.#reports.renew()
      },
      onDisconnected: error => {
        resolve(error)
        this.#disconnected = true
        this.#complain(`${error.message}; what runs goes on`)
      },
    })
    this.#timers = [
      setInterval(() => void this.#reports.renew(), RENEW_EVERY),
      setTimeout(() => resolve(undefined), FIRST_WORD),
    ]
    return firstWord
  }

  /** Now and then, however often it is tried again. */
  #complain(message: string): void {
    this.#options.logger[this.#complaints.isNew(message, performance.now()) ? 'warn' : 'debug'](message)
  }

  /** The controller's word. Without an object there is nothing to run: a VirtualIP that was deleted while this node was down must not come back. */
  #receive(node: VirtualIPNode | undefined): void {
    const generation = node?.metadata.generation ?? 0
    if (node && generation === this.#received) return
    this.#received = generation
    const spec = parseVirtualIPNodeSpec(node?.spec ?? { virtualRouters: [] })
    if (Array.isArray(spec)) {
      this.problem = `Generation ${generation} of VirtualIPNode ${this.#options.node} can't be used: ${describeFieldErrors(spec)}`
      this.#options.logger.error(`${this.problem}; the last good one goes on`)
      this.#setAccepted('False', 'InvalidSpec', this.problem)
      this.#report()
      return
    }
    this.problem = undefined
    this.#parsed = generation
    this.#spec = spec
    this.#setAccepted('True', 'Accepted', `Generation ${generation} runs`)
    void this.#applyLive()
  }

  /** What is running when it returns is what was asked for last. */
  async #applyLive(): Promise<void> {
    if (this.#missingSecrets().length > 0) this.#passwords = await this.#readSecrets()
    this.#applyNow()
    this.#readSecretsLater()
  }

  #applyNow(): void {
    const { store, apply, logger } = this.#options
    this.#running = this.#parsed
    apply(this.#spec, this.#passwords, true)
    this.#report()
    try {
      const secrets = toBase64(namedPasswords(this.#spec.virtualRouters, this.#passwords.known))
      store.write({ generation: this.#parsed, spec: this.#spec, secrets })
    } catch (error) {
      logger.warn(
        `Cannot keep the spec on disk: ${(error as Error).message}; after a restart without an API server this node will not take part`,
      )
    }
  }

  // ---- Secrets

  #missingSecrets(): string[] {
    return missingSecrets(this.#spec.virtualRouters, this.#passwords)
  }

  #readSecretsLater(): void {
    clearTimeout(this.#secretsTimer)
    if (secretNames(this.#spec.virtualRouters).length === 0) return
    const soon = this.#missingSecrets().some(name => this.#passwords.forbidden[name] === undefined)
    const delay = soon ? RETRY_AFTER : SECRETS_EVERY - (Date.now() % SECRETS_EVERY)
    this.#secretsTimer = setTimeout(() => void this.#refreshSecrets(), delay)
  }

  async #refreshSecrets(): Promise<void> {
    const passwords = await this.#readSecrets()
    if (this.#ending.signal.aborted) return
    if (this.#running > 0 && !isDeepStrictEqual(passwords, this.#passwords)) {
      this.#passwords = passwords
      this.#applyNow()
    }
    this.#readSecretsLater()
  }

  #readSecrets(): Promise<Passwords> {
    return readPasswords(this.#client, this.#spec.virtualRouters, this.#passwords, sentence => this.#complain(sentence))
  }

  // ---- reports

  #setAccepted(status: Condition['status'], reason: string, message: string): void {
    this.#accepted = { type: 'Accepted', status, reason, message, observedGeneration: this.#received }
  }

  #report(): void {
    if (!this.#routers) return
    const [running, accepted, routers, links] = [this.#running, this.#accepted, this.#routers, this.#links]
    void this.#reports.report({ running, accepted, routers, links })
  }
}

function toBase64(values: Passwords['known']): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, bytes]) => [key, bytes.toBase64()]))
}

function fromBase64(texts: Readonly<Record<string, string>>): Passwords['known'] {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Uint8Array.fromBase64(text)]))
}
