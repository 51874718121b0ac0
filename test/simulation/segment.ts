import type { Family, IpAddress } from '../../src/lib/ip-address.ts'
import type { Instant, Millis } from '../../src/lib/time.ts'
import type { Timeline } from './timeline.ts'

export type Frame =
  /** To the group unless `to` says otherwise. */
  | {
      readonly type: 'Advert'
      readonly family: Family
      readonly source: IpAddress
      readonly payload: Uint8Array
      readonly to?: IpAddress
    }
  /** Gratuitous ARP, unsolicited Neighbor Advertisement, or the answer to a probe. */
  | { readonly type: 'Announcement'; readonly address: IpAddress; readonly mac: Uint8Array }
  | { readonly type: 'Probe'; readonly address: IpAddress; readonly asker: Station }

export interface Station {
  readonly name: string
  /** Whether frames pass its network card. */
  readonly isConnected: boolean
  receive(frame: Frame): void
}

/** One wire, on which frames are lost, doubled, late and cut off. */
export class Segment {
  loss = 0
  duplication = 0
  /** The share of frames that others overtake. */
  reordering = 0
  delay: Millis = 0
  /** On top, at random; a sender's frames stay in order. */
  jitter: Millis = 0
  /** `a>b`: b does not hear a; `a>b IPv6`: not what is IPv6. */
  readonly cuts = new Map<string, number>()
  /** When a frame was last lost, or came out of order. */
  troubledAt: Instant = Number.NEGATIVE_INFINITY
  readonly #timeline: Timeline
  readonly #random: () => number
  readonly #stations: Station[] = []
  readonly #lastArrival = new Map<Station, Map<Station, Instant>>()

  constructor(timeline: Timeline, random: () => number) {
    this.#timeline = timeline
    this.#random = random
  }

  connect(station: Station): void {
    this.#stations.push(station)
    this.#lastArrival.set(station, new Map())
  }

  cut(from: string, to: string, by: 1 | -1, only?: Family): void {
    const path = only === undefined ? `${from}>${to}` : `${from}>${to} ${only}`
    const count = (this.cuts.get(path) ?? 0) + by
    if (count > 0) this.cuts.set(path, count)
    else this.cuts.delete(path)
  }

  send(from: Station, frame: Frame): void {
    if (!from.isConnected) return
    for (const to of this.#stations) if (to !== from) this.#carry(from, to, frame)
  }

  /** To one station, as an answer. */
  answer(from: Station, to: Station, frame: Frame): void {
    if (from.isConnected) this.#carry(from, to, frame)
  }

  #carry(from: Station, to: Station, frame: Frame): void {
    if (this.#isLost(from, to, frame)) {
      this.troubledAt = this.#timeline.now
      return
    }
    this.#deliver(from, to, frame)
    if (this.duplication > 0 && this.#random() < this.duplication) this.#deliver(from, to, frame)
  }

  #isLost(from: Station, to: Station, frame: Frame): boolean {
    if (this.cuts.size > 0) {
      const path = `${from.name}>${to.name}`
      const family = frame.type === 'Advert' ? frame.family : frame.address.family
      if (this.cuts.has(path) || this.cuts.has(`${path} ${family}`)) return true
    }
    return this.loss > 0 && this.#random() < this.loss
  }

  #deliver(from: Station, to: Station, frame: Frame): void {
    this.#timeline.at(this.#arrival(from, to), () => {
      if (to.isConnected) to.receive(frame)
    })
  }

  #arrival(from: Station, to: Station): Instant {
    const at = this.#timeline.now + this.delay + (this.jitter > 0 ? this.jitter * this.#random() : 0)
    if (this.reordering > 0 && this.#random() < this.reordering) {
      this.troubledAt = this.#timeline.now
      return at + LATE * this.#random()
    }
    const lasts = this.#lastArrival.get(from)
    const inOrder = Math.max(at, lasts?.get(to) ?? 0)
    lasts?.set(to, inOrder)
    return inOrder
  }
}

/** How late a frame that others overtake is at most. */
export const LATE: Millis = 100
