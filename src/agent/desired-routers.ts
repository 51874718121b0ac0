import type { Check } from '../api/check.ts'
import { addsItsNumber } from '../api/file-number.ts'
import type { VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import type { CheckResult } from '../checks/repeat.ts'
import {
  type Family,
  fullLength,
  type IpAddress,
  isLinkLocal,
  type Prefix,
  parseIpAddress,
  parsePrefix,
} from '../lib/ip-address.ts'
import { type Millis, parseDuration } from '../lib/time.ts'
import type { Link, LinkAddress } from '../linux/links.ts'
import { isMarked } from '../linux/ownership.ts'
import { ADDRESS_FLAGS } from '../linux/route-messages.ts'
import { effectivePriority } from '../vrrp/priority.ts'
import type { Preemption, Unicast, VirtualRouterConfig } from '../vrrp/virtual-router.ts'
import { advertCapacity } from '../wire/advert-capacity.ts'
import { TRAILER_LENGTH } from '../wire/hmac-trailer.ts'
import { type RouterAddress, routerAddress } from './places.ts'

/** An IPv6 address that can't be a source yet, or ever. */
const UNUSABLE_FLAGS = ADDRESS_FLAGS.TENTATIVE | ADDRESS_FLAGS.DADFAILED

/** Why a virtual router can't take part: a reason for machines, a sentence for people. */
export interface Fault {
  readonly reason: string
  readonly message: string
}

/** What one entry of the spec comes to on this node now: a configuration to run on a link, or the fault that prevents it. */
export interface DesiredRouter {
  readonly key: string
  readonly spec: VirtualRouterSpec
  readonly addresses: readonly RouterAddress[]
  readonly outcome:
    | { readonly link: Link; readonly config: VirtualRouterConfig }
    | { readonly fault: Fault }
    /** A check has no result yet; a router that runs already goes on. */
    | { readonly waitingFor: string; readonly link: Link; readonly config: VirtualRouterConfig }
}

export function routerKey(spec: Pick<VirtualRouterSpec, 'virtualIP' | 'family'>): string {
  return `${spec.virtualIP}/${spec.family}`
}

export function checkKey(router: string, check: Pick<Check, 'name'>): string {
  return `${router}/${check.name}`
}

/** A check, and the virtual router that runs it. */
export interface CountingCheck {
  readonly check: Check
  readonly of: VirtualRouterSpec
}

/** The checks that count for each of these, which change state together: of a VirtualIP once, for both its families have the same. */
export function checksOf(group: readonly VirtualRouterSpec[]): CountingCheck[] {
  const first = new Map(group.toReversed().map(spec => [spec.virtualIP, spec]))
  return group
    .filter(spec => first.get(spec.virtualIP) === spec)
    .flatMap(of => (of.checks ?? []).map(check => ({ check, of })))
}

/**
 * What this node would run, from what it was told, what its links are, and what its checks say. `handover`: how long at most it answers for
 * what it gives up. `counting`: the checks that count for it: of all that change state with it. Pure.
 */
export function desiredRouter(
  spec: VirtualRouterSpec,
  links: Iterable<Link>,
  isOurs: (link: Link, address: LinkAddress) => boolean,
  resultOf: (checkKey: string) => CheckResult | undefined,
  handover: Millis,
  counting: readonly CountingCheck[] = checksOf([spec]),
): DesiredRouter {
  const key = routerKey(spec)
  const addresses = spec.addresses.flatMap(text => parsePrefix(text) ?? []).map(prefix => routerAddress(spec, prefix))
  const desired = (outcome: DesiredRouter['outcome']): DesiredRouter => ({ key, spec, addresses, outcome })
  const fault = (reason: string, message: string) => desired({ fault: { reason, message } })

  const all = [...links]
  const link = linkOrFault(spec.link, all)
  if ('reason' in link) return desired({ fault: link })
  const unfit = unfitAddresses(spec, addresses, link) ?? unfitLink(addresses, all)
  if (unfit) return desired({ fault: unfit })

  const prefixes = addresses.map(({ prefix }) => prefix)
  const source = spec.unicast
    ? unicastSource(spec.unicast.source, prefixes, link, isOurs)
    : primaryAddress(spec.family, prefixes, link, isOurs)
  if (!source) return fault('NoPrimaryAddress', sourceMissing(spec))

  const checks = counting.map(({ check, of }) => ({
    check,
    of,
    result: resultOf(checkKey(routerKey(of), check)),
  }))
  const known = checks.flatMap(({ check, of, result }) => (result ? [{ of, ...weighed(check, result) }] : []))
  const priority = effectivePriority(spec.priority, known)
  if (priority === 'FAULT') {
    const { name, message, of = spec } = known.find(({ weight, passing }) => weight === undefined && !passing) ?? {}
    const whose = of.virtualIP === spec.virtualIP ? '' : ` of ${of.virtualIP}, which is in its group,`
    return fault('CheckFailed', `Check ${name}${whose} fails${message ? `: ${message}` : ''}`)
  }

  const config: VirtualRouterConfig = {
    family: spec.family,
    version: spec.version,
    virtualRouterID: spec.virtualRouterID,
    priority,
    advertisementInterval: parseDuration(spec.advertisementInterval) ?? 1000,
    addresses: addresses.flatMap(({ prefix, isAdvertised }) => (isAdvertised ? [prefix.address] : [])),
    preemption: preemption(spec),
    primaryAddress: source,
    handover,
    ...(spec.unicast && { unicast: unicast(spec.unicast) }),
  }
  const unknown = checks.find(({ result }) => result === undefined)
  return desired(unknown ? { waitingFor: unknown.check.name, link, config } : { link, config })
}

function linkOrFault(name: string, links: readonly Link[]): Link | Fault {
  const link = links.find(candidate => candidate.name === name)
  if (!link) return { reason: 'LinkMissing', message: missing(name) }
  if (!link.up) return { reason: 'LinkDown', message: `Link ${name} is down (ip link set ${name} up)` }
  return link.carrier ? link : { reason: 'NoCarrier', message: `Link ${name} has no carrier` }
}

/** Of the links that some of the addresses are held on, and not adverts sent over. */
function unfitLink(addresses: readonly RouterAddress[], links: readonly Link[]): Fault | undefined {
  for (const name of new Set(addresses.flatMap(({ link }) => link ?? []))) {
    const link = linkOrFault(name, links)
    if ('reason' in link) return link
  }
  return undefined
}

function unfitAddresses(
  { family, version, authentication }: VirtualRouterSpec,
  addresses: readonly RouterAddress[],
  link: Link,
): Fault | undefined {
  const listed = addresses.filter(({ isAdvertised }) => isAdvertised).length
  const trailer = authentication?.type === 'HMAC' ? TRAILER_LENGTH : 0
  const capacity = advertCapacity(version, family, link.mtu, trailer)
  if (listed > capacity) {
    const message = `An advert over ${link.name} (MTU ${link.mtu}) can list ${capacity} of ${listed} addresses: give the others advertised: false in addressOptions`
    return { reason: 'TooManyAddresses', message }
  }
  for (const { link: name = link.name, label } of addresses) {
    const whole = `${name}:${label}`
    if (label === undefined || whole.length <= LONGEST_LABEL) continue
    const message = `Label ${whole} is longer than ${LONGEST_LABEL} bytes: give a label of at most ${LONGEST_LABEL - name.length - 1} in addressOptions`
    return { reason: 'LabelTooLong', message }
  }
  return undefined
}

/** IFNAMSIZ, without the zero at its end. */
const LONGEST_LABEL = 15

interface Weighed {
  readonly name: string
  readonly passing: boolean
  /** Absent: failing is a FAULT. */
  readonly weight?: number
  readonly message?: string | undefined
}

/** A check's say. Of a number it is the product, as of keepalived's track_file; where there is none, nothing. */
function weighed(check: Check, { passing, number, message }: CheckResult): Weighed {
  const { name, weight, inverse = false } = check
  if (weight === undefined) return { name, passing, message }
  if (!addsItsNumber(check)) return { name, passing, weight }
  const product = (number ?? 0) * weight * (inverse ? -1 : 1)
  if (product > LEAST_PRODUCT) return { name, passing: product > 0, weight: product }
  return { name, passing: false, message: `${number} times its weight is ${product}, which is a FAULT below -253` }
}

/** A product of this or less is a FAULT. */
const LEAST_PRODUCT = -254

/** File mode gives a subnet, which no link can be named, where it found no link. */
function missing(link: string): string {
  const subnet = parsePrefix(link)
  if (!subnet || !link.includes('/')) return `Link ${link} does not exist on this node`
  const isHost = subnet.length === fullLength(subnet.address.family)
  return `No link of this node ${isHost ? `has a subnet with ${subnet.address.text} in it` : `is in ${link}`}`
}

function sourceMissing({ family, link, unicast }: VirtualRouterSpec): string {
  if (unicast) return `Link ${link} does not have ${unicast.source}, which this node's adverts to its peers come from`
  const kind = family === 'IPv4' ? 'IPv4 address of its own' : 'usable link-local IPv6 address'
  return `Link ${link} has no ${kind} to send adverts from`
}

function unicast({ peers, ttl, minTTL, multicast = false }: NonNullable<VirtualRouterSpec['unicast']>): Unicast {
  return { peers: peers.flatMap(text => parseIpAddress(text) ?? []), ttl, minTTL, multicast }
}

function preemption(spec: VirtualRouterSpec): Preemption {
  return spec.preemption.mode === 'Never'
    ? { mode: 'Never' }
    : { mode: 'Always', delay: parseDuration(spec.preemption.delay ?? '0s') ?? 0 }
}

/** The others know this node by that address and no other. */
function unicastSource(
  text: string,
  held: readonly Prefix[],
  link: Link,
  isOurs: (link: Link, address: LinkAddress) => boolean,
): IpAddress | undefined {
  const source = parseIpAddress(text)
  return link.addresses.find(candidate => {
    const { address } = candidate.prefix
    if (address.text !== source?.text || (candidate.flags & UNUSABLE_FLAGS) !== 0) return false
    return (
      !isOurs(link, candidate) && !isMarked(candidate) && !held.some(prefix => prefix.address.text === address.text)
    )
  })?.prefix.address
}

/** RFC 9568 §5.1.1.1, §5.1.2.1: the link's primary IPv4 address, or its link-local IPv6 address; never one that virtual routers hold. */
export function primaryAddress(
  family: Family,
  held: readonly Prefix[],
  link: Link,
  isOurs: (link: Link, address: LinkAddress) => boolean,
): IpAddress | undefined {
  return link.addresses.find(candidate => {
    const { address } = candidate.prefix
    if (address.family !== family) return false
    if (isOurs(link, candidate) || isMarked(candidate)) return false
    if (held.some(prefix => prefix.address.text === address.text)) return false
    if (address.family === 'IPv4') return true
    return isLinkLocal(address) && (candidate.flags & UNUSABLE_FLAGS) === 0
  })?.prefix.address
}

/** Whether two configurations are two different virtual routers on the wire, so that the one must end before the other starts. */
export function isAnotherRouter(a: VirtualRouterConfig, b: VirtualRouterConfig): boolean {
  return a.version !== b.version || a.virtualRouterID !== b.virtualRouterID || a.family !== b.family
}

export function sameConfig(a: VirtualRouterConfig, b: VirtualRouterConfig): boolean {
  return (
    !isAnotherRouter(a, b) &&
    a.priority === b.priority &&
    a.advertisementInterval === b.advertisementInterval &&
    a.primaryAddress.text === b.primaryAddress.text &&
    a.preemption.mode === b.preemption.mode &&
    (a.preemption.mode === 'Never' || b.preemption.mode === 'Never' || a.preemption.delay === b.preemption.delay) &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((address, i) => address.text === b.addresses[i]?.text) &&
    sameUnicast(a.unicast, b.unicast)
  )
}

/** Whether the same adverts are believed, and sent to the same. */
export function sameUnicast(a: Unicast | undefined, b: Unicast | undefined): boolean {
  if (!a || !b) return a === b
  return (
    a.ttl === b.ttl &&
    a.minTTL === b.minTTL &&
    a.multicast === b.multicast &&
    a.peers.length === b.peers.length &&
    a.peers.every((peer, i) => peer.text === b.peers[i]?.text)
  )
}
