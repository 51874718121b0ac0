import { bind, close, int32, lastErrno, sendto, setsockopt, socket } from './libc.ts'
import { ReceiveBatch } from './message-headers.ts'
import { type Change, decodeAnswers, encodeTransaction } from './nftables-messages.ts'
import { errnoName, SyscallError } from './syscall-error.ts'

/** Changes nf_tables in this network namespace. */
export class NftablesSocket {
  readonly #descriptor: number
  readonly #batch = new ReceiveBatch(ROOM)
  readonly #encoded = new WeakMap<readonly Change[], { first: number; bytes: Uint8Array }>()
  #sequence = 1

  /** Throws a SyscallError where no socket can be had: EPROTONOSUPPORT without netfilter in the kernel. */
  constructor() {
    this.#descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_NETFILTER)
    if (this.#descriptor < 0) throw new SyscallError('open a netfilter socket', lastErrno())
    // An answer of errors carries the header of what it answers, and not all of it.
    setsockopt(this.#descriptor, SOL_NETLINK, NETLINK_CAP_ACK, int32(1), 4)
    if (bind(this.#descriptor, KERNEL, KERNEL.length) === 0) return
    const errno = lastErrno()
    close(this.#descriptor)
    throw new SyscallError('bind a netfilter socket', errno)
  }

  /**
   * Makes all changes, or none. Gives the error's name of the first that the kernel refuses, e.g. ENOENT, and undefined where all are made, and that
   * when this returns.
   */
  transact(changes: readonly Change[]): string | undefined {
    const { first, bytes } = this.#encoded.get(changes) ?? this.#encode(changes)
    if (sendto(this.#descriptor, bytes, bytes.length, 0, KERNEL, KERNEL.length) < 0) return lastErrno()
    return this.#answer(first)
  }

  /** The same changes are made again and again. */
  #encode(changes: readonly Change[]): { first: number; bytes: Uint8Array } {
    const first = this.#sequence
    this.#sequence += changes.length + 2
    const encoded = { first, bytes: encodeTransaction(changes, first) }
    this.#encoded.set(changes, encoded)
    return encoded
  }

  close(): void {
    close(this.#descriptor)
  }

  #answer(first: number): string | undefined {
    let error: string | undefined
    let isDone = false
    for (let count = this.#batch.receive(this.#descriptor); count > 0; count = this.#batch.receive(this.#descriptor)) {
      for (let i = 0; i < count; i++) {
        for (const { sequence, errno } of decodeAnswers(this.#batch.packet(i))) {
          if (sequence < first) continue
          if (errno === 0) isDone = true
          else error ??= errnoName(errno)
        }
      }
    }
    // A transaction that the kernel could not read has none.
    return error ?? (isDone ? undefined : 'ENOBUFS')
  }
}

const [AF_NETLINK, NETLINK_NETFILTER] = [16, 12]
const [SOCK_RAW, SOCK_NONBLOCK, SOCK_CLOEXEC] = [3, 0o4000, 0o2000000]
const [SOL_NETLINK, NETLINK_CAP_ACK] = [270, 10]
const ROOM = { packets: 16, packetLength: 4096, nameLength: 0, controlLength: 0 }
/** struct sockaddr_nl */
const KERNEL = kernelAddress()

function kernelAddress(): Uint8Array {
  const address = new Uint32Array(3)
  new Uint16Array(address.buffer)[0] = AF_NETLINK
  return new Uint8Array(address.buffer)
}
