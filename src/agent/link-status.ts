import type { LinkStatus } from '../api/virtual-ip-node.ts'
import { formatPrefix, isLinkLocal } from '../lib/ip-address.ts'
import type { Link, LinkAddress } from '../linux/links.ts'
import { ADDRESS_FLAGS } from '../linux/route-messages.ts'
import type { HeardRouter } from './heard.ts'

export type IsOurs = (link: Link, address: LinkAddress) => boolean

/** The link's own addresses, which say what subnets it is on; not ours, and not the link-local ones every IPv6 link has. */
export function subnetsOf(link: Link, isOurs: IsOurs): string[] {
  if (link.loopback) return []
  const own = link.addresses.filter(
    address =>
      !isOurs(link, address) && !(address.prefix.address.family === 'IPv6' && isLinkLocal(address.prefix.address)),
  )
  return own.sort((a, b) => passing(a) - passing(b)).map(address => formatPrefix(address.prefix))
}

/** IPv6 addresses that go away by themselves come after those that stay: the plan may have peers send to one. */
function passing({ prefix, flags }: LinkAddress): number {
  return prefix.address.family === 'IPv6' && (flags & PASSING) !== 0 ? 1 : 0
}

const PASSING = ADDRESS_FLAGS.TEMPORARY | ADDRESS_FLAGS.DADFAILED | ADDRESS_FLAGS.DEPRECATED | ADDRESS_FLAGS.TENTATIVE

/** A link as the plan needs to know it; undefined for one without a subnet, which no VirtualIP can be on. */
export function linkStatus(link: Link, isOurs: IsOurs, heard: readonly HeardRouter[]): LinkStatus | undefined {
  const subnets = subnetsOf(link, isOurs)
  if (subnets.length === 0) return undefined
  const mac = Array.from(link.mac, byte => byte.toString(16).padStart(2, '0')).join(':')
  return {
    name: link.name,
    mac,
    carrier: link.up && link.carrier,
    subnets,
    ...(heard.length > 0 ? { heard: [...heard] } : {}),
  }
}
