import { formatPrefix, type Prefix } from '../lib/ip-address.ts'
import type { AddressChange } from './addresses.ts'
import type { Link, LinkAddress } from './links.ts'

/** An address that must be on a link. */
export interface DesiredAddress {
  readonly linkIndex: number
  readonly linkName: string
  readonly prefix: Prefix
}

/**
 * What turns the addresses on `links` into the desired ones: holds first, then releases. Nothing is done about addresses that
 * aren't ours: one that someone else put on the link serves where it is desired, whatever its prefix length, and stays where it isn't.
 */
export function addressChanges(
  desired: readonly DesiredAddress[],
  links: ReadonlyMap<number, Link>,
  isOurs: (link: Link, address: LinkAddress) => boolean,
): AddressChange[] {
  const wanted = byPlace(desired)
  const releases: AddressChange[] = []
  /** Addresses that stay, by link and text: these need not be added. */
  const staying = new Map<number, Set<string>>()
  /** Addresses that stop having the prefix length they have. */
  const leaving = new Map<number, Set<string>>()
  for (const link of links.values()) {
    const { index, name } = link
    const [stayingHere, leavingHere] = [new Set<string>(), new Set<string>()]
    staying.set(index, stayingHere)
    leaving.set(index, leavingHere)
    for (const address of link.addresses) {
      const { prefix } = address
      if (isOurs(link, address) && !isWanted(wanted, index, prefix)) {
        releases.push({ action: 'release', linkIndex: index, linkName: name, prefix })
        leavingHere.add(prefix.address.text)
      } else {
        stayingHere.add(prefix.address.text)
      }
    }
  }
  const holds = Array.from(wanted.values())
    .flatMap(here => Array.from(here.values()).flat())
    .filter(({ linkIndex, prefix }) => staying.get(linkIndex)?.has(prefix.address.text) === false)
    .map(({ linkIndex, linkName, prefix }): AddressChange => ({ action: 'hold', linkIndex, linkName, prefix }))
  // IPv6 has an address on a link once, IPv4 once a prefix length.
  const blocked = ({ linkIndex, prefix }: AddressChange): boolean =>
    prefix.address.family === 'IPv6' && leaving.get(linkIndex)?.has(prefix.address.text) === true
  return [...holds.filter(hold => !blocked(hold)), ...releases, ...holds.filter(blocked)]
}

/** By link and text, each prefix length once. No text is made for it: there may be thousands, and this is asked often. */
type Places = Map<number, Map<string, DesiredAddress[]>>

function byPlace(desired: readonly DesiredAddress[]): Places {
  const places: Places = new Map()
  for (const address of desired) {
    const { linkIndex, prefix } = address
    const here = places.get(linkIndex) ?? new Map<string, DesiredAddress[]>()
    places.set(linkIndex, here)
    const same = here.get(prefix.address.text) ?? []
    if (!same.some(({ prefix: { length } }) => length === prefix.length)) same.push(address)
    here.set(prefix.address.text, same)
  }
  return places
}

function isWanted(places: Places, linkIndex: number, { address, length }: Prefix): boolean {
  const same = places.get(linkIndex)?.get(address.text)
  return same?.some(({ prefix }) => prefix.length === length) === true
}

/** Those of the desired addresses that are on `links` and ours. */
export function heldAddresses(
  desired: readonly DesiredAddress[],
  links: ReadonlyMap<number, Link>,
  isOurs: (link: Link, address: LinkAddress) => boolean,
): DesiredAddress[] {
  const ours = new Set<string>()
  for (const link of links.values()) {
    for (const address of link.addresses) if (isOurs(link, address)) ours.add(keyOf(link.index, address.prefix))
  }
  return desired.filter(({ linkIndex, prefix }) => ours.has(keyOf(linkIndex, prefix)))
}

function keyOf(linkIndex: number, prefix: Prefix): string {
  return `${linkIndex} ${formatPrefix(prefix)}`
}
