import { Random } from '../lab/random.ts'
import type { Decoder } from './decoders.ts'
import { mutated, noise } from './mutated-bytes.ts'

/** What a decoder was given, and how it fared. */
export interface PacketCounts {
  packets: number
  /** Of these: mutated golden packets whose checksum was made right. */
  sealed: number
  /** Those that were a value; all others were refused. */
  values: number
}

/** A decoder did what it must not. */
export interface Failure {
  readonly what: string
  readonly seed: number
  readonly input: string
  readonly error: string
}

/** Gives a decoder so many packets: half of them golden ones, mutated and sealed; the same for the same seed. */
export function fuzzDecoder(
  decoder: Decoder,
  seed: number,
  packets: number,
  counts: PacketCounts,
): Failure | undefined {
  const random = new Random(seed)
  for (let i = 0; i < packets; i++) {
    const isSealed = (i & 1) === 0
    const packet = isSealed || (i & 2) === 0 ? mutated(decoder.golden, random) : noise(random)
    if (isSealed) decoder.seal(packet, random)
    counts.packets++
    if (isSealed) counts.sealed++
    try {
      if (decoder.take(packet)) counts.values++
    } catch (error) {
      const input = Buffer.from(packet).toString('hex')
      return { what: decoder.name, seed, input, error: (error as Error).stack ?? String(error) }
    }
  }
  return undefined
}
