import type { IpAddress } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'
import type { AddressChange } from '../linux/addresses.ts'
import type { Fence } from '../linux/fence.ts'
import { SyscallError } from '../linux/syscall-error.ts'
import type { RouterSet } from '../vrrp/router-set.ts'
import { holdsAddresses } from '../vrrp/virtual-router.ts'
import { keyOfPlace, type Places } from './places.ts'
import type { RunningRouter } from './running-router.ts'

/** How long the fence knows an address that it is not told of again: longer than a dead agent's address stays. */
const KNOWN_FOR: Millis = 15_000
const TELL_EVERY: Millis = 4000
/** The kernel's tick rounds a time-out up, and looks at it late by as much. */
const TICKS: Millis = 10
const SHORTEST: Millis = 20
const BEATS_AN_INTERVAL = 4
/** With so many adverts of a longer interval sent, no Backup waits by the shorter one any more. */
const UNTIL_LONGER = 2

interface HeartbeatParts {
  readonly set: RouterSet
  readonly routers: ReadonlyMap<string, Pick<RunningRouter, 'advertisedAt' | 'outbox'>>
  readonly places: Pick<Places, 'of'>
  /** Called when what a killed predecessor left is gone, and where somebody has removed the fence; undefined: this kernel has none. */
  readonly openFence: () => Fence | undefined
  readonly complain: (sentence: string) => void
}

/** An address behind the fence. */
interface Placed {
  readonly key: string
  readonly address: IpAddress
  readonly fenceClass: string
}

/**
 * Keeps the kernel answering for held addresses for as long as this loop advertises, and not longer: a MASTER that stops, wherever it stops,
 * is silent before a Backup may take over. A class is the routers of one link, family and interval I; it is alive for T < I, and renewed
 * four times an interval if none of its Active Routers' adverts is overdue (D ≤ I). The kernel refuses a renewal that comes too late, so silence comes
 * D + 2T ≤ 3I after the last advert: docs/decisions/0009.
 */
export class Heartbeat {
  readonly #parts: HeartbeatParts
  #fence: Fence | undefined
  #isOpen = false
  /** By link and text. */
  readonly #placed = new Map<string, Placed>()
  /** Of routers that have something behind the fence; `longer`: adverts of a longer interval than that of the class. */
  readonly #members = new Map<string, { readonly fenceClass: string; longer: number }>()
  /** Until when, should they not be renewed before. */
  readonly #alive = new Map<string, Instant>()
  #nextBeat: Instant = Number.POSITIVE_INFINITY
  #tellAt: Instant = Number.POSITIVE_INFINITY
  /** How often a class was no longer alive when it was to be renewed. */
  lapses = 0

  constructor(parts: HeartbeatParts) {
    this.#parts = parts
  }

  /** Whether there is a fence. */
  get isFenced(): boolean {
    return this.#fence !== undefined
  }

  /** When to call `beat`. */
  next(): Instant | undefined {
    const next = Math.min(this.#nextBeat, this.#tellAt)
    return !this.#fence || next === Number.POSITIVE_INFINITY ? undefined : next
  }

  /** What a killed predecessor left is gone. */
  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#fence = this.#parts.openFence()
  }

  /** To be called before the changes are made: nothing is held that is not behind the fence. */
  before(changes: readonly AddressChange[], at: Instant): void {
    const holders = this.#holders()
    const placed: Placed[] = []
    for (const change of changes) {
      const key = change.action === 'hold' ? holders.get(keyOfPlace(change)) : undefined
      const fenceClass = key === undefined ? undefined : this.#join(key)
      if (key === undefined || fenceClass === undefined) continue
      const place = { key, fenceClass, address: change.prefix.address }
      this.#placed.set(keyOfPlace(change), place)
      placed.push(place)
    }
    this.#put(placed)
    if (placed.length > 0) this.#tellAt = Math.min(this.#tellAt, at + TELL_EVERY)
  }

  /** To be called with the changes after which an address is not held by us. */
  after(changes: readonly AddressChange[]): void {
    const gone = changes.flatMap(change => this.#placed.get(keyOfPlace(change)) ?? [])
    for (const change of changes) this.#placed.delete(keyOfPlace(change))
    this.#remove(gone)
    const staying = new Set(Array.from(this.#placed.values(), ({ key }) => key))
    for (const { key } of gone) if (!staying.has(key)) this.#members.delete(key)
    this.#endUnused()
  }

  /** The addresses that were put behind the fence are there: their classes live, also those that had ceased to. */
  begin(at: Instant): void {
    if (!this.#fence) return
    for (const { fenceClass } of this.#placed.values()) {
      if (this.#alive.has(fenceClass)) continue
      this.#alive.set(fenceClass, at + lifetimeOf(fenceClass))
      this.#nextBeat = Math.min(this.#nextBeat, at + periodOf(fenceClass))
      const error = this.#fence.begin(fenceClass, lifetimeOf(fenceClass))
      if (error?.errno === 'ENOENT') this.#rebuild(at)
      else this.#check(error)
    }
  }

  /** An advert is about to be sent: from now on Backups may wait by a shorter interval. */
  advertising(key: string, at: Instant): void {
    const member = this.#members.get(key)
    const wanted = member && this.#classOf(key)
    if (!wanted || wanted === member.fenceClass || intervalOf(wanted) > intervalOf(member.fenceClass)) return
    this.#move(key, wanted, at)
  }

  /** An advert was sent. */
  advertised(key: string, at: Instant): void {
    const member = this.#members.get(key)
    const wanted = member && this.#classOf(key)
    if (!wanted || wanted === member.fenceClass || ++member.longer < UNTIL_LONGER) return
    this.#move(key, wanted, at)
  }

  /** Renews what may be renewed. The classes that had ceased to be alive are given back, and stay so. */
  beat(at: Instant): string[] {
    if (!this.#fence || at < Math.min(this.#nextBeat, this.#tellAt)) return []
    if (this.#tellAt <= at) this.#tell(at)
    if (this.#nextBeat > at) return []
    const overdue = this.#overdue(at)
    const lapsed = this.#renewAlive(
      [...this.#alive.keys()].filter(fenceClass => !overdue.has(fenceClass)),
      at,
    )
    for (const fenceClass of lapsed) this.#alive.delete(fenceClass)
    this.lapses += lapsed.length
    this.#nextBeat = at + Math.min(...[...this.#alive.keys()].map(periodOf), Number.POSITIVE_INFINITY)
    return lapsed
  }

  /** The routers of these classes. */
  routersOf(classes: readonly string[]): string[] {
    return [...this.#members].filter(([, { fenceClass }]) => classes.includes(fenceClass)).map(([key]) => key)
  }

  close(): void {
    this.#check(this.#fence?.destroy())
    this.#fence?.close()
    this.#fence = undefined
  }

  /** What is refused makes the kernel wait for all its processors, on a busy machine for tens of milliseconds: it is not asked for what is known. */
  #renewAlive(classes: readonly string[], at: Instant): string[] {
    const isLate = (fenceClass: string) => (this.#alive.get(fenceClass) ?? at) + TICKS < at
    const [late, due] = [classes.filter(isLate), classes.filter(fenceClass => !isLate(fenceClass))]
    const lapsed = [...late, ...this.#renew(due)]
    for (const fenceClass of due) this.#alive.set(fenceClass, at + lifetimeOf(fenceClass))
    return lapsed
  }

  #renew(classes: readonly string[]): string[] {
    if (classes.length === 0) return []
    const result = this.#fence?.renew(new Map(classes.map(fenceClass => [fenceClass, lifetimeOf(fenceClass)])))
    if (result instanceof SyscallError) this.#check(result)
    if (result !== false) return []
    return classes.length === 1 ? [...classes] : classes.flatMap(fenceClass => this.#renew([fenceClass]))
  }

  /** Classes with a router whose advert should have been sent and was not. */
  #overdue(at: Instant): Set<string> {
    const overdue = new Set<string>()
    for (const [key, { fenceClass }] of this.#members) {
      const router = this.#parts.set.get(key)
      if (router?.state.name !== 'Active') continue
      const { advertisedAt = 0, outbox = [] } = this.#parts.routers.get(key) ?? {}
      const { since } = router.state
      // Nobody waits for who has just become Active, and waits for its addresses.
      if (advertisedAt < since && outbox.length > 0) continue
      if (at - Math.max(advertisedAt, since) > intervalOf(fenceClass)) overdue.add(fenceClass)
    }
    return overdue
  }

  /** The fence is told of every address again, else it forgets them. */
  #tell(at: Instant): void {
    this.#put([...this.#placed.values()])
    this.#tellAt = this.#placed.size > 0 ? at + TELL_EVERY : Number.POSITIVE_INFINITY
  }

  /** Somebody has flushed this node's nftables. */
  #rebuild(at: Instant): void {
    this.#parts.complain('Somebody has removed the fence from nftables: it is made anew')
    this.#fence?.close()
    this.#fence = this.#parts.openFence()
    this.#tell(at)
    // What should have ceased to be alive meanwhile goes through evidence first, as any lapse.
    for (const [fenceClass, until] of this.#alive) {
      if (until >= at) this.#check(this.#fence?.begin(fenceClass, lifetimeOf(fenceClass)))
    }
  }

  /** Behind both for a moment, so never behind none. */
  #move(key: string, fenceClass: string, at: Instant): void {
    const moving = [...this.#placed].filter(([, placed]) => placed.key === key)
    const moved = moving.map(([place, { address }]): [string, Placed] => [place, { key, address, fenceClass }])
    this.#members.set(key, { fenceClass, longer: 0 })
    this.#put(moved.map(([, placed]) => placed))
    for (const [place, placed] of moved) this.#placed.set(place, placed)
    this.begin(at)
    this.#remove(moving.map(([, placed]) => placed))
    this.#endUnused()
  }

  #join(key: string): string | undefined {
    const known = this.#members.get(key)?.fenceClass
    if (known !== undefined) return known
    const fenceClass = this.#classOf(key)
    if (fenceClass !== undefined) this.#members.set(key, { fenceClass, longer: 0 })
    return fenceClass
  }

  #put(placed: readonly Placed[]): void {
    for (const [fenceClass, addresses] of byClass(placed))
      this.#check(this.#fence?.put(fenceClass, addresses, KNOWN_FOR))
  }

  /** An address that passes from one link to another is behind the fence once for both. */
  #remove(placed: readonly Placed[]): void {
    if (placed.length === 0) return
    const staying = new Set(Array.from(this.#placed.values(), elementOf))
    const gone = placed.filter(each => !staying.has(elementOf(each)))
    for (const [fenceClass, addresses] of byClass(gone)) this.#check(this.#fence?.remove(fenceClass, addresses))
  }

  #endUnused(): void {
    const used = new Set(Array.from(this.#placed.values(), ({ fenceClass }) => fenceClass))
    for (const fenceClass of [...this.#alive.keys()]) {
      if (used.has(fenceClass)) continue
      this.#alive.delete(fenceClass)
      this.#check(this.#fence?.end(fenceClass))
    }
  }

  /** Who holds what, by link and text. */
  #holders(): Map<string, string> {
    const holders = new Map<string, string>()
    for (const key of this.#parts.routers.keys()) {
      const router = this.#parts.set.get(key)
      if (!router || !holdsAddresses(router.state)) continue
      for (const place of this.#parts.places.of(key)) holders.set(keyOfPlace(place), key)
    }
    return holders
  }

  #classOf(key: string): string | undefined {
    const router = this.#parts.set.get(key)
    return router && `${router.link}-${router.config.family}-${router.config.advertisementInterval}`
  }

  #check(error: SyscallError | undefined): void {
    if (error) this.#parts.complain(error.message)
  }
}

function elementOf({ fenceClass, address }: Placed): string {
  return `${fenceClass} ${address.text}`
}

function byClass(placed: readonly Placed[]): [string, IpAddress[]][] {
  const classes = Map.groupBy(placed, ({ fenceClass }) => fenceClass)
  return Array.from(classes, ([fenceClass, each]) => [fenceClass, each.map(({ address }) => address)])
}

/** Of a class: the interval is in its name. */
function intervalOf(fenceClass: string): Millis {
  return Number(fenceClass.slice(fenceClass.lastIndexOf('-') + 1))
}

function lifetimeOf(fenceClass: string): Millis {
  return Math.max(SHORTEST, intervalOf(fenceClass) - TICKS)
}

function periodOf(fenceClass: string): Millis {
  return Math.max(SHORTEST / BEATS_AN_INTERVAL, intervalOf(fenceClass) / BEATS_AN_INTERVAL)
}
