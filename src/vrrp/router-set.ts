import type { Family } from '../lib/ip-address.ts'
import type { Instant } from '../lib/time.ts'
import {
  deadline,
  initialState,
  type RouterEvent,
  type RouterState,
  type Step,
  step,
  type VirtualRouterConfig,
} from './virtual-router.ts'

export interface RouterKey {
  readonly key: string
  /** Its index. */
  readonly link: number
  readonly config: VirtualRouterConfig
}

interface Router extends RouterKey {
  config: VirtualRouterConfig
  state: RouterState
  deadline: Instant
  /** The last event, if it was an advert that changed nothing but when a Backup's wait ends. */
  follows: AdvertisementReceived | undefined
  /** When that advert came again; not stepped yet. */
  heardAgainAt: Instant | undefined
}

type AdvertisementReceived = Extract<RouterEvent, { type: 'AdvertisementReceived' }>

/**
 * All virtual routers of this node. What comes per advert costs the same with one router as with a thousand: deadlines mostly move away,
 * so only a lower bound of them is kept, and they are looked through when it is reached.
 */
export class RouterSet {
  readonly #routers = new Map<string, Router>()
  readonly #keys = new Map<number, string>()
  /** No deadline is earlier, but of routers that `due` has handed out. */
  #bound: Instant = Infinity

  /** As it is now: a later step changes it. */
  get(key: string): (RouterKey & { readonly state: RouterState }) | undefined {
    const router = this.#routers.get(key)
    if (router) this.#catchUp(router)
    return router
  }

  /** The key of the virtual router that adverts of this family and VRID on this link are for. */
  find(link: number, family: Family, virtualRouterID: number): string | undefined {
    return this.#keys.get(wireKey(link, family, virtualRouterID))
  }

  keys(): Iterable<string> {
    return this.#routers.keys()
  }

  /** In Initialize. Throws a RangeError where the key, or the VRID on this link, is in use. */
  add(key: string, link: number, config: VirtualRouterConfig, now: Instant): void {
    const onWire = wireKey(link, config.family, config.virtualRouterID)
    const user = this.#routers.has(key) ? key : this.#keys.get(onWire)
    if (user !== undefined) {
      throw new RangeError(`VRID ${config.virtualRouterID} (${config.family}) on link ${link} is in use by ${user}`)
    }
    this.#keys.set(onWire, key)
    this.#routers.set(key, {
      key,
      link,
      config,
      state: initialState(now),
      deadline: Infinity,
      follows: undefined,
      heardAgainAt: undefined,
    })
  }

  remove(key: string): void {
    const router = this.#routers.get(key)
    if (!router) return
    router.follows = undefined
    this.#routers.delete(key)
    this.#keys.delete(wireKey(router.link, router.config.family, router.config.virtualRouterID))
  }

  step(key: string, event: RouterEvent, now: Instant): Step {
    const router = this.#router(key)
    this.#catchUp(router)
    const before = router.state
    const result = step(router.config, before, event, now)
    this.#store(router, result, now)
    router.follows = event.type === 'AdvertisementReceived' && onlyWaits(before, result) ? event : undefined
    return result
  }

  /**
   * Where the last event was an advert that a Backup only began to wait anew for: what to call when that advert comes again. Nearly all
   * adverts are such, so it costs next to nothing: the step is taken when it matters, before the next one and before a deadline is
   * believed. It gives false, and does nothing, once it no longer applies.
   */
  repetition(key: string): ((now: Instant) => boolean) | undefined {
    const router = this.#routers.get(key)
    const follows = router?.follows
    if (!follows) return undefined
    return now => {
      if (router.follows !== follows) return false
      router.heardAgainAt = now
      return true
    }
  }

  /** Steps with `Reconfigured`. Throws a RangeError where version, family or VRID differ: remove and add it instead. */
  reconfigure(key: string, config: VirtualRouterConfig, now: Instant): Step {
    const router = this.#router(key)
    this.#catchUp(router)
    router.follows = undefined
    const result = step(config, router.state, { type: 'Reconfigured', previous: router.config }, now)
    router.config = config
    return this.#store(router, result, now)
  }

  /** When to ask `due`: not later than the earliest deadline, maybe earlier. */
  nextDeadline(): Instant | undefined {
    return this.#bound === Infinity ? undefined : this.#bound
  }

  /** What `due` handed out and was not stepped is to be asked for again: at once. */
  askAgain(now: Instant): void {
    this.#bound = Math.min(this.#bound, now)
  }

  /** The keys of the routers whose deadline has come, earliest first. Each must be stepped: nextDeadline no longer counts it. */
  due(now: Instant): string[] {
    if (now < this.#bound) return []
    const due: Router[] = []
    let bound: Instant = Infinity
    for (const router of this.#routers.values()) {
      this.#catchUp(router)
      if (router.deadline <= now) due.push(router)
      else if (router.deadline < bound) bound = router.deadline
    }
    this.#bound = bound
    return due.sort((a, b) => a.deadline - b.deadline).map(router => router.key)
  }

  #catchUp(router: Router): void {
    const { follows, heardAgainAt } = router
    if (!follows || heardAgainAt === undefined) return
    router.heardAgainAt = undefined
    this.#store(router, step(router.config, router.state, follows, heardAgainAt), heardAgainAt)
  }

  /** What was due before, and waits for something else, is no deadline that was missed. */
  #store(router: Router, result: Step, now: Instant): Step {
    router.state = result.state
    router.deadline = deadline(result.state) ?? Infinity
    const due = Math.max(router.deadline, now)
    if (due < this.#bound) this.#bound = due
    return result
  }

  #router(key: string): Router {
    const router = this.#routers.get(key)
    if (!router) throw new RangeError(`No virtual router ${key}`)
    return router
  }
}

/** Whether a Backup stays what it is but for the end of its wait, so that the same event does nothing else the next time. */
function onlyWaits(before: RouterState, { state, messages, observations }: Step): boolean {
  return (
    before.name === 'Backup' &&
    state.name === 'Backup' &&
    messages.length === 0 &&
    observations.length === 0 &&
    state.active === before.active &&
    state.activeInterval === before.activeInterval &&
    state.preemptAt === before.preemptAt &&
    state.takeoverReason === before.takeoverReason &&
    state.handover === before.handover
  )
}

/** A number, for it is looked up with every advert. */
function wireKey(link: number, family: Family, virtualRouterID: number): number {
  return link * 512 + (family === 'IPv6' ? 256 : 0) + virtualRouterID
}
