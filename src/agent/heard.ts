import type { Family } from '../lib/ip-address.ts'
import type { Instant } from '../lib/time.ts'

/** A virtual router that is not heard for this long is gone, in ms. */
const FORGET_AFTER = 60_000

export interface HeardRouter {
  readonly family: Family
  readonly virtualRouterID: number
  readonly source: string
}

/** The virtual routers of others that were heard on this node's links: numbers the plan had better not hand out. */
export class Heard {
  readonly #byLink = new Map<number, Map<string, HeardRouter & { at: Instant }>>()

  /** True where it was not known before. */
  record(link: number, family: Family, virtualRouterID: number, source: string, now: Instant): boolean {
    const routers = this.#byLink.get(link) ?? new Map<string, HeardRouter & { at: Instant }>()
    this.#byLink.set(link, routers)
    const key = `${family}/${virtualRouterID}`
    const known = routers.get(key)
    if (known && known.source === source) {
      known.at = now
      return false
    }
    routers.set(key, { family, virtualRouterID, source, at: now })
    return true
  }

  has(link: number, family: Family, virtualRouterID: number): boolean {
    return this.#byLink.get(link)?.has(`${family}/${virtualRouterID}`) ?? false
  }

  on(link: number): HeardRouter[] {
    return [...(this.#byLink.get(link)?.values() ?? [])]
      .map(({ family, virtualRouterID, source }) => ({ family, virtualRouterID, source }))
      .sort((a, b) => a.family.localeCompare(b.family) || a.virtualRouterID - b.virtualRouterID)
  }

  /** True where any was forgotten. */
  forgetOld(now: Instant): boolean {
    let forgot = false
    for (const routers of this.#byLink.values()) {
      for (const [key, router] of routers) if (now - router.at > FORGET_AFTER) forgot = routers.delete(key) || forgot
    }
    return forgot
  }
}
