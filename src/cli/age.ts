const MILLIS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, y: 365 * 86_400_000 } as const
type Unit = keyof typeof MILLIS

/** As kubectl's AGE column: which units show an age below a limit. */
const FORMS: readonly (readonly [below: number, unit: Unit, finer?: Unit])[] = [
  [2 * MILLIS.m, 's'],
  [10 * MILLIS.m, 'm', 's'],
  [3 * MILLIS.h, 'm'],
  [8 * MILLIS.h, 'h', 'm'],
  [2 * MILLIS.d, 'h'],
  [8 * MILLIS.d, 'd', 'h'],
  [2 * MILLIS.y, 'd'],
  [8 * MILLIS.y, 'y', 'd'],
  [Number.POSITIVE_INFINITY, 'y'],
]

/** How long ago `since` (RFC 3339) was at `now` (Unix time in ms); a moment that is still to come, by a clock ahead of ours, is `0s`. */
export function formatAge(since: string, now: number): string {
  const age = Math.max(0, now - Date.parse(since))
  const form = FORMS.find(([below]) => age < below)
  if (!form) return '-'
  const [, unit, finer] = form
  const rest = finer === undefined ? 0 : Math.floor((age % MILLIS[unit]) / MILLIS[finer])
  return `${Math.floor(age / MILLIS[unit])}${unit}${rest > 0 ? `${rest}${finer}` : ''}`
}
