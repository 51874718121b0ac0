import type { Instant, Millis } from '../lib/time.ts'
import { takeoverReason } from '../vrrp/backup-wait.ts'
import type { RouterSet } from '../vrrp/router-set.ts'
import { deadline, type RouterState } from '../vrrp/virtual-router.ts'

/** So many take over before the loop reads, answers and makes addresses true again. */
const TOGETHER = 128
/** So many lower-priority Active Routers are preempted at a time, for they serve meanwhile; and by a loop that is late, so many. */
const [PREEMPTED_TOGETHER, PREEMPTED_LATE] = [64, 8]
/** Who did not have their turn have it after this. */
const [SOON, NOT_SO_SOON]: [Millis, Millis] = [1, 20]
/** Who can't keep up with what it has should not take much more. */
const LATE: Millis = 10

/**
 * Whose turn it is where the deadlines of very many routers come at once. Who is Active speaks first, for others wait for it; then who takes over
 * from a silent one; who preempts one that serves has time, until the addresses of those that did before are held.
 */
export class Turns {
  readonly #set: RouterSet
  /** Due, and not stepped yet. */
  #postponed: readonly string[] = []
  #postponedUntil: Instant = 0

  constructor(set: RouterSet) {
    this.#set = set
  }

  /** When to call `take`. */
  next(): Instant | undefined {
    const next = this.#set.nextDeadline()
    return this.#postponed.length > 0 ? Math.min(this.#postponedUntil, next ?? this.#postponedUntil) : next
  }

  /** The routers to step now. `isSettled`: nobody who became Active waits for its addresses; `lateness`: how late it is asked. */
  take(now: Instant, isSettled: boolean, lateness: Millis): readonly string[] {
    const due = [...new Set([...this.#postponed, ...this.#set.due(now)])]
    const [adverts, takeovers, preemptions]: [string[], string[], string[]] = [[], [], []]
    for (const key of due) {
      const state = this.#set.get(key)?.state
      // What was heard since may have moved it.
      if (!state || (deadline(state) ?? Number.POSITIVE_INFINITY) > now) continue
      if (state.name === 'Active') adverts.push(key)
      else if (isPreemption(state)) preemptions.push(key)
      else takeovers.push(key)
    }
    const urgent = takeovers.slice(0, TOGETHER)
    const most = lateness > LATE ? PREEMPTED_LATE : PREEMPTED_TOGETHER
    const patient = isSettled && takeovers.length === 0 ? preemptions.slice(0, most) : []
    this.#postponed = [...takeovers.slice(urgent.length), ...preemptions.slice(patient.length)]
    this.#postponedUntil = now + (lateness > LATE && takeovers.length === 0 ? NOT_SO_SOON : SOON)
    return [...adverts, ...urgent, ...patient]
  }
}

function isPreemption(state: RouterState): boolean {
  return state.name === 'Backup' && takeoverReason(state) === 'Preempted' && state.active !== undefined
}
