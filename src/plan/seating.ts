import type { Check } from '../api/check.ts'
import type { Candidate } from './candidates.ts'
import { checkNotAllowed } from './check-rules.ts'
import { asSeenBy, type Party, sharedCandidates, sharedChecks } from './groups.ts'
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
  /** All that count for its priorities: its own, and those of its group. */
  readonly checks: readonly Check[]
  /** The others that it shares nodes and ranks with. */
  readonly mates: readonly string[]
}

const DEFAULT_REDUNDANCY = 3

/** Those that run count in the spread before the first new one is placed. `exists`: whether a VirtualIP of that name is there. */
export function seat(
  parties: readonly Party[],
  exists: (virtualIP: string) => boolean,
  survey: Survey,
): (Seating | (Refusal & { readonly wish: Wish }))[] {
  const grants = grantVirtualRouterIDs(parties.flat().map(virtualRouterIDRequest), survey, exists)
  const spread = new Spread(survey.nodes.map(({ name }) => name))
  const placements = parties.map(party => ({ party, request: placementRequest(party, survey) }))
  const running = placements.map(({ request }) => homeOrder(request))
  placements.forEach(({ party }, i) => {
    for (const _ of party) spread.count(running[i] ?? [])
  })
  return placements.flatMap(({ party, request }, i) => {
    const isServed = party.some(({ demand }) => !isRefusal(grants.get(demand.name) ?? {}))
    const together = isServed ? place(request, spread) : []
    return party.flatMap(wish => {
      const grant = grants.get(wish.demand.name)
      if (!grant) return []
      if (isRefusal(grant)) return { ...grant, wish }
      const members = asSeenBy(wish, together)
      const refusal = checksRefused(wish, members, survey)
      if (refusal) return { ...refusal, wish }
      if (running[i]?.length === 0) spread.count(members)
      const mates = party.filter(other => other !== wish).map(({ demand }) => demand.name)
      return { wish, members, grant, checks: sharedChecks(party), mates }
    })
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

/** Of a group that runs: the ranks of the first one that does. */
function placementRequest(party: Party, { inUse }: Survey): PlacementRequest {
  const homes = new Map<string, number>()
  const running = party.find(({ demand }) =>
    [...inUse.byNode(demand.name).values()].some(({ home }) => home !== undefined),
  )
  for (const [node, { home }] of inUse.byNode(running?.demand.name ?? '')) if (home !== undefined) homes.set(node, home)
  const redundancies = party.map(({ demand }) => demand.virtualIP.spec.redundancy ?? DEFAULT_REDUNDANCY)
  return { candidates: sharedCandidates(party), redundancy: Math.max(...redundancies), homes }
}

function checksRefused({ demand }: Wish, members: readonly Candidate[], survey: Survey): Refusal | undefined {
  const agents = members.flatMap(({ node }) => survey.agent(node) ?? [])
  return checkNotAllowed(demand.virtualIP.spec.checks ?? [], agents)
}
