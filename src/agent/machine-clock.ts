import { type Clock, processClock } from '../checks/clock.ts'
import type { Millis } from '../lib/time.ts'
import { timeAsleep } from '../linux/monotonic-clock.ts'

/** Time as the loop sees it: this machine's, or a simulated one's. */
export interface MachineClock extends Clock {
  /** How long the machine has been suspended since it was booted; `now` stands still meanwhile. */
  timeAsleep(): Millis
  /** Since 1970, as somebody has set it; it does not stand still. */
  wallClock(): Millis
}

export const machineClock: MachineClock = { ...processClock, timeAsleep, wallClock: Date.now }
