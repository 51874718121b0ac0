import type { VirtualIPStatus } from '../api/virtual-ip.ts'
import type { Instant, Millis } from '../lib/time.ts'
import type { RouterReport } from './mastership.ts'

/** From the former MASTER's report to its successor's, at most, where nothing failed: the two are written by two agents, in any order. */
export const HANDED_OVER_WITHIN: Millis = 1000
/** The reason of Ready meanwhile. */
export const HANDING_OVER = 'HandingOver'

/** Who was MASTER until a moment ago and left in good order: it answers for the addresses until its successor has announced them. */
export function handingOver(
  reports: readonly RouterReport[],
  previous: VirtualIPStatus | undefined,
  at: Instant,
): RouterReport | undefined {
  const goesOn = previous !== undefined && isHandingOver(previous)
  return reports.find(
    ({ node, fresh, state, reportedAt }) =>
      (node === previous?.master || goesOn) &&
      fresh &&
      (state === 'BACKUP' || state === 'INITIALIZE') &&
      at - reportedAt < HANDED_OVER_WITHIN,
  )
}

/** Whether it says so, which is true for a moment only. */
export function isHandingOver({ conditions = [] }: VirtualIPStatus): boolean {
  return conditions.some(({ type, reason }) => type === 'Ready' && reason === HANDING_OVER)
}
