import type { Instant, Millis } from '../lib/time.ts'
import { pause, retryDelay } from './backoff.ts'
import type { KubeClient } from './client.ts'
import { hasReason, KubeError } from './kube-error.ts'
import { type Lease, microTime } from './lease.ts'
import { LEASES, type ObjectRef } from './resources.ts'

export interface ElectionSettings {
  readonly client: KubeClient
  /** The Lease, in the client's namespace. */
  readonly name: string
  /** Unique among the candidates. */
  readonly identity: string
  readonly timing?: Partial<ElectionTiming>
  /** Monotonic (default: performance.now). */
  readonly now?: () => Instant
  /** Leading begins; `term` aborts when it ends. What was started for it must stop then. */
  readonly onElected: (term: AbortSignal) => void
  /** Leading ended: another leads, or the API server could not be asked for `renewDeadline`. */
  readonly onLost: (reason: string) => void
  /** Someone (`''`: nobody) is the leader; called for each change. */
  readonly onLeader?: (identity: string) => void
  /** An attempt failed; it is tried again. */
  readonly onError?: (error: KubeError) => void
}

/** As in client-go: renewDeadline < leaseDuration, so that a leader that is cut off stops before another begins. */
export interface ElectionTiming {
  /** A Lease not seen renewed for this long is up for grabs. In whole seconds. */
  readonly leaseDuration: Millis
  readonly renewDeadline: Millis
  readonly retryPeriod: Millis
}

/** A follower takes over at most leaseDuration + retryPeriod after the leader's last renewal: 12 s. */
const TIMING: ElectionTiming = { leaseDuration: 10_000, renewDeadline: 7000, retryPeriod: 2000 }

/** Stands for election until `signal` aborts, as often as it takes; then gives the Lease up, so that the next need not wait. */
export async function runElection(settings: ElectionSettings, signal: AbortSignal): Promise<void> {
  const timing = { ...TIMING, ...settings.timing }
  const now = settings.now ?? (() => performance.now())
  const candidate = new Candidate(settings, timing)
  const again = timing.retryPeriod / 4
  for (let failures = 0; !signal.aborted; ) {
    const error = await candidate.attempt(now)
    failures = error ? failures + 1 : 0
    await pause(error ? retryDelay(error, failures - 1, again, timing.retryPeriod) : timing.retryPeriod, signal)
  }
  await candidate.resign()
}

const TYPE = { apiVersion: LEASES.apiVersion, kind: LEASES.kind }

/** One candidate's knowledge of the Lease. Whether another's has expired is judged by our own clock since we last saw it change. */
class Candidate {
  readonly #settings: ElectionSettings
  readonly #timing: ElectionTiming
  readonly #ref: ObjectRef
  #seen: Lease | undefined
  #seenAt: Instant = 0
  #leader: string | undefined
  #term: AbortController | undefined
  #deadline: NodeJS.Timeout | undefined

  constructor(settings: ElectionSettings, timing: ElectionTiming) {
    this.#settings = settings
    this.#timing = timing
    this.#ref = { resource: LEASES, name: settings.name, namespace: settings.client.namespace }
  }

  /** Gives why it failed, if so. */
  async attempt(now: () => Instant): Promise<KubeError | undefined> {
    const startedAt = now()
    try {
      const lease = (await this.#renew()) ?? (await this.#acquire(now))
      this.#see(lease, now())
      if (lease.spec?.holderIdentity === this.#settings.identity)
        this.#win(this.#timing.renewDeadline - (now() - startedAt))
      else this.#lose(`${lease.spec?.holderIdentity} leads`)
      return undefined
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      // Another candidate was faster.
      if (error.reason === 'Conflict' || error.reason === 'AlreadyExists') return undefined
      this.#settings.onError?.(error)
      return error
    }
  }

  async resign(): Promise<void> {
    const leading = this.#term !== undefined
    this.#lose('shutting down')
    const resourceVersion = this.#seen?.metadata.resourceVersion
    if (!leading || resourceVersion === undefined) return
    const spec = { holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() }
    // If it fails the Lease expires by itself.
    await this.#settings.client.mergePatch(this.#ref, { metadata: { resourceVersion }, spec }).catch(() => {})
  }

  /** Undefined: we don't lead, or the Lease is not as we left it. */
  async #renew(): Promise<Lease | undefined> {
    if (!this.#term || !this.#seen) return undefined
    try {
      return await this.#write(this.#seen, this.#mine())
    } catch (error) {
      if (hasReason(error, 'Conflict') || hasReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  /** The Lease as it is after an attempt to make it ours. */
  async #acquire(now: () => Instant): Promise<Lease> {
    const { client, identity } = this.#settings
    const lease = await this.#read()
    const spec = { ...this.#mine(), acquireTime: microTime() }
    if (!lease) {
      const metadata = { name: this.#ref.name }
      return client.create<Lease>(
        LEASES,
        { ...TYPE, metadata, spec: { ...spec, leaseTransitions: 0 } },
        client.namespace,
      )
    }
    this.#see(lease, now())
    const holder = lease.spec?.holderIdentity ?? ''
    if (holder === identity) return this.#write(lease, this.#mine())
    if (holder !== '' && now() - this.#seenAt < this.#timing.leaseDuration) return lease
    return this.#write(lease, { ...spec, leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1 })
  }

  #mine() {
    const leaseDurationSeconds = Math.ceil(this.#timing.leaseDuration / 1000)
    return { holderIdentity: this.#settings.identity, leaseDurationSeconds, renewTime: microTime() }
  }

  async #read(): Promise<Lease | undefined> {
    try {
      return await this.#settings.client.get<Lease>(this.#ref)
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  #write(lease: Lease, spec: NonNullable<Lease['spec']>): Promise<Lease> {
    const { resourceVersion } = lease.metadata
    return this.#settings.client.mergePatch<Lease>(this.#ref, { metadata: { resourceVersion }, spec })
  }

  #see(lease: Lease, at: Instant): void {
    if (lease.metadata.resourceVersion !== this.#seen?.metadata.resourceVersion) this.#seenAt = at
    this.#seen = lease
    const leader = lease.spec?.holderIdentity ?? ''
    if (leader === this.#leader) return
    this.#leader = leader
    this.#settings.onLeader?.(leader)
  }

  #win(lasts: Millis): void {
    clearTimeout(this.#deadline)
    const reason = `the Lease could not be renewed for ${this.#timing.renewDeadline} ms`
    // It was written then at the earliest: what is left of it may be nothing.
    if (lasts <= 0) {
      this.#lose(reason)
      return
    }
    // Also while an attempt hangs.
    this.#deadline = setTimeout(() => this.#lose(reason), lasts)
    if (this.#term) return
    this.#term = new AbortController()
    this.#settings.onElected(this.#term.signal)
  }

  #lose(reason: string): void {
    clearTimeout(this.#deadline)
    if (!this.#term) return
    this.#term.abort()
    this.#term = undefined
    this.#settings.onLost(reason)
  }
}
