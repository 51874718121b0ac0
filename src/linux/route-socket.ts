import {
  bind,
  close,
  int32,
  lastErrno,
  type Poll,
  pollReadable,
  sendAside,
  sendto,
  setsockopt,
  socket,
} from './libc.ts'
import { ReceiveBatch } from './message-headers.ts'
import { decodeRouteMessages, type NumberedMessage } from './route-messages.ts'
import { SyscallError } from './syscall-error.ts'

export interface Envelope extends NumberedMessage {
  /** The kernel answers a request of this socket's, rather than telling a group. */
  readonly answers: boolean
}

/** What is heard besides answers: RTMGRP_LINK, RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR, or nothing. */
export const ALL_GROUPS = 0x111
export const NO_GROUPS = 0

/**
 * An rtnetlink socket, by libc: the socket of the package `netlink` ends the process when the kernel drops notifications, for libuv calls
 * that a bad descriptor and the package can't make an error of it.
 */
export class RouteSocket {
  readonly #descriptor: number
  readonly #batch: ReceiveBatch
  #poll: Poll | undefined

  /** `groups`: a mask; `packets`: how many are read at once. Throws a SyscallError where no socket can be had. */
  constructor(groups: number, packets = 8) {
    this.#batch = new ReceiveBatch({ ...ROOM, packets })
    this.#descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE)
    if (this.#descriptor < 0) throw new SyscallError('open an rtnetlink socket', lastErrno())
    const size = int32(RECEIVE_BUFFER)
    // Beyond net.core.rmem_max with CAP_NET_ADMIN only; else as much as it allows.
    if (setsockopt(this.#descriptor, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) < 0) {
      setsockopt(this.#descriptor, SOL_SOCKET, SO_RCVBUF, size, size.length)
    }
    const address = kernelAddress(groups)
    if (bind(this.#descriptor, address, address.length) === 0) return
    const errno = lastErrno()
    close(this.#descriptor)
    throw new SyscallError('bind an rtnetlink socket', errno)
  }

  /** `onReadable` is called once a turn of the event loop for as long as something waits. */
  watch(onReadable: () => void): void {
    this.#poll = pollReadable(this.#descriptor, onReadable)
  }

  /** The kernel has done as it was told when this returns, and its answers wait. Throws a SyscallError. */
  send(messages: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(messages)
    const address = kernelAddress(NO_GROUPS)
    if (sendto(this.#descriptor, bytes, bytes.length, 0, address, address.length) >= 0) return
    throw new SyscallError('write to rtnetlink', lastErrno())
  }

  /** As `send`, while the loop goes on: the kernel has one such thing done at a time in all its network namespaces. Errors are not told. */
  async sendAside(messages: readonly Uint8Array[]): Promise<void> {
    await sendAside(this.#descriptor, Buffer.concat(messages), kernelAddress(NO_GROUPS))
  }

  /** Hands over what waits, or `batches` of it. False: the kernel has dropped notifications before some of it. Throws a SyscallError. */
  drain(take: (envelope: Envelope) => void, batches = MOST_BATCHES): boolean {
    let isComplete = true
    for (let i = 0; i < batches; i++) {
      const count = this.#batch.receive(this.#descriptor)
      for (let j = 0; j < count; j++) this.#open(j, take)
      const errno = count < 0 ? lastErrno() : undefined
      if (errno === 'EAGAIN') break
      if (errno === 'ENOBUFS') isComplete = false
      else if (errno !== undefined && errno !== 'EINTR') throw new SyscallError('read from rtnetlink', errno)
    }
    return isComplete
  }

  close(): void {
    this.#poll?.close()
    close(this.#descriptor)
  }

  #open(i: number, take: (envelope: Envelope) => void): void {
    const name = this.#batch.name(i)
    const answers = new Uint32Array(name.buffer, name.byteOffset + NL_GROUPS, 1)[0] === NO_GROUPS
    for (const numbered of decodeRouteMessages(this.#batch.packet(i))) take({ answers, ...numbered })
  }
}

/** struct sockaddr_nl of the kernel, or of this socket with the groups it hears. */
function kernelAddress(groups: number): Uint8Array {
  const address = new Uint32Array([0, 0, groups])
  new Uint16Array(address.buffer)[0] = AF_NETLINK
  return new Uint8Array(address.buffer)
}

const [AF_NETLINK, NETLINK_ROUTE] = [16, 0]
const [SOCK_RAW, SOCK_NONBLOCK, SOCK_CLOEXEC] = [3, 0o4000, 0o2000000]
const [SOL_SOCKET, SO_RCVBUF, SO_RCVBUFFORCE] = [1, 8, 33]
/** Where sockaddr_nl has its groups. */
const NL_GROUPS = 8
/** The kernel makes no datagram longer than this. name: struct sockaddr_nl. */
const ROOM = { packetLength: 32_768, nameLength: 12, controlLength: 0 }
/** Other work gets its turn while notifications don't end. */
const MOST_BATCHES = 512
/** In bytes: some thousands of notifications. */
const RECEIVE_BUFFER = 4 << 20
