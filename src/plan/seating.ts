import type { Candidate } from './candidates.ts'
import { checkNotAllowed } from './check-rules.ts'
import { homeOrder, type PlacementRequest, place, Spread } from './placement.ts'
import { isRefusal, type Refusal } from './refusal.ts'
import type { Survey } from './survey.ts'
import { grantVirtualRouterIDs, type VirtualRouterIDGrant, type VirtualRouterIDRequest } from './vrids.ts'
import type { Wish } from './wishes.ts'

/** A VirtualIP with a VRID and the nodes that take part, in rank order. */
export interface Seating {
  readonly wish: Wish
  readonly members: readonly Candidate[]
  readonly grant: VirtualRouterIDGrant
}

const DEFAULT_REDUNDANCY = 3

/** Those that run count in the spread before the first new one is placed. `exists`: whether a VirtualIP of that name is there. */
export function seat(
  wishes: readonly Wish[],
  exists: (virtualIP: string) => boolean,
  survey: Survey,
): (Seating | (Refusal & { readonly wish: Wish }))[] {
  const grants = grantVirtualRouterIDs(wishes.map(virtualRouterIDRequest), survey, exists)
  const spread = new Spread(survey.nodes.map(({ name }) => name))
  const placements = wishes.map(wish => ({ wish, request: placementRequest(wish, survey) }))
  const running = placements.map(({ request }) => homeOrder(request))
  for (const order of running) spread.count(order)
  return placements.flatMap(({ wish, request }, i) => {
    const grant = grants.get(wish.demand.name)
    if (!grant) return []
    if (isRefusal(grant)) return { ...grant, wish }
    const members = place(request, spread)
    const refusal = checksRefused(wish, members, survey)
    if (refusal) return { ...refusal, wish }
    if (running[i]?.length === 0) spread.count(members)
    return { wish, members, grant }
  })
}

function virtualRouterIDRequest({ demand: { name, virtualIP }, segments }: Wish): VirtualRouterIDRequest {
  const { spec, status } = virtualIP
  return {
    name,
    segments,
    ...(spec.virtualRouterID === undefined ? {} : { given: spec.virtualRouterID }),
    ...(status?.virtualRouterID === undefined ? {} : { remembered: status.virtualRouterID }),
  }
}

function placementRequest({ demand, candidates }: Wish, { inUse }: Survey): PlacementRequest {
  const homes = new Map<string, number>()
  for (const [node, { home }] of inUse.byNode(demand.name)) if (home !== undefined) homes.set(node, home)
  return { candidates, redundancy: demand.virtualIP.spec.redundancy ?? DEFAULT_REDUNDANCY, homes }
}

function checksRefused({ demand }: Wish, members: readonly Candidate[], survey: Survey): Refusal | undefined {
  const agents = members.flatMap(({ node }) => survey.agent(node) ?? [])
  return checkNotAllowed(demand.virtualIP.spec.checks ?? [], agents)
}
