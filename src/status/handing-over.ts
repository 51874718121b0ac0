import type { Instant, Millis } from '../lib/time.ts'
import type { RouterReport } from './mastership.ts'

/** From the former MASTER's report to its successor's, at most, where nothing failed: the two are written by two agents, in any order. */
export const HANDED_OVER_WITHIN: Millis = 1000

/** Who was MASTER until a moment ago and left in good order: it answers for the addresses until its successor has announced them. */
export function handingOver(
  reports: readonly RouterReport[],
  previousMaster: string | undefined,
  at: Instant,
): RouterReport | undefined {
  return reports.find(
    ({ node, fresh, state, reportedAt }) =>
      node === previousMaster &&
      fresh &&
      (state === 'BACKUP' || state === 'INITIALIZE') &&
      at - reportedAt < HANDED_OVER_WITHIN,
  )
}
