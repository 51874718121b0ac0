import type { Clock } from '../../src/checks/clock.ts'
import type { Instant } from '../../src/lib/time.ts'

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now: Instant
  #wakes: { at: Instant; wake: () => void }[] = []

  constructor(now: Instant = 0) {
    this.#now = now
  }

  now(): Instant {
    return this.#now
  }

  at(at: Instant, wake: () => void): () => void {
    const entry = { at, wake }
    this.#wakes.push(entry)
    return () => {
      this.#wakes = this.#wakes.filter(candidate => candidate !== entry)
    }
  }

  /** Goes on to `until`; what was waiting for a moment on the way runs at it. */
  async runUntil(until: Instant): Promise<void> {
    for (;;) {
      const next = this.#wakes.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#now = Math.max(this.#now, next.at)
      this.#wakes = this.#wakes.filter(candidate => candidate !== next)
      next.wake()
      await settled()
    }
    this.#now = until
    await settled()
  }

  /** Time passes while this process does not run. */
  sleepUntil(until: Instant): void {
    this.#now = until
  }
}

/** Everything that is ready to happen has happened. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
