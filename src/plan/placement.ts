import type { Candidate } from './candidates.ts'
import { byText } from './demand.ts'

export interface PlacementRequest {
  /** Every node that may take part. */
  readonly candidates: readonly Candidate[]
  /** How many should. */
  readonly redundancy: number
  /** The members it has, each with the priority it has or, ranked last for a time, had. */
  readonly homes: ReadonlyMap<string, number>
}

/**
 * The nodes that take part, first rank first. Who is in stays in, in the order there was, unless a node with more weight asks for the
 * place, or no member can serve any more and others can. What puts nodes in another order: being ranked last (NotReady, cordoned,
 * excluded), weight, and at the first placement the balance of `spread`.
 */
export function place(request: PlacementRequest, spread: Spread): Candidate[] {
  if (isFixed(request)) return byWanted(request.candidates)
  const members = keptMembers(request)
  return inRankOrder([...members, ...newMembers(request, members, spread)])
}

/** The order of ranks there would be if no node were ranked last: what a VirtualIP counts for in the spread. */
export function homeOrder(request: PlacementRequest): Candidate[] {
  return isFixed(request) ? byWanted(request.candidates) : keptMembers(request).sort((a, b) => b.weight - a.weight)
}

function isFixed({ candidates }: PlacementRequest): boolean {
  return candidates.some(({ wanted }) => wanted !== undefined)
}

function byWanted(candidates: readonly Candidate[]): Candidate[] {
  return [...candidates].sort((a, b) => (b.wanted ?? 0) - (a.wanted ?? 0))
}

/** Stable: among equals the order given. */
function inRankOrder(candidates: readonly Candidate[]): Candidate[] {
  return [...candidates].sort((a, b) => Number(a.rankedLast) - Number(b.rankedLast) || b.weight - a.weight)
}

/** By the rank they had. */
function keptMembers({ candidates, redundancy, homes }: PlacementRequest): Candidate[] {
  const home = ({ node }: Candidate) => homes.get(node) ?? 0
  const present = candidates
    .filter(({ node }) => homes.has(node))
    .sort((a, b) => home(b) - home(a) || byText(a.node, b.node))
  const others = candidates.filter(candidate => candidate.serviceable && !homes.has(candidate.node))
  if (others.length > 0 && !present.some(({ serviceable }) => serviceable)) return []
  const kept = firstRanks(present, redundancy)
  let free = redundancy - kept.length
  for (const { weight } of others.filter(({ rankedLast }) => !rankedLast).sort((a, b) => b.weight - a.weight)) {
    if (free-- > 0) continue
    const lightest = kept.findLast(member => kept.every(other => member.weight <= other.weight))
    if (!lightest || lightest.weight >= weight) break
    kept.splice(kept.indexOf(lightest), 1)
  }
  return kept.sort((a, b) => home(b) - home(a) || byText(a.node, b.node))
}

/** Of more members than there should be, the first ranks; one that can serve must be among them, if there is one. */
function firstRanks(present: readonly Candidate[], redundancy: number): Candidate[] {
  const ranked = inRankOrder(present)
  const kept = ranked.slice(0, redundancy)
  const serving = ranked.find(({ serviceable }) => serviceable)
  return !serving || kept.includes(serving) ? kept : [...kept.slice(0, -1), serving]
}

function newMembers(
  { candidates, redundancy }: PlacementRequest,
  members: readonly Candidate[],
  spread: Spread,
): Candidate[] {
  const eligible = candidates.filter(candidate => candidate.alive && !members.includes(candidate)).sort(compareStanding)
  const chosen: Candidate[] = []
  while (members.length + chosen.length < redundancy) {
    const [best] = eligible
    if (!best) break
    const equals = eligible.filter(candidate => compareStanding(candidate, best) === 0)
    const next = (members.length > 0 ? spread.leastUsed(equals) : spread.next(equals, chosen)) ?? best
    chosen.push(next)
    eligible.splice(eligible.indexOf(next), 1)
  }
  return chosen
}

/** Who is taken first: those not ranked last, then those with all links, then by weight, then those with carrier. */
function compareStanding(a: Candidate, b: Candidate): number {
  return (
    Number(a.rankedLast) - Number(b.rankedLast) ||
    Number(b.serviceable) - Number(a.serviceable) ||
    b.weight - a.weight ||
    Number(b.carrier) - Number(a.carrier)
  )
}

/** How often each node has which rank, so that the next VirtualIP takes its ranks where the fewest are. */
export class Spread {
  readonly #positions: ReadonlyMap<string, number>
  readonly #firsts = new Map<string, number>()
  /** By `first second`: where the load of the first goes when it fails. */
  readonly #seconds = new Map<string, number>()
  readonly #memberships = new Map<string, number>()

  constructor(nodes: readonly string[]) {
    this.#positions = new Map(nodes.map((node, i) => [node, i]))
  }

  count(order: readonly Candidate[]): void {
    const [first, second] = order
    if (first) increment(this.#firsts, first.node)
    if (first && second) increment(this.#seconds, `${first.node} ${second.node}`)
    for (const { node } of order) increment(this.#memberships, node)
  }

  /** The one to follow `before` in a new VirtualIP's ranks. */
  next(candidates: readonly Candidate[], before: readonly Candidate[]): Candidate | undefined {
    const [first] = before
    if (!first) return least(candidates, ({ node }) => [this.#firsts.get(node) ?? 0, this.#position(node)])
    const last = before.at(-1)?.node ?? first.node
    const seconds = (node: string) => (before.length === 1 ? (this.#seconds.get(`${first.node} ${node}`) ?? 0) : 0)
    return least(candidates, ({ node }) => [
      seconds(node),
      this.#memberships.get(node) ?? 0,
      (this.#position(node) - this.#position(last) + this.#positions.size) % this.#positions.size,
    ])
  }

  /** The one that has the fewest VirtualIPs. */
  leastUsed(candidates: readonly Candidate[]): Candidate | undefined {
    return least(candidates, ({ node }) => [this.#memberships.get(node) ?? 0, this.#position(node)])
  }

  #position(node: string): number {
    return this.#positions.get(node) ?? 0
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** The one whose key is smallest, compared number by number. */
function least(
  candidates: readonly Candidate[],
  keyOf: (candidate: Candidate) => readonly number[],
): Candidate | undefined {
  let best: { candidate: Candidate; key: readonly number[] } | undefined
  for (const candidate of candidates) {
    const key = keyOf(candidate)
    if (!best || isSmaller(key, best.key)) best = { candidate, key }
  }
  return best?.candidate
}

function isSmaller(a: readonly number[], b: readonly number[]): boolean {
  const differs = a.findIndex((value, i) => value !== b[i])
  return differs >= 0 && (a[differs] ?? 0) < (b[differs] ?? 0)
}
