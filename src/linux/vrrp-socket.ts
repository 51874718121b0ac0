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
  /** From this socket's own address: another agent's on this node, or its own that came back (a neighbour hears itself). */
  readonly fromThisNode: boolean
}

/** Sends to VRRP's multicast group on one link and hears what others send to it there. */
export interface VrrpSocket {
  /**
   * Hands over, now, every packet that waits, and returns how many there were. Those whose TTL (hop limit) is not 255 are refused. Throws a
   * SyscallError where the socket can't be read.
   */
  drain(receive: (packet: ReceivedPacket) => void): number
  /** Sends a VRRP packet to the group. Throws a SyscallError: EPERM where a firewall refuses protocol 112, ENETDOWN, ENOBUFS … */
  send(payload: Uint8Array): void
  /** Throws what `send` would throw, and nothing leaves this node: who may not speak had better not become Active. */
  tryToSend(): void
  /** Whether `onReadable` is called while packets wait; at first it is. */
  poll(on: boolean): void
  close(): void
}

interface VrrpSocketOptions {
  readonly family: Family
  readonly link: Pick<Link, 'index' | 'name'>
  /** What packets are sent from: an address of the link. */
  readonly source: IpAddress
  /** Whether others on this node hear what is sent; this socket then hears itself. */
  readonly isNeighbour?: boolean
  /** Called once a turn of the event loop for as long as packets wait. */
  readonly onReadable: () => void
  readonly onRefused: (error: DecodeError, packet: ReceivedPacket) => void
}

/** Throws a SyscallError: EPERM without CAP_NET_RAW, ENODEV where the link is gone. */
export function openVrrpSocket(options: VrrpSocketOptions): VrrpSocket {
  const { family, link, source, isNeighbour = false, onRefused } = options
  const raw = openOnLink(options)
  const { descriptor } = raw
  const batch = new ReceiveBatch({ packets: AT_ONCE, packetLength: LONGEST_PACKET, ...ROOM[family] })
  const read = family === 'IPv4' ? ipv4Reader(source) : ipv6Reader(source)
  const sender = new Sender({
    name: groupAddress(family, link),
    control: family === 'IPv6' ? sourceControl(source, link) : new Uint8Array(0),
    packetLength: LONGEST_PACKET,
  })

  const take = (packet: Incoming, receive: (packet: ReceivedPacket) => void): void => {
    if (packet.ttl === 255) receive(packet)
    // What this node asks its own firewall (tryToSend) has a TTL of 0, and may be heard here.
    else if (!packet.fromThisNode) onRefused(new DecodeError('TTL', `TTL is ${packet.ttl}, must be 255`), packet)
  }

  const send = (payload: Uint8Array): void => {
    if (sender.send(descriptor, payload) >= 0) return
    const errno = lastErrno()
    const hint = errno === 'EPERM' ? { hint: "refused by this node's firewall" } : {}
    throw new SyscallError(`send to ${VRRP_GROUP[family].text} on ${link.name}`, errno, hint)
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
    tryToSend() {
      try {
        set(reach(family, 0, isNeighbour))
        send(new Uint8Array(PROBE_LENGTH))
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

interface Incoming extends ReceivedPacket {
  readonly ttl: number
}

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

type Reader = (batch: ReceiveBatch, i: number) => Incoming

/** An IPv4 raw socket hands over the header too (RFC 791 §3.1); the kernel has checked it, and put fragments together. */
function ipv4Reader(own: IpAddress): Reader {
  const sourceOf = recentAddresses(4)
  return (batch, i) => {
    const header = batch.room(i)
    const source = sourceOf(header, SOURCE)
    return {
      payload: batch.packet(i, ((header[0] ?? 0) & 0x0f) * 4),
      source,
      destination: VRRP_GROUP.IPv4,
      fromThisNode: sameAddress(source, own),
      ttl: header[TTL] ?? 0,
    }
  }
}

/** An IPv6 raw socket hands over no header: the source is the name, the hop limit a control message (RFC 3542 §6.3). */
function ipv6Reader(own: IpAddress): Reader {
  const sourceOf = recentAddresses(16)
  return (batch, i) => {
    const source = sourceOf(batch.name(i), SIN6_ADDR)
    return {
      payload: batch.packet(i),
      source,
      destination: VRRP_GROUP.IPv6,
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

function openOnLink({ family, link, source, isNeighbour = false, onReadable }: VrrpSocketOptions): RawDescriptor {
  const action = `open a VRRP socket on ${link.name}`
  const raw = openRawDescriptor(action, family, VRRP_PROTOCOL, onReadable)
  const { descriptor } = raw
  const fail = (): never => {
    const errno = lastErrno()
    raw.close()
    throw new SyscallError(action, errno, { needs: 'CAP_NET_RAW' })
  }
  enlargeReceiveBuffer(descriptor)
  for (const [level, option, value] of [
    ...bindToLink(link),
    ...reach(family, 255, isNeighbour),
    ...OPTIONS[family](link, source),
  ]) {
    if (setsockopt(descriptor, level, option, value, value.length) < 0) fail()
  }
  // Bound to the group, a socket gets no unicast.
  const address = groupAddress(family, link)
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
    [IPPROTO_IP, IP_ADD_MEMBERSHIP, Buffer.concat([VRRP_GROUP.IPv4.bytes, new Uint8Array(4), int32(link.index)])],
  ],
  IPv6: link => [
    [IPPROTO_IPV6, IPV6_TCLASS, int32(INTERNETWORK_CONTROL)],
    [IPPROTO_IPV6, IPV6_MULTICAST_ALL, int32(0)],
    [IPPROTO_IPV6, IPV6_MULTICAST_IF, int32(link.index)],
    [IPPROTO_IPV6, IPV6_RECVHOPLIMIT, int32(1)],
    // struct ipv6_mreq: group, link
    [IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, Buffer.concat([VRRP_GROUP.IPv6.bytes, int32(link.index)])],
  ],
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
/** Of a header of version 3. */
const PROBE_LENGTH = 8

/** What arrives while the loop is busy, or this process is put aside, waits in this buffer. */
function enlargeReceiveBuffer(descriptor: number): void {
  const size = int32(RECEIVE_BUFFER)
  // Beyond net.core.rmem_max with CAP_NET_ADMIN only; else as much as it allows.
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) === 0) return
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, size, size.length)
}

/** struct sockaddr_in, struct sockaddr_in6 */
function groupAddress(family: Family, link: Pick<Link, 'index'>): Uint8Array {
  const domain = new Uint8Array(Uint16Array.of(DOMAIN[family]).buffer)
  const { bytes } = VRRP_GROUP[family]
  return family === 'IPv4'
    ? Buffer.concat([domain, new Uint8Array(2), bytes, new Uint8Array(8)])
    : Buffer.concat([domain, new Uint8Array(6), bytes, int32(link.index)])
}

/** A control message with struct in6_pktinfo: what a packet is sent from (RFC 3542 §6.2). */
function sourceControl(source: IpAddress, link: Pick<Link, 'index'>): Uint8Array {
  const length = new Uint8Array(BigUint64Array.of(BigInt(CMSG_DATA + 20)).buffer)
  const data = Buffer.concat([source.bytes, int32(link.index), new Uint8Array(4)])
  return Buffer.concat([length, int32(IPPROTO_IPV6), int32(IPV6_PKTINFO), data])
}

const DOMAIN = { IPv4: 2, IPv6: 10 } as const
const [SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6] = [1, 0, 41]
const [SO_RCVBUF, SO_BINDTODEVICE, SO_RCVBUFFORCE] = [8, 25, 33]
const [IP_TOS, IP_MULTICAST_IF, IP_MULTICAST_TTL] = [1, 32, 33]
const [IP_MULTICAST_LOOP, IP_ADD_MEMBERSHIP, IP_MULTICAST_ALL] = [34, 35, 49]
const [IPV6_MULTICAST_IF, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP] = [17, 18, 19]
const [IPV6_ADD_MEMBERSHIP, IPV6_MULTICAST_ALL] = [20, 29]
const [IPV6_PKTINFO, IPV6_RECVHOPLIMIT, IPV6_TCLASS] = [50, 51, 67]
/** Class selector 6, which switches prefer: as keepalived sends. */
const INTERNETWORK_CONTROL = 0xc0
const RECEIVE_BUFFER = 4 << 20
const SIN6_ADDR = 8
/** In an IPv4 header. */
const [TTL, SOURCE] = [8, 12]
/** Where the data begin in a struct cmsghdr. */
const CMSG_DATA = 16
