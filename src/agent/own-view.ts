import type { Condition } from '../api/conditions.ts'
import type { VirtualIPStatus } from '../api/virtual-ip.ts'
import type { VirtualRouterStatus } from '../api/virtual-ip-node.ts'
import type { VirtualIPPlan } from '../plan/plan.ts'

/** What one agent alone can say of its VirtualIPs, in the shape of their status: its own rows, and whom it hears. */
export function ownView(
  node: string,
  routers: readonly VirtualRouterStatus[],
  planned: ReadonlyMap<string, VirtualIPPlan> | undefined,
): { name: string; status: VirtualIPStatus }[] {
  const names = new Set([...(planned?.keys() ?? []), ...routers.map(({ virtualIP }) => virtualIP)])
  return [...names].sort().map(name => {
    const rows = routers.filter(({ virtualIP }) => virtualIP === name)
    const refusal = planned?.get(name)?.accepted
    const first = rows[0]
    const master = rows.some(({ state }) => state === 'MASTER')
      ? node
      : rows.find(row => row.activeAddress)?.activeAddress
    return {
      name,
      status: {
        ...(first ? { virtualRouterID: first.virtualRouterID } : {}),
        ...(master ? { master } : {}),
        conditions:
          refusal?.status === 'False'
            ? [condition('Accepted', 'False', refusal.reason, refusal.message)]
            : readiness(master, rows),
        nodes: rows.map(({ family, state, priority, link, since, reason, message }) => ({
          node,
          family,
          state,
          priority,
          link,
          since,
          reason,
          ...(message === undefined ? {} : { message }),
        })),
      },
    }
  })
}

function readiness(master: string | undefined, rows: readonly VirtualRouterStatus[]): Condition[] {
  if (master !== undefined) return [condition('Ready', 'True', 'MasterKnown', `${master} is MASTER`)]
  const fault = rows.find(({ state }) => state === 'FAULT')
  return [condition('Ready', 'False', 'NoMaster', fault?.message ?? 'No MASTER is heard on this node')]
}

function condition(type: string, status: Condition['status'], reason: string, message: string): Condition {
  return { type, status, reason, message, lastTransitionTime: new Date().toISOString() }
}
