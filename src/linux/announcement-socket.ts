import type { Family, IpAddress } from '../lib/ip-address.ts'
import { decodeArp } from '../wire/arp.ts'
import { DecodeError } from '../wire/decode-error.ts'
import { decodeNeighborAdvertisement } from '../wire/neighbor-advertisement.ts'
import {
  addressOf,
  bind,
  close,
  closeOnExec,
  int32,
  lastErrno,
  type Poll,
  pollReadable,
  setsockopt,
  socket,
} from './libc.ts'
import { ReceiveBatch } from './message-headers.ts'
import { SyscallError } from './syscall-error.ts'

/** A host on one of this node's links said that an address is its own: to all (gratuitous ARP, unsolicited NA), or to one that probed for it. */
export interface HeardAnnouncement {
  readonly linkIndex: number
  readonly address: IpAddress
  /** The host's link-layer address. */
  readonly mac: Uint8Array
}

/** Hears announcements on all links. This node's own are not heard. */
export interface AnnouncementSocket {
  close(): void
}

/** Throws a SyscallError: EPERM without CAP_NET_RAW. `onHeard` is called once an announcement, all that wait in one turn of the event loop. */
export function openAnnouncementSocket(
  onHeard: (announcements: readonly HeardAnnouncement[]) => void,
): AnnouncementSocket {
  const open: Poll[] = []
  const descriptors: number[] = []
  const listen = (family: Family, descriptor: number): void => {
    descriptors.push(descriptor)
    const batch = new ReceiveBatch(ROOM)
    open.push(pollReadable(descriptor, () => onHeard(drain(descriptor, batch, READ[family]))))
  }
  listen('IPv4', openArp())
  // A kernel without IPv6 has none of its neighbors.
  const ndp = openNeighborDiscovery()
  if (ndp !== undefined) listen('IPv6', ndp)
  return {
    close() {
      for (const poll of open) poll.close()
      for (const descriptor of descriptors) close(descriptor)
    },
  }
}

type Read = (batch: ReceiveBatch, i: number) => HeardAnnouncement | undefined

const READ: Record<Family, Read> = { IPv4: readArp, IPv6: readNeighborAdvertisement }

function drain(descriptor: number, batch: ReceiveBatch, read: Read): HeardAnnouncement[] {
  const heard: HeardAnnouncement[] = []
  for (let count = batch.receive(descriptor); count > 0; count = batch.receive(descriptor)) {
    for (let i = 0; i < count; i++) {
      const announcement = read(batch, i)
      if (announcement) heard.push(announcement)
    }
    if (count < ROOM.packets || heard.length > MOST_AT_ONCE) break
  }
  return heard
}

// ---- IPv4

/** Only ARP, and of that only what speaks of the sender itself, or answers a probe: the kernel sorts it out. */
function openArp(): number {
  const descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (descriptor < 0) throw new SyscallError('open a packet socket', lastErrno(), { needs: 'CAP_NET_RAW' })
  // Bound when the filter is there: what came before it would not be sorted out.
  const address = new Uint8Array(SOCKADDR_LL_LENGTH)
  new Uint16Array(address.buffer)[0] = AF_PACKET
  address.set(ETH_P_ARP, SLL_PROTOCOL)
  const ok =
    setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, PROGRAM.bytes, PROGRAM.bytes.length) === 0 &&
    bind(descriptor, address, address.length) === 0
  if (ok) return descriptor
  const errno = lastErrno()
  close(descriptor)
  throw new SyscallError('listen to ARP', errno)
}

function readArp(batch: ReceiveBatch, i: number): HeardAnnouncement | undefined {
  const sender = decodeArp(batch.packet(i))
  if (sender instanceof DecodeError) return undefined
  const name = batch.name(i)
  return { linkIndex: new Int32Array(name.buffer, name.byteOffset + SLL_IFINDEX, 1)[0] ?? 0, ...sender }
}

// ---- IPv6

/** Undefined where this kernel has no IPv6. */
function openNeighborDiscovery(): number | undefined {
  const descriptor = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMPV6)
  if (descriptor < 0) {
    const errno = lastErrno()
    if (errno === 'EAFNOSUPPORT') return undefined
    throw new SyscallError('open an ICMPv6 socket', errno, { needs: 'CAP_NET_RAW' })
  }
  closeOnExec(descriptor)
  // struct icmp6_filter: a bit that is set keeps a type out (RFC 3542 §3.2).
  const types = new Uint32Array(8).fill(0xffffffff)
  types[NEIGHBOR_ADVERTISEMENT >> 5] = ~(1 << (NEIGHBOR_ADVERTISEMENT & 31)) >>> 0
  const options = [
    [IPPROTO_ICMPV6, ICMPV6_FILTER, new Uint8Array(types.buffer)],
    [IPPROTO_IPV6, IPV6_RECVPKTINFO, int32(1)],
    [IPPROTO_IPV6, IPV6_RECVHOPLIMIT, int32(1)],
  ] as const
  for (const [level, option, value] of options) {
    if (setsockopt(descriptor, level, option, value, value.length) === 0) continue
    const errno = lastErrno()
    close(descriptor)
    throw new SyscallError('listen to Neighbor Advertisements', errno)
  }
  return descriptor
}

function readNeighborAdvertisement(batch: ReceiveBatch, i: number): HeardAnnouncement | undefined {
  const advertisement = decodeNeighborAdvertisement(batch.packet(i))
  const control = batch.control(i)
  if (advertisement instanceof DecodeError || control.length < HOP_LIMIT + 4) return undefined
  const int = (at: number) => new Int32Array(control.buffer, control.byteOffset + at, 1)[0] ?? 0
  const { target, mac, solicited } = advertisement
  // What was forwarded is no neighbor's (RFC 4861 §7.1.2).
  if (solicited || !mac || int(HOP_LIMIT) !== 255) return undefined
  return { linkIndex: int(PKTINFO_IFINDEX), address: target, mac }
}

// ---- a classic BPF program (linux/filter.h)

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, k: number]

/** struct sock_fprog, and the instructions that it points to. */
function filter(program: readonly Instruction[]): { bytes: Uint8Array; instructions: Uint8Array } {
  const instructions = new Uint8Array(new ArrayBuffer(program.length * 8))
  const view = new DataView(instructions.buffer)
  for (const [i, [code, jumpTrue, jumpFalse, k]] of program.entries()) {
    view.setUint16(i * 8, code, LITTLE_ENDIAN)
    view.setUint8(i * 8 + 2, jumpTrue)
    view.setUint8(i * 8 + 3, jumpFalse)
    view.setUint32(i * 8 + 4, k, LITTLE_ENDIAN)
  }
  const bytes = new Uint8Array(new ArrayBuffer(16))
  new Uint16Array(bytes.buffer)[0] = program.length
  new BigUint64Array(bytes.buffer)[1] = addressOf(instructions)
  return { bytes, instructions }
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
const [ARP_OPERATION, ARP_SENDER, ARP_TARGET, ARP_REPLY] = [6, 14, 24, 2]
const [LOAD_WORD, LOAD_HALF, COPY_TO_X, JUMP_IF_EQUAL_TO_X, JUMP_IF_EQUAL, RETURN] = [
  0x20, 0x28, 0x07, 0x1d, 0x15, 0x06,
]
/** Who probes has no address yet (RFC 5227 §1.1), so that is whom the answer names. */
const NOBODY = 0
const SENDER_IS_TARGET_OR_NOBODY: readonly Instruction[] = [
  [LOAD_WORD, 0, 0, ARP_SENDER],
  [COPY_TO_X, 0, 0, 0],
  [LOAD_WORD, 0, 0, ARP_TARGET],
  [JUMP_IF_EQUAL_TO_X, 3, 0, 0],
  [JUMP_IF_EQUAL, 0, 3, NOBODY],
  [LOAD_HALF, 0, 0, ARP_OPERATION],
  [JUMP_IF_EQUAL, 0, 1, ARP_REPLY],
  [RETURN, 0, 0, 0xffff],
  [RETURN, 0, 0, 0],
]
/** Kept: the kernel reads the instructions where they lie. */
const PROGRAM = filter(SENDER_IS_TARGET_OR_NOBODY)

const [AF_INET6, AF_PACKET] = [10, 17]
const [SOCK_DGRAM, SOCK_RAW, SOCK_NONBLOCK, SOCK_CLOEXEC] = [2, 3, 0o4000, 0o2000000]
const [SOL_SOCKET, SO_ATTACH_FILTER] = [1, 26]
const [IPPROTO_IPV6, IPPROTO_ICMPV6, ICMPV6_FILTER] = [41, 58, 1]
const [IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT] = [49, 51]
/** In network byte order. */
const ETH_P_ARP = [0x08, 0x06]
/** struct sockaddr_ll (linux/if_packet.h) */
const [SOCKADDR_LL_LENGTH, SLL_PROTOCOL, SLL_IFINDEX] = [20, 2, 4]
/** In control messages, as the kernel orders them: struct in6_pktinfo, where the link's index follows the address; then the hop limit. */
const [PKTINFO_IFINDEX, HOP_LIMIT] = [32, 56]
const NEIGHBOR_ADVERTISEMENT = 136
/** name: struct sockaddr_in6 or sockaddr_ll; control: a struct cmsghdr with struct in6_pktinfo, and one with an int */
const ROOM = { packets: 32, packetLength: 256, nameLength: 28, controlLength: 64 }
/** Other work gets its turn in a flood. */
const MOST_AT_ONCE = 1024
