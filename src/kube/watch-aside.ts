import { Worker } from 'node:worker_threads'
import type { Millis } from '../lib/time.ts'
import { KubeError } from './kube-error.ts'
import type { KubeObject } from './kube-object.ts'
import type { Resource } from './resources.ts'
import type { ResourceWatch, WatchSettings } from './watch.ts'

/** What the thread is told when it begins. */
export interface AsideSettings {
  readonly kubeconfig?: string | undefined
  readonly namespace?: string | undefined
  readonly resource: Resource
  readonly fieldSelector?: string
}

/** What the thread tells. `Changed`: all that has changed since it told last; the next comes when it hears that this was taken. */
export type ToldAside =
  | { readonly type: 'Changed'; readonly objects: readonly (readonly [name: string, object: unknown])[] }
  | { readonly type: 'Synced' | 'Connected' }
  | { readonly type: 'Disconnected'; readonly error: ErrorDetails }

export interface ErrorDetails {
  readonly message: string
  readonly reason: string
  readonly status?: number
  readonly retryAfter?: Millis
}

type Events<T extends KubeObject> = Pick<
  WatchSettings<T>,
  'signal' | 'onChange' | 'onSynced' | 'onConnected' | 'onDisconnected'
>

/**
 * As watchResource, by another thread: however many changes come, this one is told the newest state of each object at most every 100 ms, and when
 * it has taken what it was told before. So a storm costs who has deadlines to keep neither decryption nor JSON nor garbage. `known`: what another
 * watch has told; the first list corrects it.
 */
export function watchAside<T extends KubeObject>(
  settings: AsideSettings & Events<T>,
  known: ReadonlyMap<string, T> = new Map(),
): Pick<ResourceWatch<T>, 'cache' | 'synced' | 'connected'> {
  const { signal, onChange, onSynced, onConnected, onDisconnected, ...aside } = settings
  const cache = new Map<string, T>(known)
  const unconfirmed = new Set(known.keys())
  let synced = false
  let connected = false
  const worker = new Worker(ENTRY, { workerData: aside, resourceLimits: { maxYoungGenerationSizeMb: YOUNG } })

  const change = (name: string, object: T | undefined): void => {
    const previous = cache.get(name)
    unconfirmed.delete(name)
    if (object) cache.set(name, object)
    else cache.delete(name)
    onChange?.(name, object, previous)
  }
  worker.on('message', (told: ToldAside) => {
    if (signal.aborted) return
    switch (told.type) {
      case 'Changed':
        for (const [name, object] of told.objects) change(name, object as T | undefined)
        worker.postMessage('Taken')
        break
      case 'Synced':
        synced = true
        for (const name of [...unconfirmed]) change(name, undefined)
        onSynced?.()
        break
      case 'Connected':
        connected = true
        onConnected?.()
        break
      case 'Disconnected':
        connected = false
        onDisconnected?.(new KubeError(told.error.message, told.error))
    }
  })
  // A mistake of ours.
  worker.on('error', error => {
    throw error
  })
  signal.addEventListener('abort', () => void worker.terminate(), { once: true })
  return {
    cache,
    get synced() {
      return synced
    },
    get connected() {
      return connected
    },
  }
}

/** In MiB: it reads one object at a time. */
const YOUNG = 4
/** Beside this file, or beside the bundle that it is in. */
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './watch-worker.ts' : './watch-worker.js', import.meta.url)
