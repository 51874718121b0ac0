import type { Instant, Millis } from '../lib/time.ts'
import type { RouterSet } from '../vrrp/router-set.ts'
import { deadline } from '../vrrp/virtual-router.ts'
import type { MachineClock } from './machine-clock.ts'
import type { RunningRouter } from './running-router.ts'

/** A Backup whose timer is later than half an interval may have been asleep, and so deaf; but never less than this. */
const LATENESS_FLOOR: Millis = 20
/** Suspended for longer than this, nothing known before is true. */
const SUSPENDED: Millis = 50

interface WakefulnessParts {
  readonly clock: MachineClock
  readonly set: RouterSet
  readonly routers: ReadonlyMap<string, Pick<RunningRouter, 'advertisedAt' | 'outbox'>>
  /** The whole machine was, for so long. */
  readonly suspended: (length: Millis) => void
}

/**
 * Notices that this loop stood still, or that its machine was suspended: what its virtual routers know may be old then, and they wait anew before
 * they say or answer anything. A process that is stopped is not told of it, wherever it stood; it finds out by looking at clocks.
 */
export class Wakefulness {
  readonly #parts: WakefulnessParts
  #asleep: Millis
  /** What it showed when `now()` was 0, by how it goes now. */
  #wallClock: Millis
  /** When a pass last began or ended. */
  #awakeAt: Instant
  #stoodStill: { readonly from: Instant; readonly to: Instant }
  #lookedAt: Instant

  constructor(parts: WakefulnessParts) {
    const { clock } = parts
    this.#parts = parts
    this.#awakeAt = clock.now()
    this.#lookedAt = this.#awakeAt
    this.#stoodStill = { from: this.#awakeAt, to: this.#awakeAt }
    this.#asleep = clock.timeAsleep()
    this.#wallClock = clock.wallClock() - clock.now()
  }

  /** To be called as a pass begins and ends: a loop that is late because it has so much to do hears all the same. */
  awake(): void {
    const at = this.#parts.clock.now()
    if (at - this.#awakeAt > LATENESS_FLOOR) this.#stoodStill = { from: this.#awakeAt, to: at }
    this.#awakeAt = at
  }

  /** Before anything is heard: the routers that must wait anew. `due`: when this loop was to be woken. */
  sleepers(due: Instant | undefined): readonly string[] {
    const wasSuspended = this.#noticeSuspend()
    const at = this.#parts.clock.now()
    this.#lookedAt = at
    if (wasSuspended) return [...this.#parts.set.keys()]
    return due === undefined || at - due < LATENESS_FLOOR ? [] : this.#silent(at)
  }

  /** Before what was decided since the last look, a moment ago, is said: the routers that must wait anew. `at`: now. */
  sleepersSince(at: Instant): readonly string[] {
    const stood = at - this.#lookedAt
    this.#lookedAt = at
    return stood < LATENESS_FLOOR ? [] : this.#silent(at)
  }

  /**
   * Whether this router's own timer came so late that what it believes may be stale. `ready`: when the last of its group wanted to take over; until
   * then it waited for that, awake.
   */
  overslept(key: string, at: Instant, ready?: Instant): boolean {
    const router = this.#parts.set.get(key)
    const due = router && (ready ?? deadline(router.state))
    if (!router || due === undefined) return false
    switch (router.state.name) {
      case 'Initialize':
        return false
      case 'Backup':
        return this.#stillSince(due) > Math.max(LATENESS_FLOOR, router.state.activeInterval / 2)
      case 'Active':
        return this.mayBeReplaced(key, at)
    }
  }

  /** Silent for as long as a Backup may wait. Who waits for its addresses until it speaks for the first time is silent for another reason: it would have spoken. */
  mayBeReplaced(key: string, at: Instant): boolean {
    const router = this.#parts.set.get(key)
    const due = router && deadline(router.state)
    if (!router || due === undefined) return false
    const { advertisedAt = 0, outbox = [] } = this.#parts.routers.get(key) ?? {}
    const { advertisementInterval } = router.config
    const { since } = router.state
    const isNew = advertisedAt < since && outbox.length > 0
    const spokeAt = isNew ? due - advertisementInterval : Math.max(advertisedAt, since)
    return at - spokeAt >= 3 * advertisementInterval
  }

  /** A suspended machine heard nothing; CLOCK_MONOTONIC stood still meanwhile, so no timer is late. */
  #noticeSuspend(): boolean {
    const { clock, suspended } = this.#parts
    // The wall clock does not stand still then either, and costs less to read with every packet.
    const wallClock = clock.wallClock() - clock.now()
    const jump = Math.abs(wallClock - this.#wallClock)
    this.#wallClock = wallClock
    if (jump < SUSPENDED / 2) return false
    const asleep = clock.timeAsleep()
    const length = asleep - this.#asleep
    this.#asleep = asleep
    if (length < SUSPENDED) return false
    suspended(length)
    return true
  }

  /** The Active Routers that Backups may have replaced. */
  #silent(at: Instant): string[] {
    const { set } = this.#parts
    return [...set.keys()].filter(key => set.get(key)?.state.name === 'Active' && this.mayBeReplaced(key, at))
  }

  /** How long this loop stood still, or rested, when that was due. */
  #stillSince(due: Instant): Millis {
    return this.#stoodStill.to - Math.max(due, this.#stoodStill.from)
  }
}
