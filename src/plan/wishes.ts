import type { VirtualIP } from '../api/virtual-ip.ts'
import { type Candidate, candidatesFor } from './candidates.ts'
import { type AddressClaims, claimAddresses } from './conflicts.ts'
import { type Demand, demandOf } from './demand.ts'
import { isRefusal, type Refusal } from './refusal.ts'
import { ANYWHERE, type Segment } from './segments.ts'
import type { Survey } from './survey.ts'
import { addressesMissing } from './transport.ts'

/** A VirtualIP whose addresses are its own, with the nodes that could serve it. */
export interface Wish {
  readonly demand: Demand
  /** Never empty. */
  readonly candidates: readonly Candidate[]
  /** What the user should know although it is accepted. */
  readonly notes: readonly string[]
  /** All that its candidates are on, members or not, so that a change of members never meets a VRID in use. */
  readonly segments: ReadonlySet<Segment>
}

export interface Wishes {
  readonly possible: readonly Wish[]
  /** The others, by name. */
  readonly refused: ReadonlyMap<string, Refusal>
  readonly claims: AddressClaims
}

/** The first reason to refuse is an address that another has, also where no node could serve it. `virtualIPs`: first come first. */
export function wishesOf(virtualIPs: readonly VirtualIP[], survey: Survey): Wishes {
  const refused = new Map<string, Refusal>()
  const wishes: Wish[] = []
  for (const virtualIP of virtualIPs) {
    const demand = demandOf(virtualIP)
    if (isRefusal(demand)) {
      refused.set(virtualIP.metadata.name, demand)
      continue
    }
    const candidates = candidatesFor(demand, survey)
    const found = isRefusal(candidates)
      ? candidates
      : (addressesMissing(demand, candidates.nodes, survey) ?? candidates)
    if (isRefusal(found)) refused.set(demand.name, found)
    const { nodes, notes } = isRefusal(found) ? { nodes: [], notes: [] } : found
    wishes.push({ demand, candidates: nodes, notes, segments: segmentsOf(nodes) })
  }
  const claims = claimAddresses(wishes, name => refused.has(name), survey)
  for (const { demand } of wishes) {
    const refusal = claims.refusal(demand.name)
    if (refusal) refused.set(demand.name, refusal)
  }
  return { possible: wishes.filter(({ demand }) => !refused.has(demand.name)), refused, claims }
}

function segmentsOf(candidates: readonly Candidate[]): Set<Segment> {
  const segments = new Set<Segment>()
  for (const { links } of candidates) for (const { segment } of links) if (segment !== undefined) segments.add(segment)
  return segments.size === 0 ? new Set([ANYWHERE]) : segments
}
