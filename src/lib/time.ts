/** A length of time in milliseconds; fractions are kept (Skew_Time at 10 ms is 0.04 ms a priority step). */
export type Millis = number

/** A moment on a monotonic clock, in milliseconds; only differences mean anything. */
export type Instant = number

const UNIT_MILLIS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** `200ms`, `1s`, `1.5s`, `1m30s`: the subset of Go's durations that Kubernetes objects use; undefined where it is not one. */
export function parseDuration(text: string): Millis | undefined {
  if (!/^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/.test(text)) return undefined
  let total = 0
  for (const [, number, unit] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g)) {
    total += Number(number) * UNIT_MILLIS[unit as keyof typeof UNIT_MILLIS]
  }
  // 2.01 s is 2009.9999999999998 ms in binary; a microsecond is finer than any timer here.
  return Math.round(total * 1000) / 1000
}

/** The shortest of `ms` and `s` that loses nothing: `200ms`, `1s`, `1.5s`. */
export function formatDuration(millis: Millis): string {
  return millis >= 1000 ? `${Number((millis / 1000).toFixed(3))}s` : `${Number(millis.toFixed(3))}ms`
}
