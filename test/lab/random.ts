/** Random numbers that a seed repeats: sfc32, of 128 bits of state, for a fuzzer draws more than 2^32 of them. */
export class Random {
  #a = 0
  #b = 0
  #c = 0
  #counter = 1

  constructor(seed: number) {
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    this.#c = 0x9e3779b9 | 0
    for (let i = 0; i < 12; i++) this.bits()
  }

  /** 0 .. 2^32 - 1 */
  bits(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** 0 .. `limit` - 1; `limit` up to 2^20. */
  below(limit: number): number {
    return Math.floor((this.bits() / 2 ** 32) * limit)
  }

  /** Throws a RangeError where there is nothing to pick. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('There is nothing to pick')
    return item
  }
}

/** Gives 0..1 with each call: the same seed, the same run. */
export function seeded(seed: number): () => number {
  const random = new Random(seed)
  return () => random.bits() / 2 ** 32
}
