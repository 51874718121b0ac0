import { optionOf } from '../api/address-options.ts'
import { isLinkLocal, type Prefix, parsePrefix } from '../lib/ip-address.ts'
import type { Demand } from './demand.ts'
import { listing } from './listing.ts'
import type { Refusal } from './refusal.ts'
import type { Place, Segment } from './segments.ts'
import type { Survey } from './survey.ts'

/** A VirtualIP and the segments it could be on. */
export interface Claimant {
  readonly demand: Demand
  readonly segments: ReadonlySet<Segment>
}

export interface AddressClaims {
  /** Why a VirtualIP can't have all its addresses. */
  refusal(virtualIP: string): Refusal | undefined
  /** Who has an address; of a link-local one on that segment. */
  holder(address: Prefix, segment: Segment | undefined): string | undefined
}

/**
 * Gives every address to one VirtualIP: to the one that runs it and still asks for it; to the one that runs it and can't have what it asks
 * for instead; else to the first that asks. Whoever comes too late for one of its addresses gets none of the new ones.
 */
export function claimAddresses(
  claimants: readonly Claimant[],
  isRefused: (virtualIP: string) => boolean,
  survey: Survey,
): AddressClaims {
  const holders = new Map<string, string>()
  const refusals = new Map<string, Refusal>()
  const running = runningKeys(survey)
  const claim = (keys: Iterable<string>, { name }: Demand) => {
    for (const key of keys) if (!holders.has(key)) holders.set(key, name)
  }
  const runs = ({ name }: Demand) => running.get(name) ?? new Set<string>()

  for (const { demand, segments } of claimants) {
    const keys = wantedKeys(demand, segments)
    claim(isRefused(demand.name) ? runs(demand) : keys.filter(key => runs(demand).has(key)), demand)
  }
  const late = claimants.map(claimant => takenByAnother(claimant, holders) ?? nodesOwn(claimant, survey))
  claimants.forEach(({ demand }, i) => {
    if (late[i]) claim(runs(demand), demand)
  })
  for (const claimant of claimants) {
    const { demand, segments } = claimant
    const refusal = takenByAnother(claimant, holders) ?? nodesOwn(claimant, survey)
    if (refusal) refusals.set(demand.name, refusal)
    claim(refusal ? runs(demand) : wantedKeys(demand, segments), demand)
  }
  return {
    refusal: name => refusals.get(name),
    holder: (address, segment) => holders.get(keyOf(address, segment)),
  }
}

function takenByAnother({ demand, segments }: Claimant, holders: ReadonlyMap<string, string>): Refusal | undefined {
  const taken = addressesOf(demand).flatMap(prefix => {
    const others = keysOf(prefix, segments).map(key => holders.get(key))
    const other = others.find(holder => holder !== undefined && holder !== demand.name)
    return other === undefined ? [] : [`${prefix.address.text} belongs to VirtualIP ${other}`]
  })
  if (taken.length === 0) return undefined
  return { refused: 'AddressInUse', message: `${listing(taken)}: remove it here or there` }
}

/** A node's own address on the same segment: two would answer for it, or the node would lose it. */
function nodesOwn({ demand, segments }: Claimant, { segments: { places } }: Survey): Refusal | undefined {
  for (const { address } of addressesOf(demand)) {
    const itsLink = optionOf(demand.virtualIP.spec, address).link
    const isThere = (place: Place) => (itsLink === undefined ? segments.has(place.segment) : place.link === itsLink)
    const owners = places.filter(
      place => isThere(place) && place.own.some(candidate => candidate.address.text === address.text),
    )
    if (owners.length > 0) {
      const where = listing(owners.map(({ node, link }) => `${node} (${link})`))
      const message = `${address.text} is the own address of ${where}: choose an address that nobody has`
      return { refused: 'AddressInUse', message }
    }
  }
  return undefined
}

function runningKeys({ agents, segments }: Survey): Map<string, Set<string>> {
  const running = new Map<string, Set<string>>()
  for (const { node, spec } of agents) {
    for (const { virtualIP, link, addresses } of spec?.virtualRouters ?? []) {
      const keys = running.get(virtualIP) ?? new Set()
      running.set(virtualIP, keys)
      const segment = segments.of(node, link)
      for (const prefix of addresses.flatMap(text => parsePrefix(text) ?? [])) keys.add(keyOf(prefix, segment))
    }
  }
  return running
}

function wantedKeys(demand: Demand, segments: ReadonlySet<Segment>): string[] {
  return addressesOf(demand).flatMap(prefix => keysOf(prefix, segments))
}

function addressesOf({ families }: Demand): Prefix[] {
  return families.flatMap(({ addresses }) => addresses)
}

function keysOf(prefix: Prefix, segments: ReadonlySet<Segment>): string[] {
  return isLocalToSegment(prefix) ? [...segments].map(segment => keyOf(prefix, segment)) : [keyOf(prefix, undefined)]
}

/** fe80::1 on one segment is another address than fe80::1 on the next. */
function keyOf(prefix: Prefix, segment: Segment | undefined): string {
  return isLocalToSegment(prefix) ? `${prefix.address.text}%${segment ?? ''}` : prefix.address.text
}

function isLocalToSegment({ address }: Prefix): boolean {
  return address.family === 'IPv6' && isLinkLocal(address)
}
