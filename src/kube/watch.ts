import type { IncomingMessage } from 'node:http'
import type { Millis } from '../lib/time.ts'
import { backoff, pause, retryDelay } from './backoff.ts'
import type { KubeClient, ListQuery } from './client.ts'
import { KubeError, unreachable } from './kube-error.ts'
import { isObject, isRecord, type KubeObject } from './kube-object.ts'
import { LineBuffer } from './line-buffer.ts'
import type { Resource } from './resources.ts'

/** Objects of one kind as the API server last told: frozen, by name. */
export interface ResourceWatch<T> {
  readonly cache: ReadonlyMap<string, T>
  /** Whether `cache` was complete once. */
  readonly synced: boolean
  /** Whether changes are arriving now, as far as one can know. */
  readonly connected: boolean
  /** What the API server answered to a write of ours: in the cache at once, unless the watch has already told that or later. */
  note(written: unknown): void
  /** Asks the API server for everything as it is now: after that, nothing written before is missing. Throws a KubeError. */
  refresh(): Promise<void>
  /** Rejects only for a mistake of ours, e.g. an exception of a callback. */
  readonly ended: Promise<void>
}

export interface WatchSettings<T extends KubeObject> {
  readonly client: KubeClient
  readonly resource: Resource
  /** For namespaced kinds: this one only, so that names are unique. */
  readonly namespace?: string
  /** `metadata.name=node1`: that object alone. */
  readonly fieldSelector?: string
  /** `app=web,tier!=cache` */
  readonly labelSelector?: string
  /** Ends the watch. */
  readonly signal: AbortSignal
  /** Parses an object, or keeps less of it (default: as it is, without managedFields). */
  readonly read?: (object: unknown) => T
  /** `current` undefined: deleted. `previous` undefined: new. */
  readonly onChange?: (name: string, current: T | undefined, previous: T | undefined) => void
  /** The first list is complete. */
  readonly onSynced?: () => void
  /** The first time, and whenever changes may have been missed for a while before. */
  readonly onConnected?: () => void
  /** The watch broke, or an attempt to begin it failed; it is tried again. */
  readonly onDisconnected?: (error: KubeError) => void
  readonly timing?: Partial<WatchTiming>
}

export interface WatchTiming {
  /** A watch is asked for again after this long at most, in whole seconds: so that silence for much longer is no sign of peace. */
  readonly lifetime: Millis
  /** Without a byte for this long a watch counts as dead: longer than its lifetime. API servers send a bookmark 2 s before its end. */
  readonly stall: Millis
  /** Everything is listed anew after this long, should an event ever be lost. */
  readonly relist: Millis
  readonly firstRetry: Millis
  readonly lastRetry: Millis
}

const TIMING: WatchTiming = { lifetime: 7000, stall: 8000, relist: 600_000, firstRetry: 250, lastRetry: 2000 }
/** A connection that ends sooner is a failure, whatever it said: it is waited longer and longer for its successors. */
const TOO_SHORT: Millis = 1000

/** Lists, then watches from there with bookmarks, until `signal`: goes on where it was when a connection ends, lists anew where that can't be. */
export function watchResource<T extends KubeObject>(settings: WatchSettings<T>): ResourceWatch<T> {
  const timing = { ...TIMING, ...settings.timing }
  const { client, resource, namespace, signal } = settings
  const objects = new ObjectCache<T>(settings)
  const query: ListQuery = { fieldSelector: settings.fieldSelector, labelSelector: settings.labelSelector }
  const action = `Cannot watch ${resource.plural}`
  let synced = false
  let connected = false
  let listedAt = 0
  /** In a row, without a connection between that lasted. */
  let failures = 0
  /** Of those, how often its place in history was forgotten: an API server that is back says so, and is not kept waiting for what it was before. */
  let forgotten = 0

  async function refresh(): Promise<void> {
    const list = await client.list<unknown>(resource, namespace, query)
    objects.replace(list.items, list.resourceVersion)
  }

  async function relist(): Promise<void> {
    await refresh()
    objects.complete = true
    listedAt = performance.now()
    if (synced) return
    synced = true
    settings.onSynced?.()
  }

  /** One connection; returns when the server ended it in good order, and whether it lasted. */
  async function follow(): Promise<boolean> {
    const query = watchQuery(settings, objects.resourceVersion, timing)
    const response = await client.openWatch(resource, namespace, query, signal)
    const openedAt = performance.now()
    const lasted = () => performance.now() - openedAt >= TOO_SHORT
    if (!connected) {
      connected = true
      settings.onConnected?.()
    }
    let events = 0
    try {
      for await (const line of lines(response, timing.stall, action)) {
        objects.apply(parseEvent(line, action))
        events++
      }
    } finally {
      if (lasted()) failures = forgotten = 0
    }
    if (events > 0 || lasted()) return lasted()
    throw new KubeError(`${action}: ended at once, without an event`, { reason: 'Unreachable' })
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        if (!objects.complete || performance.now() - listedAt > timing.relist) await relist()
        const lasted = await follow()
        if (!lasted) await pause(backoff(failures++, timing.firstRetry, timing.lastRetry), signal)
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof KubeError)) throw error
        // What was missed can't be known.
        if (error.status === 410 || error.reason === 'Garbled') objects.complete = false
        connected = false
        settings.onDisconnected?.(error)
        failures++
        const before = error.status === 410 ? forgotten++ : failures - 1
        await pause(retryDelay(error, before, timing.firstRetry, timing.lastRetry), signal)
      }
    }
  }

  return {
    cache: objects.byName,
    get synced() {
      return synced
    },
    get connected() {
      return connected
    },
    note: written => objects.note(written),
    refresh,
    ended: run(),
  }
}

type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject }
  | {
      readonly type: 'ERROR'
      readonly object: { readonly code?: number; readonly reason?: string; readonly message?: string }
    }

class ObjectCache<T extends KubeObject> {
  readonly byName = new Map<string, T>()
  /** Of the newest thing the watch or the list told. */
  resourceVersion = ''
  /** False: list before watching. */
  complete = false
  readonly #read: (object: unknown) => T
  readonly #onChange: WatchSettings<T>['onChange']

  constructor(settings: WatchSettings<T>) {
    this.#read = settings.read ?? (object => object as T)
    this.#onChange = settings.onChange
  }

  replace(listed: readonly unknown[], resourceVersion: string): void {
    this.resourceVersion = resourceVersion
    const gone = new Map(this.byName)
    for (const item of listed) {
      const object = this.#parse(item)
      gone.delete(object.metadata.name)
      this.#set(object)
    }
    for (const [name, object] of gone) {
      if (!isNewer(object, resourceVersion)) this.#remove(name)
    }
  }

  apply(event: WatchEvent): void {
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        this.#set(this.#parse(event.object))
        break
      case 'DELETED': {
        const { name, resourceVersion = '' } = event.object.metadata
        const known = this.byName.get(name)
        if (known && !isNewer(known, resourceVersion)) this.#remove(name)
        break
      }
      case 'BOOKMARK':
        break
      case 'ERROR':
        this.complete = false
        throw new KubeError(`Cannot go on watching: ${event.object.message ?? event.object.reason ?? 'unknown'}`, {
          reason: event.object.reason ?? 'Unknown',
          ...(event.object.code !== undefined && { status: event.object.code }),
        })
    }
    this.resourceVersion = event.object.metadata.resourceVersion ?? this.resourceVersion
  }

  note(written: unknown): void {
    const object = this.#parse(written)
    if (isNewer(object, this.resourceVersion)) this.#set(object)
  }

  #parse(object: unknown): T {
    dropManagedFields(object)
    try {
      return freeze(this.#read(object))
    } catch (cause) {
      throw new KubeError(`Cannot read an object that the API server told: ${cause}`, { reason: 'Garbled', cause })
    }
  }

  #set(object: T): void {
    const { name, resourceVersion = '' } = object.metadata
    const previous = this.byName.get(name)
    if (previous && (previous.metadata.resourceVersion === resourceVersion || isNewer(previous, resourceVersion)))
      return
    this.byName.set(name, object)
    this.#onChange?.(name, object, previous)
  }

  #remove(name: string): void {
    const previous = this.byName.get(name)
    this.byName.delete(name)
    this.#onChange?.(name, undefined, previous)
  }
}

/** Within one kind resource versions are numbers that grow (Kubernetes promises it from 1.35 on; etcd has always made it so). */
function isNewer(object: KubeObject, resourceVersion: string): boolean {
  return Number(object.metadata.resourceVersion) > Number(resourceVersion)
}

function watchQuery(
  settings: { readonly fieldSelector?: string; readonly labelSelector?: string },
  resourceVersion: string,
  timing: WatchTiming,
): Record<string, string> {
  // Spread, so that a restarted API server isn't asked by everyone in the same second again.
  const seconds = Math.ceil((timing.lifetime / 1000) * (0.75 + Math.random() / 4))
  return {
    resourceVersion,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(seconds),
    ...(settings.fieldSelector !== undefined && { fieldSelector: settings.fieldSelector }),
    ...(settings.labelSelector !== undefined && { labelSelector: settings.labelSelector }),
  }
}

/** In characters. etcd keeps no object of more than 1.5 MiB. */
const LONGEST_LINE = 8 << 20

/** The lines of a watch; throws a KubeError when it breaks or stalls. */
async function* lines(response: IncomingMessage, stall: Millis, action: string): AsyncGenerator<string> {
  const stalled = new KubeError(`${action}: not a byte for ${stall} ms`, { reason: 'Stalled' })
  const timer = setTimeout(() => response.destroy(stalled), stall)
  const buffer = new LineBuffer(LONGEST_LINE)
  response.setEncoding('utf8')
  try {
    for await (const chunk of response) {
      timer.refresh()
      const complete = buffer.add(chunk)
      if (complete === 'TooLong') throw new KubeError(`${action}: a line without an end`, { reason: 'Garbled' })
      yield* complete
    }
  } catch (error) {
    throw error instanceof KubeError ? error : unreachable(action, 'the other end', error)
  } finally {
    clearTimeout(timer)
    response.destroy()
  }
}

const EVENT_TYPES: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'])

function parseEvent(line: string, action: string): WatchEvent {
  try {
    const event: WatchEvent = JSON.parse(line)
    if (!EVENT_TYPES.has(event.type)) throw new Error(`no event has the type ${JSON.stringify(event.type)}`)
    if (!isRecord(event.object)) throw new Error('no object')
    if (event.type === 'BOOKMARK' && !isRecord(event.object.metadata)) throw new Error('no metadata')
    if (event.type !== 'ERROR' && event.type !== 'BOOKMARK' && !isObject(event.object)) throw new Error('no name')
    return event
  } catch (cause) {
    throw new KubeError(`${action}: a line is not an event: ${line.slice(0, 80)}`, { reason: 'Garbled', cause })
  }
}

/** They are most of an object and nobody here reads them. */
function dropManagedFields(object: unknown): void {
  const { metadata } = object as { metadata: { managedFields?: unknown } }
  delete metadata.managedFields
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) freeze(inner)
  return Object.freeze(value)
}
