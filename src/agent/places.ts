import { optionOf } from '../api/address-options.ts'
import type { VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import type { IpAddress, Prefix } from '../lib/ip-address.ts'
import type { Place } from '../linux/addresses.ts'
import type { Link, LinkTable } from '../linux/links.ts'
import type { RouterSet } from '../vrrp/router-set.ts'

/** An address that a virtual router holds, and how. */
export interface RouterAddress {
  readonly prefix: Prefix
  readonly isAdvertised: boolean
  /** The name of the link that holds it; absent: the one that adverts go over. */
  readonly link?: string
  /** What follows the link's name and a colon. */
  readonly label?: string
  /** RT_SCOPE_* */
  readonly scope?: number
  readonly deprecated?: boolean
}

/** RT_SCOPE_* (linux/rtnetlink.h) */
const SCOPES = { Global: 0, Link: 253, Host: 254 } as const

export function routerAddress(spec: VirtualRouterSpec, prefix: Prefix): RouterAddress {
  const { advertised = true, link, label, scope, deprecated } = optionOf(spec, prefix.address)
  return {
    prefix,
    isAdvertised: advertised,
    ...(link === undefined ? {} : { link }),
    ...(label === undefined ? {} : { label }),
    ...(scope === undefined ? {} : { scope: SCOPES[scope] }),
    ...(deprecated === undefined ? {} : { deprecated }),
  }
}

interface PlacesParts {
  readonly set: RouterSet
  readonly routers: ReadonlyMap<string, { readonly desired: { readonly addresses: readonly RouterAddress[] } }>
  readonly links: Pick<LinkTable, 'links'>
}

/** Where the addresses of the routers that run on this node are held, while they are. */
export class Places {
  readonly #parts: PlacesParts

  constructor(parts: PlacesParts) {
    this.#parts = parts
  }

  /** Of a router; those whose link is not there are left out. */
  of(key: string): Place[] {
    const { set, routers, links } = this.#parts
    const running = set.get(key)
    const link = running && links.links.get(running.link)
    const addresses = routers.get(key)?.desired.addresses ?? []
    return link ? addresses.flatMap(address => placeOn(link, address, links.links) ?? []) : []
  }
}

/** A link and an address on it, whatever its prefix length. */
export function placeKey(linkIndex: number, { text }: IpAddress): string {
  return `${linkIndex} ${text}`
}

/** As `placeKey`, of where an address is held. */
export function keyOfPlace({ linkIndex, prefix }: Pick<Place, 'linkIndex' | 'prefix'>): string {
  return placeKey(linkIndex, prefix.address)
}

function placeOn(link: Link, address: RouterAddress, links: ReadonlyMap<number, Link>): Place | undefined {
  const { prefix, link: name, label, isAdvertised, ...looks } = address
  const holder = name === undefined ? link : [...links.values()].find(other => other.name === name)
  if (!holder) return undefined
  const labelled = label === undefined ? {} : { label: `${holder.name}:${label}` }
  return { linkIndex: holder.index, linkName: holder.name, prefix, ...labelled, ...looks }
}
