import { isAdvertised, optionOf } from '../api/address-options.ts'
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
  /**
   * All that its virtual router holds: first those that are advertised, a link-local IPv6 address before the others (RFC 9568 §5.2.9). Of the
   * other family, too, where none of that is advertised.
   */
  readonly addresses: readonly Prefix[]
  /** Those of them whose subnet says which link adverts go over. */
  readonly onItsLink: readonly Prefix[]
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
  const families = familiesOf(virtualIP, prefixes)
  if (families.length === 0) return { refused: 'Invalid', message: 'It has no address: give at least one' }
  const nowhere = families.find(({ onItsLink }) => onItsLink.length === 0)
  if (nowhere && !virtualIP.spec.interface) return { refused: 'Invalid', message: noLinkFor(nowhere) }
  return { name: virtualIP.metadata.name, virtualIP, families }
}

function familiesOf({ spec }: VirtualIP, prefixes: readonly Prefix[]): FamilyDemand[] {
  const advertised = prefixes.filter(({ address }) => isAdvertised(spec, address))
  const silent = prefixes.filter(prefix => !advertised.includes(prefix))
  const routers = (['IPv4', 'IPv6'] as const).filter(family => advertised.some(prefix => isOf(family, prefix)))
  return routers.map(family => {
    const its = advertised.filter(prefix => isOf(family, prefix))
    const alongside = silent.filter(prefix => isOf(family, prefix) || routers.length === 1)
    return {
      family,
      addresses: [...linkLocalFirst(its), ...alongside],
      onItsLink: its.filter(({ address }) => optionOf(spec, address).link === undefined),
    }
  })
}

function isOf(family: Family, { address }: Prefix): boolean {
  return address.family === family
}

function noLinkFor({ family }: FamilyDemand): string {
  return `Each ${family} address that is advertised has a link of its own, so nothing says which link adverts go over: give interface.name or interface.subnet`
}

function linkLocalFirst(addresses: readonly Prefix[]): Prefix[] {
  const isFirst = ({ address }: Prefix) => address.family === 'IPv6' && isLinkLocal(address)
  return [...addresses.filter(isFirst), ...addresses.filter(prefix => !isFirst(prefix))]
}
