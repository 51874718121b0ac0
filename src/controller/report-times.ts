import type { VirtualIPNode, VirtualRouterStatus } from '../api/virtual-ip-node.ts'
import type { Instant } from '../lib/time.ts'

/** When a virtual router's present state, and whom it follows, was first reported: by our clock, and by the API server's count of writes (resourceVersion). */
export interface Arrival {
  readonly at: Instant
  readonly version: number
}

type Known = Pick<VirtualRouterStatus, 'state' | 'since' | 'activeAddress'> & Arrival

/** When each virtual router's present state was first reported here: the newest word of several nodes counts. */
export class ReportTimes {
  readonly #nodes = new Map<string, ReadonlyMap<string, Known>>()

  /** Undefined: the object is gone. */
  observe(name: string, node: VirtualIPNode | undefined, now: Instant): void {
    if (!node) {
      this.#nodes.delete(name)
      return
    }
    const before = this.#nodes.get(name)
    const version = Number(node.metadata.resourceVersion)
    const arrivals = (node.status?.virtualRouters ?? []).map((router): [string, Known] => {
      const { state, since, activeAddress } = router
      const known = before?.get(keyOf(router))
      return [
        keyOf(router),
        known?.state === state && known.since === since && known.activeAddress === activeAddress
          ? known
          : { state, since, ...(activeAddress === undefined ? {} : { activeAddress }), at: now, version },
      ]
    })
    this.#nodes.set(name, new Map(arrivals))
  }

  /** Undefined: it was not observed. */
  of(node: string, router: VirtualRouterStatus): Arrival | undefined {
    return this.#nodes.get(node)?.get(keyOf(router))
  }
}

function keyOf({ virtualIP, family }: VirtualRouterStatus): string {
  return `${virtualIP}/${family}`
}
