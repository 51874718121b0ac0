import type { Instant, Millis } from '../lib/time.ts'

/** Agents renew their Lease every 3 s; without a renewal seen for this long an agent counts as gone. */
export const STALE_AFTER: Millis = 10_000

/** A Lease's word: its renewTime, compared for difference only and never with a clock, and the API server's count of writes then. */
export interface Renewal {
  readonly time: string
  readonly version: number
}

/** What is known of an agent's life. */
export interface AgentLife {
  readonly fresh: boolean
  /** It was there before this controller, and has neither renewed nor had the time to. */
  readonly unjudged?: true
  /** When a renewal was last seen; absent: none since this controller started. */
  readonly leaseRenewedAt?: Instant
  /** The resourceVersion of the last one, seen or not. */
  readonly leaseVersion?: number
  /** When it was found to be stale. */
  readonly staleSince?: Instant
}

interface Observed {
  renewal: Renewal
  /** When the wait for the next renewal began. */
  since: Instant
  renewedAt: Instant | undefined
  staleSince: Instant | undefined
  judged: boolean
}

/** From then on the API server is asked: an agent may be late, a watch may have stalled. */
const DOUBT_AFTER: Millis = 4000
/** Who lives has renewed while the API server has answered for this long: a period of renewals, and an answer. */
const CHANCE: Millis = 5000
/** An API server that took longer to answer, or was not asked for longer, may have answered nobody meanwhile. */
const GAP: Millis = 2000

/**
 * Who renews, by our own monotonic clock: wall clocks lie, and after an outage of the API server every Lease looks old. An agent whose time is
 * up is stale only when the API server, asked again and again, has answered all the while in which it could have renewed.
 */
export class Freshness {
  readonly #agents = new Map<string, Observed>()
  /** Since when the API server has answered without a gap, as far as it was asked; and its last answer. */
  #answeringSince: Instant = Number.NEGATIVE_INFINITY
  #answeredAt: Instant = Number.NEGATIVE_INFINITY

  /**
   * A Lease as it is now. `known`: it was there before we began to watch, and says nothing about now. Gives whether it is news (an agent
   * appeared or is back) or a renewal like any other.
   */
  observe(node: string, renewal: Renewal, now: Instant, known: boolean): 'News' | 'Renewal' | 'Nothing' {
    const agent = this.#agents.get(node)
    if (agent?.renewal.time === renewal.time) return 'Nothing'
    const unseen = !agent && known
    this.#agents.set(node, {
      renewal,
      since: now,
      renewedAt: unseen ? undefined : now,
      staleSince: undefined,
      judged: !unseen,
    })
    return agent?.judged && agent.staleSince === undefined ? 'Renewal' : 'News'
  }

  /** Its Lease was deleted. */
  forget(node: string): void {
    this.#agents.delete(node)
  }

  /** Whether somebody was not heard for so long that the API server must be asked (`answered`), every second or so. */
  inDoubt(now: Instant): boolean {
    return this.#agents
      .values()
      .some(({ staleSince, judged, since }) => staleSince === undefined && (!judged || now - since >= DOUBT_AFTER))
  }

  /** The API server has told all Leases as they were at `askedAt` or later, and all of them were observed. Gives the agents that are stale from now on. */
  answered(askedAt: Instant, now: Instant): string[] {
    if (askedAt - this.#answeredAt > GAP || now - askedAt > GAP) this.#answeringSince = now
    this.#answeredAt = now
    const stale = [...this.#agents].filter(([, agent]) => this.#isOver(agent, askedAt))
    for (const [, agent] of stale) {
      agent.staleSince = now
      agent.judged = true
    }
    return stale.map(([node]) => node)
  }

  /** One that is known from before the start has had all the time that there was before. */
  #isOver({ staleSince, judged, since }: Observed, askedAt: Instant): boolean {
    if (staleSince !== undefined) return false
    const hadItsTime = !judged || askedAt - since >= STALE_AFTER
    return hadItsTime && askedAt - Math.max(since, this.#answeringSince) >= CHANCE
  }

  /** Whether every agent known from before the start has either renewed or been found stale. */
  get settled(): boolean {
    return this.#agents.values().every(agent => agent.judged)
  }

  agents(): ReadonlyMap<string, AgentLife> {
    return new Map([...this.#agents].map(([node, agent]) => [node, lifeOf(agent)]))
  }
}

function lifeOf({ renewal, renewedAt, staleSince, judged }: Observed): AgentLife {
  return {
    fresh: staleSince === undefined,
    ...(!judged && { unjudged: true as const }),
    leaseVersion: renewal.version,
    ...(renewedAt !== undefined && { leaseRenewedAt: renewedAt }),
    ...(staleSince !== undefined && { staleSince }),
  }
}
