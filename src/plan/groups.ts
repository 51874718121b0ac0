import type { Check } from '../api/check.ts'
import type { Candidate } from './candidates.ts'
import type { Demand } from './demand.ts'
import { listing } from './listing.ts'
import type { Refusal } from './refusal.ts'
import type { Wish } from './wishes.ts'

/** VirtualIPs that share nodes and ranks: those of a group, or one alone. Never empty. */
export type Party = readonly Wish[]

export interface Parties {
  /** First come first. */
  readonly possible: readonly Party[]
  /** The others, by name. */
  readonly refused: ReadonlyMap<string, Refusal>
}

/**
 * Who is placed with whom, each with the candidates that they share. Of a group, first come first: one that shares no node with those before it, or
 * ranks nodes otherwise, is refused, and the others notice nothing.
 */
export function partiesOf(wishes: readonly Wish[]): Parties {
  const refused = new Map<string, Refusal>()
  const parties = Map.groupBy(wishes, ({ demand }) => demand.virtualIP.spec.group ?? demand)
  const possible = [...parties.values()].map(wishes => {
    const party: Wish[] = []
    for (const wish of wishes) {
      const refusal = refusalBy(party, wish)
      if (refusal) refused.set(wish.demand.name, refusal)
      else party.push(wish)
    }
    const shared = sharedNodes(party)
    return party.map(wish => ({ ...wish, candidates: wish.candidates.filter(({ node }) => shared.has(node)) }))
  })
  return { possible, refused }
}

/** What its virtual routers are told that change state together; undefined: they change each by itself. */
export function groupOf({ name, families, virtualIP: { spec } }: Demand): string | undefined {
  if (spec.group !== undefined) return spec.group
  return families.length > 1 && spec.families !== 'Separate' ? `VirtualIP/${name}` : undefined
}

/** Every node that may take part, as all of the party see it: by rank where one of them has fixed the ranks. */
export function sharedCandidates(party: Party): Candidate[] {
  const [first, ...others] = party
  return (first?.candidates ?? []).map(candidate => {
    const all = [candidate, ...others.flatMap(({ candidates }) => candidateOn(candidates, candidate.node) ?? [])]
    const wanted = all.find(({ wanted }) => wanted !== undefined)?.wanted
    return {
      ...candidate,
      serviceable: all.every(({ serviceable }) => serviceable),
      carrier: all.every(({ carrier }) => carrier),
      weight: all.reduce((sum, { weight }) => sum + weight, 0),
      ...(wanted === undefined ? {} : { wanted }),
    }
  })
}

/** The same nodes, as this one of the party sees them. */
export function asSeenBy({ candidates }: Wish, members: readonly Candidate[]): Candidate[] {
  return members.flatMap(({ node }) => candidateOn(candidates, node) ?? [])
}

/** What counts for the priorities of each of the party. */
export function sharedChecks(party: Party): Check[] {
  return party.flatMap(({ demand }) => demand.virtualIP.spec.checks ?? [])
}

function candidateOn(candidates: readonly Candidate[], node: string): Candidate | undefined {
  return candidates.find(candidate => candidate.node === node)
}

function refusalBy(party: Party, wish: Wish): Refusal | undefined {
  if (party.length === 0) return undefined
  const { group } = wish.demand.virtualIP.spec
  const before = listing(party.map(({ demand }) => demand.name))
  const theirs = sharedNodes(party)
  const own = new Set(wish.candidates.map(({ node }) => node))
  if (theirs.isDisjointFrom(own)) {
    const message = `Its group ${group} needs a node that can serve all of it: ${before} can be served by ${listing([...theirs])}, this one by ${listing([...own])}. Let their nodes meet (nodeSelector, priorities, addresses), or leave the group`
    return { refused: 'GroupSharesNoNode', message }
  }
  const fixed = party.find(({ candidates }) => isFixed(candidates))
  if (!fixed || !isFixed(wish.candidates)) return undefined
  const [ranks, ownRanks] = [ranksOf(fixed, own), ranksOf(wish, theirs)]
  if (ranks === ownRanks) return undefined
  const message = `Its priorities rank nodes otherwise than those of ${fixed.demand.name}, and both are in the group ${group}, of which one node at a time is MASTER: here ${ownRanks}, there ${ranks}. Give them the same order (255 in all or in none), or leave the group`
  return { refused: 'GroupRanksDiffer', message }
}

function sharedNodes(party: Party): Set<string> {
  return party
    .map(({ candidates }) => new Set(candidates.map(({ node }) => node)))
    .reduce((shared, nodes) => shared.intersection(nodes))
}

function isFixed(candidates: readonly Candidate[]): boolean {
  return candidates.some(({ wanted }) => wanted !== undefined)
}

/** `node1 (255), node2`: of those nodes, by the priorities that the user fixed. */
function ranksOf({ candidates }: Wish, among: ReadonlySet<string>): string {
  return [...candidates]
    .sort((a, b) => (b.wanted ?? 0) - (a.wanted ?? 0))
    .flatMap(({ node, wanted }) => (among.has(node) ? [wanted === 255 ? `${node} (255)` : node] : []))
    .join(', ')
}
