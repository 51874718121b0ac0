import type { Unicast, VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import {
  compareAddresses,
  contains,
  type Family,
  type IpAddress,
  isLinkLocal,
  type Prefix,
  parseIpAddress,
  sameAddress,
} from '../lib/ip-address.ts'
import { byText, type Demand, type FamilyDemand } from './demand.ts'
import { listing } from './listing.ts'
import type { Refusal } from './refusal.ts'
import type { Survey } from './survey.ts'

/** What members are told of how to speak. */
export interface Speech {
  readonly virtualIP: string
  /** Undefined: multicast. */
  readonly of: (node: string, family: Family) => Unicast | undefined
  /** The nodes that are not told to run it yet, for they would not be heard, or not hear. */
  readonly waiting: ReadonlySet<string>
  /** Those of them that wait until who runs it now knows them. */
  readonly awaited: ReadonlySet<string>
  /** What the user should know. */
  readonly notes: readonly string[]
}

/** A node that takes part, and by which links. */
interface Speaker {
  readonly node: string
  readonly links: readonly { readonly family: Family; readonly name: string }[]
}

/**
 * Two members must hear each other at any moment, in whatever order they receive what they are told and however late: else both become MASTER.
 * Who speaks unicast believes nobody but its peers. So a newcomer, or a node with another address, is made known to those that run first, and
 * speaks when all have confirmed that; who may still speak stays known; and who changes from one transport to the other speaks both until all do.
 */
export function speechOf(demand: Demand, members: readonly Speaker[], survey: Survey): Speech {
  const isUnicast = demand.virtualIP.spec.transport?.mode === 'Unicast'
  if (!isUnicast && !mayBeUnicast(demand.name, survey)) return { virtualIP: demand.name, ...ALL_BY_MULTICAST }
  const talks = demand.families.map(family => new Talk(demand, family, members, survey))
  const plans = new Map(members.map(({ node }) => [node, talks.map(talk => talk.plan(node))]))
  return {
    virtualIP: demand.name,
    of: (node, family) => {
      const talk = talks.find(candidate => candidate.family === family)
      const planned = plans.get(node)?.find(plan => plan.family === family)
      return planned ? planned.unicast : talk?.leaver(node)
    },
    waiting: new Set([...plans].flatMap(([node, all]) => (all.some(({ waitsFor }) => waitsFor) ? [node] : []))),
    awaited: new Set(
      [...plans].flatMap(([node, all]) => (all.some(({ waitsFor = [] }) => waitsFor.length > 0) ? [node] : [])),
    ),
    notes: notesOf([...plans]),
  }
}

const ALL_BY_MULTICAST: Omit<Speech, 'virtualIP'> = {
  of: () => undefined,
  waiting: new Set(),
  awaited: new Set(),
  notes: [],
}

/**
 * The same in step with the rest of its group, of which nobody begins with a part: where another one of it waits, this one does too, unless it runs there
 * already. And who makes room for those that wait goes on with all.
 */
export function inStep(demand: Demand, speech: Speech, mates: readonly Speech[], { inUse }: Survey): Speech {
  const runs = (node: string) => (inUse.of(demand.name, node)?.told ?? []).length > 0
  const theirs = new Set(mates.flatMap(({ waiting }) => [...waiting]))
  const waiting = [...theirs.difference(speech.waiting)].filter(node => !runs(node))
  const notes = waiting.map(node => {
    const names = mates.flatMap(mate => (mate.waiting.has(node) ? [mate.virtualIP] : []))
    return `${node} waits as ${listing(names)} ${names.length === 1 ? 'does' : 'do'} there`
  })
  return {
    ...speech,
    waiting: speech.waiting.union(new Set(waiting)),
    awaited: mates.reduce((all, { awaited }) => all.union(awaited), speech.awaited),
    notes: [...speech.notes, ...notes],
  }
}

/** File mode: each node knows its own addresses only, and all must come to the same plan. */
export function addressesMissing(demand: Demand, members: readonly Speaker[], survey: Survey): Refusal | undefined {
  const { transport } = demand.virtualIP.spec
  if (survey.knowsAddresses || transport?.mode !== 'Unicast') return undefined
  for (const { family } of demand.families) {
    const lacking = members.filter(({ node }) => !givenTo(demand, node, family)).map(({ node }) => node)
    if (lacking.length === 0) continue
    const message = `${listing(lacking)} ${lacking.length === 1 ? 'has' : 'have'} no ${family} address in transport.peers: without a cluster every node's must be given there, e.g. {node: ${lacking[0]}, address: ${family === 'IPv4' ? '192.168.1.11' : '2001:db8::11'}}`
    return { refused: 'PeerAddressMissing', message }
  }
  return undefined
}

/** Whether any node may be running it by unicast now. */
function mayBeUnicast(virtualIP: string, { inUse, agent }: Survey): boolean {
  return [...inUse.byNode(virtualIP)].some(([node, { told }]) => {
    const { spec, confirmed = false } = agent(node) ?? {}
    const released = (confirmed ? undefined : spec?.released)?.filter(one => one.virtualIP === virtualIP) ?? []
    return told.some(({ unicast }) => unicast) || released.some(({ byUnicast }) => byUnicast)
  })
}

interface SpeakerPlan {
  readonly family: Family
  readonly unicast?: Unicast
  /** Nodes that must confirm first; none where its own address is not known. */
  readonly waitsFor?: readonly string[]
  /** It goes on from an address that its link does not have any more, so it is in FAULT. */
  readonly mute?: { readonly lost: string; readonly wanted: string; readonly waitsFor: readonly string[] }
}

/** A node that may be running the virtual router now. */
interface Runner {
  readonly node: string
  readonly told: VirtualRouterSpec | undefined
  /** It was told before, and not by unicast. */
  readonly leavesMulticast: boolean
  /** It runs what it was told and nothing else. */
  readonly confirmed: boolean
  /** All that it may send unicast from. */
  readonly sources: readonly IpAddress[]
}

/** One family of one VirtualIP. */
class Talk {
  readonly family: Family
  readonly #demand: Demand
  readonly #onItsLink: readonly Prefix[]
  readonly #survey: Survey
  readonly #runners: readonly Runner[]
  /** Of members; undefined where it is not known. */
  readonly #wanted: ReadonlyMap<string, IpAddress | undefined>
  /** Of members, by node. */
  readonly #links: ReadonlyMap<string, string | undefined>
  readonly #isUnicast: boolean
  /** No router is between the members. */
  readonly #isNear: boolean

  constructor(demand: Demand, { family, onItsLink }: FamilyDemand, members: readonly Speaker[], survey: Survey) {
    this.family = family
    this.#demand = demand
    this.#onItsLink = onItsLink
    this.#survey = survey
    this.#isUnicast = demand.virtualIP.spec.transport?.mode === 'Unicast'
    this.#runners = [...survey.inUse.byNode(demand.name).keys()].flatMap(node => this.#runner(node) ?? [])
    const places = members.map(({ node, links }) => ({ node, link: links.find(link => link.family === family)?.name }))
    this.#links = new Map(places.map(({ node, link }) => [node, link]))
    this.#wanted = new Map(
      places.map(({ node, link }) => [node, link === undefined ? undefined : this.#sourceOn(node, link)]),
    )
    const segments = places.flatMap(
      ({ node, link }) => (link === undefined ? undefined : survey.segments.of(node, link)) ?? [],
    )
    this.#isNear = new Set(segments).size <= 1
  }

  plan(node: string): SpeakerPlan {
    const { family } = this
    const told = this.#runners.find(runner => runner.node === node)?.told
    const before = told?.unicast && parseIpAddress(told.unicast.source)
    const wanted = this.#wanted.get(node) ?? before
    if (!wanted) return told || !this.#isUnicast ? { family } : { family, waitsFor: [] }
    const mode = this.#modeOf(node)
    if (mode === 'Multicast') return { family }
    const multicast = mode === 'Both'
    const deaf = this.#others(node).filter(other => !hears(other, wanted, multicast))
    if (!told && deaf.length > 0) return { family, waitsFor: deaf.map(other => other.node) }
    if (!before || deaf.length === 0) return { family, unicast: this.#unicast(node, wanted, multicast) }
    const unicast = this.#unicast(node, before, multicast)
    if (!this.#hasLost(node, before)) return { family, unicast }
    const mute = { lost: before.text, wanted: wanted.text, waitsFor: deaf.map(other => other.node) }
    return { family, unicast, mute }
  }

  /** What a node goes on with that takes part no more, while a newcomer waits. */
  leaver(node: string): Unicast | undefined {
    const unicast = this.#runners.find(runner => runner.node === node)?.told?.unicast
    const source = unicast && parseIpAddress(unicast.source)
    return source && this.#unicast(node, source, unicast.multicast ?? false)
  }

  #unicast(node: string, source: IpAddress, multicast: boolean): Unicast {
    const { peers, ttl = 255, minTTL = peers || !this.#isNear ? 1 : ttl } = this.#demand.virtualIP.spec.transport ?? {}
    return {
      source: source.text,
      peers: this.#peersOf(node, source),
      ttl,
      minTTL: this.#isUnicast ? minTTL : 1,
      ...(multicast && { multicast }),
    }
  }

  /** Everybody who may speak now, or will. */
  #peersOf(node: string, source: IpAddress): string[] {
    const own = [source, this.#wanted.get(node), ...(this.#runners.find(one => one.node === node)?.sources ?? [])]
    const isOwn = ({ text }: IpAddress) => own.some(address => address?.text === text)
    const all = [
      ...this.#outsiders(),
      ...[...this.#wanted.values()].filter(address => address !== undefined),
      ...this.#others(node).flatMap(({ sources }) => sources),
    ].filter(address => !isOwn(address))
    return [...new Map(all.sort(compareAddresses).map(({ text }) => [text, text])).values()]
  }

  /** Routers that are no nodes here. */
  #outsiders(): IpAddress[] {
    const { peers = [] } = this.#demand.virtualIP.spec.transport ?? {}
    const isNode = (node: string | undefined) =>
      node !== undefined && (this.#survey.node(node) !== undefined || this.#survey.agent(node) !== undefined)
    return peers.filter(({ node }) => !isNode(node)).flatMap(({ address }) => this.#parse(address))
  }

  // ---- from one transport to the other

  #modeOf(node: string): 'Unicast' | 'Multicast' | 'Both' {
    const target = this.#isUnicast ? 'Unicast' : 'Multicast'
    const others = this.#others(node)
    const self = this.#runners.find(runner => runner.node === node)
    if (self?.told && transportOf(self.told) === target) return target
    const isReady = !self || !mayLack(target, self)
    return isReady && !others.some(other => mayLack(target, other)) ? target : 'Both'
  }

  // ---- who runs it, and from where

  #others(node: string): Runner[] {
    return this.#runners.filter(runner => runner.node !== node)
  }

  #runner(node: string): Runner | undefined {
    const { spec, status, confirmed = false } = this.#survey.agent(node) ?? {}
    const isIt = (one: { virtualIP: string; family: Family }) =>
      one.virtualIP === this.#demand.name && one.family === this.family
    const told = spec?.virtualRouters.find(isIt)
    const reported = confirmed ? undefined : status?.virtualRouters?.find(isIt)
    const released = (confirmed ? undefined : spec?.released)?.filter(isIt) ?? []
    const link = (told ?? released[0] ?? reported)?.link
    if (link === undefined) return undefined
    const leavesMulticast = !told && released.length > 0 && !released.some(({ byUnicast }) => byUnicast)
    const runner = { node, told, leavesMulticast, confirmed }
    if (leavesMulticast || (told && !told.unicast)) return { ...runner, sources: [] }
    const planned = this.#sourceOn(node, link)
    const sources = [
      ...this.#parse(told?.unicast?.source),
      ...this.#parse(reported?.primaryAddress).filter(address => !isLinkLocal(address)),
      // It may have been told before it could report.
      ...(!told && planned ? [planned] : []),
    ]
    return { ...runner, sources }
  }

  /** Given by the user, else the one that it has, else the link's own address beside those to be held. */
  #sourceOn(node: string, link: string): IpAddress | undefined {
    const given = givenTo(this.#demand, node, this.family)
    if (given || !this.#survey.knowsAddresses) return given
    const told = this.#survey.inUse.of(this.#demand.name, node)?.told.find(one => one.family === this.family)
    const [before] = told?.link === link ? this.#parse(told.unicast?.source) : []
    const own = this.#ownOn(node, link)
    if (before && (own.length === 0 || own.some(({ address }) => sameAddress(address, before)))) return before
    const beside = own.find(prefix => this.#onItsLink.some(({ address }) => contains(prefix, address)))
    return (beside ?? own[0])?.address
  }

  /** What it reports of its link; nothing where it reports none, for a while. */
  #ownOn(node: string, link: string | undefined): Prefix[] {
    const place = this.#survey.segments.on(node).find(candidate => candidate.link === link)
    return (place?.own ?? []).filter(({ address }) => address.family === this.family && !isLinkLocal(address))
  }

  #hasLost(node: string, source: IpAddress): boolean {
    const own = this.#ownOn(node, this.#links.get(node))
    return own.length > 0 && !own.some(({ address }) => sameAddress(address, source))
  }

  #parse(text: string | undefined): IpAddress[] {
    const address = text === undefined ? undefined : parseIpAddress(text)
    return address?.family === this.family ? [address] : []
  }
}

function transportOf({ unicast }: VirtualRouterSpec): 'Unicast' | 'Multicast' | 'Both' {
  if (!unicast) return 'Multicast'
  return unicast.multicast ? 'Both' : 'Unicast'
}

/** Whether a node may be running without that transport now. Nobody is told one alone before all had it, so it had it before. */
function mayLack(transport: 'Unicast' | 'Multicast', { told, leavesMulticast, confirmed }: Runner): boolean {
  if (!told) return transport === 'Unicast' || !leavesMulticast
  const now = transportOf(told)
  return now === 'Both' ? !confirmed : now !== transport
}

/** Whether a node believes adverts from there, whatever of all that it was told it runs. */
function hears({ told, leavesMulticast, confirmed }: Runner, source: IpAddress, byMulticast: boolean): boolean {
  if (leavesMulticast || (told && !told.unicast)) return byMulticast
  if (!told?.unicast || !confirmed) return false
  return told.unicast.peers.includes(source.text) || (byMulticast && told.unicast.multicast === true)
}

function givenTo({ virtualIP }: Demand, node: string, family: Family): IpAddress | undefined {
  const given = (virtualIP.spec.transport?.peers ?? []).filter(peer => peer.node === node)
  return given.flatMap(({ address }) => parseIpAddress(address) ?? []).find(address => address.family === family)
}

// ---- what the user is told

function notesOf(plans: readonly [string, readonly SpeakerPlan[]][]): string[] {
  const waiting = plans.flatMap(([node, all]) => {
    const plan = all.find(({ waitsFor }) => waitsFor !== undefined)
    if (!plan?.waitsFor) return []
    if (plan.waitsFor.length === 0) return [`${node} waits: it has not reported an ${plan.family} address on its link`]
    return [`${node} waits until it is known as a peer to ${othersOf(plan.waitsFor)}`]
  })
  const mute = plans.flatMap(([node, all]) =>
    all.flatMap(plan => {
      if (!plan.mute) return []
      const { lost, wanted, waitsFor } = plan.mute
      return `${node} has no more ${lost} and cannot speak until ${wanted} is known as a peer to ${othersOf(waitsFor)}`
    }),
  )
  const both = plans.some(([, all]) => all.some(({ unicast }) => unicast?.multicast))
  const lonely = plans.flatMap(([node, all]) => (all.some(({ unicast }) => unicast && isLonely(unicast)) ? [node] : []))
  return [
    ...waiting,
    ...mute,
    ...(both ? ['Adverts go by multicast and unicast until all nodes have changed over'] : []),
    ...lonely.map(node => `${node} has no peer: nobody is sent its adverts`),
  ]
}

function othersOf(nodes: readonly string[]): string {
  return `${listing([...nodes].sort(byText))}: where that agent is gone for good, delete its Node`
}

function isLonely({ peers, multicast = false }: Unicast): boolean {
  return peers.length === 0 && !multicast
}
