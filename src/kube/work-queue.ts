import type { Millis } from '../lib/time.ts'

/** Calls `then` after `delay`; returns what cancels it. */
export type Schedule = (delay: Millis, then: () => void) => () => void

const schedule: Schedule = (delay, then) => {
  const timer = setTimeout(then, delay)
  return () => clearTimeout(timer)
}

export interface RetryDelays {
  readonly first: Millis
  readonly last: Millis
}

/**
 * Keys of work to do, as client-go's queue has them: a key waits once however often it is added; nobody works on it twice at a
 * time; added while worked on, it comes again afterwards; a failed one comes again later and later.
 */
export class WorkQueue {
  readonly #waiting = new Set<string>()
  readonly #processing = new Set<string>()
  readonly #again = new Set<string>()
  readonly #failures = new Map<string, number>()
  readonly #delayed = new Map<string, () => void>()
  readonly #takers: ((key: string | undefined) => void)[] = []
  readonly #delays: RetryDelays
  readonly #schedule: Schedule
  #closed = false

  constructor(delays: RetryDelays = { first: 50, last: 30_000 }, scheduleWith: Schedule = schedule) {
    this.#delays = delays
    this.#schedule = scheduleWith
  }

  /** Keys that wait now; those put off or worked on are not among them. */
  get length(): number {
    return this.#waiting.size
  }

  has(key: string): boolean {
    return this.#waiting.has(key) || this.#processing.has(key) || this.#delayed.has(key)
  }

  add(key: string): void {
    if (this.#closed) return
    this.#undelay(key)
    if (this.#processing.has(key)) {
      this.#again.add(key)
      return
    }
    this.#waiting.add(key)
    this.#hand()
  }

  /** Adds it after a delay that doubles with each call since `forget`; no sooner than `atLeast`. */
  addRateLimited(key: string, atLeast: Millis = 0): void {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    this.addAfter(key, Math.max(atLeast, Math.min(this.#delays.last, this.#delays.first * 2 ** failures)))
  }

  /** A key that is put off already keeps its time. */
  addAfter(key: string, delay: Millis): void {
    if (this.#closed || this.#waiting.has(key) || this.#delayed.has(key)) return
    this.#delayed.set(
      key,
      this.#schedule(delay, () => {
        this.#delayed.delete(key)
        this.add(key)
      }),
    )
  }

  /** It succeeded: the next failure is the first. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** The next key, when there is one; undefined: the queue is closed. `done` must follow. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined)
    return new Promise(resolve => {
      this.#takers.push(resolve)
      this.#hand()
    })
  }

  done(key: string): void {
    this.#processing.delete(key)
    if (this.#again.delete(key)) this.add(key)
  }

  /** Drops what waits and ends every `take`. */
  close(): void {
    this.#closed = true
    for (const cancel of this.#delayed.values()) cancel()
    this.#delayed.clear()
    this.#waiting.clear()
    this.#again.clear()
    for (const resolve of this.#takers.splice(0)) resolve(undefined)
  }

  #hand(): void {
    for (const key of this.#waiting) {
      const taker = this.#takers.shift()
      if (!taker) return
      this.#waiting.delete(key)
      this.#processing.add(key)
      taker(key)
    }
  }

  #undelay(key: string): void {
    this.#delayed.get(key)?.()
    this.#delayed.delete(key)
  }
}

/** Works on keys, `concurrency` at a time, until the queue is closed. An exception of `work` is our own mistake: it ends everything. */
export async function runWorkers(
  queue: WorkQueue,
  concurrency: number,
  work: (key: string) => Promise<void>,
): Promise<void> {
  const worker = async () => {
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
      try {
        await work(key)
      } finally {
        queue.done(key)
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}
