import type { Family } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'

/** A virtual router that is not heard for this long is gone. */
const FORGET_AFTER: Millis = 60_000
/** Another sender counts once the one before was silent for this long: two that both speak must not be news with every advert. */
const SUCCEEDS_AFTER: Millis = 10_000
/** What this node has just left, the others leave a moment later. */
const LEAVING: Millis = 5000

export interface HeardRouter {
  readonly family: Family
  readonly virtualRouterID: number
  readonly source: string
}

interface Entry extends HeardRouter {
  /** From that source. */
  sourceAt: Instant
  /** From anybody. */
  at: Instant
  /** Whether it is told. */
  readonly told: boolean
}

/** The virtual routers of others that were heard on this node's links: numbers the plan had better not hand out. */
export class Heard {
  readonly #byLink = new Map<number, Map<string, Entry>>()
  readonly #left = new Map<string, Instant>()

  /** True where it is news. */
  record(link: number, family: Family, virtualRouterID: number, source: string, now: Instant): boolean {
    const routers = this.#byLink.get(link) ?? new Map<string, Entry>()
    this.#byLink.set(link, routers)
    const key = keyOf(family, virtualRouterID)
    const known = routers.get(key)
    const told = now - (this.#left.get(`${link}/${key}`) ?? Number.NEGATIVE_INFINITY) >= LEAVING
    if (known?.told === told && (known.source === source || now - known.sourceAt < SUCCEEDS_AFTER)) {
      known.at = now
      if (known.source === source) known.sourceAt = now
      return false
    }
    routers.set(key, { family, virtualRouterID, source, sourceAt: now, at: now, told })
    return told
  }

  /** This node ran it until now. */
  leave(link: number, family: Family, virtualRouterID: number, now: Instant): void {
    this.#left.set(`${link}/${keyOf(family, virtualRouterID)}`, now)
  }

  /** Also of one that is not told yet. */
  has(link: number, family: Family, virtualRouterID: number): boolean {
    return this.#byLink.get(link)?.has(keyOf(family, virtualRouterID)) ?? false
  }

  on(link: number): HeardRouter[] {
    return [...(this.#byLink.get(link)?.values() ?? [])]
      .filter(({ told }) => told)
      .map(({ family, virtualRouterID, source }) => ({ family, virtualRouterID, source }))
      .sort((a, b) => a.family.localeCompare(b.family) || a.virtualRouterID - b.virtualRouterID)
  }

  /** True where any that was told was forgotten. */
  forgetOld(now: Instant): boolean {
    for (const [key, at] of this.#left) if (now - at > LEAVING) this.#left.delete(key)
    let forgot = false
    for (const routers of this.#byLink.values()) {
      for (const [key, { at, told }] of routers) {
        if (now - at <= FORGET_AFTER) continue
        routers.delete(key)
        forgot ||= told
      }
    }
    return forgot
  }
}

function keyOf(family: Family, virtualRouterID: number): string {
  return `${family}/${virtualRouterID}`
}
