import { bind, int32, pollReadable, setsockopt, socket } from '../../src/linux/libc.ts'
import { ReceiveBatch } from '../../src/linux/message-headers.ts'
import { labTime } from './lan.ts'

/** CLOCK_MONOTONIC is so much behind the clock that the kernel stamps packets with. */
const behind = Date.now() - labTime()

/** Gives every frame of this EtherType that a link receives, with when the kernel got it, in labTime; the bytes are overwritten afterwards. */
export function readStamped(linkIndex: number, type: number, take: (frame: Uint8Array, at: number) => void): void {
  const protocol = ((type & 0xff) << 8) | (type >> 8)
  const descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0)
  const name = new Uint8Array(20)
  new Uint16Array(name.buffer).set([AF_PACKET, protocol])
  name.set(int32(linkIndex), 4)
  const options = [
    [SO_RCVBUFFORCE, 16 << 20],
    [SO_TIMESTAMPNS, 1],
  ] as const
  const isSet = options.every(([option, value]) => setsockopt(descriptor, SOL_SOCKET, option, int32(value), 4) === 0)
  if (descriptor < 0 || !isSet || bind(descriptor, name, name.length) < 0)
    throw new Error(`Cannot listen on link ${linkIndex}`)
  const batch = new ReceiveBatch({ packets: 64, packetLength: 2048, nameLength: 0, controlLength: 32 })
  pollReadable(descriptor, () => {
    for (;;) {
      const count = batch.receive(descriptor)
      for (let i = 0; i < count; i++) take(batch.packet(i), stampOf(batch.control(i)))
      if (count < 64) return
    }
  })
}

/** A struct cmsghdr with a struct timespec. */
function stampOf(control: Uint8Array): number {
  const [seconds = 0n, nanoseconds = 0n] = new BigInt64Array(control.buffer, control.byteOffset + 16, 2)
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6 - behind
}

const AF_PACKET = 17
const [SOCK_RAW, SOCK_NONBLOCK] = [3, 0o4000]
const [SOL_SOCKET, SO_RCVBUFFORCE, SO_TIMESTAMPNS] = [1, 33, 35]
