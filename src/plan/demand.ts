import type { VirtualIP } from '../api/virtual-ip.ts'
import { type Family, isLinkLocal, type Prefix, parsePrefix } from '../lib/ip-address.ts'
import type { Refusal } from './refusal.ts'

/** What a VirtualIP asks for: at most one virtual router per family on each node that takes part. */
export interface Demand {
  readonly name: string
  readonly virtualIP: VirtualIP
  /** IPv4 first; never empty. */
  readonly families: readonly FamilyDemand[]
}

export interface FamilyDemand {
  readonly family: Family
  /** In the order they are advertised: a link-local IPv6 address comes first (RFC 9568 §5.2.9). */
  readonly addresses: readonly Prefix[]
}

/** Those that are not being deleted, first come first: by creation, then by name. */
export function firstComeFirst(virtualIPs: readonly VirtualIP[]): VirtualIP[] {
  return virtualIPs
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .sort(
      (a, b) =>
        byText(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
        byText(a.metadata.name, b.metadata.name),
    )
}

/** By code unit: the same everywhere, whatever the locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function demandOf(virtualIP: VirtualIP): Demand | Refusal {
  const prefixes: Prefix[] = []
  for (const text of virtualIP.spec.addresses) {
    const prefix = parsePrefix(text)
    if (!prefix) return { refused: 'Invalid', message: `"${text}" is no IP address: write it as 192.168.1.100/24` }
    prefixes.push(prefix)
  }
  const families = (['IPv4', 'IPv6'] as const).flatMap(family => {
    const addresses = prefixes.filter(({ address }) => address.family === family)
    return addresses.length > 0 ? [{ family, addresses: linkLocalFirst(addresses) }] : []
  })
  if (families.length === 0) return { refused: 'Invalid', message: 'It has no address: give at least one' }
  return { name: virtualIP.metadata.name, virtualIP, families }
}

function linkLocalFirst(addresses: readonly Prefix[]): Prefix[] {
  const isFirst = ({ address }: Prefix) => address.family === 'IPv6' && isLinkLocal(address)
  return [...addresses.filter(isFirst), ...addresses.filter(prefix => !isFirst(prefix))]
}
