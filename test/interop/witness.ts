import { type Asking, startAsking } from '../lab/asking.ts'
import { type Daemon, eventually } from '../lab/daemons.ts'
import { readFrames } from '../lab/frames.ts'
import { type LabNode, labTime } from '../lab/lan.ts'
import { ADDRESSES, type Dialect } from './dialects.ts'

const ASKED_EVERY = 20

/** Frames of IP protocol 112, in hexadecimal. */
const VRRP = { IPv4: /^.{24}0800.{18}70/, IPv6: /^.{24}86dd.{12}70/ } as const

/** A host of the LAN, that hears every advert and asks all the time who has the addresses: who is MASTER is what it sees, whatever routers say. */
export class Witness {
  readonly #asking: Asking
  readonly #reading: { close(): void }
  readonly #dialect: Dialect
  /** The frame of the last advert, by its MAC. */
  readonly #lastAdverts: Map<string, string>

  /** Resolves when it has heard something: there must be somebody. */
  static async on(client: LabNode, dialect: Dialect): Promise<Witness> {
    const lastAdverts = new Map<string, string>()
    const reading = readFrames(client, frame => {
      const digits = Buffer.from(frame).toString('hex')
      if (VRRP[dialect.family].test(digits)) lastAdverts.set(macIn(digits), digits)
    })
    const asking = await startAsking(client, ADDRESSES[dialect.family], ASKED_EVERY)
    return new Witness(dialect, asking, reading, lastAdverts)
  }

  private constructor(dialect: Dialect, asking: Asking, reading: { close(): void }, lastAdverts: Map<string, string>) {
    this.#dialect = dialect
    this.#asking = asking
    this.#reading = reading
    this.#lastAdverts = lastAdverts
  }

  /** Whether all adverts of the last two intervals and all answers of the last moments are of this MAC, and there are some. */
  sees(mac: string, address: string = ADDRESSES[this.#dialect.family][0]): boolean {
    const now = labTime()
    const adverts = this.#asking.adverts.filter(({ at, priority }) => priority > 0 && at > now - this.#recently)
    const answers = this.#asking.answers.filter(each => each.address === address && each.at > now - 10 * ASKED_EVERY)
    return [adverts, answers].every(all => all.length > 0 && all.every(each => each.mac === mac))
  }

  async comesToSee(what: string, mac: string, daemons: readonly Daemon[], address?: string): Promise<void> {
    await eventually(`the LAN sees that ${what}`, () => this.sees(mac, address), { daemons })
  }

  /** How many adverts of this MAC with such a priority were heard since. */
  advertsSince(at: number, mac: string, isIt: (priority: number) => boolean): number {
    return this.#asking.adverts.filter(each => each.at >= at && each.mac === mac && isIt(each.priority)).length
  }

  /** ms until this MAC answered for the first address. */
  answeredAfter(at: number, mac: string): number {
    const address = ADDRESSES[this.#dialect.family][0]
    const first = this.#asking.answers.find(each => each.at >= at && each.mac === mac && each.address === address)
    return first ? first.at - at : Number.NaN
  }

  /** In hexadecimal, from the Ethernet header on. */
  lastAdvertOf(mac: string): string {
    return this.#lastAdverts.get(mac) ?? ''
  }

  async close(): Promise<void> {
    this.#reading.close()
    await this.#asking.stop()
  }

  get #recently(): number {
    return Math.max(300, 2.2 * this.#dialect.interval)
  }
}

function macIn(frame: string): string {
  return (frame.slice(12, 24).match(/../g) ?? []).join(':')
}
