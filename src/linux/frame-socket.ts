import { close, int32, lastErrno, sendto, socket } from './libc.ts'
import { SyscallError } from './syscall-error.ts'

/** Sends Ethernet frames; receives nothing. */
export interface FrameSocket {
  /** `frame` begins with its Ethernet header. Throws a SyscallError, e.g. ENETDOWN where the link is down. */
  send(linkIndex: number, frame: Uint8Array): void
  close(): void
}

/** Throws a SyscallError: EPERM without CAP_NET_RAW. */
export function openFrameSocket(): FrameSocket {
  // Protocol 0: a packet socket of any other protocol gets a copy of what arrives, and one nobody reads fills its buffer.
  const descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
  if (descriptor < 0) throw new SyscallError('open a packet socket', lastErrno(), { needs: 'CAP_NET_RAW' })
  const address = new Uint8Array(SOCKADDR_LL_LENGTH)
  new Uint16Array(address.buffer)[0] = AF_PACKET
  return {
    send(linkIndex, frame) {
      address.set(frame.subarray(ETHERTYPE, ETHERTYPE + 2), SLL_PROTOCOL)
      address.set(int32(linkIndex), SLL_IFINDEX)
      const sent = sendto(descriptor, frame, frame.length, 0, address, address.length)
      if (sent < 0) throw new SyscallError(`send a frame on link ${linkIndex}`, lastErrno())
    },
    close() {
      close(descriptor)
    },
  }
}

const AF_PACKET = 17
const SOCK_RAW = 3
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
/** Where an Ethernet header says what follows it. */
const ETHERTYPE = 12
/** struct sockaddr_ll (linux/if_packet.h) */
const SOCKADDR_LL_LENGTH = 20
const SLL_PROTOCOL = 2
const SLL_IFINDEX = 4
