import { isLinkLocal, type Prefix, parsePrefix } from '../lib/ip-address.ts'
import type { Demand } from './demand.ts'
import { listing } from './listing.ts'
import type { Refusal } from './refusal.ts'
import type { Segment } from './segments.ts'
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
 * Gives every address to one VirtualIP: to the one that runs it and still asks for it, else to the first that asks. Whoever comes too
 * late for one of its addresses gets none of the others either, unless it runs them.
 */
export function claimAddresses(claimants: readonly Claimant[], survey: Survey): AddressClaims {
  const holders = new Map<string, string>()
  const refusals = new Map<string, Refusal>()
  const running = runningKeys(survey)
  const claim = (key: string, name: string) => holders.has(key) || holders.set(key, name)

  for (const { demand, segments } of claimants) {
    const runs = running.get(demand.name)
    for (const key of wantedKeys(demand, segments)) if (runs?.has(key)) claim(key, demand.name)
  }
  for (const { demand, segments } of claimants) {
    const refusal = takenByAnother(demand, segments, holders) ?? nodesOwn(demand, segments, survey)
    if (refusal) refusals.set(demand.name, refusal)
    else for (const key of wantedKeys(demand, segments)) claim(key, demand.name)
  }
  for (const { demand } of claimants) for (const key of running.get(demand.name) ?? []) claim(key, demand.name)

  return {
    refusal: name => refusals.get(name),
    holder: (address, segment) => holders.get(keyOf(address, segment)),
  }
}

function takenByAnother(
  demand: Demand,
  segments: ReadonlySet<Segment>,
  holders: ReadonlyMap<string, string>,
): Refusal | undefined {
  for (const prefix of addressesOf(demand)) {
    const others = keysOf(prefix, segments).map(key => holders.get(key))
    const other = others.find(holder => holder !== undefined && holder !== demand.name)
    if (other !== undefined) {
      const message = `${prefix.address.text} belongs to VirtualIP ${other}: remove it here or there`
      return { refused: 'AddressInUse', message }
    }
  }
  return undefined
}

/** A node's own address on the same segment: two would answer for it, or the node would lose it. */
function nodesOwn(
  demand: Demand,
  segments: ReadonlySet<Segment>,
  { segments: { places } }: Survey,
): Refusal | undefined {
  for (const { address } of addressesOf(demand)) {
    const owners = places.filter(
      ({ segment, own }) => segments.has(segment) && own.some(candidate => candidate.address.text === address.text),
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
