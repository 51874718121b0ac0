import koffi from 'koffi'
import { openFrameSocket } from '../../src/linux/frame-socket.ts'
import { setsockopt, socket } from '../../src/linux/libc.ts'
import { type Asking, answerIn, question } from './questions.ts'

export interface QuestionSocket {
  /** Readable when there may be answers. */
  readonly descriptor: number
  /** Asks for every address once. */
  ask(): void
  /** Takes every answer that has come; `overhear`: every other frame. */
  read(
    take: (answer: { readonly address: string; readonly mac: string }) => void,
    overhear?: (frame: Uint8Array) => void,
  ): void
}

/** Asks who has these addresses from a link of this process's namespace. */
export function openQuestions({
  mac,
  linkIndex,
  addresses,
  ...own
}: Omit<Asking, 'mac'> & {
  readonly mac: string
  readonly linkIndex: number
  readonly addresses: readonly string[]
}): QuestionSocket {
  const asking = { ...own, mac: Uint8Array.from(mac.split(':'), byte => Number.parseInt(byte, 16)) }
  const questions = addresses.map(address => question(address, asking))
  const frames = openFrameSocket()
  const descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, ETH_P_ALL)
  if (descriptor < 0) throw new Error('Cannot open a packet socket')
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER, RECEIVE_BUFFER.length)
  const frame = new Uint8Array(2048)
  return {
    descriptor,
    ask() {
      for (const each of questions) frames.send(linkIndex, each)
    },
    read(take, overhear) {
      for (;;) {
        const length = recv(descriptor, frame, frame.length, 0)
        if (length <= 0) return
        const answer = answerIn(frame.subarray(0, length))
        if (answer) take(answer)
        else overhear?.(frame.subarray(0, length))
      }
    },
  }
}

const recv = koffi.load(null).func('long recv(int, void *, size_t, int)')
const [AF_PACKET, SOCK_RAW, SOCK_NONBLOCK] = [17, 3, 0o4000]
/** In network byte order. */
const ETH_P_ALL = 0x0300
const [SOL_SOCKET, SO_RCVBUFFORCE] = [1, 33]
const RECEIVE_BUFFER = new Uint8Array(Int32Array.of(4 << 20).buffer)
