import type { IpAddress } from '../lib/ip-address.ts'
import { formatDuration, type Millis } from '../lib/time.ts'
import { elapsed, isAfter, sequenceAt } from './sequence.ts'

/** More senders than a virtual router can have; of more, who was heard least recently has only the time window to protect it. */
const MOST_SENDERS = 64

/** Why an advert is not believed though somebody who knows the key has signed it. */
export interface ReplayError {
  readonly reason: 'HMACStale' | 'HMACReplayed'
  readonly detail: string
}

/** To whom an advert was sent: a virtual router that changes over from one to the other sends it both ways. */
export type Way = 'Unicast' | 'Multicast'

/**
 * Adverts of one virtual router are believed once, in their order and in time (draft-cassen-vrrp-auth-hmac): of each sender the highest sequence is
 * kept, and of each way it comes. It is not kept for the next process: what was heard before is stale after `timeWindow`.
 */
export class ReplayGuard {
  /** By source, the one heard least recently first. */
  readonly #highest = new Map<string, { readonly of: bigint; readonly by: Partial<Record<Way, bigint>> }>()

  /** Whether a sequence is too far from this node's clock (`wallClock`: ms since 1970); that is cheap, and asked before the HMAC is computed. */
  static stale(sequence: bigint, wallClock: Millis, timeWindow: Millis): ReplayError | undefined {
    const ahead = elapsed(sequence, sequenceAt(wallClock))
    if (Math.abs(ahead) <= timeWindow) return undefined
    const detail = `its time is ${roughly(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} this node's clock, at most ${formatDuration(timeWindow)} is allowed`
    return { reason: 'HMACStale', detail }
  }

  /**
   * Takes the sequence of an advert whose HMAC is right and that is not stale, or gives why it is not believed. 'Copy': that or a later one was
   * taken, and came the other way.
   */
  take(
    source: IpAddress,
    way: Way,
    sequence: bigint,
    wallClock: Millis,
    timeWindow: Millis,
  ): ReplayError | 'Copy' | undefined {
    const isLater = (highest: bigint | undefined) =>
      highest === undefined || isAfter(sequence, highest) || isVoid(highest, wallClock, timeWindow)
    const had = this.#highest.get(source.text)
    if (!isLater(had?.by[way])) {
      return { reason: 'HMACReplayed', detail: 'it was sent before, or came after a later one' }
    }
    const by = { ...had?.by, [way]: sequence }
    if (had && !isLater(had.of)) {
      this.#highest.set(source.text, { of: had.of, by })
      return 'Copy'
    }
    this.#highest.delete(source.text)
    this.#highest.set(source.text, { of: sequence, by })
    const [oldest] = this.#highest.keys()
    if (this.#highest.size > MOST_SENDERS && oldest !== undefined) this.#highest.delete(oldest)
    return undefined
  }
}

/** In few words, that differ little from advert to advert: each is a line of the log. */
function roughly(length: Millis): string {
  const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
  if (length < minute) return `${Math.floor(length / 1000)}s`
  if (length < hour) return `${Math.floor(length / minute)}m`
  return length < day ? `${Math.floor(length / hour)}h` : 'more than a day'
}

/** This node's clock was set back: nothing timely could be after that, and everybody would be refused until the clock is there again. */
function isVoid(highest: bigint, wallClock: Millis, timeWindow: Millis): boolean {
  return elapsed(highest, sequenceAt(wallClock)) > timeWindow
}
