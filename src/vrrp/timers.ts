import type { Millis } from '../lib/time.ts'
import type { Version } from './advertisement.ts'

/**
 * Skew_Time: the higher the priority (1..255), the shorter the wait. Version 3 scales it by Active_Adver_Interval, in ms
 * (RFC 9568 §6.1); version 2 does not: (256 − priority) / 256 s (RFC 3768 §6.1). Fractions are kept: whole units make it 0.
 */
export function skewTime(version: Version, priority: number, interval: Millis): Millis {
  return ((256 - priority) * (version === 2 ? 1000 : interval)) / 256
}

/** Active_Down_Interval (version 2: Master_Down_Interval): how long a Backup waits for the next advert before it takes over. */
export function activeDownInterval(version: Version, priority: number, interval: Millis): Millis {
  return 3 * interval + skewTime(version, priority, interval)
}
