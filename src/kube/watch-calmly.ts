import type { Instant, Millis } from '../lib/time.ts'
import type { KubeClient } from './client.ts'
import type { KubeObject } from './kube-object.ts'
import { type ResourceWatch, type WatchSettings, watchResource } from './watch.ts'
import { type AsideSettings, watchAside } from './watch-aside.ts'

type Settings<T extends KubeObject> = AsideSettings & { readonly client: KubeClient } & Pick<
    WatchSettings<T>,
    'signal' | 'onChange' | 'onSynced' | 'onConnected' | 'onDisconnected'
  >

/**
 * As watchResource, until more than a hundred changes come in a second; from then on as watchAside. A thread takes 12 MiB, which who has never
 * seen a storm need not spend.
 */
export function watchCalmly<T extends KubeObject>(
  settings: Settings<T>,
): Pick<ResourceWatch<T>, 'cache' | 'synced' | 'connected'> {
  const { client, kubeconfig, namespace, onChange, ...watched } = settings
  const moving = new AbortController()
  const pace = new Pace()
  let watch: Pick<ResourceWatch<T>, 'cache' | 'synced' | 'connected'>
  const inside = watchResource<T>({
    ...watched,
    client,
    signal: AbortSignal.any([settings.signal, moving.signal]),
    onChange: (name, current, previous) => {
      // What was read already comes still, and again from the thread.
      if (moving.signal.aborted) return
      onChange?.(name, current, previous)
      if (!pace.isStorm(performance.now())) return
      moving.abort()
      watch = watchAside({ ...watched, kubeconfig, namespace, ...(onChange && { onChange }) }, inside.cache)
    },
  })
  watch = inside
  return {
    get cache() {
      return watch.cache
    },
    get synced() {
      return inside.synced || watch.synced
    },
    get connected() {
      return watch.connected
    },
  }
}

const STORM = 100
const WINDOW: Millis = 1000

class Pace {
  #since: Instant = Number.NEGATIVE_INFINITY
  #changes = 0

  /** One more change. */
  isStorm(now: Instant): boolean {
    if (now - this.#since >= WINDOW) {
      this.#since = now
      this.#changes = 0
    }
    return ++this.#changes > STORM
  }
}
