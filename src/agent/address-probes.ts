import type { Instant, Millis } from '../lib/time.ts'

/** How often it is asked who else has an address: two answers and a report are within 5 s. */
export const PROBE_EVERY: Millis = 2000
/** Between two addresses of one node: a node with very many asks less often, and no segment hears more than 50 questions a second from it. */
const APART: Millis = 20

/** Which routers' addresses are to be asked for, and when. Each is asked for as often as the others. */
export class AddressProbes {
  /** In the order in which they are due. */
  readonly #due = new Map<string, { readonly addresses: number; readonly at: Instant }>()
  #freeAt: Instant = 0
  #addresses = 0

  /** `key` became Active, with that many addresses. */
  begin(key: string, addresses: number, now: Instant): void {
    this.end(key)
    this.#addresses += addresses
    this.#due.set(key, { addresses, at: now + PROBE_EVERY })
  }

  end(key: string): void {
    this.#addresses -= this.#due.get(key)?.addresses ?? 0
    this.#due.delete(key)
  }

  /** How long it takes until every address was asked for again. */
  get round(): Millis {
    return Math.max(PROBE_EVERY, this.#addresses * APART)
  }

  next(): Instant | undefined {
    for (const { at } of this.#due.values()) return Math.max(at, this.#freeAt)
    return undefined
  }

  /** The router to ask for now, if any is due. */
  take(now: Instant): string | undefined {
    for (const [key, { addresses, at }] of this.#due) {
      if (Math.max(at, this.#freeAt) > now) return undefined
      this.#due.delete(key)
      this.#due.set(key, { addresses, at: now + PROBE_EVERY })
      this.#freeAt = now + addresses * APART
      return key
    }
    return undefined
  }
}
