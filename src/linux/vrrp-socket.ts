import { type Family, type IpAddress, ipAddressFromBytes, sameAddress } from '../lib/ip-address.ts'
import { DecodeError } from '../wire/decode-error.ts'
import { VRRP_GROUP, VRRP_PROTOCOL } from '../wire/vrrp.ts'
import { bind, int32, lastErrno, setsockopt } from './libc.ts'
import type { Link } from './links.ts'
import { ReceiveBatch, Sender } from './message-headers.ts'
import { openRawDescriptor, type RawDescriptor } from './raw-descriptor.ts'
import { SyscallError } from './syscall-error.ts'

export interface ReceivedPacket {
  /** What follows the IP header: a view that is overwritten once `receive` has returned. */
  readonly payload: Uint8Array
  readonly source: IpAddress
  readonly destination: IpAddress
  /** IPv4's TTL or IPv6's Hop Limit as it arrived: by multicast always 255. */
  readonly ttl: number
  /** From this socket's own address: another agent's on this node, or its own that came back (a neighbour hears itself). */
  readonly fromThisNode: boolean
}

/** Where one packet goes. */
export interface Destination {
  readonly address: IpAddress
  /** IPv4's TTL, IPv6's Hop Limit: 1 to 255. */
  readonly ttl: number
}

/**
 * Sends to VRRP's multicast group on one link and hears what others send to it there. Of unicast: sends to whom it is told, the group included,
 * and hears what is sent to its own address by that link.
 */
export interface VrrpSocket {
  /**
   * Hands over, now, every packet that waits, and returns how many there were. Multicast whose TTL (hop limit) is not 255 is refused; of unicast
   * that is for the receiver to judge. Throws a SyscallError where the socket can't be read.
   */
  drain(receive: (packet: ReceivedPacket) => void): number
  /** Sends a VRRP packet, to the group unless told otherwise. Throws a SyscallError: EPERM where a firewall refuses protocol 112, ENETDOWN, ENOBUFS … */
  send(payload: Uint8Array, to?: Destination): void
  /**
   * Throws what `send` would throw: who may not speak had better not become Active. To the group nothing leaves this node; to an address goes
   * `UNICAST_PROBE`, which nobody minds.
   */
  tryToSend(to?: Destination): void
  /** Whether `onReadable` is called while packets wait; at first it is. */
  poll(on: boolean): void
  close(): void
}

interface VrrpSocketOptions {
  readonly family: Family
  readonly link: Pick<Link, 'index' | 'name'>
  /** What packets are sent from: an address of the link. */
  readonly source: IpAddress
  /** Hears what is sent to `source` and nothing that is sent to the group. */
  readonly unicast?: boolean
  /** Whether others on this node hear what is sent; this socket then hears itself. */
  readonly isNeighbour?: boolean
  /** Called once a turn of the event loop for as long as packets wait. */
  readonly onReadable: () => void
  readonly onRefused: (error: DecodeError, packet: ReceivedPacket) => void
}

/** Throws a SyscallError: EPERM without CAP_NET_RAW, ENODEV where the link is gone. */
export function openVrrpSocket(options: VrrpSocketOptions): VrrpSocket {
  const { family, link, source, isNeighbour = false, unicast = false, onRefused } = options
  const raw = openOnLink(options)
  const { descriptor } = raw
  const batch = new ReceiveBatch({ packets: AT_ONCE, packetLength: LONGEST_PACKET, ...ROOM[family] })
  const destination = unicast ? source : VRRP_GROUP[family]
  const read = family === 'IPv4' ? ipv4Reader(source, destination) : ipv6Reader(source, destination)
  const senderTo = senders(link, source)
  const toGroup = new Sender({
    name: socketAddress(VRRP_GROUP[family], link),
    control: family === 'IPv6' ? sourceControl(source, link) : new Uint8Array(0),
    packetLength: LONGEST_PACKET,
  })

  const take = (packet: ReceivedPacket, receive: (packet: ReceivedPacket) => void): void => {
    if (unicast || packet.ttl === 255) receive(packet)
    // What this node asks its own firewall (tryToSend) has a TTL of 0, and may be heard here.
    else if (!packet.fromThisNode) onRefused(new DecodeError('TTL', `TTL is ${packet.ttl}, must be 255`), packet)
  }

  const send = (payload: Uint8Array, to?: Destination): void => {
    if ((to ? senderTo(to) : toGroup).send(descriptor, payload) >= 0) return
    const errno = lastErrno()
    const hint = errno === 'EPERM' ? { hint: "refused by this node's firewall" } : {}
    throw new SyscallError(`send to ${(to?.address ?? VRRP_GROUP[family]).text} on ${link.name}`, errno, hint)
  }
  const set = (options: readonly SocketOption[]): void => {
    for (const [level, option, value] of options) {
      if (setsockopt(descriptor, level, option, value, value.length) >= 0) continue
      throw new SyscallError(`set up the VRRP socket on ${link.name}`, lastErrno())
    }
  }

  return {
    drain(receive) {
      let drained = 0
      while (drained < MOST_DRAINED) {
        const count = batch.receive(descriptor)
        if (count < 0) return drainedOrThrow(drained, link)
        for (let i = 0; i < count; i++) take(read(batch, i), receive)
        drained += count
        if (count < AT_ONCE) break
      }
      return drained
    },
    send,
    tryToSend(to) {
      if (to) {
        send(UNICAST_PROBE, to)
        return
      }
      try {
        set(reach(family, 0, isNeighbour))
        send(UNICAST_PROBE)
      } finally {
        set(reach(family, 255, isNeighbour))
      }
    },
    poll: on => raw.poll(on),
    close() {
      raw.close()
    },
  }
}

/** A header of version 3 with nothing in it: of no version, for no virtual router. keepalived passes over it without a word. */
export const UNICAST_PROBE = new Uint8Array(8)

/** 255 IPv6 addresses after a header of 8 bytes make 4,088; with IPv4's own header, at most 60 bytes, less. */
const LONGEST_PACKET = 4608
const AT_ONCE = 32
/** IPv4 brings its header. IPv6: struct sockaddr_in6; a struct cmsghdr with an int. */
const ROOM = { IPv4: { nameLength: 0, controlLength: 0 }, IPv6: { nameLength: 28, controlLength: 24 } } as const
/** More than a receive buffer holds: a flood must not keep the loop for itself. */
const MOST_DRAINED = 16_384

function drainedOrThrow(drained: number, link: Pick<Link, 'name'>): number {
  const errno = lastErrno()
  if (errno === 'EAGAIN' || errno === 'EINTR') return drained
  throw new SyscallError(`receive VRRP on ${link.name}`, errno)
}

type Reader = (batch: ReceiveBatch, i: number) => ReceivedPacket

/** An IPv4 raw socket hands over the header too (RFC 791 §3.1); the kernel has checked it, and put fragments together. */
function ipv4Reader(own: IpAddress, destination: IpAddress): Reader {
  const sourceOf = recentAddresses(4)
  return (batch, i) => {
    const header = batch.room(i)
    const source = sourceOf(header, SOURCE)
    return {
      payload: batch.packet(i, ((header[0] ?? 0) & 0x0f) * 4),
      source,
      destination,
      fromThisNode: sameAddress(source, own),
      ttl: header[TTL] ?? 0,
    }
  }
}

/** An IPv6 raw socket hands over no header: the source is the name, the hop limit a control message (RFC 3542 §6.3). */
function ipv6Reader(own: IpAddress, destination: IpAddress): Reader {
  const sourceOf = recentAddresses(16)
  return (batch, i) => {
    const source = sourceOf(batch.name(i), SIN6_ADDR)
    return {
      payload: batch.packet(i),
      source,
      destination,
      fromThisNode: sameAddress(source, own),
      ttl: hopLimitOf(batch.control(i)),
    }
  }
}

/** To write an address as text costs more than all else about a packet, and few addresses are heard. */
function recentAddresses(length: 4 | 16): (bytes: Uint8Array, at: number) => IpAddress {
  const recent: IpAddress[] = []
  return (bytes, at) => {
    for (const address of recent) if (lieAt(address.bytes, bytes, at)) return address
    const address = ipAddressFromBytes(bytes.subarray(at, at + length))
    if (recent.unshift(address) > MOST_RECENT) recent.pop()
    return address
  }
}

function lieAt(address: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < address.length; i++) if (address[i] !== bytes[at + i]) return false
  return true
}

const MOST_RECENT = 16

/** Of the one control message that was asked for (IPV6_RECVHOPLIMIT); -1 where there is none. */
function hopLimitOf(control: Uint8Array): number {
  if (control.length < CMSG_DATA + 4) return -1
  const [value = -1] = new Int32Array(control.buffer, control.byteOffset + CMSG_DATA, 1)
  return value
}

// ---- the descriptor

function openOnLink(options: VrrpSocketOptions): RawDescriptor {
  const { family, link, source, isNeighbour = false, unicast = false, onReadable } = options
  const action = `open a VRRP socket on ${link.name}`
  const raw = openRawDescriptor(action, family, VRRP_PROTOCOL, onReadable)
  const { descriptor } = raw
  const fail = (): never => {
    const errno = lastErrno()
    raw.close()
    throw new SyscallError(action, errno, { needs: 'CAP_NET_RAW' })
  }
  enlargeReceiveBuffer(descriptor)
  if (unicast) enlargeSendBuffer(descriptor)
  for (const [level, option, value] of [
    ...bindToLink(link),
    ...reach(family, 255, isNeighbour),
    ...OPTIONS[family](link, source),
    ...(unicast ? [] : membership(family, link)),
  ]) {
    if (setsockopt(descriptor, level, option, value, value.length) < 0) fail()
  }
  // Bound to the group, a socket gets no unicast; bound to an address, no multicast.
  const address = socketAddress(unicast ? source : VRRP_GROUP[family], link)
  if (bind(descriptor, address, address.length) < 0) fail()
  discardAll(descriptor)
  return raw
}

/** Until a socket is bound to its link it hears what comes to all the others. */
function discardAll(descriptor: number): void {
  const batch = new ReceiveBatch({ packets: AT_ONCE, packetLength: 0, nameLength: 0, controlLength: 0 })
  for (let drained = 0; drained < MOST_DRAINED && batch.receive(descriptor) === AT_ONCE; drained += AT_ONCE);
}

type SocketOption = readonly [level: number, option: number, value: Uint8Array]

function bindToLink(link: Pick<Link, 'name'>): SocketOption[] {
  return [[SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${link.name}\0`)]]
}

const OPTIONS: Record<Family, (link: Pick<Link, 'index'>, source: IpAddress) => SocketOption[]> = {
  IPv4: (link, source) => [
    [IPPROTO_IP, IP_TOS, int32(INTERNETWORK_CONTROL)],
    [IPPROTO_IP, IP_MULTICAST_ALL, int32(0)],
    // struct ip_mreqn: group, address, link
    [IPPROTO_IP, IP_MULTICAST_IF, Buffer.concat([new Uint8Array(4), source.bytes, int32(link.index)])],
  ],
  IPv6: link => [
    [IPPROTO_IPV6, IPV6_TCLASS, int32(INTERNETWORK_CONTROL)],
    [IPPROTO_IPV6, IPV6_MULTICAST_ALL, int32(0)],
    [IPPROTO_IPV6, IPV6_MULTICAST_IF, int32(link.index)],
    [IPPROTO_IPV6, IPV6_RECVHOPLIMIT, int32(1)],
  ],
}

function membership(family: Family, link: Pick<Link, 'index'>): SocketOption[] {
  const { bytes } = VRRP_GROUP[family]
  return family === 'IPv4'
    ? [[IPPROTO_IP, IP_ADD_MEMBERSHIP, Buffer.concat([bytes, new Uint8Array(4), int32(link.index)])]]
    : // struct ipv6_mreq: group, link
      [[IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, Buffer.concat([bytes, int32(link.index)])]]
}

/** With a TTL (hop limit) of 0 a multicast packet passes the firewall's output and is then dropped; over IPv6 only where it is looped back. */
function reach(family: Family, hops: 0 | 255, isNeighbour: boolean): SocketOption[] {
  if (family === 'IPv4') {
    return [
      [IPPROTO_IP, IP_MULTICAST_TTL, int32(hops)],
      [IPPROTO_IP, IP_MULTICAST_LOOP, int32(isNeighbour ? 1 : 0)],
    ]
  }
  return [
    [IPPROTO_IPV6, IPV6_MULTICAST_HOPS, int32(hops)],
    [IPPROTO_IPV6, IPV6_MULTICAST_LOOP, int32(isNeighbour || hops === 0 ? 1 : 0)],
  ]
}
/** What arrives while the loop is busy, or this process is put aside, waits in this buffer. */
function enlargeReceiveBuffer(descriptor: number): void {
  const size = int32(RECEIVE_BUFFER)
  // Beyond net.core.rmem_max with CAP_NET_ADMIN only; else as much as it allows.
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) === 0) return
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, size, size.length)
}

/** What is sent to a peer that is not there waits in the kernel for an answer to its ARP, some seconds long, and must not keep the others' from leaving. */
function enlargeSendBuffer(descriptor: number): void {
  const size = int32(SEND_BUFFER)
  if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, size, size.length) === 0) return
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, size, size.length)
}

/** struct sockaddr_in, struct sockaddr_in6 */
function socketAddress({ family, bytes }: IpAddress, link: Pick<Link, 'index'>): Uint8Array {
  const domain = new Uint8Array(Uint16Array.of(DOMAIN[family]).buffer)
  return family === 'IPv4'
    ? Buffer.concat([domain, new Uint8Array(2), bytes, new Uint8Array(8)])
    : Buffer.concat([domain, new Uint8Array(6), bytes, int32(link.index)])
}

/** One for each destination; few are ever told. */
function senders(link: Pick<Link, 'index'>, source: IpAddress): (to: Destination) => Sender {
  const known = new Map<string, Sender>()
  return ({ address, ttl }) => {
    const key = `${address.text} ${ttl}`
    const before = known.get(key)
    if (before) return before
    if (known.size >= MOST_SENDERS) known.clear()
    const hops = ttlControl(address.family, ttl)
    const control = address.family === 'IPv6' ? Buffer.concat([sourceControl(source, link), hops]) : hops
    const sender = new Sender({ name: socketAddress(address, link), control, packetLength: LONGEST_PACKET })
    known.set(key, sender)
    return sender
  }
}

const MOST_SENDERS = 256

/** A control message with struct in6_pktinfo: what a packet is sent from (RFC 3542 §6.2). Padded, for another may follow. */
function sourceControl(source: IpAddress, link: Pick<Link, 'index'>): Uint8Array {
  const length = new Uint8Array(BigUint64Array.of(BigInt(CMSG_DATA + 20)).buffer)
  const data = Buffer.concat([source.bytes, int32(link.index), new Uint8Array(4)])
  return Buffer.concat([length, int32(IPPROTO_IPV6), int32(IPV6_PKTINFO), data])
}

/** A control message with the TTL or hop limit of one packet (ip(7), RFC 3542 §6.3). */
function ttlControl(family: Family, ttl: number): Uint8Array {
  const length = new Uint8Array(BigUint64Array.of(BigInt(CMSG_DATA + 4)).buffer)
  const kind = family === 'IPv4' ? [IPPROTO_IP, IP_TTL] : [IPPROTO_IPV6, IPV6_HOPLIMIT]
  return Buffer.concat([length, ...kind.map(number => int32(number ?? 0)), int32(ttl), new Uint8Array(4)])
}

const DOMAIN = { IPv4: 2, IPv6: 10 } as const
const [SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6] = [1, 0, 41]
const [SO_SNDBUF, SO_RCVBUF, SO_BINDTODEVICE, SO_SNDBUFFORCE, SO_RCVBUFFORCE] = [7, 8, 25, 32, 33]
const [IP_TOS, IP_TTL, IP_MULTICAST_IF, IP_MULTICAST_TTL] = [1, 2, 32, 33]
const [IP_MULTICAST_LOOP, IP_ADD_MEMBERSHIP, IP_MULTICAST_ALL] = [34, 35, 49]
const [IPV6_MULTICAST_IF, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP] = [17, 18, 19]
const [IPV6_ADD_MEMBERSHIP, IPV6_MULTICAST_ALL] = [20, 29]
const [IPV6_PKTINFO, IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT, IPV6_TCLASS] = [50, 51, 52, 67]
/** Class selector 6, which switches prefer: as keepalived sends. */
const INTERNETWORK_CONTROL = 0xc0
const RECEIVE_BUFFER = 4 << 20
const SEND_BUFFER = 8 << 20
const SIN6_ADDR = 8
/** In an IPv4 header. */
const [TTL, SOURCE] = [8, 12]
/** Where the data begin in a struct cmsghdr. */
const CMSG_DATA = 16
