import { formatPrefix } from '../lib/ip-address.ts'
import type { Link } from '../linux/links.ts'
import type { IsOurs } from './link-status.ts'

interface Seen {
  readonly link: Link
  /** All that decides which virtual routers run there. */
  readonly circumstances: string
}

/** What has changed about the links since it was asked last: mostly nothing but the addresses that this agent itself adds and removes. */
export class LinkChanges {
  readonly #isOurs: IsOurs
  #seen = new Map<number, Seen>()

  constructor(isOurs: IsOurs) {
    this.#isOurs = isOurs
  }

  /**
   * `circumstances`: anything but the addresses that are ours. `readdressed`: links whose MAC or MTU is another, for which a driver may have
   * reset the device: the segment had better be told again where addresses are.
   */
  since(links: ReadonlyMap<number, Link>): { circumstances: boolean; readdressed: Link[] } {
    const before = this.#seen
    this.#seen = new Map(Array.from(links, ([index, link]) => [index, this.#see(link)]))
    let circumstances = before.size !== links.size
    const readdressed: Link[] = []
    for (const [index, now] of this.#seen) {
      const was = before.get(index)
      if (was?.circumstances !== now.circumstances) circumstances = true
      if (was && addressing(was.link) !== addressing(now.link)) readdressed.push(now.link)
    }
    return { circumstances, readdressed }
  }

  #see(link: Link): Seen {
    const seen = this.#seen.get(link.index)
    return seen?.link === link ? seen : { link, circumstances: this.#circumstancesOf(link) }
  }

  #circumstancesOf(link: Link): string {
    const { name, up, carrier, loopback, noArp, addresses } = link
    const others = addresses
      .filter(address => !this.#isOurs(link, address))
      .map(({ prefix, protocol, scope, flags }) => [formatPrefix(prefix), protocol, scope, flags])
    return JSON.stringify([name, addressing(link), up, carrier, loopback, noArp, others])
  }
}

function addressing({ mac, mtu }: Link): string {
  return `${mac} ${mtu}`
}
