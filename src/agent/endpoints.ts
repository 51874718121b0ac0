import type { Link } from '../linux/links.ts'
import type { VirtualRouterConfig } from '../vrrp/virtual-router.ts'
import { type DesiredRouter, primaryAddress } from './desired-routers.ts'
import { type IsOurs, subnetsOf } from './link-status.ts'
import type { Endpoint } from './sockets.ts'

const FAMILIES = ['IPv4', 'IPv6'] as const

/** A router that is there, whether it is to be or not: what it still has to say needs its socket. */
export interface Running {
  /** Its index. */
  readonly link: number
  readonly config: VirtualRouterConfig
}

/**
 * The sockets that are needed: to the group one for every link and family on which others may be heard, and for every router that speaks there;
 * for unicast one for every address of a link that routers send from.
 */
export function endpoints(
  desired: readonly DesiredRouter[],
  running: readonly Running[],
  links: readonly Link[],
  isOurs: IsOurs,
): Endpoint[] {
  const wanted = new Map<string, Endpoint>()
  for (const link of links) {
    if (!link.up || subnetsOf(link, isOurs).length === 0) continue
    for (const family of FAMILIES) {
      const source = primaryAddress(family, [], link, isOurs)
      if (source) wanted.set(`${link.index}/${family}`, { link, family, source, unicast: false })
    }
  }
  const routers = desired.flatMap(({ outcome, addresses }) => ('fault' in outcome ? [] : [{ ...outcome, addresses }]))
  for (const { link, config, addresses } of routers) {
    const prefixes = addresses.map(({ prefix }) => prefix)
    const { family, unicast, primaryAddress: own } = config
    if (unicast) addUnicast(wanted, link, config)
    const source = unicast ? unicast.multicast && primaryAddress(family, prefixes, link, isOurs) : own
    if (source) wanted.set(`${link.index}/${family}`, { link, family, source, unicast: false })
  }
  for (const { link: index, config } of running) {
    const link = links.find(candidate => candidate.index === index)
    if (link?.up && config.unicast) addUnicast(wanted, link, config)
  }
  return [...wanted.values()]
}

function addUnicast(
  wanted: Map<string, Endpoint>,
  link: Link,
  { family, primaryAddress: source }: VirtualRouterConfig,
) {
  wanted.set(`${link.index}/${family}/${source.text}`, { link, family, source, unicast: true })
}
