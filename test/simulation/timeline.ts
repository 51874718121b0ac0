import type { Instant } from '../../src/lib/time.ts'

export interface Appointment {
  readonly at: Instant
  readonly order: number
  /** Undefined: it was called off. */
  work: (() => void) | undefined
}

/**
 * The simulated world's time, which moves only in `run`. What is done may itself call `run`: that is how a process stands still in the middle
 * of its work while all others go on.
 */
export class Timeline {
  now: Instant = 0
  #order = 0
  /** A binary heap. */
  readonly #heap: Appointment[] = []

  at(instant: Instant, work: () => void): Appointment {
    const appointment = { at: instant, order: this.#order++, work }
    this.#push(appointment)
    return appointment
  }

  /** Does the next thing that is due until `end`; false where there is none, and then it is `end`. */
  step(end: Instant): boolean {
    for (;;) {
      const first = this.#heap[0]
      if (!first || first.at > end) break
      this.#pop()
      if (!first.work) continue
      if (first.at > this.now) this.now = first.at
      first.work()
      return true
    }
    if (end > this.now) this.now = end
    return false
  }

  run(end: Instant): void {
    while (this.step(end));
  }

  #push(item: Appointment): void {
    const heap = this.#heap
    let i = heap.push(item) - 1
    while (i > 0) {
      const above = (i - 1) >> 1
      const parent = heap[above]
      if (!parent || isBefore(parent, item)) break
      heap[i] = parent
      i = above
    }
    heap[i] = item
  }

  #pop(): void {
    const heap = this.#heap
    const item = heap.pop()
    if (!item || heap.length === 0) return
    let i = 0
    for (;;) {
      let below = 2 * i + 1
      let child = heap[below]
      const other = heap[below + 1]
      if (other && child && isBefore(other, child)) {
        below++
        child = other
      }
      if (!child || isBefore(item, child)) break
      heap[i] = child
      i = below
    }
    heap[i] = item
  }
}

function isBefore(one: Appointment, other: Appointment): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
