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
  /** When a renewal was last seen; absent: none since this controller started. */
  readonly leaseRenewedAt?: Instant
  /** The resourceVersion of that renewal. */
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

/**
 * Who renews, by our own monotonic clock: wall clocks lie, and after an outage of the API server every Lease looks old. An agent whose
 * time is up is a suspect; it is stale only when the API server, asked at that moment, has no newer renewal than we have seen.
 */
export class Freshness {
  readonly #agents = new Map<string, Observed>()

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

  /** Renewals may have been missed: those who were alive get their full time again. */
  reconnected(now: Instant): void {
    for (const agent of this.#agents.values()) agent.since = now
  }

  /** Whose time is up; each must be looked up (`confirm`) before it counts as stale. */
  suspects(now: Instant): string[] {
    return [...this.#agents]
      .filter(([, agent]) => agent.staleSince === undefined && now - agent.since >= STALE_AFTER)
      .map(([node]) => node)
  }

  /** The API server's word on a suspect: its Lease as it is, or undefined if it has none. Gives whether the agent is stale now. */
  confirm(node: string, renewal: Renewal | undefined, now: Instant): boolean {
    const agent = this.#agents.get(node)
    if (!agent) return false
    if (renewal !== undefined && renewal.time !== agent.renewal.time) {
      this.observe(node, renewal, now, false)
      return false
    }
    if (now - agent.since < STALE_AFTER) return false
    agent.staleSince ??= now
    agent.judged = true
    return true
  }

  /** Whether every agent known from before the start has either renewed or been found stale. */
  get settled(): boolean {
    return this.#agents.values().every(agent => agent.judged)
  }

  /** Undefined: it has no Lease. */
  of(node: string): AgentLife | undefined {
    const agent = this.#agents.get(node)
    return agent && lifeOf(agent)
  }

  agents(): ReadonlyMap<string, AgentLife> {
    return new Map([...this.#agents].map(([node, agent]) => [node, lifeOf(agent)]))
  }
}

function lifeOf({ renewal, renewedAt, staleSince }: Observed): AgentLife {
  return {
    fresh: staleSince === undefined,
    ...(renewedAt !== undefined && { leaseRenewedAt: renewedAt, leaseVersion: renewal.version }),
    ...(staleSince !== undefined && { staleSince }),
  }
}
