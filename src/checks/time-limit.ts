import type { Millis } from '../lib/time.ts'

const SLICES = 10

/**
 * Calls `then` after `limit`, unless cancelled by what this returns. Time in which this process itself did not run (frozen, starved)
 * counts as a tenth of the limit at most, and what happened meanwhile is heard of first: nobody fails because we were late.
 */
export function afterLimit(limit: Millis, then: () => void): () => void {
  let left = SLICES
  let timer: NodeJS.Timeout | undefined
  let last: NodeJS.Immediate | undefined
  const next = () => {
    if (left-- > 0) timer = setTimeout(next, limit / SLICES)
    else last = setImmediate(then)
  }
  next()
  return () => {
    clearTimeout(timer)
    clearImmediate(last)
  }
}

/** `found`, or `tooLate` after `limit`. */
export function within<T>(limit: Millis, found: Promise<T>, tooLate: T): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>()
  const unlimit = afterLimit(limit, () => resolve(tooLate))
  found.then(outcome => {
    unlimit()
    resolve(outcome)
  })
  return promise
}
