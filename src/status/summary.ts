import { setConditions } from '../api/conditions.ts'
import type { VirtualIP, VirtualIPStatus } from '../api/virtual-ip.ts'
import type { Instant } from '../lib/time.ts'
import { type Backups, backupsOf } from './backups.ts'
import { conditionsOf } from './conditions.ts'
import { failoversOf } from './failovers.ts'
import { handingOver } from './handing-over.ts'
import { mastership, type RouterReport } from './mastership.ts'
import type { NodeHealth } from './node-health.ts'
import type { Planned } from './planned.ts'
import { rowsOf } from './rows.ts'
import { whoIsWho } from './troubles.ts'

export { HANDED_OVER_WITHIN, isHandingOver } from './handing-over.ts'
export type { RouterReport } from './mastership.ts'
export type { NodeHealth } from './node-health.ts'

export interface SummaryInput {
  readonly virtualIP: VirtualIP
  readonly plan: Planned
  /** Of every node that has one, at most one for each family. */
  readonly reports: readonly RouterReport[]
  readonly health: NodeHealth
  readonly previous?: VirtualIPStatus
  /** RFC 3339; for times that no node gives. */
  readonly now: string
  /** The same moment by our monotonic clock. */
  readonly at: Instant
}

/** A VirtualIP's status: what was decided about it and what its nodes say, in one view. */
export function summarise({ virtualIP, plan, reports, health, previous, now, at }: SummaryInput): VirtualIPStatus {
  const { generation } = virtualIP.metadata
  const families = (['IPv4', 'IPv6'] as const).filter(
    family => plan.members.some(member => member.family === family) || reports.some(report => report.family === family),
  )
  const masterships = new Map(
    families.map(family => {
      const its = reports.filter(report => report.family === family)
      const found = mastership(its, previous?.master)
      const leaving = found.master ? undefined : handingOver(its, previous, at)
      return [family, leaving ? { ...found, leaving } : found]
    }),
  )
  const rows = rowsOf({ members: plan.members, reports, masterships, health, previous, now })
  const masters = families.flatMap(family => masterships.get(family)?.master ?? [])
  const backups = backupsOf(plan, rows)
  const failovers = failoversOf(rows, reports, previous)
  const desired = conditionsOf({
    plan,
    families,
    masterships,
    reports,
    whoIs: whoIsWho(reports),
    rows,
    backups,
    health,
  })
  const observed = generation === undefined ? {} : { observedGeneration: generation }
  return {
    ...observed,
    ...(plan.virtualRouterID === undefined ? {} : { virtualRouterID: plan.virtualRouterID }),
    ...(masters[0] ? { master: masters[0].node } : {}),
    ...(plan.members.length === 0 ? {} : { backups: backupsColumn(backups) }),
    conditions: setConditions(
      previous?.conditions ?? [],
      desired.map(condition => ({ ...condition, ...observed })),
      now,
    ),
    nodes: rows.map(row => ({ ...row })),
    ...(failovers.length === 0 ? {} : { failovers }),
  }
}

/** `2/2`, also in the moment when nobody is MASTER and one more stands by. */
function backupsColumn({ healthy, planned }: Backups): string {
  return `${Math.min(healthy.length, planned)}/${planned}`
}
