import type { VirtualRouterStatus } from '../api/virtual-ip-node.ts'

/**
 * Whether the next node's agent may be replaced: true once every virtual router takes part here, or can't for a reason that a restart does
 * not mend (FAULT). Else the sentence that says what it still waits for.
 */
export function readiness(problem: string | undefined, routers: readonly VirtualRouterStatus[]): true | string {
  if (problem !== undefined) return problem
  const starting = routers.filter(({ state }) => state === 'INITIALIZE')
  const [first] = starting
  if (!first) return true
  const others = starting.length === 1 ? '' : ` (and ${starting.length - 1} more)`
  return `${first.virtualIP} (${first.family}) does not take part yet: ${first.message ?? first.reason}${others}`
}
