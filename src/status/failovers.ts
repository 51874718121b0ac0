import { FAILOVERS_KEPT, type Failover, type VirtualIPStatus } from '../api/virtual-ip.ts'
import type { RouterReport } from './mastership.ts'
import type { Row } from './rows.ts'

/**
 * The last failovers, newest first: those that were known, and before them what nodes tell of a takeover for the first time. A takeover is
 * known by its node's row, so that neither a restart of the controller nor a node's wrong clock repeats or loses one.
 */
export function failoversOf(
  rows: readonly Row[],
  reports: readonly RouterReport[],
  previous: VirtualIPStatus | undefined,
): Failover[] {
  const known = previous?.failovers ?? []
  const news = rows
    .filter(row => isNews(row, previous))
    .flatMap(({ node, family }) => reports.find(report => report.node === node && report.family === family) ?? [])
    .flatMap(report => failoverOf(report, reports, previous) ?? [])
    .sort((a, b) => b.time.localeCompare(a.time))
  return [...news, ...known].slice(0, FAILOVERS_KEPT)
}

/** `IPv4 moved from node1 to node2, unanswered for at most 0.605 s: ActiveDown: BACKUP -> MASTER: …` */
export function failoverSentence({ family, from, to, unansweredMillis, reason, message }: Failover): string {
  const why = message === undefined ? reason : `${reason}: ${message}`
  return `${family} moved from ${from} to ${to}${unanswered(unansweredMillis)}: ${why}`
}

function unanswered(millis: number | undefined): string {
  if (millis === undefined) return ''
  return millis === 0 ? ', answered all the time' : `, unanswered for at most ${(millis / 1000).toFixed(3)} s`
}

function isNews({ node, family, lastTakeover }: Row, previous: VirtualIPStatus | undefined): boolean {
  if (lastTakeover === undefined) return false
  const before = previous?.nodes?.find(row => row.node === node && row.family === family)
  const isListed = (previous?.failovers ?? []).some(
    ({ to, family: of, time }) => to === node && of === family && time === lastTakeover,
  )
  return before?.lastTakeover !== lastTakeover && !isListed
}

/** Undefined for the first MASTER, and where the one before is not known or was the same node. */
function failoverOf(
  { node, family, lastTakeover }: RouterReport,
  reports: readonly RouterReport[],
  previous: VirtualIPStatus | undefined,
): Failover | undefined {
  if (!lastTakeover) return undefined
  const { time, reason, message, formerAddress, unansweredMillis } = lastTakeover
  const peers = reports.filter(report => report.family === family)
  const sender = peers.find(({ primaryAddress }) => formerAddress !== undefined && primaryAddress === formerAddress)
  const from =
    sender?.node ??
    formerAddress ??
    previous?.nodes?.find(row => row.family === family && row.state === 'MASTER')?.node ??
    peers.find(({ fresh, state }) => !fresh && state === 'MASTER')?.node ??
    previous?.failovers?.find(failover => failover.family === family)?.to
  if (from === undefined || from === node) return undefined
  // Of a router that is not ours it is not known how it leaves.
  const isKnown = unansweredMillis !== undefined && (sender !== undefined || reason !== 'PriorityZeroReceived')
  return { time, family, from, to: node, ...(isKnown ? { unansweredMillis } : {}), reason, message }
}
