import { setTimeout as sleep } from 'node:timers/promises'
import type { Millis } from '../lib/time.ts'

/** How long to wait after `failures` earlier failures in a row: doubling from `first` to `last`, less a random half. */
export function backoff(failures: number, first: Millis, last: Millis): Millis {
  return Math.min(last, first * 2 ** failures) * (0.5 + Math.random() / 2)
}

/** Waits; ends early, without an error, when `signal` aborts. */
export async function pause(duration: Millis, signal: AbortSignal): Promise<void> {
  await sleep(duration, undefined, { signal }).catch(() => {})
}
