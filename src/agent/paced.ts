import type { Clock } from '../checks/clock.ts'
import type { Instant, Millis } from '../lib/time.ts'

/** Does `work` whenever it is asked to, at once, but the next time `pace` later at the earliest: once for all that asked meanwhile. */
export class Paced {
  readonly #clock: Clock
  readonly #pace: Millis
  readonly #work: () => void
  #freeAt: Instant = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined

  constructor(clock: Clock, pace: Millis, work: () => void) {
    this.#clock = clock
    this.#pace = pace
    this.#work = work
  }

  ask(): void {
    if (this.#clock.now() >= this.#freeAt) this.#do()
    else this.#cancel ??= this.#clock.at(this.#freeAt, () => this.#do())
  }

  /** What is owed is done now. */
  flush(): void {
    if (this.#cancel) this.#do()
  }

  #do(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#freeAt = this.#clock.now() + this.#pace
    this.#work()
  }
}
