import type { Instant } from '../lib/time.ts'

/** Time as checks see it: the process's own, or a test's. */
export interface Clock {
  now(): Instant
  /** Calls `wake` once `at` is reached, unless cancelled by what this returns. */
  at(at: Instant, wake: () => void): () => void
}

export const processClock: Clock = {
  now: () => performance.now(),
  at: (at, wake) => {
    const timer = setTimeout(wake, Math.max(0, Math.ceil(at - performance.now())))
    return () => clearTimeout(timer)
  },
}
