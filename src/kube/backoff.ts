import { setTimeout as sleep } from 'node:timers/promises'
import type { Millis } from '../lib/time.ts'
import type { KubeError } from './kube-error.ts'

/** How long to wait after `failures` earlier failures in a row: doubling from `first` to `last`, less a random half. */
export function backoff(failures: number, first: Millis, last: Millis): Millis {
  return Math.min(last, first * 2 ** failures) * (0.5 + Math.random() / 2)
}

/** An API server asks for a second or two; who asks for much more is something on the way to it, and would be believed for that long. */
const LONGEST: Millis = 5000

/** How long to wait after a failure, as `backoff` has it, and no shorter than was asked for (Retry-After), as far as that is believed. */
export function retryDelay(error: KubeError, failures: number, first: Millis, last: Millis): Millis {
  const asked = Math.min(LONGEST, error.retryAfter ?? 0)
  // All who were refused in the same moment were told the same.
  return Math.max(backoff(failures, first, last), asked * (1 + Math.random() / 4))
}

/** Waits; ends early, without an error, when `signal` aborts. */
export async function pause(duration: Millis, signal: AbortSignal): Promise<void> {
  await sleep(duration, undefined, { signal }).catch(() => {})
}
