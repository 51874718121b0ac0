import { contains, formatPrefix } from '../lib/ip-address.ts'
import type { Link, LinkAddress } from '../linux/links.ts'
import type { readSysctl } from '../linux/sysctl.ts'
import type { IsOurs } from './link-status.ts'

/** IFA_F_SECONDARY (linux/if_addr.h): of its subnet another address was there before. */
const SECONDARY = 0x01

/** Of addresses that the kernel would delete with one that is ours: a sentence each, that says what to do. */
export function endangered(links: Iterable<Link>, isOurs: IsOurs, read: typeof readSysctl): string[] {
  return [...links].flatMap(link => {
    const sentences = link.addresses.flatMap(address => {
      const first = isOurs(link, address) || !isSecondary(address) ? undefined : firstOfOurs(link, address, isOurs)
      return first ? [sentence(link, address, first)] : []
    })
    return sentences.length > 0 && !promotes(link, read) ? sentences : []
  })
}

function isSecondary({ prefix, flags }: LinkAddress): boolean {
  return prefix.address.family === 'IPv4' && (flags & SECONDARY) !== 0
}

function firstOfOurs(link: Link, { prefix }: LinkAddress, isOurs: IsOurs): LinkAddress | undefined {
  return link.addresses.find(
    other =>
      other.prefix.length === prefix.length &&
      contains(other.prefix, prefix.address) &&
      !isSecondary(other) &&
      isOurs(link, other),
  )
}

/** Either of the two will do for the kernel. */
function promotes({ name }: Link, read: typeof readSysctl): boolean {
  return ['all', name].some(of => read(`net/ipv4/conf/${of}/promote_secondaries`) === '1')
}

function sentence({ name }: Link, { prefix }: LinkAddress, first: LinkAddress): string {
  return `${formatPrefix(prefix)} on ${name} goes when ${formatPrefix(first.prefix)} is released, for the kernel has it as secondary to that: give the VirtualIP's address prefix length 32, or set the sysctl net.ipv4.conf.${name}.promote_secondaries to 1`
}
