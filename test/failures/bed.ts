import { setTimeout as sleep } from 'node:timers/promises'
import { type Asking, startAsking } from '../lab/asking.ts'
import { eventually } from '../lab/daemons.ts'
import { labTime } from '../lab/lan.ts'
import { ADDRESSES, MovingPair } from '../lab/moving-pair.ts'
import { type Pinged, startPings } from '../lab/pings.ts'
import { PACE, timeWithTwo } from './answers.ts'
import type { Peer } from './peer.ts'
import type { Figures, Row } from './row.ts'

/** Between two probes of one kind to one address, in ms; ICMP and UDP, IPv4 and IPv6. */
export const PROBE_EVERY = 5
/** What began on this machine is compiled and has announced. */
const SETTLED = 1000

/** One event's figures, and between which times probes that were lost count as lost by it. */
export interface Outcome {
  readonly figures: Figures
  readonly from: number
  readonly until: number
  /** Ours to name: `lost probes` unless said otherwise. */
  readonly lostAs?: string
}

export type PairEvent = (bed: Bed) => Promise<Outcome>

/** A MASTER and its BACKUP, and an outside observer who asks and probes. */
export class Bed {
  readonly peer: Peer
  readonly pair: MovingPair
  readonly heard: Asking
  readonly #pings: { stop(): Promise<Pinged[]> }

  static async open(peer: Peer, name: string): Promise<Bed> {
    const { kind, interval, preload } = peer
    const pair = await MovingPair.open({ name, kinds: [kind, kind], interval, ...(preload ? { preload } : {}) })
    const heard = await startAsking(pair.observer, ADDRESSES, PACE)
    return new Bed(peer, pair, heard, await startPings(pair.client, ADDRESSES, PROBE_EVERY))
  }

  private constructor(peer: Peer, pair: MovingPair, heard: Asking, pings: { stop(): Promise<Pinged[]> }) {
    this.peer = peer
    this.pair = pair
    this.heard = heard
    this.#pings = pings
  }

  /** Resolves at a random phase of all timers, when the first node has been MASTER for a while. */
  async settled(): Promise<void> {
    await this.pair.isWithFirst()
    await sleep(SETTLED + Math.random() * this.peer.interval)
    await this.pair.isWithFirst()
  }

  /** Waits until the second node has answered for every address since then. */
  async secondAnswers(since: number): Promise<void> {
    const isSo = () => ADDRESSES.every(address => this.answersOf(1, address, since).length > 0)
    await eventually('the second node answers', isSo, { daemons: this.pair.daemons })
  }

  answersOf(index: 0 | 1, address: string, since: number, until = Number.POSITIVE_INFINITY) {
    const mac = this.pair.nodes[index].mac
    return this.heard.answers.filter(
      claim => claim.at >= since && claim.at < until && claim.mac === mac && claim.address === address,
    )
  }

  /** From the first node's last advert before `since`, or between it and the takeover, to the second's first answer; of the slower address. */
  unansweredSince(since: number): number {
    return worst(address => {
      const first = this.#firstAnswer(address, since)
      const family = address.includes(':') ? 'IPv6' : 'IPv4'
      const [{ mac }] = this.pair.nodes
      const advert = this.heard.adverts.findLast(
        each => each.family === family && each.mac === mac && each.priority > 0 && each.at < first,
      )
      return first - (advert?.at ?? Number.NaN)
    })
  }

  /** To the second node's first answer; of the slower address. */
  takenOverAfter(since: number): number {
    return worst(address => this.#firstAnswer(address, since) - since)
  }

  /** To the last answer of a node; 0 where there is none. */
  answeredOn(index: 0 | 1, since: number, until = Number.POSITIVE_INFINITY): number {
    return worst(address => (this.answersOf(index, address, since, until).at(-1)?.at ?? since) - since)
  }

  /** How long both nodes answered for the same address. */
  twoAnswered(since: number, until = Number.POSITIVE_INFINITY): number {
    const answers = this.heard.answers.filter(({ at }) => at >= since && at < until)
    return worst(address => timeWithTwo(answers.filter(claim => claim.address === address)))
  }

  /** How often a node's kernel got an address, or lost one, since then. */
  changed(index: 0 | 1, holds: boolean, since: number): number {
    const { name } = this.pair.nodes[index]
    const all = this.pair
      .changesSince(since)
      .map(({ changes }) => changes.filter(each => each.node === name && each.holds === holds))
    return Math.max(...all.map(changes => changes.length))
  }

  /** How often either kernel got an address or lost one, of that address to which it happened most often. */
  changes(since: number): number {
    return Math.max(...this.pair.changesSince(since).map(({ changes }) => changes.length))
  }

  /** Between two answers of the first node; of the address with the longest. */
  longestGap(since: number, until: number): number {
    return worst(address => {
      const times = this.answersOf(0, address, since, until).map(({ at }) => at)
      return Math.max(...[...times, until].map((at, i) => at - (times[i - 1] ?? since)))
    })
  }

  /** When the last address came to a node's kernel, or went, in ms since then; undefined where it has not. */
  lastChange(index: 0 | 1, holds: boolean, since: number): number | undefined {
    const { name } = this.pair.nodes[index]
    const times = this.pair
      .changesSince(since)
      .map(({ changes }) => changes.findLast(each => each.node === name && each.holds === holds)?.at)
    return times.includes(undefined) ? undefined : Math.max(...times.map(at => (at ?? Number.NaN) - since))
  }

  /** When the first node has announced both addresses since then; undefined where it has not. */
  announcedAfter(since: number): number | undefined {
    const [{ mac }] = this.pair.nodes
    const firsts = ADDRESSES.map(
      address =>
        this.heard.announcements.find(each => each.at >= since && each.mac === mac && each.address === address)?.at,
    )
    return firsts.includes(undefined) ? undefined : Math.max(...firsts.map(at => (at ?? Number.NaN) - since))
  }

  /** What became of the probes. */
  async close(): Promise<Pinged[]> {
    try {
      await this.heard.stop()
      return await this.#pings.stop()
    } finally {
      this.pair.close()
    }
  }

  #firstAnswer(address: string, since: number): number {
    return this.answersOf(1, address, since)[0]?.at ?? Number.NaN
  }
}

function worst(of: (address: string) => number): number {
  return Math.max(...ADDRESSES.map(of))
}

/** Makes an event some times on one bed. */
export function onOneBed(event: PairEvent): Row['run'] {
  return async (peer, times, found) => {
    const bed = await Bed.open(peer, 'fail')
    const outcomes: Outcome[] = []
    try {
      for (let i = 0; i < times; i++) {
        await bed.settled()
        outcomes.push(await event(bed))
      }
      await bed.settled()
    } finally {
      const lost = (await bed.close()).flatMap(stream => stream.lost)
      for (const { figures, from, until, lostAs = LOST } of outcomes) {
        found({ ...figures, [lostAs]: lost.filter(at => at >= from && at < until).length })
      }
    }
  }
}

export const LOST = 'probes lost'

/** A moment in labTime, for those who wait. */
export async function until(time: number): Promise<void> {
  await sleep(Math.max(0, time - labTime()))
}
