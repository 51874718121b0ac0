import { Random } from '../lab/random.ts'
import { mutatedText, wordsOf } from './mutated-text.ts'
import type { Failure } from './packets.ts'
import type { Parser } from './parsers.ts'
import type { Reached } from './reached.ts'

export interface TextCounts {
  texts: number
  values: number
  /** Texts that reached what none before them did. */
  kept: number
}

/** Gives a parser mutated texts. With `reached`, those that got further than all before are mutated in turn. */
export class TextFuzz {
  readonly counts: TextCounts = { texts: 0, values: 0, kept: 0 }
  readonly #parser: Parser
  readonly #seed: number
  readonly #random: Random
  readonly #words: readonly string[]
  /** Beside the parser's own. */
  readonly #found: string[] = []
  readonly #reached: Reached | undefined

  constructor(parser: Parser, seed: number, reached?: Reached) {
    this.#parser = parser
    this.#seed = seed
    this.#random = new Random(seed)
    this.#words = wordsOf(parser.corpus)
    this.#reached = reached
  }

  /** So many texts more. */
  run(texts: number): Failure | undefined {
    for (let left = texts; left > 0; left -= TOGETHER) {
      const batch = Array.from({ length: Math.min(left, TOGETHER) }, () =>
        mutatedText(this.#corpus(), this.#words, this.#random),
      )
      for (const text of batch) {
        const failure = this.#try(text)
        if (failure) return failure
      }
      this.#keep(batch)
    }
    return undefined
  }

  /** To ask what was reached takes longer than to parse, so it is asked once for many, and each alone only where it was anything. */
  #keep(batch: readonly string[]): void {
    if (!this.#reached?.isNew()) return
    for (const text of batch) {
      this.#reached.forget()
      this.#parser.take(text)
      if (!this.#reached.take()) continue
      this.#found.push(text)
      this.counts.kept++
    }
  }

  #corpus(): readonly string[] {
    return this.#found.length > 0 && this.#random.below(2) === 0 ? this.#found : this.#parser.corpus
  }

  #try(text: string): Failure | undefined {
    this.counts.texts++
    try {
      if (this.#parser.take(text)) this.counts.values++
      return undefined
    } catch (error) {
      const input = JSON.stringify(shortest(text, shorter => this.#fails(shorter)))
      return { what: this.#parser.name, seed: this.#seed, input, error: (error as Error).stack ?? String(error) }
    }
  }

  #fails(text: string): boolean {
    try {
      this.#parser.take(text)
      return false
    } catch {
      return true
    }
  }
}

const TOGETHER = 50

/** What is left of a text when no part of it can go without its ceasing to fail. */
function shortest(text: string, fails: (text: string) => boolean): string {
  let best = text
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length; ) {
      const shorter = best.slice(0, at) + best.slice(at + size)
      if (fails(shorter)) best = shorter
      else at += size
    }
  }
  return best
}
