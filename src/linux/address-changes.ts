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
  const wanted = new Map(desired.map(address => [keyOf(address.linkIndex, address.prefix), address]))
  const releases: AddressChange[] = []
  /** Addresses that stay, by link and text: these need not be added. */
  const staying = new Set<string>()
  /** Addresses that stop having the prefix length they have. */
  const leaving = new Set<string>()
  for (const link of links.values()) {
    for (const address of link.addresses) {
      const { prefix } = address
      if (isOurs(link, address) && !wanted.has(keyOf(link.index, prefix))) {
        releases.push({ action: 'release', linkIndex: link.index, linkName: link.name, prefix })
        leaving.add(addressKeyOf(link.index, prefix))
      } else {
        staying.add(addressKeyOf(link.index, prefix))
      }
    }
  }
  const holds = [...wanted.values()]
    .filter(({ linkIndex, prefix }) => links.has(linkIndex) && !staying.has(addressKeyOf(linkIndex, prefix)))
    .map(({ linkIndex, linkName, prefix }): AddressChange => ({ action: 'hold', linkIndex, linkName, prefix }))
  // IPv6 has an address on a link once, IPv4 once a prefix length.
  const blocked = ({ linkIndex, prefix }: AddressChange): boolean =>
    prefix.address.family === 'IPv6' && leaving.has(addressKeyOf(linkIndex, prefix))
  return [...holds.filter(hold => !blocked(hold)), ...releases, ...holds.filter(blocked)]
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

function addressKeyOf(linkIndex: number, prefix: Prefix): string {
  return `${linkIndex} ${prefix.address.text}`
}
