import type { Instant, Millis } from '../lib/time.ts'

/** How long packets wait at most while they come thick. */
const PACE: Millis = 4

/**
 * When to read the sockets, as network drivers moderate interrupts. A packet that comes alone is read at once. Where the next follows within
 * `PACE`, the sockets are no longer polled but read at that pace, many packets a wake-up, until one finds nothing. Deadlines are
 * believed only after reading, so none is missed; an advert counts from when it is read.
 */
export class ReadingPace {
  #lastRead: Instant = Number.NEGATIVE_INFINITY
  #next: Instant | undefined
  #sinceThen = 0

  /** When to read while the sockets are not polled. */
  get next(): Instant | undefined {
    return this.#next
  }

  /** A socket is readable: whether to read it now; if not, poll none until `read` says so. */
  readsNow(now: Instant): boolean {
    if (now - this.#lastRead >= PACE) return true
    this.#next ??= this.#lastRead + PACE
    return false
  }

  /** All sockets were read, and that many packets waited: whether to poll them again from now on. */
  read(now: Instant, packets: number): boolean {
    if (packets > 0) this.#lastRead = now
    this.#sinceThen += packets
    if (this.#next === undefined || now < this.#next) return false
    const quiet = this.#sinceThen === 0
    this.#next = quiet ? undefined : now + PACE
    this.#sinceThen = 0
    return quiet
  }
}
