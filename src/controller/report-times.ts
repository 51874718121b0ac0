import type { VirtualIPNode, VirtualRouterStatus } from '../api/virtual-ip-node.ts'
import type { Instant } from '../lib/time.ts'

type Arrival = Pick<VirtualRouterStatus, 'state' | 'since'> & { readonly at: Instant }

/** When each virtual router's present state was first reported here: the newest word of several nodes counts, by one clock. */
export class ReportTimes {
  readonly #nodes = new Map<string, ReadonlyMap<string, Arrival>>()

  /** Undefined: the object is gone. */
  observe(name: string, node: VirtualIPNode | undefined, now: Instant): void {
    if (!node) {
      this.#nodes.delete(name)
      return
    }
    const before = this.#nodes.get(name)
    const arrivals = (node.status?.virtualRouters ?? []).map((router): [string, Arrival] => {
      const { state, since } = router
      const known = before?.get(keyOf(router))
      return [keyOf(router), known?.state === state && known.since === since ? known : { state, since, at: now }]
    })
    this.#nodes.set(name, new Map(arrivals))
  }

  /** Undefined: it was not observed. */
  of(node: string, router: VirtualRouterStatus): Instant | undefined {
    return this.#nodes.get(node)?.get(keyOf(router))?.at
  }
}

function keyOf({ virtualIP, family }: VirtualRouterStatus): string {
  return `${virtualIP}/${family}`
}
