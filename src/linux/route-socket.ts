import { RawNetlinkSocket } from 'netlink/dist/raw.js'
import { parseMessages } from 'netlink/dist/structs.js'
import { decodeRouteMessage, type RouteMessage } from './route-messages.ts'
import { errnoName, SyscallError } from './syscall-error.ts'

/** An rtnetlink socket. It never closes of itself: after `onBroken`, its owner closes it and opens another. */
export interface RouteSocket {
  /** Hands messages to the kernel, which has acted on them when this returns; its answers arrive later. */
  send(messages: readonly Uint8Array[]): void
  close(): void
}

export interface Envelope {
  /** The `sequence` of the request it answers, if `answers`. */
  readonly sequence: number
  /** Whether this socket asked for it, or the kernel told a group. */
  readonly answers: boolean
  readonly message: RouteMessage
}

interface RouteSocketOptions {
  /** Multicast groups to hear. */
  readonly groups: readonly number[]
  readonly onMessages: (messages: readonly Envelope[]) => void
  /** Messages were lost (ENOBUFS, or EBADF as libuv calls it) or could not be sent. Nothing arrives any more. */
  readonly onBroken: (error: SyscallError) => void
}

/** Throws a SyscallError where no socket can be had. */
export function openRouteSocket({ groups, onMessages, onBroken }: RouteSocketOptions): RouteSocket {
  const socket = open(groups)
  const { port } = socket.address()
  let isOpen = true

  // The native socket ends the process without a word when it is closed in one of its listeners, when one of them throws, or when there
  // is none for 'error'.
  const close = (): void => {
    if (isOpen) setImmediate(() => socket.close())
    isOpen = false
  }
  const broken = (action: string, cause: unknown): void => {
    if (!isOpen) return
    close()
    setImmediate(() => onBroken(new SyscallError(action, codeOf(cause), { cause })))
  }
  socket.on('error', error => broken('read from rtnetlink', error))
  socket.on('message', datagram => {
    if (!isOpen) return
    try {
      onMessages(envelopes(datagram, port))
    } catch (error) {
      setImmediate(() => {
        throw error
      })
    }
  })

  return {
    send(messages) {
      if (isOpen) socket.send(Buffer.concat(messages), {}, error => error && broken('write to rtnetlink', error))
    },
    close,
  }
}

function envelopes(datagram: Buffer, port: number): Envelope[] {
  return parseMessages(datagram).map(message => ({
    sequence: message.seq,
    answers: message.port === port,
    message: decodeRouteMessage(message),
  }))
}

function open(groups: readonly number[]): RawNetlinkSocket {
  try {
    const socket = new RawNetlinkSocket(NETLINK_ROUTE, { recvBufferSize: BUFFER_SIZE, sendBufferSize: BUFFER_SIZE })
    for (const group of groups) socket.addMembership(group)
    return socket
  } catch (error) {
    throw new SyscallError('open an rtnetlink socket', codeOf(error), { cause: error })
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') return errnoName(error.errno)
  return String(error)
}

const NETLINK_ROUTE = 0
/** In bytes; the kernel grants no more than net.core.rmem_max. */
const BUFFER_SIZE = 4 << 20
