import koffi, { type KoffiFunc } from 'koffi'
import { errnoName } from './syscall-error.ts'

type Bytes = Uint8Array

/** The libc calls that Node has no API for. Each returns what libc returns: -1 is a failure, and `lastErrno()` its name. */
const process = koffi.load(null)

export const socket = process.func('int socket(int, int, int)') as KoffiFunc<
  (domain: number, type: number, protocol: number) => number
>
export const bind = process.func('int bind(int, const void *, uint)') as KoffiFunc<
  (descriptor: number, address: Bytes, length: number) => number
>
export const setsockopt = process.func('int setsockopt(int, int, int, const void *, uint)') as KoffiFunc<
  (descriptor: number, level: number, option: number, value: Bytes, length: number) => number
>
export const sendto = process.func('long sendto(int, const void *, size_t, int, const void *, uint)') as KoffiFunc<
  (descriptor: number, message: Bytes, length: number, flags: number, address: Bytes, addressLength: number) => number
>
export const sendmsg = process.func('long sendmsg(int, const void *, int)') as KoffiFunc<
  (descriptor: number, header: Bytes, flags: number) => number
>
export const recvmmsg = process.func('int recvmmsg(int, void *, uint, int, void *)') as KoffiFunc<
  (descriptor: number, headers: Bytes, count: number, flags: number, timeout: null) => number
>
const fcntl = process.func('int fcntl(int, int, int)') as KoffiFunc<
  (descriptor: number, command: number, argument: number) => number
>
/** A path as it is, without the byte 0. */
export const mkfifo = process.func('int mkfifo(const char *, uint)') as KoffiFunc<
  (path: string, mode: number) => number
>
export const close = process.func('int close(int)') as KoffiFunc<(descriptor: number) => number>
export const clockGettime = process.func('int clock_gettime(int, void *)') as KoffiFunc<
  (clock: number, time: Bytes) => number
>

/** Ends this process without waiting for anything, also for threads that the kernel keeps. */
export const exitAtOnce = process.func('void _exit(int)') as KoffiFunc<(status: number) => void>

/** A program that this process starts does not inherit the descriptor. */
export function closeOnExec(descriptor: number): void {
  fcntl(descriptor, F_SETFD, FD_CLOEXEC)
}

const [F_SETFD, FD_CLOEXEC] = [2, 1]

/** The name of the error number that the last call left, e.g. `EPERM`. */
export function lastErrno(): string {
  return errnoName(koffi.errno())
}

/** Where `bytes` lie in memory. They must stay referenced for as long as the kernel is given the address. */
export function addressOf(bytes: Bytes): bigint {
  return koffi.address(bytes)
}

/** A C int in this machine's byte order. */
export function int32(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer)
}

export interface Poll {
  close(): void
}

/** Calls `onReadable` once a turn of the event loop for as long as something waits in the descriptor. */
export function pollReadable(descriptor: number, onReadable: () => void): Poll {
  let due: NodeJS.Immediate | undefined
  // koffi calls back outside of Node's own call scope: what is thrown there is lost, and promises rest until some other event. So no
  // work is done there.
  const readable = (status: unknown): void => {
    if (typeof status === 'number' && status < 0) poll.start({ readable: true }, readable)
    due ??= setImmediate(() => {
      due = undefined
      onReadable()
    })
  }
  const poll = koffi.node.poll(descriptor, { readable: true }, readable)
  return {
    close() {
      poll.close()
      clearImmediate(due)
    },
  }
}

/** As `sendto`, by another thread: what the kernel makes it wait for does not keep the loop. -1 on an error, which is not told. */
export function sendAside(descriptor: number, bytes: Uint8Array, address: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    sendto.async(descriptor, bytes, bytes.length, 0, address, address.length, (error: Error | null, sent: number) => {
      if (error) reject(error)
      else resolve(sent)
    })
  })
}
