import { ABNORMAL, type Condition } from '../api/conditions.ts'
import type { VirtualIPStatus } from '../api/virtual-ip.ts'
import { formatDuration } from '../lib/time.ts'
import { formatAge } from './age.ts'
import type { StatusEntry } from './status-source.ts'
import { formatTable } from './table.ts'

export const LIST_HEADER = ['NAME', 'ADDRESS', 'MASTER', 'READY', 'BACKUPS', 'VRID', 'SINCE', 'REASON'] as const
const FAILOVER_HEADER = ['FAILOVER', 'FAMILY', 'FROM', 'TO', 'UNANSWERED', 'REASON', 'MESSAGE'] as const
const NODE_HEADER = ['NODE', 'FAMILY', 'STATE', 'PRIORITY', 'LINK', 'SINCE', 'REASON', 'MESSAGE'] as const

/** In this many addresses at most a row stays a row. */
const MOST_ADDRESSES = 2
const NONE = '-'

/** One row for one VirtualIP: who holds it, since when and why; `now`: Unix time in ms. Pure. */
export function listRow({ name, addresses, status }: StatusEntry, now: number): string[] {
  const { since, reason } = standing(status)
  return [
    name,
    addressCell(addresses),
    status.master ?? NONE,
    conditionOf(status, 'Ready')?.status ?? NONE,
    status.backups ?? NONE,
    String(status.virtualRouterID ?? NONE),
    since === undefined ? NONE : formatAge(since, now),
    reason ?? NONE,
  ]
}

/** One VirtualIP in full: its row, what every node does, the last failovers, and a sentence for every condition that is not as it should be. Pure. */
export function describe(entry: StatusEntry, now: number): string {
  const { status } = entry
  const blocks = [
    formatTable([LIST_HEADER, listRow(entry, now)]),
    nodeTable(status, now),
    failoverTable(status, now),
    troubles(status),
  ]
  return blocks.filter(block => block !== '').join('\n')
}

/** Since when and why it is as it is: by the MASTER's own word, else by why there is none. */
function standing(status: VirtualIPStatus): { since?: string | undefined; reason?: string | undefined } {
  if (status.master !== undefined) {
    const master = status.nodes?.find(({ node, state }) => node === status.master && state === 'MASTER')
    return { since: master?.since, reason: master?.reason }
  }
  const refusal = conditionOf(status, 'Accepted')
  const cause = refusal?.status === 'False' ? refusal : conditionOf(status, 'Ready')
  return { since: cause?.lastTransitionTime, reason: cause?.reason }
}

function nodeTable({ nodes = [] }: VirtualIPStatus, now: number): string {
  const rows = nodes.map(({ node, family, state, priority, link, since, reason, message }) => [
    node,
    family,
    state,
    String(priority ?? NONE),
    link ?? NONE,
    since === undefined ? NONE : formatAge(since, now),
    reason ?? NONE,
    message ?? '',
  ])
  return rows.length === 0 ? '' : formatTable([NODE_HEADER, ...rows])
}

function failoverTable({ failovers = [] }: VirtualIPStatus, now: number): string {
  const rows = failovers.map(({ time, family, from, to, unansweredMillis, reason, message }) => [
    `${formatAge(time, now)} ago`,
    family,
    from,
    to,
    unansweredMillis === undefined ? NONE : formatDuration(unansweredMillis),
    reason,
    message ?? '',
  ])
  return rows.length === 0 ? '' : formatTable([FAILOVER_HEADER, ...rows])
}

function troubles({ conditions = [] }: VirtualIPStatus): string {
  return conditions
    .filter(isTrouble)
    .map(({ type, status, reason, message }) => `${type} is ${status} (${reason}): ${message}\n`)
    .join('')
}

function isTrouble({ type, status }: Condition): boolean {
  return ABNORMAL.has(type) ? status === 'True' : status !== 'True'
}

function conditionOf({ conditions }: VirtualIPStatus, type: string): Condition | undefined {
  return conditions?.find(condition => condition.type === type)
}

function addressCell(addresses: readonly string[] = []): string {
  if (addresses.length === 0) return NONE
  const more = addresses.length - MOST_ADDRESSES
  return addresses.slice(0, MOST_ADDRESSES).join(',') + (more > 0 ? `,+${more}` : '')
}
