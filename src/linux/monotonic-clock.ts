import type { Instant, Millis } from '../lib/time.ts'
import { clockGettime } from './libc.ts'

/** CLOCK_MONOTONIC with fractions of a millisecond, since this process began. It stands still while the machine is suspended. */
export function now(): Instant {
  return performance.now()
}

/**
 * How long this machine has been suspended since it was booted (CLOCK_BOOTTIME less CLOCK_MONOTONIC): constant to within
 * some microseconds unless the machine was asleep meanwhile.
 */
export function timeAsleep(): Millis {
  let best = { asleep: 0, spread: Number.POSITIVE_INFINITY }
  for (let attempt = 0; attempt < ATTEMPTS && best.spread > PRECISE; attempt++) {
    const before = read(CLOCK_MONOTONIC)
    const boot = read(CLOCK_BOOTTIME)
    const spread = read(CLOCK_MONOTONIC) - before
    if (spread < best.spread) best = { asleep: boot - before - spread / 2, spread }
  }
  return best.asleep
}

const CLOCK_MONOTONIC = 1
const CLOCK_BOOTTIME = 7
/** This process may be put aside between two readings; then they are taken again. */
const ATTEMPTS = 5
const PRECISE: Millis = 0.05

/** struct timespec of a 64-bit Linux */
const time = new BigInt64Array(2)
const timeBytes = new Uint8Array(time.buffer)

function read(clock: number): Millis {
  clockGettime(clock, timeBytes)
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6
}
