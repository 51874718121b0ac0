import type { Instant, Millis } from '../lib/time.ts'

/** How long packets wait at most while they come thick. */
export const PACE: Millis = 5

/**
 * When to read a socket, as network drivers moderate interrupts. A packet that comes alone is read at once. Where the next follows within
 * `PACE`, the socket is no longer polled but read at that pace, many packets at a time, until one time there is none. Deadlines are
 * believed only after reading, so no advert is missed; it counts from when it is read.
 */
export class ReadingPace {
  #lastRead: Instant = Number.NEGATIVE_INFINITY
  #sinceTick = 0

  /** The socket is readable: whether to read it now; if not, read it every `PACE` from now on. */
  readsNow(now: Instant): boolean {
    this.#sinceTick = 1
    return now - this.#lastRead >= PACE
  }

  /** The socket was read, and that many packets waited. */
  read(now: Instant, packets: number): void {
    if (packets === 0) return
    this.#lastRead = now
    this.#sinceTick += packets
  }

  /** It was read because `PACE` is over: whether to go on so; if not, poll it. */
  goesOn(): boolean {
    const some = this.#sinceTick > 0
    this.#sinceTick = 0
    return some
  }
}
