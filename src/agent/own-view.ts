import type { Condition } from '../api/conditions.ts'
import type { VirtualIPStatus } from '../api/virtual-ip.ts'
import type { VirtualRouterSpec, VirtualRouterStatus } from '../api/virtual-ip-node.ts'
import type { VirtualIPPlan } from '../plan/plan.ts'
import { rowOf } from '../status/rows.ts'
import { addressClaims, disturbances, otherMasters, together } from '../status/troubles.ts'

/** One VirtualIP as `kube-vrrp status` asks an agent for it. */
export interface OwnView {
  readonly name: string
  readonly addresses: readonly string[]
  readonly status: VirtualIPStatus
}

/** What one agent alone can say of its VirtualIPs, in the shape of their status: its own rows, and whom it hears. */
export function ownView(
  node: string,
  told: readonly VirtualRouterSpec[],
  routers: readonly VirtualRouterStatus[],
  planned: ReadonlyMap<string, VirtualIPPlan> | undefined,
): OwnView[] {
  const names = new Set([...(planned?.keys() ?? []), ...routers.map(({ virtualIP }) => virtualIP)])
  return [...names].sort().map(name => {
    const addresses = told.filter(({ virtualIP }) => virtualIP === name).flatMap(spec => spec.addresses)
    const rows = routers.filter(({ virtualIP }) => virtualIP === name)
    return { name, addresses, status: statusOf(node, rows, planned?.get(name)) }
  })
}

function statusOf(
  node: string,
  rows: readonly VirtualRouterStatus[],
  plan: VirtualIPPlan | undefined,
): VirtualIPStatus {
  const virtualRouterID = rows[0]?.virtualRouterID
  const master = rows.some(({ state }) => state === 'MASTER')
    ? node
    : rows.find(row => row.activeAddress)?.activeAddress
  return {
    ...(virtualRouterID === undefined ? {} : { virtualRouterID }),
    ...(master === undefined ? {} : { master }),
    conditions: [condition(master, rows, plan), ...troubles(node, rows)],
    nodes: rows.map(row => rowOf({ node, ...row })),
  }
}

/** What this node hears and should not; who else is who it can't know. */
function troubles(node: string, rows: readonly VirtualRouterStatus[]): Condition[] {
  const reports = rows.map(row => ({ ...row, checks: [], node, reportedAt: 0, fresh: true }))
  const isWho = () => undefined
  const found = {
    SplitBrain: otherMasters(reports, isWho),
    AddressConflict: addressClaims(reports, isWho),
    Degraded: disturbances(reports, isWho),
  }
  const [since = ''] = rows.flatMap(({ observations = [] }) => observations.map(({ since }) => since)).sort()
  return Object.entries(found).flatMap(([type, all]) => {
    const trouble = together(all)
    return trouble ? [{ type, status: 'True' as const, lastTransitionTime: since, ...trouble }] : []
  })
}

function condition(
  master: string | undefined,
  rows: readonly VirtualRouterStatus[],
  plan: VirtualIPPlan | undefined,
): Condition {
  const lastTransitionTime =
    rows
      .map(({ since }) => since)
      .sort()
      .at(-1) ?? new Date().toISOString()
  if (plan?.accepted.status === 'False') return { type: 'Accepted', lastTransitionTime, ...plan.accepted }
  if (master !== undefined) {
    return { type: 'Ready', status: 'True', reason: 'MasterKnown', message: `${master} is MASTER`, lastTransitionTime }
  }
  const fault = rows.find(({ state }) => state === 'FAULT')
  const message = fault?.message ?? 'No MASTER is heard on this node'
  return { type: 'Ready', status: 'False', reason: 'NoMaster', message, lastTransitionTime }
}
