import type { ObjectMeta } from '../api/object-meta.ts'
import type { Instant, Millis } from '../lib/time.ts'
import { pause, retryDelay } from './backoff.ts'
import type { KubeClient } from './client.ts'
import { KubeError } from './kube-error.ts'
import { microTime } from './lease.ts'
import { EVENTS, type Resource } from './resources.ts'

/** What `kubectl get events` and `kubectl describe` show. */
export interface KubeEvent {
  readonly regarding: { readonly resource: Resource; readonly metadata: ObjectMeta }
  readonly type: 'Normal' | 'Warning'
  /** CamelCase */
  readonly reason: string
  /** What was done or happened to it, CamelCase. */
  readonly action: string
  /** A sentence; cut at 1024 characters. */
  readonly note: string
}

export interface EventRecorder {
  /** Never waits and never fails: an event that can't be written is dropped. */
  record(event: KubeEvent): void
  /** Resolves when all that was recorded is written or dropped. */
  drained(): Promise<void>
}

export interface RecorderSettings {
  readonly client: KubeClient
  /** Who says so: `kube-vrrp-controller` and which one of them. */
  readonly component: string
  readonly instance: string
  readonly signal: AbortSignal
  /** Monotonic (default: performance.now). */
  readonly now?: () => Instant
  /** An event was dropped: refused, unreachable for too long, or one of too many. */
  readonly onDropped?: (event: KubeEvent, why: string) => void
}

/** An object may have so many events at once, and then one more every `REFILL`: a flapping router must not fill etcd. */
const BURST = 50
/** Of them, kept for Warnings: what is wrong must not go under in what goes on. */
const FOR_WARNINGS = 10
const REFILL: Millis = 6000
const WAITING = 2000
/** Objects whose recent events are counted. */
const KEPT = 2000
const ATTEMPTS = 5

/** Writes events in the background, one after the other. Those of cluster-scoped objects go to the namespace default, as Kubernetes demands. */
export function openEventRecorder(settings: RecorderSettings): EventRecorder {
  const now = settings.now ?? (() => performance.now())
  const drop = settings.onDropped ?? (() => {})
  const buckets = new Map<string, Bucket>()
  const waiting: { readonly event: KubeEvent; readonly body: object; readonly namespace: string }[] = []
  let pump: Promise<void> | undefined
  let count = 0

  async function writeAll(): Promise<void> {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const failed = await write(settings, next.body, next.namespace)
      if (failed) drop(next.event, failed)
      if (failed && settings.signal.aborted) for (const { event } of waiting.splice(0)) drop(event, failed)
    }
    pump = undefined
  }

  return {
    record(event) {
      const { resource, metadata } = event.regarding
      const object = metadata.uid ?? `${resource.plural}/${metadata.name}`
      const bucket = buckets.get(object) ?? { tokens: BURST, at: now() }
      buckets.set(object, bucket)
      if (buckets.size > KEPT) forgetFull(buckets, now())
      if (!take(bucket, event.type === 'Warning' ? 0 : FOR_WARNINGS, now()))
        return drop(event, 'too many events for this object')
      if (waiting.length >= WAITING) return drop(event, 'too many events wait to be written')
      const namespace = metadata.namespace ?? 'default'
      const name = `${metadata.name.slice(0, 220)}.${Date.now().toString(16)}${(count++ & 0xffff).toString(16).padStart(4, '0')}`
      waiting.push({ event, namespace, body: eventObject(event, { name, namespace }, settings) })
      pump ??= writeAll()
    },
    drained: async () => pump,
  }
}

interface Bucket {
  tokens: number
  at: Instant
}

function forgetFull(buckets: Map<string, Bucket>, now: Instant): void {
  for (const [key, bucket] of buckets) if (bucket.tokens + (now - bucket.at) / REFILL >= BURST) buckets.delete(key)
}

/** One, if as many as `reserved` are left. */
function take(bucket: Bucket, reserved: number, now: Instant): boolean {
  bucket.tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) / REFILL)
  bucket.at = now
  if (bucket.tokens < reserved + 1) return false
  bucket.tokens--
  return true
}

function eventObject(event: KubeEvent, metadata: ObjectMeta, settings: RecorderSettings): object {
  const { resource, metadata: about } = event.regarding
  return {
    apiVersion: EVENTS.apiVersion,
    kind: EVENTS.kind,
    metadata,
    eventTime: microTime(),
    reportingController: settings.component,
    reportingInstance: settings.instance.slice(0, 128),
    action: event.action,
    reason: event.reason,
    type: event.type,
    note: event.note.slice(0, 1024),
    regarding: {
      apiVersion: resource.apiVersion,
      kind: resource.kind,
      name: about.name,
      namespace: about.namespace,
      uid: about.uid,
      resourceVersion: about.resourceVersion,
    },
  }
}

/** Undefined, or why not. */
async function write(settings: RecorderSettings, body: object, namespace: string): Promise<string | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      await settings.client.create(EVENTS, body, namespace)
      return undefined
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (error.reason === 'AlreadyExists') return undefined
      const refused = error.status !== undefined && error.status < 500 && error.status !== 429
      if (refused || attempt >= ATTEMPTS || settings.signal.aborted) return error.message
      await pause(retryDelay(error, attempt, 250, 5000), settings.signal)
    }
  }
}
