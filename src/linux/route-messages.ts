import {
  AttrStream,
  formatMessage,
  getU32,
  type NetlinkMessage,
  pad,
  parseAttributes,
  parseError,
  parseMessages,
  putU8,
  putU32,
  readS32,
  readU32,
  writeU32,
} from 'netlink/dist/structs.js'
import { type Family, type IpAddress, ipAddressFromBytes, type Prefix } from '../lib/ip-address.ts'

/** What rtnetlink says and is told (rtnetlink(7), linux/rtnetlink.h, linux/if_addr.h, linux/if_link.h). */
export type RouteMessage =
  | { readonly type: 'Link'; readonly link: LinkMessage }
  | { readonly type: 'LinkGone'; readonly index: number }
  | { readonly type: 'Address'; readonly address: AddressMessage }
  | { readonly type: 'AddressGone'; readonly address: AddressMessage }
  /** `errno` 0: done as asked; else a positive error number. */
  | { readonly type: 'Answer'; readonly errno: number }
  /** A route, or where packets to an address that was asked for go. `route`: where it leads to other hosts. */
  | { readonly type: 'Route'; readonly isLocal: boolean; readonly route?: RouteEntry }
  /** `disturbed`: something has changed meanwhile, and may be missing. */
  | { readonly type: 'DumpDone'; readonly disturbed?: true }
  | { readonly type: 'Unrelated' }
  /** Truncated, or its lengths contradict each other: no kernel that we know says such a thing. */
  | { readonly type: 'Unreadable'; readonly detail: string }

export interface LinkMessage {
  readonly index: number
  readonly name: string
  readonly mac: Uint8Array
  readonly mtu: number
  readonly flags: number
}

export interface AddressMessage {
  readonly linkIndex: number
  readonly prefix: Prefix
  /** IFA_PROTO; undefined where the kernel doesn't say (before 5.18), or nobody set one. */
  readonly protocol: number | undefined
  readonly scope: number
  readonly flags: number
  /** IFA_LABEL; IPv4 has one. */
  readonly label?: string
}

export interface RouteEntry {
  readonly destination: Prefix
  readonly table: number
  /** Those that are not dead; more than one of a multipath route. */
  readonly hops: readonly Hop[]
}

export interface Hop {
  readonly linkIndex: number
  readonly gateway?: IpAddress
}

/** RT_TABLE_MAIN */
export const MAIN_TABLE = 254

export const LINK_FLAGS = { UP: 0x1, LOOPBACK: 0x8, NOARP: 0x80, LOWER_UP: 0x10000 } as const

/** IFA_F_* (linux/if_addr.h); NODAD: no duplicate address detection; NOPREFIXROUTE: the kernel adds no route to the prefix. */
export const ADDRESS_FLAGS = {
  TEMPORARY: 0x01,
  NODAD: 0x02,
  DADFAILED: 0x08,
  DEPRECATED: 0x20,
  TENTATIVE: 0x40,
  NOPREFIXROUTE: 0x200,
} as const

export interface NumberedMessage {
  /** Of the request that it answers. */
  readonly sequence: number
  readonly message: RouteMessage
}

/** What a datagram says, in order. */
export function decodeRouteMessages(datagram: Uint8Array): NumberedMessage[] {
  const messages = readMessages(datagram)
  if (typeof messages === 'string') return [{ sequence: 0, message: { type: 'Unreadable', detail: messages } }]
  return messages.map(message => ({ sequence: message.seq, message: decodeReadable(message) }))
}

/** The messages of a netlink datagram, or why they can't be read. */
export function readMessages({ buffer, byteOffset, length }: Uint8Array): NetlinkMessage[] | string {
  try {
    return parseMessages(Buffer.from(buffer, byteOffset, length))
  } catch (error) {
    return (error as Error).message
  }
}

function decodeReadable(message: NetlinkMessage): RouteMessage {
  try {
    return decodeRouteMessage(message)
  } catch (error) {
    // The package throws these where lengths are not what they must be.
    return { type: 'Unreadable', detail: (error as Error).message }
  }
}

function decodeRouteMessage({ type, flags, data }: NetlinkMessage): RouteMessage {
  switch (type) {
    case NLMSG_ERROR:
      return { type: 'Answer', errno: Math.abs(parseError(asBuffer(data), 0).errno) }
    case NLMSG_DONE:
      return (flags & NLM_F_DUMP_INTR) === 0 ? { type: 'DumpDone' } : { type: 'DumpDone', disturbed: true }
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return decodeLink(type, asBuffer(data))
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return decodeAddress(type, asBuffer(data))
    case RTM_NEWROUTE:
      return decodeRoute(asBuffer(data))
  }
  return { type: 'Unrelated' }
}

function decodeLink(type: number, data: Buffer): RouteMessage {
  // A bridge announces its ports, and their leaving it, in messages of the same types but of family AF_BRIDGE.
  if (data[0] !== AF_UNSPEC) return { type: 'Unrelated' }
  const index = readS32.call(data, 4)
  if (type === RTM_DELLINK) return { type: 'LinkGone', index }
  const attributes = decodeAttributes(data.subarray(LINK_HEADER_LENGTH))
  const name = attributes.get(IFLA_IFNAME)
  const mtu = attributes.get(IFLA_MTU)
  const link = {
    index,
    name: name ? name.toString('utf8', 0, name.length - 1) : `${index}`,
    mac: Uint8Array.from(attributes.get(IFLA_ADDRESS) ?? []),
    mtu: mtu ? getU32(mtu) : 0,
    flags: readU32.call(data, 8),
  }
  return { type: 'Link', link }
}

function decodeAddress(type: number, data: Buffer): RouteMessage {
  const attributes = decodeAttributes(data.subarray(ADDRESS_HEADER_LENGTH))
  // On a point-to-point link IFA_ADDRESS is the peer's, and IFA_LOCAL ours.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS)
  const [family, length = 0, flags = 0, scope = 0] = data
  if (!bytes || (family !== AF_INET && family !== AF_INET6)) return { type: 'Unrelated' }
  const allFlags = attributes.get(IFA_FLAGS)
  const label = attributes.get(IFA_LABEL)
  const address = {
    linkIndex: readU32.call(data, 4),
    prefix: { address: ipAddressFromBytes(bytes), length },
    protocol: attributes.get(IFA_PROTO)?.[0],
    scope,
    flags: allFlags ? getU32(allFlags) : flags,
    ...(label ? { label: label.toString('utf8', 0, label.length - 1) } : {}),
  }
  return { type: type === RTM_NEWADDR ? 'Address' : 'AddressGone', address }
}

function decodeRoute(data: Buffer): RouteMessage {
  const [family, length = 0] = data
  const type = data[RTM_TYPE]
  const isLocal = type === RTN_LOCAL
  if (type !== RTN_UNICAST || (family !== AF_INET && family !== AF_INET6)) return { type: 'Route', isLocal }
  const attributes = decodeAttributes(data.subarray(ROUTE_HEADER_LENGTH))
  const table = attributes.get(RTA_TABLE)
  const address = ipAddressFromBytes(attributes.get(RTA_DST) ?? new Uint8Array(family === AF_INET ? 4 : 16))
  const route = {
    destination: { address, length },
    table: table ? getU32(table) : (data[RTM_TABLE] ?? 0),
    hops: decodeHops(attributes, readU32.call(data, RTM_FLAGS)),
  }
  return { type: 'Route', isLocal, route }
}

function decodeHops(attributes: ReadonlyMap<number, Buffer>, flags: number): Hop[] {
  const several = attributes.get(RTA_MULTIPATH)
  if (several) return decodeMultipath(several)
  const link = attributes.get(RTA_OIF)
  if (!link || (flags & RTNH_F_DEAD) !== 0) return []
  return [{ linkIndex: getU32(link), ...gatewayOf(attributes) }]
}

/** Of struct rtnexthop, each with attributes of its own. */
function decodeMultipath(data: Buffer): Hop[] {
  const hops: Hop[] = []
  for (let at = 0; at + NEXTHOP_LENGTH <= data.length; ) {
    const length = data.readUInt16LE(at)
    if (length < NEXTHOP_LENGTH || at + length > data.length)
      throw new RangeError(`Invalid next hop length (${length})`)
    const isDead = ((data[at + 2] ?? 0) & RTNH_F_DEAD) !== 0
    const gateway = gatewayOf(decodeAttributes(data.subarray(at + NEXTHOP_LENGTH, at + length)))
    if (!isDead) hops.push({ linkIndex: readS32.call(data, at + 4), ...gateway })
    at += (length + 3) & ~3
  }
  return hops
}

function gatewayOf(attributes: ReadonlyMap<number, Buffer>): { gateway?: IpAddress } {
  // RTA_VIA: of the other family, which it names first.
  const bytes = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(2)
  return bytes ? { gateway: ipAddressFromBytes(bytes) } : {}
}

/** Asks for all routes of a family, in all tables. */
export function encodeRouteDump(family: Family, sequence: number): Uint8Array[] {
  const header = Buffer.alloc(ROUTE_HEADER_LENGTH)
  header[0] = familyNumber(family)
  return encode(RTM_GETROUTE, NLM_F_DUMP, sequence, [header])
}

/** Asks for all links, without their statistics. */
export function encodeLinkDump(sequence: number): Uint8Array[] {
  const attributes = new AttrStream()
  attributes.push(IFLA_EXT_MASK, putU32(RTEXT_FILTER_SKIP_STATS))
  return encode(RTM_GETLINK, NLM_F_DUMP, sequence, [new Uint8Array(LINK_HEADER_LENGTH), ...attributes.bufs])
}

/** Asks for all addresses of both families. */
export function encodeAddressDump(sequence: number): Uint8Array[] {
  return encode(RTM_GETADDR, NLM_F_DUMP, sequence, [new Uint8Array(ADDRESS_HEADER_LENGTH)])
}

interface HeldAddress {
  readonly linkIndex: number
  readonly prefix: Prefix
  /** IFA_PROTO, 1..255 */
  readonly protocol: number
  /** The kernel removes it after so many seconds; 1 or more. */
  readonly lifetime: number
  /** Of an IPv4 address, at most 15 bytes (default: the link's name). */
  readonly label?: string
  /** RT_SCOPE_* of an IPv4 address (default: global). */
  readonly scope?: number
  /** Whether an IPv6 address is no source of the node's own connections (default: where it is a /128). */
  readonly deprecated?: boolean
}

/**
 * Adds an address, and refuses with EEXIST where it is: NLM_F_REPLACE would put our mark on someone else's address. No route to
 * the prefix. IPv6 without duplicate address detection, which would answer for nobody for a second.
 */
export function encodeAddAddress(address: HeldAddress, sequence: number): Uint8Array[] {
  return encode(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sequence, heldAddress(address))
}

/** The lifetime of an address that is there, and ours, begins anew. The kernel adds it where it is not. Only errors are answered. */
export function encodeRenewAddress(address: HeldAddress, sequence: number): Uint8Array[] {
  return encode(RTM_NEWADDR, NLM_F_REPLACE, sequence, heldAddress(address))
}

function heldAddress(held: HeldAddress): Uint8Array[] {
  const { linkIndex, prefix, protocol, lifetime, label, scope, deprecated = prefix.length === 128 } = held
  const { family } = prefix.address
  const attributes = addressAttributes(prefix)
  const nodad = family === 'IPv6' ? ADDRESS_FLAGS.NODAD : 0
  attributes.push(IFA_FLAGS, putU32(ADDRESS_FLAGS.NOPREFIXROUTE | nodad))
  attributes.push(IFA_PROTO, putU8(protocol))
  const preferred = family === 'IPv6' && deprecated ? 0 : lifetime
  attributes.push(IFA_CACHEINFO, lifetimes(preferred, lifetime))
  if (label !== undefined) attributes.push(IFA_LABEL, Buffer.from(`${label}\0`))
  return [addressHeader(linkIndex, prefix, scope), ...attributes.bufs]
}

export function encodeDeleteAddress(linkIndex: number, prefix: Prefix, sequence: number): Uint8Array[] {
  const body = [addressHeader(linkIndex, prefix), ...addressAttributes(prefix).bufs]
  return encode(RTM_DELADDR, NLM_F_ACK, sequence, body)
}

/** Asks where packets to an address go. */
export function encodeRouteLookup({ family, bytes }: IpAddress, sequence: number): Uint8Array[] {
  const header = Buffer.alloc(ROUTE_HEADER_LENGTH)
  header[0] = familyNumber(family)
  header[1] = bytes.length * 8
  const attributes = new AttrStream()
  attributes.push(RTA_DST, bytes)
  return encode(RTM_GETROUTE, 0, sequence, [header, ...attributes.bufs])
}

function addressHeader(linkIndex: number, prefix: Prefix, scope = 0): Uint8Array {
  const header = Buffer.alloc(ADDRESS_HEADER_LENGTH)
  header[0] = familyNumber(prefix.address.family)
  header[1] = prefix.length
  header[3] = scope
  writeU32.call(header, linkIndex, 4)
  return header
}

function addressAttributes(prefix: Prefix): AttrStream {
  const attributes = new AttrStream()
  attributes.push(IFA_LOCAL, prefix.address.bytes)
  attributes.push(IFA_ADDRESS, prefix.address.bytes)
  return attributes
}

/** struct ifa_cacheinfo, in seconds. */
function lifetimes(preferred: number, valid: number): Uint8Array {
  const info = Buffer.alloc(16)
  writeU32.call(info, preferred, 0)
  writeU32.call(info, valid, 4)
  return info
}

function encode(type: number, flags: number, seq: number, data: Uint8Array[]): Uint8Array[] {
  // Padded, so that another may follow.
  return pad(formatMessage({ type, flags: NLM_F_REQUEST | flags, seq, port: 0, data }))
}

function decodeAttributes(data: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>()
  parseAttributes(data, ({ type, data }) => attributes.set(type, asBuffer(data)))
  return attributes
}

function asBuffer(data: Uint8Array | Uint8Array[]): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.concat([data].flat())
}

export function familyNumber(family: Family): number {
  return family === 'IPv4' ? AF_INET : AF_INET6
}

const [AF_UNSPEC, AF_INET, AF_INET6] = [0, 2, 10]
const [NLMSG_ERROR, NLMSG_DONE] = [2, 3]
const [NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP] = [0x1, 0x4, 0x300]
const [NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE] = [0x100, 0x200, 0x400]
const [RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR] = [16, 17, 18, 20, 21, 22]
const [RTM_NEWROUTE, RTM_GETROUTE, RTN_UNICAST, RTN_LOCAL] = [24, 26, 1, 2]
const [RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_MULTIPATH, RTA_TABLE, RTA_VIA] = [1, 4, 5, 9, 15, 18]
const [NLM_F_DUMP_INTR, RTNH_F_DEAD] = [0x10, 0x1]
const [IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_EXT_MASK] = [1, 3, 4, 29]
const [IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_CACHEINFO, IFA_FLAGS, IFA_PROTO] = [1, 2, 3, 6, 8, 11]
const RTEXT_FILTER_SKIP_STATS = 8
/** struct ifinfomsg, struct ifaddrmsg, struct rtmsg, struct rtnexthop */
const [LINK_HEADER_LENGTH, ADDRESS_HEADER_LENGTH, ROUTE_HEADER_LENGTH, NEXTHOP_LENGTH] = [16, 8, 12, 8]
/** Where struct rtmsg has them. */
const [RTM_TABLE, RTM_TYPE, RTM_FLAGS] = [4, 7, 8]
