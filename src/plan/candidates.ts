import { EXCLUDE_LABEL } from '../api/names.ts'
import type { VirtualIPSpec } from '../api/virtual-ip.ts'
import {
  contains,
  type Family,
  formatPrefix,
  fullLength,
  isLinkLocal,
  networkOf,
  type Prefix,
  parsePrefix,
} from '../lib/ip-address.ts'
import { byText, type Demand, type FamilyDemand } from './demand.ts'
import { describeSelector, selects } from './label-selector.ts'
import { listing } from './listing.ts'
import type { PlanNode } from './plan-input.ts'
import type { Refusal } from './refusal.ts'
import type { Place, Segment } from './segments.ts'
import type { Survey } from './survey.ts'

/** A node that may take part in a VirtualIP. */
export interface Candidate {
  readonly node: string
  /** Where, for each family it is asked for. */
  readonly links: readonly CandidateLink[]
  readonly alive: boolean
  /** It could hold the addresses now: its agent lives and its links are there. */
  readonly serviceable: boolean
  /** On all its links. */
  readonly carrier: boolean
  /** NotReady, cordoned or excluded from load balancing. */
  readonly rankedLast: boolean
  /** Why, to follow the node's name in a sentence. */
  readonly rankedLastFor?: string
  /** The sum of the weights of preferredNodes that it matches. */
  readonly weight: number
  /** Fixed by `priorities`. */
  readonly wanted?: number
}

export interface CandidateLink {
  readonly family: Family
  readonly name: string
  /** Absent: the agent does not report it, now or yet. */
  readonly condition: 'Up' | 'NoCarrier' | 'Absent'
  readonly segment?: Segment
}

export interface Candidates {
  readonly nodes: readonly Candidate[]
  /** What the user should know although the VirtualIP is accepted. */
  readonly notes: readonly string[]
}

/** The nodes on the addresses' segment that may take part, or why there is none. */
export function candidatesFor(demand: Demand, survey: Survey): Candidates | Refusal {
  const { priorities } = demand.virtualIP.spec
  return priorities ? namedCandidates(demand, priorities, survey) : selectedCandidates(demand, survey)
}

function selectedCandidates(demand: Demand, survey: Survey): Candidates | Refusal {
  const { nodeSelector } = demand.virtualIP.spec
  const matching = survey.nodes.filter(({ labels }) => selects(nodeSelector, labels))
  if (matching.length === 0) return noNodeMatches(nodeSelector)
  const names = matching.map(({ name }) => name)
  const nodes = matching.flatMap(node => candidateOn(node.name, node, demand, survey) ?? [])
  const usable = nodes.some(({ node, alive }) => alive || isMember(demand, node, survey))
  return usable ? { nodes, notes: [] } : nowhere(demand, names, survey)
}

function noNodeMatches(selector: VirtualIPSpec['nodeSelector']): Refusal {
  const wanted = selector ? describeSelector(selector) : ''
  const message =
    wanted === ''
      ? 'There is no node yet: add one to the cluster (in file mode: name the nodes in priorities, or add Node documents)'
      : `No node matches the nodeSelector ${wanted}: label a node, or change the selector`
  return { refused: 'NoNodeMatches', message }
}

function namedCandidates(
  demand: Demand,
  priorities: NonNullable<VirtualIPSpec['priorities']>,
  survey: Survey,
): Candidates | Refusal {
  const notes: string[] = []
  const nodes: Candidate[] = []
  for (const { node, priority } of [...priorities].sort((a, b) => b.priority - a.priority || byText(a.node, b.node))) {
    const known = survey.node(node)
    const candidate = candidateOn(node, known, demand, survey)
    if (candidate) nodes.push({ ...candidate, wanted: priority })
    else if (survey.agent(node)?.status) notes.push(`${node} has no link in ${describeWanted(demand)}`)
    else notes.push(known ? `No agent has reported from ${node} yet` : `There is no node ${node}`)
  }
  if (nodes.length > 0) return { nodes, notes }
  return nowhere(
    demand,
    priorities.map(({ node }) => node),
    survey,
  )
}

function nowhere(demand: Demand, names: readonly string[], survey: Survey): Refusal {
  const agents = names.flatMap(name => survey.agent(name) ?? []).filter(({ status }) => status !== undefined)
  const alive = agents.filter(agent => agent.alive)
  if (agents.length === 0) {
    const message = `No agent has reported from ${listing(names)} yet: is the agent running there?`
    return { refused: 'NoAgent', message }
  }
  if (alive.length === 0) {
    const message = `The agents of ${listing(agents.map(({ node }) => node))} have stopped reporting: see that they run and reach the API server`
    return { refused: 'NoAgent', message }
  }
  return {
    refused: 'NoNodeHasSubnet',
    message: noNodeHasSubnet(
      demand,
      alive.map(({ node }) => node),
      survey,
    ),
  }
}

function noNodeHasSubnet(demand: Demand, nodes: readonly string[], survey: Survey): string {
  const places = nodes.flatMap(node => survey.segments.on(node))
  const found = Map.groupBy(places, ({ own }) => own.map(prefix => formatPrefix(networkOf(prefix))).join(' and '))
  const seen = [...found].map(
    ([subnets, on]) => `${subnets} (${listing(on.map(({ node, link }) => `${node} ${link}`))})`,
  )
  const there =
    seen.length > 0 ? `the agents report ${seen.slice(0, 4).join(', ')}` : 'the agents report no link at all'
  return `No node has a link in ${describeWanted(demand)}: ${there}. Correct the address, or say which link by interface`
}

/** The subnets it takes: of the interface, else of the addresses. */
function describeWanted({ virtualIP, families }: Demand): string {
  const { subnet } = virtualIP.spec.interface ?? {}
  if (subnet !== undefined) return subnet
  const networks = families.flatMap(({ onItsLink }) => onItsLink.map(describeNetwork))
  return [...new Set(networks)].join(' and ')
}

function describeNetwork(prefix: Prefix): string {
  const { address, length } = prefix
  return length < fullLength(address.family)
    ? formatPrefix(networkOf(prefix))
    : `a subnet that contains ${address.text}`
}

function isMember({ name }: Demand, node: string, { inUse }: Survey): boolean {
  return (inUse.of(name, node)?.told.length ?? 0) > 0
}

function candidateOn(name: string, node: PlanNode | undefined, demand: Demand, survey: Survey): Candidate | undefined {
  const agent = survey.agent(name)
  if (!agent || (!agent.status && !isMember(demand, name, survey))) return undefined
  const links = linksOn(name, demand, survey)
  if (!links) return undefined
  const last = node && rankedLastFor(node)
  return {
    node: name,
    links,
    alive: agent.alive,
    serviceable: agent.alive && links.every(({ condition }) => condition !== 'Absent'),
    carrier: links.every(({ condition }) => condition === 'Up'),
    rankedLast: last !== undefined,
    ...(last !== undefined && { rankedLastFor: last }),
    weight: node ? weightOf(demand, node) : 0,
  }
}

function rankedLastFor({ ready, unschedulable, labels }: PlanNode): string | undefined {
  if (unschedulable) return 'is cordoned'
  if (!ready) return 'is not Ready'
  return EXCLUDE_LABEL in labels ? `has the label ${EXCLUDE_LABEL}` : undefined
}

function weightOf({ virtualIP }: Demand, { labels }: PlanNode): number {
  return (virtualIP.spec.preferredNodes ?? [])
    .filter(({ preference }) => selects(preference, labels))
    .reduce((sum, { weight }) => sum + weight, 0)
}

/** A link for every family; undefined where one is missing. */
function linksOn(node: string, demand: Demand, survey: Survey): CandidateLink[] | undefined {
  const links: CandidateLink[] = []
  for (const family of demand.families) {
    const link = linkOn(node, demand, family, survey)
    if (!link) return undefined
    links.push(link)
  }
  return links
}

function linkOn(node: string, demand: Demand, wanted: FamilyDemand, survey: Survey): CandidateLink | undefined {
  const { family } = wanted
  const { name, subnet } = demand.virtualIP.spec.interface ?? {}
  const places = survey.segments.on(node)
  if (name !== undefined) {
    return (
      linkAt(
        family,
        places.find(place => place.link === name),
      ) ?? { family, name, condition: 'Absent' }
    )
  }
  const told = survey.inUse.of(demand.name, node)?.told.find(router => router.family === family)
  const network = subnet === undefined ? undefined : parsePrefix(subnet)
  const fitting = places.filter(place => (network ? isIn(network, place) : holdsAll(place, wanted)))
  if (fitting.length > 1) fitting.sort((a, b) => preference(b, wanted, told?.link) - preference(a, wanted, told?.link))
  const [best] = fitting
  return linkAt(family, best) ?? lostLink(wanted, told, places)
}

function linkAt(family: Family, place: Place | undefined): CandidateLink | undefined {
  if (!place) return undefined
  return { family, name: place.link, condition: place.carrier ? 'Up' : 'NoCarrier', segment: place.segment }
}

function isIn(network: Prefix, { own }: Place): boolean {
  return own.some(({ address }) => contains(network, address))
}

/** A link-local address fits any link that speaks its family; it is not asked where others say which link. */
function holdsAll(place: Place, { family, onItsLink }: FamilyDemand): boolean {
  const routable = onItsLink.filter(({ address }) => family === 'IPv4' || !isLinkLocal(address))
  if (routable.length === 0) return place.own.some(({ address }) => address.family === family)
  return routable.every(({ address }) => place.own.some(own => contains(own, address)))
}

/** The link it runs on already, else one with carrier, else the one with the narrowest subnet; among equals the first reported. */
function preference(place: Place, { onItsLink }: FamilyDemand, told: string | undefined): number {
  const first = onItsLink.at(-1)
  const narrowest = place.own.reduce(
    (length, own) => (first && contains(own, first.address) ? Math.max(length, own.length) : length),
    0,
  )
  return (place.link === told ? 1000 : 0) + (place.carrier ? 500 : 0) + narrowest
}

/**
 * A link that lost its address keeps its virtual router, which is in FAULT until the address is back: an interface that restarts must
 * not cost the node its rank. Not so where the VirtualIP asks for other addresses now, or the link is on another subnet.
 */
function lostLink(
  { family, addresses }: FamilyDemand,
  told: { link: string; addresses: readonly string[] } | undefined,
  places: readonly Place[],
): CandidateLink | undefined {
  if (!told || !sameAddresses(told.addresses, addresses)) return undefined
  const place = places.find(({ link }) => link === told.link)
  const elsewhere = place?.own.some(({ address }) => address.family === family && !isLinkLocal(address))
  return elsewhere ? undefined : { family, name: told.link, condition: 'Absent' }
}

/** Whether a node was told to hold just these. */
export function sameAddresses(told: readonly string[], wanted: readonly Prefix[]): boolean {
  const texts = new Set(told.map(text => parsePrefix(text)?.address.text))
  return texts.size === wanted.length && wanted.every(({ address }) => texts.has(address.text))
}
