import { readdirSync, readlinkSync } from 'node:fs'
import { AddressFamily, Socket } from 'raw-socket'
import type { Family } from '../lib/ip-address.ts'
import { closeOnExec } from './libc.ts'
import { SyscallError } from './syscall-error.ts'

export interface RawDescriptor {
  /** For system calls; non-blocking. */
  readonly descriptor: number
  /** Whether `onReadable` is called while something waits; at first it is. */
  poll(on: boolean): void
  close(): void
}

/**
 * A raw IP socket of the package raw-socket, which libuv polls; and its descriptor, for what the package can't: several packets a call, the
 * hop limit of IPv6, binding. Throws a SyscallError that says `action` can't be done.
 */
export function openRawDescriptor(
  action: string,
  family: Family,
  protocol: number,
  onReadable: () => void,
): RawDescriptor {
  const before = openSockets()
  let socket: PolledSocket
  try {
    socket = new PolledSocket(family, protocol, onReadable)
  } catch (cause) {
    throw new SyscallError(action, errnoOf(cause), { needs: 'CAP_NET_RAW', cause })
  }
  // The package does not tell: it is the one that was not there before.
  const [descriptor, ...others] = openSockets().filter(candidate => !before.includes(candidate))
  if (descriptor === undefined || others.length > 0) throw new Error('A raw socket was opened and can’t be told apart')
  closeOnExec(descriptor)
  return {
    descriptor,
    poll(on) {
      if (on) socket.resumeRecv()
      else socket.pauseRecv()
      if (!on) socket.forget()
    },
    close() {
      socket.close()
      socket.forget()
    },
  }
}

class PolledSocket extends Socket {
  readonly #onReadable: () => void
  #due: NodeJS.Immediate | undefined

  constructor(family: Family, protocol: number, onReadable: () => void) {
    super({ protocol, addressFamily: AddressFamily[family], bufferSize: 1 })
    this.#onReadable = onReadable
  }

  // The package calls outside of Node's own call scope: promises that are kept there rest until some other event. So no work is done there.
  override onRecvReady(): void {
    this.#due ??= setImmediate(() => {
      this.#due = undefined
      this.#onReadable()
    })
  }

  /** What was about to be told is not. */
  forget(): void {
    clearImmediate(this.#due)
    this.#due = undefined
  }
}

function openSockets(): number[] {
  return readdirSync('/proc/self/fd')
    .filter(name => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`).startsWith('socket:')
      } catch {
        // The descriptor that the folder itself was read with.
        return false
      }
    })
    .map(Number)
}

function errnoOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause)
  return message === 'Operation not permitted' ? 'EPERM' : message
}
