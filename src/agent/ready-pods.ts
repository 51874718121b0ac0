import type { PodsCheck } from '../api/check.ts'
import { mayLookAtPods } from '../api/check-rights.ts'
import type { ObjectMeta } from '../api/object-meta.ts'
import type { Pods, PodWatch } from '../checks/pods.ts'
import { type KubeClient, openClient } from '../kube/client.ts'
import type { KubeError } from '../kube/kube-error.ts'
import { PODS } from '../kube/resources.ts'
import { watchResource } from '../kube/watch.ts'
import { describeSelector } from '../plan/label-selector.ts'

export interface ReadyPodsSettings {
  /** The name of this node. */
  readonly node: string
  /** Of the namespaces whose pods it may read; `*`: all. */
  readonly namespaces: readonly string[]
  readonly kubeconfig?: string | undefined
}

/**
 * Watches the pods on this node that checks ask for. What the API server told last goes on to count while it is not heard, as in a
 * failover that needs none; before it has told anything, nothing is known.
 */
export class ReadyPods implements Pods {
  readonly #settings: ReadyPodsSettings
  #client: KubeClient | undefined

  constructor(settings: ReadyPodsSettings) {
    this.#settings = settings
  }

  watch({ namespace, selector }: PodsCheck, look: () => void): PodWatch {
    const { node, namespaces, kubeconfig } = this.#settings
    if (!mayLookAtPods(namespace, namespaces)) return refused(namespace)
    const ending = new AbortController()
    const known = Promise.withResolvers<void>()
    let why = 'the API server has not said yet'
    let before = 0
    const labels = describeSelector(selector)
    this.#client ??= openClient({ kubeconfig })
    const pods = watchResource<ReadyPod>({
      client: this.#client,
      resource: PODS,
      namespace,
      fieldSelector: `spec.nodeName=${node}`,
      ...(labels !== '' && { labelSelector: labels }),
      signal: ending.signal,
      read: readPod,
      onChange: () => {
        const now = count()
        if (!pods.synced || now > 0 === before > 0) return
        before = now
        look()
      },
      onSynced: () => {
        before = count()
        known.resolve()
        look()
      },
      onDisconnected: error => {
        why = error.message
        if (isRefusal(error)) known.resolve()
      },
    })
    const count = () => [...pods.cache.values()].filter(({ ready }) => ready).length
    return {
      known: known.promise,
      ready: () => (pods.synced ? count() : `It is not known what pods in ${namespace} are Ready: ${why}`),
      close: () => ending.abort(),
    }
  }

  close(): void {
    this.#client?.close()
  }
}

interface ReadyPod {
  readonly metadata: ObjectMeta
  readonly ready: boolean
}

function readPod(object: unknown): ReadyPod {
  const { metadata, status } = object as RawPod
  const { name, resourceVersion, deletionTimestamp } = metadata
  const isReady = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
  return {
    metadata: { name, ...(resourceVersion !== undefined && { resourceVersion }) },
    // A Service, too, sends nothing new to a pod that is to end.
    ready: isReady && deletionTimestamp === undefined,
  }
}

interface RawPod {
  readonly metadata: ObjectMeta
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

function isRefusal({ reason }: KubeError): boolean {
  return reason === 'Forbidden' || reason === 'Unauthorized'
}

function refused(namespace: string): PodWatch {
  const sentence = `This agent may not look at pods in ${namespace} (--pod-check-namespaces)`
  return { known: Promise.resolve(), ready: () => sentence, close: () => {} }
}
