import { bind, close, int32, lastErrno, pollReadable, setsockopt, socket } from '../../src/linux/libc.ts'
import { ReceiveBatch } from '../../src/linux/message-headers.ts'
import type { LabNode } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'

/** An advert as the kernel took it from the link: however late this process reads it, `at` is when it came. */
export interface TimedAdvert {
  /** In ms of the wall clock, which nobody steps meanwhile: only differences mean something. */
  readonly at: number
  readonly source: string
  readonly virtualRouterID: number
  readonly priority: number
}

/** Every IPv4 advert that reaches eth0 of a node that takes no part, with the kernel's own time (SO_TIMESTAMPNS). */
export function timeAdverts(observer: LabNode, take: (advert: TimedAdvert) => void): { close(): void } {
  const index = Number(observer.run('cat', '/sys/class/net/eth0/ifindex'))
  const descriptor = inNamespace(observer.name, () => openSocket(index))
  const batch = new ReceiveBatch({ packets: 32, packetLength: 2048, nameLength: 0, controlLength: 32 })
  const poll = pollReadable(descriptor, () => {
    for (let count = batch.receive(descriptor); count > 0; count = batch.receive(descriptor)) {
      for (let i = 0; i < count; i++) {
        const advert = advertOf(batch.packet(i), timeOf(batch.control(i)))
        if (advert) take(advert)
      }
    }
  })
  return {
    close() {
      poll.close()
      close(descriptor)
    },
  }
}

function openSocket(linkIndex: number): number {
  const descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  const [on, size] = [int32(1), int32(4 << 20)]
  // struct sockaddr_ll: family, protocol in network byte order, link
  const address = new Uint8Array(20)
  const view = new DataView(address.buffer)
  view.setUint16(0, AF_PACKET, true)
  view.setUint16(2, ETH_P_IP)
  view.setInt32(4, linkIndex, true)
  const isOpen =
    setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, on, on.length) === 0 &&
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) === 0 &&
    bind(descriptor, address, address.length) === 0
  if (!isOpen) throw new Error(`Cannot listen for adverts: ${lastErrno()}`)
  return descriptor
}

function advertOf(packet: Uint8Array, at: number): TimedAdvert | undefined {
  if (packet[9] !== VRRP) return undefined
  const vrrp = packet.subarray(((packet[0] ?? 0) & 0x0f) * 4)
  const [, virtualRouterID = 0, priority = 0] = vrrp
  return { at, source: packet.subarray(12, 16).join('.'), virtualRouterID, priority }
}

/** struct timespec of a 64-bit Linux, in the one control message there is. */
function timeOf(control: Uint8Array): number {
  const view = new DataView(control.buffer, control.byteOffset, control.length)
  return Number(view.getBigInt64(CMSG_DATA, true)) * 1000 + Number(view.getBigInt64(CMSG_DATA + 8, true)) / 1e6
}

const [AF_PACKET, ETH_P_IP, VRRP] = [17, 0x0800, 112]
const [SOCK_DGRAM, SOCK_NONBLOCK, SOCK_CLOEXEC] = [2, 0o4000, 0o2000000]
const [SOL_SOCKET, SO_RCVBUFFORCE, SO_TIMESTAMPNS] = [1, 33, 35]
const CMSG_DATA = 16
