import type { VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import { parsePrefix } from '../lib/ip-address.ts'
import type { Demand } from './demand.ts'
import type { Survey } from './survey.ts'
import type { Member } from './virtual-routers.ts'
import type { VirtualRouterIDGrant } from './vrids.ts'

/**
 * The node that may take the addresses without waiting Active_Down_Interval, if any: the first rank, where nobody can be Active yet. That is so
 * when the VRID was allocated just now and no node may still hold one of the addresses. It stays so until a MASTER was reported or the
 * members changed. One at most: the others listen, so it is safe that it may be told before them or after them.
 */
export function initialNode(
  demand: Demand,
  members: readonly Member[],
  { virtualRouterID, fresh }: VirtualRouterIDGrant,
  survey: Survey,
): string | undefined {
  const first = members.find(({ candidate }) => candidate.alive && candidate.carrier)?.candidate.node
  if (first === undefined) return undefined
  const uses = survey.inUse.byNode(demand.name)
  if (uses.size === 0) return fresh && !holdsAny(demand, survey) ? first : undefined
  const told = [...uses].flatMap(([node, use]) => (use.told.length > 0 ? [{ node, routers: use.told }] : []))
  const sameMembers =
    told.length === members.length && members.every(({ candidate }) => told.some(({ node }) => node === candidate.node))
  const marked = told.find(({ node }) => node === first)?.routers.some(router => isMarked(router, virtualRouterID))
  return sameMembers && marked && !hasMaster(demand, survey) ? first : undefined
}

function isMarked(router: VirtualRouterSpec, virtualRouterID: number): boolean {
  return router.initial === true && router.virtualRouterID === virtualRouterID
}

function hasMaster({ name }: Demand, { agents }: Survey): boolean {
  return agents.some(({ status }) =>
    status?.virtualRouters?.some(({ virtualIP, state }) => virtualIP === name && state === 'MASTER'),
  )
}

/** Whether a node was last told to hold one of the addresses, for a VirtualIP that gives it up. */
function holdsAny({ families }: Demand, { agents }: Survey): boolean {
  const wanted = new Set(families.flatMap(({ addresses }) => addresses.map(({ address }) => address.text)))
  return agents.some(({ spec }) =>
    spec?.virtualRouters.some(({ addresses }) =>
      addresses.some(text => wanted.has(parsePrefix(text)?.address.text ?? '')),
    ),
  )
}
