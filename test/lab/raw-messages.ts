import koffi, { type KoffiFunc } from 'koffi'
import { close, int32, lastErrno, pollReadable, sendto, setsockopt, socket } from '../../src/linux/libc.ts'

/** A socket that Node has no API for: what arrives is read whole. */
export interface RawMessages {
  /** What can't be sent now is lost, as on a wire. `address`: a struct sockaddr. */
  send(message: Uint8Array, address: Uint8Array): void
  close(): void
}

/** Arguments as of socket(2); `onMessage` may keep what it is given. */
export function openRawMessages(
  domain: number,
  type: number,
  protocol: number,
  onMessage: (message: Buffer) => void,
): RawMessages {
  const descriptor = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)
  if (descriptor < 0) throw new Error(`Cannot open a socket: ${lastErrno()}`)
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, int32(RECEIVE_BUFFER), 4)
  const buffer = new Uint8Array(2048)
  const poll = pollReadable(descriptor, () => {
    for (;;) {
      const length = Number(recv(descriptor, buffer, buffer.length, 0))
      if (length < 0) return
      onMessage(Buffer.from(buffer.subarray(0, length)))
    }
  })
  return {
    send(message, address) {
      sendto(descriptor, message, message.length, 0, address, address.length)
    },
    close() {
      poll.close()
      close(descriptor)
    },
  }
}

const recv = koffi.load(null).func('long recv(int, _Out_ void *, size_t, int)') as KoffiFunc<
  (descriptor: number, buffer: Uint8Array, length: number, flags: number) => number
>
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const RECEIVE_BUFFER = 4 * 1024 * 1024
