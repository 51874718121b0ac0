import type { RouterStateName, VirtualIPStatus } from '../api/virtual-ip.ts'
import type { Family } from '../lib/ip-address.ts'
import type { Mastership, RouterReport } from './mastership.ts'
import type { NodeHealth } from './node-health.ts'
import type { PlannedMember } from './planned.ts'

/** What a node does for one family, as the user sees it. */
export interface Row {
  readonly node: string
  readonly family: Family
  readonly state: RouterStateName
  readonly priority: number
  readonly link: string
  readonly since?: string
  readonly lastTakeover?: string
  readonly reason: string
  readonly message?: string
}

/** A row as the node's own agent has it. */
export interface Reported extends Omit<Row, 'lastTakeover'> {
  readonly lastTakeover?: { readonly time: string }
  readonly checks?: RouterReport['checks']
}

export interface RowsInput {
  readonly members: readonly PlannedMember[]
  readonly reports: readonly RouterReport[]
  readonly masterships: ReadonlyMap<Family, Mastership>
  readonly health: NodeHealth
  readonly previous: VirtualIPStatus | undefined
  /** RFC 3339 */
  readonly now: string
}

/**
 * One row for every member, in rank order, and one for every other node that still holds the addresses. A state that nobody vouches for any
 * more is not shown as if it were so: least of all MASTER.
 */
export function rowsOf({ members, reports, masterships, health, previous, now }: RowsInput): Row[] {
  const isMember = (report: RouterReport) => members.some(member => isSame(member, report))
  const leaving = reports.filter(report => report.fresh && report.state === 'MASTER' && !isMember(report))
  return [...members, ...leaving].map(member => {
    const report = reports.find(candidate => isSame(candidate, member))
    const silence = health.silentAgents.get(member.node)
    if (!report) return notReported(member, silence, previous)
    if (!report.fresh) return unreachable(report, silence, previous, now)
    const mastership = masterships.get(report.family)
    if (mastership?.superseded.includes(report)) return superseded(report, mastership.master)
    const row = rowOf(report)
    return health.silentKubelets.has(report.node) ? withNotes(row, [UNREADY]) : row
  })
}

/** With the checks that cost it priority; what makes it a FAULT is its message. */
export function rowOf(report: Reported): Row {
  const { node, family, state, priority, link, since, lastTakeover, reason, message, checks = [] } = report
  const times = { ...(since === undefined ? {} : { since }), ...(lastTakeover && { lastTakeover: lastTakeover.time }) }
  const row = { node, family, state, priority, link, reason, ...times }
  const said = message === undefined ? row : { ...row, message }
  return state === 'FAULT' ? said : withNotes(said, checks.filter(({ passing }) => !passing).map(failure))
}

function failure({ name, message }: RouterReport['checks'][number]): string {
  return `Check ${name} fails${message === undefined ? '' : `: ${message}`}`
}

function isSame(a: { node: string; family: Family }, b: { node: string; family: Family }): boolean {
  return a.node === b.node && a.family === b.family
}

const UNREADY = 'The Node is not Ready: its kubelet is silent or in trouble, its agent is well'

function withNotes({ message, ...row }: Row, notes: readonly string[]): Row {
  const sentences = [...(message === undefined ? [] : [message]), ...notes]
  return { ...row, ...(sentences.length === 0 ? {} : { message: sentences.join('. ') }) }
}

function notReported(
  { node, family, link, priority }: PlannedMember,
  silence: string | undefined,
  previous: VirtualIPStatus | undefined,
): Row {
  // A report that is away comes back, and must not be taken for a new one.
  const lastTakeover = previous?.nodes?.find(row => isSame(row, { node, family }))?.lastTakeover
  const message = `The agent on ${node} has not reported on it yet${silence === undefined ? '' : `: ${silence}`}`
  return {
    node,
    family,
    state: 'INITIALIZE',
    priority,
    link,
    ...(lastTakeover === undefined ? {} : { lastTakeover }),
    reason: 'NotReported',
    message,
  }
}

function unreachable(
  report: RouterReport,
  silence: string | undefined,
  previous: VirtualIPStatus | undefined,
  now: string,
): Row {
  const before = previous?.nodes?.find(row => isSame(row, report))
  const since = before?.reason === UNREACHABLE ? before.since : now
  const message = `Last seen as ${report.state}; the agent on ${report.node} does not renew its Lease${silence === undefined ? '' : `: ${silence}`}`
  return {
    ...rowOf(report),
    state: 'FAULT',
    reason: UNREACHABLE,
    message,
    ...(since === undefined ? {} : { since }),
  }
}
export const UNREACHABLE = 'AgentUnreachable'

function superseded(report: RouterReport, master: RouterReport | undefined): Row {
  const message = `Was MASTER; ${master?.node ?? 'another node'} took over, and ${report.node} has said nothing since`
  return { ...rowOf(report), state: 'INITIALIZE', reason: 'Superseded', message }
}
