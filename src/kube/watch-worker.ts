/* The thread of watchAside: watches, and tells its parent. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Millis } from '../lib/time.ts'
import { openClient } from './client.ts'
import { watchResource } from './watch.ts'
import type { AsideSettings, ToldAside } from './watch-aside.ts'

/** Between two times that changes are told. */
const PACE: Millis = 100

const { kubeconfig, namespace, ...watched } = workerData as AsideSettings
/** Changed since they were told last; undefined: gone. */
const changed = new Map<string, unknown>()
let isTaken = true
let toldAt = Number.NEGATIVE_INFINITY
let timer: NodeJS.Timeout | undefined

parentPort?.on('message', () => {
  isTaken = true
  tellSoon()
})

watchResource({
  ...watched,
  client: openClient({ kubeconfig, namespace }),
  signal: new AbortController().signal,
  onChange: (name, current) => {
    changed.set(name, current)
    tellSoon()
  },
  onSynced: () => tell({ type: 'Synced' }),
  onConnected: () => tell({ type: 'Connected' }),
  onDisconnected: ({ message, reason, status, retryAfter }) =>
    tell({
      type: 'Disconnected',
      error: {
        message,
        reason,
        ...(status !== undefined && { status }),
        ...(retryAfter !== undefined && { retryAfter }),
      },
    }),
})

/** After all that was so before. */
function tell(told: ToldAside): void {
  tellChanges()
  parentPort?.postMessage(told)
}

function tellSoon(): void {
  if (!isTaken || timer || changed.size === 0) return
  const wait = toldAt + PACE - performance.now()
  if (wait <= 0) tellChanges()
  else timer = setTimeout(tellChanges, wait)
}

function tellChanges(): void {
  clearTimeout(timer)
  timer = undefined
  if (changed.size === 0) return
  isTaken = false
  toldAt = performance.now()
  parentPort?.postMessage({ type: 'Changed', objects: [...changed] } satisfies ToldAside)
  changed.clear()
}
