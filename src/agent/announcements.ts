import type { Instant, Millis } from '../lib/time.ts'

/**
 * When addresses are announced, in ms from when hosts may first have been misled: who asked for one while its former holder still answered must
 * not keep that answer, and a lost frame must not cost an ARP time-out.
 */
const SEQUENCE: readonly Millis[] = [0, 25, 100, 1000, 5000]
/** New evidence begins a sequence no more often; but each piece of it is answered at once. */
const SEQUENCE_EVERY: Millis = 1000
/** What nothing has told of, such as a segment that was joined again behind a switch, is over within this time. */
const REFRESH_EVERY: Millis = 60_000
/** Addresses a millisecond, and how many at once: announcements of a thousand do not keep adverts waiting. */
const [A_MILLISECOND, AT_ONCE] = [32, 64]
/** Between two addresses that are only refreshed. */
const APART: Millis = 20

interface Announced {
  readonly addresses: number
  /** When its sequence began. */
  begun: Instant
}

/** Which routers' addresses are to be announced, and when. */
export class Announcements {
  readonly #routers = new Map<string, Announced>()
  /** What is due, by its place in the sequence; each in the order in which it is due, for all wait equally long. */
  readonly #due = SEQUENCE.map(() => new Map<string, Instant>())
  readonly #refresh = new Map<string, Instant>()
  #freeAt: Instant = Number.NEGATIVE_INFINITY
  #refreshFreeAt: Instant = 0

  /** Hosts may not know, or know wrongly, where `key`'s addresses are; so many of them. */
  begin(key: string, addresses: number, now: Instant): void {
    const begun = this.#routers.get(key)?.begun
    if (begun === undefined || now - begun >= SEQUENCE_EVERY) {
      this.end(key)
      this.#routers.set(key, { addresses, begun: now })
    }
    if (!this.#due[0]?.has(key)) this.#due[0]?.set(key, now)
  }

  end(key: string): void {
    this.#routers.delete(key)
    for (const queue of [...this.#due, this.#refresh]) queue.delete(key)
  }

  /** When to call `take`. */
  next(): Instant | undefined {
    const first = Math.min(...this.#due.map(firstOf))
    const next = Math.min(Math.max(first, this.#freeAt), Math.max(firstOf(this.#refresh), this.#refreshFreeAt))
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  /** The routers to announce now, no more of them than the pace allows. */
  take(now: Instant): string[] {
    const keys: string[] = []
    while (this.#freeAt <= now) {
      const place = this.#earliest(now)
      const key = place < 0 ? undefined : this.#due[place]?.keys().next().value
      if (key === undefined) break
      this.#freeAt = Math.max(this.#freeAt, now - AT_ONCE / A_MILLISECOND) + this.#sizeOf(key) / A_MILLISECOND
      this.#follow(key, place, now)
      keys.push(key)
    }
    const [key, at = now + 1] = this.#refresh.entries().next().value ?? []
    if (key === undefined || Math.max(at, this.#refreshFreeAt) > now) return keys
    this.#refresh.delete(key)
    this.#refresh.set(key, now + REFRESH_EVERY)
    this.#refreshFreeAt = now + this.#sizeOf(key) * APART
    return [...keys, key]
  }

  /** The place in the sequence of what has been due for longest; -1: nothing is. */
  #earliest(now: Instant): number {
    const firsts = this.#due.map(firstOf)
    const earliest = Math.min(...firsts)
    return earliest <= now ? firsts.indexOf(earliest) : -1
  }

  /** Announced now: when it is again. Each wait counts from now, so a late loop does not make up for what it missed. */
  #follow(key: string, place: number, now: Instant): void {
    this.#due[place]?.delete(key)
    const [here = 0, after] = SEQUENCE.slice(place)
    // A sequence that was under way when evidence came goes on.
    const isUnderWay = place === 0 && this.#due.some(queue => queue.has(key))
    if (isUnderWay) return
    this.#refresh.delete(key)
    if (after === undefined) this.#refresh.set(key, now + REFRESH_EVERY)
    else this.#due[place + 1]?.set(key, now + after - here)
  }

  #sizeOf(key: string): number {
    return this.#routers.get(key)?.addresses ?? 0
  }
}

function firstOf(queue: ReadonlyMap<string, Instant>): Instant {
  return queue.values().next().value ?? Number.POSITIVE_INFINITY
}
