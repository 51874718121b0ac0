import type { VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import { type Candidate, sameAddresses } from './candidates.ts'
import { priorityCeiling, weakWeights } from './check-rules.ts'
import { byText, type Demand } from './demand.ts'
import { initialNode } from './initial.ts'
import { listing } from './listing.ts'
import { assignPriorities, type RankedNode } from './priorities.ts'
import type { Seating } from './seating.ts'
import type { Survey } from './survey.ts'
import { inStep, type Speech, speechOf } from './transport.ts'
import { membersOf, type Outcome } from './virtual-ip-plan.ts'
import { goingOnAmong, type Member, virtualRouters } from './virtual-routers.ts'
import type { Wish } from './wishes.ts'

/** VirtualIPs that are accepted, by name: their members' numbers and what they are told. */
export function accepted(seatings: readonly Seating[], survey: Survey): Map<string, Outcome> {
  const all = seatings.map((seating): Talker => {
    const { demand } = seating.wish
    const members = withPriorities(demand, seating.members, priorityCeiling(seating.checks), survey)
    const nodes = members.map(({ candidate }) => candidate)
    return { seating, members, speech: speechOf(demand, nodes, survey) }
  })
  const speeches = new Map(all.map(({ seating, speech }) => [seating.wish.demand.name, speech]))
  return new Map(
    all.map(talker => {
      const { wish, mates } = talker.seating
      const theirs = mates.flatMap(name => speeches.get(name) ?? [])
      const speech = inStep(wish.demand, talker.speech, theirs, survey)
      return [wish.demand.name, outcomeOf({ ...talker, speech }, survey)]
    }),
  )
}

interface Talker {
  readonly seating: Seating
  readonly members: readonly Member[]
  readonly speech: Speech
}

function outcomeOf({ seating, members, speech }: Talker, survey: Survey): Outcome {
  const { wish, members: candidates, grant, mates } = seating
  const { demand } = wish
  const { virtualRouterID } = grant
  const nodes = members.map(({ candidate }) => candidate)
  const speaking = members.filter(({ candidate }) => !speech.waiting.has(candidate.node))
  const initial = initialNode(demand, speaking, grant, survey)
  const routers = new Map<string, VirtualRouterSpec[]>(
    speaking.map(member => {
      const { node } = member.candidate
      const told = virtualRouters(demand, member, virtualRouterID, speech)
      return [node, told.map(router => marked(router, node === initial))]
    }),
  )
  // Who makes room for a newcomer that waits goes on until it does no more; not beside others with another VRID, which it would not hear.
  const isHeard = (router: VirtualRouterSpec) => speaking.length === 0 || router.virtualRouterID === virtualRouterID
  const makingRoom = speech.awaited.size === 0 ? [] : leavers(demand, nodes, survey)
  const staying = new Map(makingRoom.filter(([, told]) => told.every(isHeard)))
  for (const [node, told] of staying) routers.set(node, goingOnAmong(told, node, demand, speech))
  const message = messageFor(wish, candidates, members, [...staying.keys()], mates, speech)
  return {
    plan: {
      accepted: { status: 'True', reason: 'Accepted', message },
      virtualRouterID,
      members: membersOf(routers),
    },
    routers,
    homes: homesOf(demand, members, survey),
  }
}

function leavers(demand: Demand, members: readonly Candidate[], { inUse }: Survey): [string, VirtualRouterSpec[]][] {
  const isMember = (node: string) => members.some(member => member.node === node)
  const hasAddresses = (router: VirtualRouterSpec) =>
    demand.families.some(
      ({ family, addresses }) => family === router.family && sameAddresses(router.addresses, addresses),
    )
  return [...inUse.byNode(demand.name)]
    .filter(([node]) => !isMember(node))
    .map(([node, { told }]): [string, VirtualRouterSpec[]] => [node, told.filter(hasAddresses)])
    .filter(([, told]) => told.length > 0)
}

function marked(router: VirtualRouterSpec, initial: boolean): VirtualRouterSpec {
  return initial ? { ...router, initial } : router
}

function withPriorities(
  demand: Demand,
  candidates: readonly Candidate[],
  ceiling: number,
  { inUse }: Survey,
): Member[] {
  const uses = inUse.byNode(demand.name)
  const seats = new Set(candidates.map(({ node }) => node))
  const others = new Set([...uses].flatMap(([node, { mayRun }]) => (seats.has(node) ? [] : [...mayRun])))
  const ranked = candidates.map(({ node, wanted, alive, rankedLast }): RankedNode => {
    const { current, home, mayRun = NONE } = uses.get(node) ?? {}
    return {
      rankedLast,
      mayRun: alive ? mayRun : NONE,
      reserved: home === undefined ? mayRun : new Set([...mayRun, home]),
      ...(wanted === undefined ? {} : { wanted }),
      ...(current === undefined ? {} : { current }),
      ...(home === undefined ? {} : { home }),
    }
  })
  const numbers = assignPriorities(ranked, others, ceiling)
  return candidates.flatMap((candidate, rank) => {
    const priority = numbers[rank]
    return priority === undefined ? [] : { candidate, priority }
  })
}

const NONE: ReadonlySet<number> = new Set()

function homesOf({ name }: Demand, members: readonly Member[], { inUse }: Survey): Map<string, number> {
  const homes = new Map<string, number>()
  for (const { candidate, priority } of members) {
    const home = inUse.of(name, candidate.node)?.home
    if (!candidate.rankedLast || candidate.wanted !== undefined || home === undefined) continue
    if (home > priority) homes.set(candidate.node, home)
  }
  return homes
}

// ---- what the user is told

function messageFor(
  wish: Wish,
  candidates: readonly Candidate[],
  members: readonly Member[],
  staying: readonly string[],
  mates: readonly string[],
  speech: Speech,
): string {
  const { spec } = wish.demand.virtualIP
  const row = spec.priorities?.map(({ priority }) => priority) ?? members.map(({ priority }) => priority)
  const descending = [...row].sort((a, b) => b - a)
  return [
    takePart(members),
    ...goesOn(staying, speech),
    ...together(wish, mates),
    ...wish.notes,
    ...fewerThanWanted(wish, members, mates),
    ...lastOnes(members),
    ...withoutLink(members),
    ...withoutNumber(candidates, members),
    ...notYetAsWanted(members),
    ...speech.notes,
    ...weakWeights(spec.checks ?? [], descending),
  ].join('. ')
}

function takePart(members: readonly Member[]): string {
  const nodes = members.map(({ candidate }) => candidate.node)
  return `${listing(nodes)} ${nodes.length === 1 ? 'takes' : 'take'} part`
}

function goesOn(staying: readonly string[], { awaited }: Speech): string[] {
  if (staying.length === 0) return []
  const [theirs, newcomers] = [staying, [...awaited]].map(nodes => listing([...nodes].sort(byText)))
  return [
    `${theirs} ${staying.length === 1 ? 'goes' : 'go'} on until ${newcomers} ${awaited.size === 1 ? 'is' : 'are'} known`,
  ]
}

function together({ demand }: Wish, mates: readonly string[]): string[] {
  return mates.length === 0
    ? []
    : [`In the group ${demand.virtualIP.spec.group} it changes state with ${listing(mates)}`]
}

function fewerThanWanted({ demand }: Wish, members: readonly Member[], mates: readonly string[]): string[] {
  const { priorities, redundancy } = demand.virtualIP.spec
  if (priorities || redundancy === undefined || members.length >= redundancy) return []
  const all = mates.length === 0 ? '' : ' for all of the group'
  return [
    `That is ${members.length} of ${redundancy} (redundancy): no other node matches, has the subnet and an agent${all}`,
  ]
}

function lastOnes(members: readonly Member[]): string[] {
  return members.flatMap(({ candidate: { node, wanted, rankedLastFor } }) =>
    wanted !== undefined || rankedLastFor === undefined ? [] : [`${node} ranks last, for it ${rankedLastFor}`],
  )
}

function withoutLink(members: readonly Member[]): string[] {
  const lacking = members.flatMap(({ candidate: { node, links } }) =>
    links.filter(({ condition }) => condition === 'Absent').map(({ name }) => `${node} (${name})`),
  )
  return lacking.length === 0 ? [] : [`The link is missing on ${listing([...new Set(lacking)])}`]
}

function withoutNumber(candidates: readonly Candidate[], members: readonly Member[]): string[] {
  const left = candidates.slice(members.length).map(({ node }) => node)
  return left.length === 0 ? [] : [`No priority is left for ${listing(left)}`]
}

/** Numbers that change hands, one confirmation after the other. */
function notYetAsWanted(members: readonly Member[]): string[] {
  return members.flatMap(({ candidate: { node, wanted }, priority }) =>
    wanted === undefined || wanted === priority
      ? []
      : [`${node} has priority ${priority} until the others have confirmed their change; then ${wanted}`],
  )
}
