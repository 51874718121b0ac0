import { addressOf, recvmmsg, sendmsg } from './libc.ts'

// struct msghdr and struct mmsghdr of a 64-bit Linux (recvmmsg(2)), in 32-bit words
const MMSGHDR_WORDS = 16
const [NAME, NAME_LENGTH, IOV, IOV_LENGTH, CONTROL, CONTROL_LENGTH, RECEIVED] = [0, 2, 4, 6, 8, 10, 14]
const IOVEC_WORDS = 4

const NOTHING = new Uint8Array()

/** Room for a number of packets, filled by one system call. */
export class ReceiveBatch {
  readonly #size: BatchSize
  readonly #headers: Uint32Array
  readonly #headerBytes: Uint8Array
  readonly #iovecs: Uint32Array
  readonly #rooms: Uint8Array[]
  readonly #packets: Uint8Array[]
  readonly #names: Uint8Array[]
  readonly #controls: Uint8Array
  #used: number

  constructor(size: BatchSize) {
    const { packets, packetLength, nameLength, controlLength } = size
    this.#size = size
    this.#headerBytes = fixed(packets * MMSGHDR_WORDS * 4)
    this.#headers = new Uint32Array(this.#headerBytes.buffer)
    this.#iovecs = new Uint32Array(fixed(packets * IOVEC_WORDS * 4).buffer)
    this.#rooms = fixedRooms(packets, packetLength)
    this.#packets = [...this.#rooms]
    this.#names = fixedRooms(packets, nameLength)
    this.#controls = fixed(packets * controlLength)
    this.#used = packets
    for (let i = 0; i < packets; i++) {
      const at = i * MMSGHDR_WORDS
      setPointer(this.#iovecs, i * IOVEC_WORDS, this.room(i))
      this.#iovecs[i * IOVEC_WORDS + 2] = packetLength
      if (nameLength > 0) setPointer(this.#headers, at + NAME, this.name(i))
      setPointer(this.#headers, at + IOV, new Uint8Array(this.#iovecs.buffer), i * IOVEC_WORDS * 4)
      this.#headers[at + IOV_LENGTH] = 1
      if (controlLength > 0) setPointer(this.#headers, at + CONTROL, this.#controls, i * controlLength)
    }
  }

  /** How many packets were read; -1 where there was none, or it failed (`lastErrno`). Overwrites those read before. */
  receive(descriptor: number): number {
    for (let i = 0; i < this.#used; i++) {
      this.#headers[i * MMSGHDR_WORDS + NAME_LENGTH] = this.#size.nameLength
      this.#headers[i * MMSGHDR_WORDS + CONTROL_LENGTH] = this.#size.controlLength
    }
    const received = recvmmsg(descriptor, this.#headerBytes, this.#size.packets, 0, null)
    this.#used = Math.max(0, received)
    return received
  }

  /** A view of the packet's bytes from `start` on. */
  packet(i: number, start = 0): Uint8Array {
    const room = this.room(i)
    const end = this.#headers[i * MMSGHDR_WORDS + RECEIVED] ?? 0
    // To make a view costs more than to read it, and packets are as long as those before.
    const last = this.#packets[i]
    if (last && last.byteOffset === room.byteOffset + start && last.length === end - start) return last
    const view = room.subarray(start, Math.max(start, end))
    this.#packets[i] = view
    return view
  }

  /** All the room of packet `i`, whatever its length. */
  room(i: number): Uint8Array {
    return this.#rooms[i] ?? NOTHING
  }

  /** Where it came from: a struct sockaddr. */
  name(i: number): Uint8Array {
    return this.#names[i] ?? NOTHING
  }

  /** What else the kernel said of it: a view of a struct cmsghdr, or empty. */
  control(i: number): Uint8Array {
    const start = i * this.#size.controlLength
    return this.#controls.subarray(start, start + (this.#headers[i * MMSGHDR_WORDS + CONTROL_LENGTH] ?? 0))
  }
}

interface BatchSize {
  /** How many are read at once. */
  readonly packets: number
  /** In bytes; what is longer is cut. */
  readonly packetLength: number
  /** 0: where packets come from is not asked. */
  readonly nameLength: number
  /** A multiple of 8; 0: nothing else is asked. */
  readonly controlLength: number
}

/** Sends packets to one address with the same circumstances each. */
export class Sender {
  readonly #headerBytes = fixed(MMSGHDR_WORDS * 4)
  readonly #header = new Uint32Array(this.#headerBytes.buffer)
  readonly #iovec = new Uint32Array(fixed(IOVEC_WORDS * 4).buffer)
  readonly #packet: Uint8Array
  /** The kernel reads these where they lie. */
  readonly #name: Uint8Array
  readonly #control: Uint8Array

  /** `name`: a struct sockaddr; `control`: a struct cmsghdr, or empty; `packetLength`: the longest packet, in bytes. */
  constructor({ name, control, packetLength }: { name: Uint8Array; control: Uint8Array; packetLength: number }) {
    this.#name = fixed(name.length)
    this.#name.set(name)
    this.#control = fixed(control.length)
    this.#control.set(control)
    this.#packet = fixed(packetLength)
    setPointer(this.#iovec, 0, this.#packet)
    setPointer(this.#header, NAME, this.#name)
    this.#header[NAME_LENGTH] = name.length
    setPointer(this.#header, IOV, new Uint8Array(this.#iovec.buffer))
    this.#header[IOV_LENGTH] = 1
    if (control.length > 0) setPointer(this.#header, CONTROL, this.#control)
    this.#header[CONTROL_LENGTH] = control.length
  }

  /** How many bytes were sent; -1 where it failed (`lastErrno`). */
  send(descriptor: number, packet: Uint8Array): number {
    this.#packet.set(packet)
    this.#iovec[2] = packet.length
    return sendmsg(descriptor, this.#headerBytes, 0)
  }
}

/** Bytes that stay where they are: V8 keeps small typed arrays in its heap, and moves them, unless they are given a buffer. */
function fixed(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(length))
}

/** Room for so many things of that length each, all in one place. */
function fixedRooms(count: number, length: number): Uint8Array[] {
  const all = fixed(count * length)
  return Array.from({ length: count }, (_, i) => all.subarray(i * length, (i + 1) * length))
}

function setPointer(words: Uint32Array, at: number, target: Uint8Array, offset = 0): void {
  const pointers = new BigUint64Array(words.buffer, at * 4, 1)
  pointers[0] = addressOf(target) + BigInt(offset)
}
