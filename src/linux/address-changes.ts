import { formatPrefix, type Prefix } from '../lib/ip-address.ts'
import type { AddressChange, Place } from './addresses.ts'
import type { Link, LinkAddress } from './links.ts'

/** An address that must be on a link. */
export type DesiredAddress = Place

/**
 * What turns the addresses on `links` into the desired ones: holds first, then releases. Nothing is done about addresses that
 * aren't ours: one that someone else put on the link serves where it is desired, whatever its prefix length, and stays where it isn't. Label and scope of an
 * address can't be changed: it is released, and held anew.
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
  /** What the kernel refuses to have twice: IPv6 addresses, IPv4 ones with a prefix length. */
  const leaving = new Map<number, Set<string>>()
  for (const link of links.values()) {
    const { index, name } = link
    const [stayingHere, leavingHere] = [new Set<string>(), new Set<string>()]
    staying.set(index, stayingHere)
    leaving.set(index, leavingHere)
    for (const address of link.addresses) {
      const { prefix } = address
      if (isOurs(link, address) && !isWanted(wanted, link, address)) {
        releases.push({ action: 'release', linkIndex: index, linkName: name, prefix })
        leavingHere.add(uniqueOf(prefix))
      } else {
        stayingHere.add(prefix.address.text)
      }
    }
  }
  const holds = Array.from(wanted.values())
    .flatMap(here => Array.from(here.values()).flat())
    .filter(({ linkIndex, prefix }) => staying.get(linkIndex)?.has(prefix.address.text) === false)
    .map((place): AddressChange => ({ action: 'hold', ...place }))
  const blocked = ({ linkIndex, prefix }: AddressChange): boolean =>
    leaving.get(linkIndex)?.has(uniqueOf(prefix)) === true
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

function uniqueOf(prefix: Prefix): string {
  return prefix.address.family === 'IPv6' ? prefix.address.text : formatPrefix(prefix)
}

function isWanted(places: Places, { index, name }: Link, { prefix, scope, label = name }: LinkAddress): boolean {
  const looksLike = (wanted: DesiredAddress) =>
    prefix.address.family === 'IPv6' || (scope === (wanted.scope ?? 0) && label === (wanted.label ?? name))
  const same = places.get(index)?.get(prefix.address.text)
  return same?.some(wanted => wanted.prefix.length === prefix.length && looksLike(wanted)) === true
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
