import { type DesiredCondition, setConditions } from '../api/conditions.ts'
import type { RouterStateName, VirtualIP, VirtualIPStatus } from '../api/virtual-ip.ts'
import type { Family } from '../lib/ip-address.ts'
import type { Instant } from '../lib/time.ts'
import type { VirtualIPPlan } from '../plan/virtual-ip-plan.ts'

/** What one node's agent said of one virtual router, and what is known of that agent. */
export interface RouterReport {
  readonly node: string
  readonly family: Family
  readonly state: RouterStateName
  readonly priority: number
  readonly link: string
  /** RFC 3339, by the node's own clock: for people, and to break a tie. */
  readonly since: string
  readonly reason: string
  readonly message?: string
  /** When this state's report arrived, on the reader's monotonic clock. */
  readonly reportedAt: Instant
  /** When its agent's Lease was last seen renewed, on the same clock. */
  readonly leaseRenewedAt?: Instant
  /** Whether its agent is heard from. */
  readonly fresh: boolean
}

interface SummaryInput {
  readonly virtualIP: VirtualIP
  readonly plan: VirtualIPPlan
  readonly reports: readonly RouterReport[]
  readonly previous?: VirtualIPStatus
  /** RFC 3339, for conditions that change. */
  readonly now: string
}

type Row = NonNullable<VirtualIPStatus['nodes']>[number]
type Member = VirtualIPPlan['members'][number]

/** All reports of a VirtualIP → what its users see. The newest MASTER report wins; two are a split only once both nodes were heard from since. */
export function summarise({ virtualIP, plan, reports, previous, now }: SummaryInput): VirtualIPStatus {
  const families = [...new Set(plan.members.map(({ family }) => family))]
  const planned = reports.filter(report => plan.members.some(member => isOf(member, report)))
  const masters = families.map(family => masterOf(family, planned, previous))
  const rows = plan.members.map(member =>
    row(
      member,
      planned.find(report => isOf(member, report)),
      masters,
    ),
  )
  const splits = families.flatMap(family => splitOf(family, planned))
  const view = { plan, rows, families, masters, splits }
  const conditions = [accepted(plan), ready(view), redundant(view), splitBrain(view), ADDRESS_CONFLICT]
  const observedGeneration = virtualIP.metadata.generation
  const generation = observedGeneration === undefined ? {} : { observedGeneration }
  const master = masters[0]?.node
  return {
    ...generation,
    ...(plan.virtualRouterID === undefined ? {} : { virtualRouterID: plan.virtualRouterID }),
    ...(master === undefined ? {} : { master }),
    backups: backups(view),
    conditions: setConditions(
      previous?.conditions ?? [],
      conditions.map(condition => ({ ...condition, ...generation })),
      now,
    ),
    nodes: rows,
  }
}

function isOf(member: Pick<Member, 'node' | 'family'>, report: Pick<Member, 'node' | 'family'>): boolean {
  return member.node === report.node && member.family === report.family
}

// ---- who is MASTER

/** The newest fresh claim. At a restart of the reader all arrive at once: then whoever renews, then who was known, then the later clock. */
function masterOf(
  family: Family,
  reports: readonly RouterReport[],
  previous: VirtualIPStatus | undefined,
): RouterReport | undefined {
  const known = previous?.nodes?.find(({ family: of, state }) => of === family && state === 'MASTER')?.node
  const rank = (report: RouterReport): readonly (number | string)[] => [
    report.reportedAt,
    report.leaseRenewedAt ?? Number.NEGATIVE_INFINITY,
    report.node === known ? 1 : 0,
    report.since,
  ]
  return claims(family, reports).reduce<RouterReport | undefined>(
    (best, claim) => (best && !isLater(rank(claim), rank(best)) ? best : claim),
    undefined,
  )
}

function claims(family: Family, reports: readonly RouterReport[]): RouterReport[] {
  return reports.filter(report => report.family === family && report.state === 'MASTER' && report.fresh)
}

function isLater(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  const i = a.findIndex((value, j) => value !== b[j])
  const [left, right] = [a[i], b[i]]
  return left !== undefined && right !== undefined && left > right
}

/** The nodes that still claim one family after each was heard from since the last claim arrived; fewer than two are no split. */
function splitOf(family: Family, reports: readonly RouterReport[]): RouterReport[][] {
  const all = claims(family, reports)
  const last = Math.max(...all.map(({ reportedAt }) => reportedAt))
  const renewed = all.filter(({ leaseRenewedAt }) => leaseRenewedAt !== undefined && leaseRenewedAt > last)
  return renewed.length > 1 ? [renewed] : []
}

// ---- rows

function row(member: Member, report: RouterReport | undefined, masters: readonly (RouterReport | undefined)[]): Row {
  const { node, family, priority, link } = member
  if (!report) {
    const message = `The agent of ${node} has not reported this virtual router yet`
    return { node, family, state: 'INITIALIZE', priority, link, reason: 'NotReported', message }
  }
  const { state, since, reason, message } = report
  const shown = { node, family, priority: report.priority, link: report.link, since }
  if (!report.fresh) {
    return {
      ...shown,
      state: 'FAULT',
      reason: 'AgentUnreachable',
      message: `The agent of ${node} is silent; it was last seen as ${state} (is the node down, or cut off from the API server?)`,
    }
  }
  const current = masters.find(master => master?.family === family)
  const overtaken = state === 'MASTER' && current !== undefined && current.node !== node
  if (overtaken && !isHeardSince(report, current)) {
    return {
      ...shown,
      state: 'INITIALIZE',
      reason: 'Superseded',
      message: `${current.node} became MASTER after ${node} did; ${node} has not said yet what it is now`,
    }
  }
  return { ...shown, state, reason, ...(message === undefined ? {} : { message }) }
}

function isHeardSince(report: RouterReport, other: RouterReport): boolean {
  return report.leaseRenewedAt !== undefined && report.leaseRenewedAt > other.reportedAt
}

// ---- conditions

interface View {
  readonly plan: VirtualIPPlan
  readonly rows: readonly Row[]
  readonly families: readonly Family[]
  readonly masters: readonly (RouterReport | undefined)[]
  readonly splits: readonly RouterReport[][]
}

function accepted({ accepted: { status, reason, message } }: VirtualIPPlan): DesiredCondition {
  return { type: 'Accepted', status, reason, message }
}

function ready(view: View): DesiredCondition {
  const { plan, rows, families, masters, splits } = view
  const no = (reason: string, message: string): DesiredCondition => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  })
  if (plan.members.length === 0) return no('NotAccepted', plan.accepted.message)
  if (splits.length > 0) return no('SplitBrain', splitSentence(splits))
  const missing = families.filter((_, i) => masters[i] === undefined)
  if (missing.length > 0) return no(...whyNoMaster(missing, rows))
  const holders = [...new Set(masters.map(master => master?.node))]
  const message =
    holders.length === 1
      ? `${holders[0]} holds the addresses`
      : masters.map(master => `${master?.node} holds the ${master?.family} addresses`).join(', ')
  return { type: 'Ready', status: 'True', reason: 'MasterElected', message }
}

function whyNoMaster(families: readonly Family[], rows: readonly Row[]): [reason: string, message: string] {
  const of = rows.filter(({ family }) => families.includes(family))
  if (of.every(({ reason }) => reason === 'NotReported')) {
    return ['Waiting', `No agent has reported yet: ${names(of)}`]
  }
  const faults = of.filter(({ state }) => state === 'FAULT')
  if (faults.length === of.length) {
    return [
      'NoMaster',
      `No node can hold the addresses: ${faults.map(({ node, message }) => `${node}: ${message ?? 'FAULT'}`).join('; ')}`,
    ]
  }
  return [
    'NoMaster',
    `No node is MASTER for ${families.join(' and ')}; waiting for ${names(of.filter(({ state }) => state !== 'FAULT'))}`,
  ]
}

function redundant({ rows, plan }: View): DesiredCondition {
  const nodes = [...new Set(plan.members.map(({ node }) => node))]
  const backupNodes = standingBy(rows)
  const no = (reason: string, message: string): DesiredCondition => ({
    type: 'Redundant',
    status: 'False',
    reason,
    message,
  })
  if (nodes.length === 0) return no('NotAccepted', plan.accepted.message)
  if (nodes.length === 1) {
    return no('SingleNode', `${nodes[0]} alone takes part: no other node matches, or spec.redundancy is 1`)
  }
  if (backupNodes.length > 0) {
    return {
      type: 'Redundant',
      status: 'True',
      reason: 'BackupReady',
      message: `${backupNodes.join(', ')} ${backupNodes.length === 1 ? 'stands' : 'stand'} by`,
    }
  }
  const down = rows.filter(({ state }) => state === 'FAULT')
  const why = down.map(({ node, message }) => `${node}: ${message ?? 'FAULT'}`).join('; ')
  return no('NoBackup', why ? `No BACKUP stands by: ${why}` : 'No BACKUP stands by yet')
}

function splitBrain({ splits }: View): DesiredCondition {
  return splits.length > 0
    ? { type: 'SplitBrain', status: 'True', reason: 'SeveralMasters', message: splitSentence(splits) }
    : { type: 'SplitBrain', status: 'False', reason: 'OneMasterAtMost', message: 'No two nodes claim the addresses' }
}

function splitSentence(splits: readonly RouterReport[][]): string {
  const claimants = splits.map(
    split => `${split.map(({ node }) => node).join(' and ')} are both MASTER for ${split[0]?.family}`,
  )
  return `${claimants.join('; ')}: they do not hear each other (let IP protocol 112 through every firewall and switch between them)`
}

const ADDRESS_CONFLICT: DesiredCondition = {
  type: 'AddressConflict',
  status: 'Unknown',
  reason: 'NotChecked',
  message: 'kube-vrrp does not probe for other holders of the addresses yet',
}

// ---- BACKUPs

/** Healthy BACKUP nodes of those planned to be; a node counts when it stands by for every family. */
function backups({ plan, rows, masters }: View): string {
  const nodes = new Set(plan.members.map(({ node }) => node))
  const planned = masters.some(master => master !== undefined) || nodes.size === 0 ? nodes.size - 1 : nodes.size
  return `${standingBy(rows).length}/${Math.max(0, planned)}`
}

function standingBy(rows: readonly Row[]): string[] {
  const nodes = [...new Set(rows.map(({ node }) => node))]
  return nodes.filter(node => rows.every(row => row.node !== node || row.state === 'BACKUP'))
}

function names(rows: readonly Row[]): string {
  return [...new Set(rows.map(({ node }) => node))].join(', ')
}
