import type { Instant, Millis } from '../lib/time.ts'

/** The same thing is said again after this long. */
const AGAIN_AFTER: Millis = 600_000
/** Whoever makes up ever new things to complain about must not fill the log, nor the memory. */
const MOST = 200

/** What was said of adverts a while ago: they come many times a second, and a log is for people. */
export class Complaints {
  readonly #said = new Map<string, Instant>()

  /** Whether to say it now; then it counts as said. */
  isNew(sentence: string, now: Instant): boolean {
    const last = this.#said.get(sentence)
    if (last !== undefined && now - last < AGAIN_AFTER) return false
    if (last === undefined && this.#said.size >= MOST) return false
    this.#said.set(sentence, now)
    return true
  }

  forgetOld(now: Instant): void {
    for (const [sentence, last] of this.#said) if (now - last >= AGAIN_AFTER) this.#said.delete(sentence)
  }
}
