import { formatPrefix, type IpAddress, type Prefix, parsePrefix } from '../../src/lib/ip-address.ts'
import type { Instant, Millis } from '../../src/lib/time.ts'
import type { Link, LinkAddress } from '../../src/linux/links.ts'
import type { Frame, Segment, Station } from './segment.ts'
import type { Timeline } from './timeline.ts'

export const LINK = 2
export const LINK_NAME = 'eth0'
/** IFA_PROTO of what the simulated agents hold. */
export const MARK = 200

interface Held {
  readonly prefix: Prefix
  readonly protocol: number | undefined
  /** By this machine's clock; then, maybe some time later, it goes away. */
  validUntil: Instant
}

/** What nf_tables has of one agent. */
export interface FenceTable {
  /** By class, then by address: when it is forgotten. */
  readonly held: Map<string, Map<string, Instant>>
  /** By class: until when it is alive. */
  readonly alive: Map<string, Instant>
}

/** Who is told what arrives and what changes: the sockets of the process that runs. */
export interface Listener {
  advert(frame: Extract<Frame, { type: 'Advert' }>): void
  announced(address: IpAddress, mac: Uint8Array): void
  linksChanged(): void
}

export interface KernelOptions {
  readonly index: number
  /** How much later than asked a fence's element times out. */
  readonly tick: Millis
  /** How much later than its lifetime an address goes away, at most. */
  readonly deferral: Millis
  readonly random: () => number
  /** Whether it answers may have changed. */
  readonly changed: () => void
}

/** One machine's kernel, as far as an agent sees it: a link, addresses with lifetimes, a fence, and what is answered. It outlives the agent. */
export class Kernel implements Station {
  readonly name: string
  readonly mac: Uint8Array
  readonly own: IpAddress
  up = true
  carrier = true
  isOff = false
  listener: Listener | undefined
  table: FenceTable | undefined
  /** What the wall clock is set wrong by. */
  wallClockOff: Millis = 0
  /** How long it was suspended in all. */
  asleep: Millis = 0
  readonly addresses = new Map<string, Held>()
  readonly #timeline: Timeline
  readonly #segment: Segment
  readonly #options: KernelOptions
  #suspendedAt: Instant | undefined
  #atResume: (() => void)[] = []

  constructor(timeline: Timeline, segment: Segment, options: KernelOptions) {
    this.#timeline = timeline
    this.#segment = segment
    this.#options = options
    const { index } = options
    this.name = `node${index}`
    this.mac = Uint8Array.of(2, 0, 0, 0, 0, index)
    const [own] = this.boot()
    this.own = own.prefix.address
    segment.connect(this)
  }

  /** CLOCK_MONOTONIC */
  now(): Instant {
    return (this.#suspendedAt ?? this.#timeline.now) - this.asleep
  }

  /** Milliseconds since 1970, as somebody has set it. */
  wallClock(): Instant {
    return EPOCH + this.#timeline.now + this.wallClockOff
  }

  get isSuspended(): boolean {
    return this.#suspendedAt !== undefined
  }

  get isConnected(): boolean {
    return this.up && this.carrier && !this.isOff && !this.isSuspended
  }

  /** Nothing is left but what the machine itself has. */
  boot(): readonly [Held, Held] {
    this.addresses.clear()
    this.table = undefined
    const own = foreign(`10.0.0.${this.#options.index}/24`)
    // Somebody's, that no agent may touch.
    const other = foreign(`10.0.0.${200 + this.#options.index}/24`)
    for (const each of [own, other, this.#linkLocal()]) this.#put(each)
    return [own, other]
  }

  /** Without it nothing is sent in IPv6. */
  setLinkLocal(isThere: boolean): void {
    const held = this.#linkLocal()
    if (!isThere) this.remove(held.prefix.address.text)
    else if (!this.addresses.has(held.prefix.address.text)) {
      this.#put(held)
      this.#told()
    }
  }

  #linkLocal(): Held {
    return foreign(`fe80::${this.#options.index}/64`)
  }

  link(): Link {
    return {
      index: LINK,
      name: LINK_NAME,
      mac: this.mac,
      mtu: 1500,
      up: this.up,
      carrier: this.up && this.carrier,
      loopback: false,
      noArp: false,
      addresses: Array.from(this.addresses.values(), ({ prefix, protocol }): LinkAddress => {
        return { prefix, protocol, scope: 0, flags: 0 }
      }),
    }
  }

  setLink(up: boolean, carrier: boolean): void {
    this.up = up
    this.carrier = carrier
    this.#told()
  }

  off(): void {
    this.isOff = true
    this.listener = undefined
    this.boot()
    this.#options.changed()
  }

  suspend(): void {
    this.#suspendedAt ??= this.#timeline.now
    this.#options.changed()
  }

  resume(): void {
    if (this.#suspendedAt === undefined) return
    this.asleep += this.#timeline.now - this.#suspendedAt
    this.#suspendedAt = undefined
    const waiting = this.#atResume
    this.#atResume = []
    for (const work of waiting) work()
    this.#options.changed()
  }

  // ---- addresses

  /** Undefined where it is there already. */
  add(prefix: Prefix, protocol: number | undefined, lifetime: Millis): boolean {
    if (this.addresses.has(prefix.address.text)) return false
    const held = { prefix, protocol, validUntil: this.now() + lifetime }
    this.#put(held)
    if (lifetime !== FOR_EVER) this.#expire(held)
    this.#told()
    return true
  }

  remove(text: string): boolean {
    const isGone = this.addresses.delete(text)
    if (isGone) this.#told()
    return isGone
  }

  #put(held: Held): void {
    this.addresses.set(held.prefix.address.text, held)
  }

  #expire(held: Held): void {
    const { text } = held.prefix.address
    const late = this.#options.deferral * this.#options.random()
    this.whenOver(
      () => (this.addresses.get(text) === held ? held.validUntil + late : Number.NEGATIVE_INFINITY),
      () => {
        if (this.addresses.get(text) === held) this.remove(text)
      },
    )
  }

  #told(): void {
    this.listener?.linksChanged()
    this.#options.changed()
  }

  // ---- the fence

  /** From now on the class is alive for `lifetime`; how the kernel rounds is in it. */
  live(table: FenceTable, fenceClass: string, lifetime: Millis): Instant {
    const wasAlive = isAfter(table.alive.get(fenceClass), this.now())
    const until = this.now() + lifetime + this.#options.tick
    table.alive.set(fenceClass, until)
    if (wasAlive) return until
    const isThis = () => this.table === table
    this.whenOver(
      () => (isThis() ? (table.alive.get(fenceClass) ?? Number.NEGATIVE_INFINITY) : Number.NEGATIVE_INFINITY),
      () => this.#options.changed(),
    )
    this.#options.changed()
    return until
  }

  fenceChanged(): void {
    this.#options.changed()
  }

  // ---- what others see

  /** Whether ARP, Neighbor Discovery and IP for this address are answered now. */
  answers(text: string): boolean {
    return this.isConnected && this.addresses.has(text) && !this.#isFencedOff(text)
  }

  #isFencedOff(text: string): boolean {
    if (!this.table) return false
    const now = this.now()
    for (const [fenceClass, addresses] of this.table.held) {
      if (isAfter(addresses.get(text), now) && !isAfter(this.table.alive.get(fenceClass), now)) return true
    }
    return false
  }

  send(frame: Frame): void {
    this.#segment.send(this, frame)
  }

  receive(frame: Frame): void {
    switch (frame.type) {
      case 'Advert':
        this.listener?.advert(frame)
        return
      case 'Announcement':
        this.listener?.announced(frame.address, frame.mac)
        return
      case 'Probe': {
        const { address, asker } = frame
        if (!this.answers(address.text)) return
        this.#segment.answer(this, asker, { type: 'Announcement', address, mac: this.mac })
        return
      }
    }
  }

  /** Calls `over` once `until`, by this machine's clock and however often it moves, has passed. */
  whenOver(until: () => Instant, over: () => void): void {
    if (this.isSuspended) {
      this.#atResume.push(() => this.whenOver(until, over))
      return
    }
    const at = Math.max(until() + this.asleep, this.#timeline.now)
    this.#timeline.at(at, () => {
      if (!this.isSuspended && this.now() + EPSILON >= until()) over()
      else this.whenOver(until, over)
    })
  }
}

/** When the world begins. */
export const EPOCH = Date.UTC(2026, 0, 1)
export const FOR_EVER = Number.POSITIVE_INFINITY
/** What sums of fractions may be off by. */
const EPSILON = 1e-6

function foreign(text: string): Held {
  const prefix = parsePrefix(text)
  if (!prefix) throw new RangeError(`${text} is no prefix`)
  return { prefix, protocol: undefined, validUntil: FOR_EVER }
}

function isAfter(instant: Instant | undefined, now: Instant): boolean {
  return instant !== undefined && instant > now + EPSILON
}

export function describe(kernel: Kernel): string {
  return [...kernel.addresses.values()]
    .filter(({ protocol }) => protocol === MARK)
    .map(({ prefix }) => formatPrefix(prefix))
    .join(' ')
}
