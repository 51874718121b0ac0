import type { Prefix } from '../lib/ip-address.ts'
import { formatPrefix } from '../lib/ip-address.ts'
import type { AddressMessage, LinkMessage, RouteMessage } from './route-messages.ts'
import { encodeAddressDump, encodeLinkDump, LINK_FLAGS } from './route-messages.ts'
import { ALL_GROUPS, type Envelope, RouteSocket } from './route-socket.ts'
import { errnoName, SyscallError } from './syscall-error.ts'

export interface LinkAddress {
  readonly prefix: Prefix
  /** IFA_PROTO as the kernel echoes it; undefined where it doesn't (before 5.18), or nobody set one. */
  readonly protocol: number | undefined
  /** RT_SCOPE_*: 0 global, 253 link, 254 host */
  readonly scope: number
  /** IFA_F_* */
  readonly flags: number
  /** IFA_LABEL, where it is not the link's name. */
  readonly label?: string
}

/** A network interface, as the kernel last said. A change makes a new one. */
export interface Link {
  readonly index: number
  readonly name: string
  /** 6 bytes on Ethernet; other kinds have other lengths, or none. */
  readonly mac: Uint8Array
  readonly mtu: number
  readonly up: boolean
  /** Up, and its other end is there. */
  readonly carrier: boolean
  readonly loopback: boolean
  readonly noArp: boolean
  readonly addresses: readonly LinkAddress[]
}

export interface LinkTable {
  /** By index. */
  readonly links: ReadonlyMap<number, Link>
  /** How often notifications were lost, and everything was read anew. */
  readonly overruns: number
  close(): void
}

/** An address that is where it was, and was gone for a moment. */
export interface Returned {
  readonly linkIndex: number
  readonly prefix: Prefix
}

/**
 * Reads all links and their addresses, then keeps them as the kernel tells. `onChange` is called in the turn of the event loop in which a
 * change arrives, once for all that arrived, with the addresses that went and came back meanwhile. Rejects with a SyscallError where they can't be read at first; later losses are made up for.
 */
export function watchLinks(onChange: (returned: readonly Returned[]) => void): Promise<LinkTable> {
  return new Promise(resolve => {
    const watch: LinkWatch = new LinkWatch({ onRead: () => resolve(watch), onChange })
  })
}

interface LinkWatchEvents {
  /** The table has been read for the first time. */
  onRead(): void
  onChange(returned: readonly Returned[]): void
}

class LinkWatch implements LinkTable {
  readonly links = new Map<number, Link>()
  overruns = 0
  readonly #events: LinkWatchEvents
  readonly #socket = new RouteSocket(ALL_GROUPS)
  #table = new RouteTable()
  #dump: Dump | undefined
  #sequence = 0
  #isRead = false

  constructor(events: LinkWatchEvents) {
    this.#events = events
    this.#socket.watch(() => this.#drain())
    this.#startDump(MOST_DUMPS)
  }

  close(): void {
    this.#socket.close()
  }

  #drain(): void {
    const isComplete = this.#socket.drain(envelope => this.#take(envelope))
    if (!isComplete) this.#makeUpForLoss()
    const returned = this.#table.publish(this.links)
    if (returned) this.#tell(returned)
  }

  #tell(returned: readonly Returned[]): void {
    const { onRead, onChange } = this.#events
    if (this.#isRead) onChange(returned)
    else onRead()
    this.#isRead = true
  }

  #makeUpForLoss(): void {
    this.overruns++
    // The kernel has one dump at a time for a socket.
    if (this.#dump) this.#dump.disturbances++
    else this.#startDump(MOST_DUMPS)
  }

  #startDump(left: number): void {
    this.#dump = { table: new RouteTable(), part: 'Links', sequence: ++this.#sequence, disturbances: 0, left }
    this.#socket.send(encodeLinkDump(this.#sequence))
  }

  #take({ answers, sequence, message }: Envelope): void {
    const dump = this.#dump
    if (answers) {
      if (sequence === dump?.sequence) this.#continueDump(dump, message)
      return
    }
    this.#table.apply(message)
    if (dump?.table.apply(message)) dump.disturbances++
  }

  #continueDump(dump: Dump, message: RouteMessage): void {
    if (message.type === 'Answer') {
      throw new SyscallError('read links and addresses', errnoName(message.errno))
    }
    if (message.type !== 'DumpDone') {
      dump.table.apply(message)
    } else if (dump.part === 'Links') {
      this.#dump = { ...dump, part: 'Addresses', sequence: ++this.#sequence }
      this.#socket.send(encodeAddressDump(this.#sequence))
    } else if (dump.disturbances > 0 && dump.left > 1) {
      // The kernel dumps without a lock: what it told of in between may be in the dump as it was before.
      this.#startDump(dump.left - 1)
    } else {
      this.#dump = undefined
      this.#table = dump.table
    }
  }
}

interface Dump {
  readonly table: RouteTable
  readonly part: 'Links' | 'Addresses'
  readonly sequence: number
  /** Changes that were told, or lost, while it ran. */
  disturbances: number
  /** How many dumps may be tried, this one included. */
  readonly left: number
}

/** On a machine whose links never rest, the fourth dump is believed. */
const MOST_DUMPS = 4

/** Links and addresses as messages tell of them. */
class RouteTable {
  readonly #rows = new Map<number, Row>()
  readonly #touched = new Set<number>()
  /** Since `publish`. */
  readonly #gone = new Set<string>()
  #returned: Returned[] = []

  /** Whether `message` changed anything. */
  apply(message: RouteMessage): boolean {
    switch (message.type) {
      case 'Link':
        return this.#setLink(message.link)
      case 'LinkGone':
        return this.#rows.delete(message.index) && this.#touch(message.index)
      case 'Address':
        return this.#setAddress(message.address)
      case 'AddressGone':
        return this.#removeAddress(message.address)
      case 'Answer':
      case 'Route':
      case 'DumpDone':
      case 'Unrelated':
      case 'Unreadable':
        return false
    }
  }

  /** Makes `links` what this table says. Undefined: nothing was said since the last time; else the addresses that went and came back. */
  publish(links: Map<number, Link>): readonly Returned[] | undefined {
    if (this.#touched.size === 0) return undefined
    for (const index of links.keys()) if (!this.#rows.has(index)) links.delete(index)
    for (const index of this.#touched) {
      const row = this.#rows.get(index)
      if (row) links.set(index, linkOf(row))
    }
    const returned = this.#returned
    this.#returned = []
    this.#gone.clear()
    this.#touched.clear()
    return returned
  }

  #setLink(link: LinkMessage): boolean {
    const row = this.#rows.get(link.index)
    if (row && sameLink(row.link, link)) return false
    this.#rows.set(link.index, { link, addresses: row?.addresses ?? new Map() })
    return this.#touch(link.index)
  }

  #setAddress(address: AddressMessage): boolean {
    const addresses = this.#rows.get(address.linkIndex)?.addresses
    const key = formatPrefix(address.prefix)
    const old = addresses?.get(key)
    if (!addresses || (old && sameAddressMessage(old, address))) return false
    addresses.set(key, address)
    const { linkIndex, prefix } = address
    if (!old && this.#gone.has(placeOf(address))) this.#returned.push({ linkIndex, prefix })
    return this.#touch(address.linkIndex)
  }

  #removeAddress(address: AddressMessage): boolean {
    const { linkIndex, prefix } = address
    const isRemoved = this.#rows.get(linkIndex)?.addresses.delete(formatPrefix(prefix)) === true
    if (isRemoved) this.#gone.add(placeOf(address))
    return isRemoved && this.#touch(linkIndex)
  }

  #touch(index: number): true {
    this.#touched.add(index)
    return true
  }
}

interface Row {
  readonly link: LinkMessage
  /** By prefix, as text. */
  readonly addresses: Map<string, AddressMessage>
}

function linkOf({ link: { flags, index, name, mac, mtu }, addresses }: Row): Link {
  return {
    index,
    name,
    mac,
    mtu,
    up: (flags & LINK_FLAGS.UP) !== 0,
    carrier: (flags & LINK_FLAGS.LOWER_UP) !== 0,
    loopback: (flags & LINK_FLAGS.LOOPBACK) !== 0,
    noArp: (flags & LINK_FLAGS.NOARP) !== 0,
    addresses: Array.from(addresses.values(), ({ prefix, protocol, scope, flags, label = name }) => ({
      ...{ prefix, protocol, scope, flags },
      ...(label === name ? {} : { label }),
    })),
  }
}

function placeOf({ linkIndex, prefix }: AddressMessage): string {
  return `${linkIndex} ${formatPrefix(prefix)}`
}

function sameLink(a: LinkMessage, b: LinkMessage): boolean {
  return a.name === b.name && a.mtu === b.mtu && a.flags === b.flags && Buffer.compare(a.mac, b.mac) === 0
}

function sameAddressMessage(a: AddressMessage, b: AddressMessage): boolean {
  return a.protocol === b.protocol && a.scope === b.scope && a.flags === b.flags && a.label === b.label
}
