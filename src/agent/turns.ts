import type { Instant, Millis } from '../lib/time.ts'
import { backupDeadline, takeoverReason } from '../vrrp/backup-wait.ts'
import type { Groups } from '../vrrp/groups.ts'
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

/** A router, or all of a group that takes over. */
type Unit = readonly string[]

/**
 * Whose turn it is where the deadlines of very many routers come at once. Who is Active speaks first, for others wait for it; then who takes over
 * from a silent one; who preempts one that serves has time, until the addresses of those that did before are held. A group takes over in one turn, however many it is, or waits.
 */
export class Turns {
  readonly #set: RouterSet
  readonly #groups: Groups
  /** Due, and not stepped yet. */
  #postponed: readonly string[] = []
  #postponedUntil: Instant = 0
  /** Those whose wait was over when they were last looked through, and who wait for their group. */
  heldBack: readonly string[] = []

  constructor(set: RouterSet, groups: Groups) {
    this.#set = set
    this.#groups = groups
  }

  /** When to call `take`. */
  next(): Instant | undefined {
    const next = this.#set.nextDeadline()
    return this.#postponed.length > 0 ? Math.min(this.#postponedUntil, next ?? this.#postponedUntil) : next
  }

  /** The routers to step now. `isSettled`: nobody who became Active waits for its addresses; `lateness`: how late it is asked. */
  take(now: Instant, isSettled: boolean, lateness: Millis): readonly string[] {
    const due = [...new Set([...this.#postponed, ...this.#set.due(now)])]
    const [adverts, others]: [string[], string[]] = [[], []]
    for (const key of due) {
      const state = this.#set.get(key)?.state
      // What was heard since may have moved it.
      if (!state || (deadline(state) ?? Number.POSITIVE_INFINITY) > now) continue
      if (state.name === 'Active') adverts.push(key)
      else others.push(key)
    }
    const { takeovers, preemptions } = this.#units(others, now)
    const urgent = firstUnits(takeovers, TOGETHER)
    const most = lateness > LATE ? PREEMPTED_LATE : PREEMPTED_TOGETHER
    const patient = isSettled && takeovers.length === 0 ? firstUnits(preemptions, most) : []
    this.#postponed = [...takeovers.slice(urgent.length), ...preemptions.slice(patient.length)].flat()
    this.#postponedUntil = now + (lateness > LATE && takeovers.length === 0 ? NOT_SO_SOON : SOON)
    return [...adverts, ...urgent.flat(), ...patient.flat()]
  }

  /** Who waits for its group has no turn, but to end a handover. */
  #units(due: readonly string[], now: Instant): { takeovers: Unit[]; preemptions: Unit[] } {
    this.#groups.lookAnew()
    this.heldBack = due.filter(key => !this.#groups.isReady(key, now))
    const units = Map.groupBy(
      due.filter(key => this.#groups.isReady(key, now) || this.#isHandedOver(key, now)),
      key => (this.#takesOver(key, now) ? (this.#groups.of(key) ?? key) : key),
    )
    const [takeovers, preemptions]: [Unit[], Unit[]] = [[], []]
    for (const unit of units.values()) {
      if (unit.every(key => isPreemption(this.#set.get(key)?.state))) preemptions.push(unit)
      else takeovers.push(unit)
    }
    return { takeovers, preemptions }
  }

  #takesOver(key: string, now: Instant): boolean {
    const state = this.#set.get(key)?.state
    return state?.name === 'Backup' && backupDeadline(state) <= now && this.#groups.isReady(key, now)
  }

  #isHandedOver(key: string, now: Instant): boolean {
    const state = this.#set.get(key)?.state
    return state !== undefined && state.name !== 'Active' && (state.handover?.until ?? Number.POSITIVE_INFINITY) <= now
  }
}

/** So many that at least `most` routers are among them, if there are. */
function firstUnits(units: readonly Unit[], most: number): Unit[] {
  let count = 0
  const end = units.findIndex(unit => {
    const isEnough = count >= most
    count += unit.length
    return isEnough
  })
  return units.slice(0, end < 0 ? units.length : end)
}

function isPreemption(state: RouterState | undefined): boolean {
  return state?.name === 'Backup' && takeoverReason(state) === 'Preempted' && state.active !== undefined
}
