import type { VirtualIP } from '../api/virtual-ip.ts'
import type { KubeClient } from '../kube/client.ts'
import { VIRTUAL_IPS } from '../kube/resources.ts'
import { watchResource } from '../kube/watch.ts'
import type { StatusEntry, StatusSource } from './status-source.ts'

/** The whole cluster's view, as the controller writes it. A watch that breaks is begun anew, once with a word on `say`. */
export function kubeSource(client: KubeClient, say: (sentence: string) => void): StatusSource {
  return {
    async list() {
      const { items } = await client.list<VirtualIP>(VIRTUAL_IPS)
      return entries(items)
    },

    async watch(onChange, signal) {
      let connected = true
      const tell = () => {
        if (watch.synced) onChange(entries(watch.cache.values()))
      }
      const watch = watchResource<VirtualIP>({
        client,
        resource: VIRTUAL_IPS,
        signal,
        onChange: tell,
        onSynced: tell,
        onConnected: () => {
          connected = true
        },
        onDisconnected: error => {
          if (connected) say(`${error.message}; trying again`)
          connected = false
        },
      })
      await watch.ended
    },
  }
}

function entries(virtualIPs: Iterable<VirtualIP>): StatusEntry[] {
  const all = Array.from(virtualIPs, ({ metadata, spec, status }) => ({
    name: metadata.name,
    addresses: spec.addresses,
    status: status ?? {},
  }))
  return all.sort((a, b) => (a.name < b.name ? -1 : 1))
}
