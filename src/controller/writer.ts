import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from '../kube/client.ts'
import { KubeError } from '../kube/kube-error.ts'
import { runWorkers, WorkQueue } from '../kube/work-queue.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Change } from './reconcile.ts'
import { keyOf, type Written, write } from './write.ts'

/** Carries changes out, several side by side, each object's one after the other; what fails is tried again later and later. */
export interface Writer {
  /** What there is to do now; what was to be done before and is not in it is dropped. */
  submit(changes: readonly Change[]): void
  /** Nothing is left to do. */
  readonly idle: boolean
  /** Specs are on their way, and none of them has failed yet. */
  readonly telling: boolean
  /** Works until it is closed. */
  run(): Promise<void>
  close(): void
}

export interface WriterSettings {
  readonly client: KubeClient
  readonly logger: Logger
  readonly onWritten: (change: Change, written: Written) => void
  /** It was decided on an object that has changed since: decide again. */
  readonly onOutdated: () => void
  /** It failed and is tried again. */
  readonly onFailed: () => void
}

const WORKERS = 8
const RETRY = { first: 100, last: 5000 }

export function openWriter(settings: WriterSettings): Writer {
  const queue = new WorkQueue(RETRY)
  const written = new LastWritten(settings.logger)
  let pending = new Map<string, Change>()
  const troubles = new Map<string, string>()

  async function work(key: string): Promise<void> {
    const change = pending.get(key)
    if (!change) return queue.forget(key)
    try {
      const result = await write(settings.client, change)
      settle(key, change)
      written.remember(key, change, result)
      settings.onWritten(change, result)
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (OUTDATED.has(error.reason)) {
        settle(key, change)
        return settings.onOutdated()
      }
      if (troubles.get(key) !== error.message) settings.logger.warn(`${error.message}; trying again`)
      troubles.set(key, error.message)
      queue.addRateLimited(key, error.retryAfter)
      settings.onFailed()
    }
  }

  function settle(key: string, change: Change): void {
    if (pending.get(key) === change) pending.delete(key)
    // Decided while this one was under way: it follows.
    else if (pending.has(key)) queue.add(key)
    queue.forget(key)
    troubles.delete(key)
  }

  return {
    submit(changes) {
      pending = new Map(
        changes.filter(change => !written.isKeptDifferently(change)).map(change => [keyOf(change), change]),
      )
      for (const key of pending.keys()) if (!queue.has(key)) queue.add(key)
    },
    get idle() {
      return pending.size === 0
    },
    get telling() {
      return pending
        .entries()
        .some(([key, { type }]) => (type === 'CreateNode' || type === 'SetSpec') && !troubles.has(key))
    },
    run: () => runWorkers(queue, WORKERS, work),
    close: () => queue.close(),
  }
}

const OUTDATED: ReadonlySet<string> = new Set(['Conflict', 'AlreadyExists', 'NotFound'])

/** Guards against writing the same thing for ever to an API server that stores something else: a mistake of ours, but not worth a flood. */
class LastWritten {
  readonly #last = new Map<string, { readonly resourceVersion: string | undefined; readonly content: unknown }>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  remember(key: string, change: Change, result: Written): void {
    if (result.type === 'Nothing') this.#last.delete(key)
    else this.#last.set(key, { resourceVersion: result.object.metadata.resourceVersion, content: contentOf(change) })
  }

  isKeptDifferently(change: Change): boolean {
    const key = keyOf(change)
    const last = this.#last.get(key)
    if (!last || last.resourceVersion === undefined || last.resourceVersion !== resourceVersionOf(change)) return false
    if (!isDeepStrictEqual(last.content, contentOf(change))) return false
    this.#logger.error(`The API server keeps ${key} otherwise than it was written: do crds/ belong to this version?`)
    return true
  }
}

function contentOf(change: Change): unknown {
  switch (change.type) {
    case 'CreateNode':
    case 'SetSpec':
      return change.spec
    case 'SetStatus':
      return change.status
    case 'DeleteNode':
    case 'DeleteLease':
      return undefined
  }
}

function resourceVersionOf(change: Change): string | undefined {
  switch (change.type) {
    case 'SetSpec':
    case 'DeleteNode':
      return change.node.metadata.resourceVersion
    case 'SetStatus':
      return change.virtualIP.metadata.resourceVersion
    case 'CreateNode':
    case 'DeleteLease':
      return undefined
  }
}
