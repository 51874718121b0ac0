import type { Instant, Millis } from '../lib/time.ts'

/**
 * When a new holder's addresses are announced again, in ms after the first time: who asked for one while its former holder still answered must
 * not keep that answer, and a lost frame must not cost an ARP time-out.
 */
const REPEATS: readonly Millis[] = [25, 100, 1000, 5000]

/** Which routers' addresses are to be announced again, and when. */
export class Announcements {
  readonly #due = new Map<string, Instant[]>()

  /** `key`'s addresses were just announced for the first time. */
  begin(key: string, now: Instant): void {
    this.#due.set(
      key,
      REPEATS.map(after => now + after),
    )
  }

  end(key: string): void {
    this.#due.delete(key)
  }

  next(): Instant | undefined {
    let earliest: Instant | undefined
    for (const [first] of this.#due.values()) {
      if (first !== undefined && (earliest === undefined || first < earliest)) earliest = first
    }
    return earliest
  }

  /** The routers to announce now; each is taken off once. */
  take(now: Instant): string[] {
    const keys: string[] = []
    for (const [key, instants] of this.#due) {
      if ((instants[0] ?? Number.POSITIVE_INFINITY) > now) continue
      const later = instants.filter(instant => instant > now)
      if (later.length > 0) this.#due.set(key, later)
      else this.#due.delete(key)
      keys.push(key)
    }
    return keys
  }
}
