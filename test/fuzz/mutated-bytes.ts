import type { Random } from '../lab/random.ts'

/** Room for one packet after the other. */
const ROOM = new Uint8Array(8192)
const LONGEST_NOISE = 96

/** A golden packet with one to four things changed: bits, bytes, words, its length, a piece of another. A view that the next call overwrites. */
export function mutated(golden: readonly Uint8Array[], random: Random): Uint8Array {
  const original = random.pick(golden)
  ROOM.set(original)
  let length = original.length
  for (let changes = 1 + random.below(4); changes > 0; changes--) length = change(length, golden, random)
  return ROOM.subarray(0, length)
}

/** Bytes of no meaning. A view that the next call overwrites. */
export function noise(random: Random): Uint8Array {
  const length = random.below(LONGEST_NOISE)
  for (let i = 0; i < length; i += 4) {
    const bits = random.bits()
    ROOM[i] = bits
    ROOM[i + 1] = bits >>> 8
    ROOM[i + 2] = bits >>> 16
    ROOM[i + 3] = bits >>> 24
  }
  return ROOM.subarray(0, length)
}

const REMARKABLE = [0, 1, 2, 3, 4, 0x0f, 0x10, 0x7f, 0x80, 0xf0, 0xfe, 0xff]

/** The new length. */
function change(length: number, golden: readonly Uint8Array[], random: Random): number {
  const at = random.below(Math.max(1, length))
  switch (random.below(7)) {
    case 0:
      ROOM[at] = (ROOM[at] ?? 0) ^ (1 << random.below(8))
      return length
    case 1:
      ROOM[at] = random.pick(REMARKABLE)
      return length
    case 2:
      ROOM[at] = random.bits()
      return length
    case 3:
      ROOM[at & ~1] = random.pick(REMARKABLE)
      ROOM[at | 1] = random.pick(REMARKABLE)
      return Math.max(length, (at | 1) + 1)
    case 4:
      return at
    case 5: {
      const longer = Math.min(ROOM.length, length + 1 + random.below(40))
      for (let i = length; i < longer; i++) ROOM[i] = random.bits()
      return longer
    }
    default: {
      const other = random.pick(golden)
      const from = random.below(other.length)
      const piece = other.subarray(from, Math.min(from + 1 + random.below(64), from + ROOM.length - at))
      ROOM.set(piece, at)
      return Math.max(length, at + piece.length)
    }
  }
}
