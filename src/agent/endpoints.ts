import type { Link } from '../linux/links.ts'
import { type DesiredRouter, primaryAddress } from './desired-routers.ts'
import { type IsOurs, subnetsOf } from './link-status.ts'
import type { Endpoint } from './sockets.ts'

const FAMILIES = ['IPv4', 'IPv6'] as const

/** A socket for every router that runs, and one for every link and family on which others may be heard. */
export function endpoints(desired: readonly DesiredRouter[], links: Iterable<Link>, isOurs: IsOurs): Endpoint[] {
  const wanted = new Map<string, Endpoint>()
  for (const link of links) {
    if (!link.up || subnetsOf(link, isOurs).length === 0) continue
    for (const family of FAMILIES) {
      const source = primaryAddress(family, [], link, isOurs)
      if (source) wanted.set(`${link.index}/${family}`, { link, family, source })
    }
  }
  for (const { outcome, spec } of desired) {
    if ('fault' in outcome) continue
    const { link, config } = outcome
    wanted.set(`${link.index}/${spec.family}`, { link, family: spec.family, source: config.primaryAddress })
  }
  return [...wanted.values()]
}
