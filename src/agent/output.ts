import type { Prefix } from '../lib/ip-address.ts'
import type { Instant } from '../lib/time.ts'
import type { DesiredAddress } from '../linux/address-changes.ts'
import type { AddressChange, Addresses, Place } from '../linux/addresses.ts'
import type { FrameSocket } from '../linux/frame-socket.ts'
import type { LinkTable } from '../linux/links.ts'
import type { Ownership } from '../linux/ownership.ts'
import { SyscallError } from '../linux/syscall-error.ts'
import type { readSysctl } from '../linux/sysctl.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { RouterSet } from '../vrrp/router-set.ts'
import { holdsAddresses, type Message, type RouterState, type VirtualRouterConfig } from '../vrrp/virtual-router.ts'
import { Announcements } from './announcements.ts'
import type { Fault } from './desired-routers.ts'
import type { Heartbeat } from './heartbeat.ts'
import { HeldAddresses } from './held-addresses.ts'
import type { MachineClock } from './machine-clock.ts'
import { keyOfPlace, type Places } from './places.ts'
import { type RunningRouter, sendRefused } from './running-router.ts'
import type { Sockets } from './sockets.ts'
import { type AdvertisementCopy, announce, sendCopies } from './transmit.ts'

interface OutputParts {
  readonly clock: MachineClock
  readonly links: LinkTable
  readonly addresses: Addresses
  readonly ownership: Ownership
  readonly frames: FrameSocket
  readonly readSysctl: typeof readSysctl
  readonly logger: Logger
  readonly set: RouterSet
  readonly routers: ReadonlyMap<string, RunningRouter>
  readonly places: Places
  readonly sockets: Sockets
  readonly heartbeat: Heartbeat
  /** The kernel refuses what this router needs. */
  readonly refuse: (key: string, router: RunningRouter, fault: Fault) => void
  /** To be called before anything is said or answered for that was decided some time ago. */
  readonly noticeSleep: () => void
  /** To be called before each advert and announcement: a router that stood still since it decided on it may be Active no longer. */
  readonly noticeStandstill: (at: Instant) => void
  /** What went wrong and stops nothing. */
  readonly complain: (router: RunningRouter | undefined, sentence: string) => void
  /** A batch of addresses is done: what was waiting for it is out. */
  readonly done: () => void
}

/** A last advert of a router that is no longer here, sent when its addresses are gone. */
interface Farewell {
  readonly link: number
  readonly config: VirtualRouterConfig
  readonly copies: readonly AdvertisementCopy[]
}

/** What comes out of steps: the addresses that must be held, and the messages that rest on them. Addresses first, then messages. */
export class Output {
  readonly #parts: OutputParts
  readonly #held: HeldAddresses
  readonly #announcements = new Announcements()
  /** Whose addresses must be others than when the batch under way began: what it says waits for the next. */
  readonly #waiting = new Set<string>()
  /** Of routers that left before the batch under way began, and since. */
  #farewells: Farewell[] = []
  #laterFarewells: Farewell[] = []

  constructor(parts: OutputParts) {
    this.#parts = parts
    this.#held = new HeldAddresses({
      ...parts,
      desired: () => this.desiredAddresses(),
      before: changes => parts.heartbeat.before(changes, parts.clock.now()),
      notYet: () => this.#waitingForSource(),
      begun: () => this.#begun(),
      notHeld: changes => parts.heartbeat.after(changes),
      held: changes => this.#addressesHeld(changes),
      done: rest => this.#addressesTrue(rest),
    })
  }

  /** The outputs of one step of a router that was in state `before`. */
  take(
    key: string,
    router: RunningRouter,
    before: RouterState,
    after: RouterState,
    messages: readonly Message[],
  ): void {
    // What an Active Router had still to say is not to be said any more.
    if ((before.name === 'Active') !== (after.name === 'Active')) {
      router.takeOutbox()
      this.#announcements.end(key)
    }
    if (holdsAddresses(before) !== holdsAddresses(after)) this.expect(key)
    if (messages.length === 0) return
    if (this.#waiting.has(key) || router.outbox.length > 0) router.keepForLater(messages)
    else this.#send(key, router, messages)
  }

  /** The addresses that should be there for this router are not what they were. */
  expect(key: string): void {
    this.#waiting.add(key)
    this.#held.expect()
  }

  /** The addresses that are there are not what they were. */
  look(): void {
    this.#held.look()
  }

  /** Whether all addresses are as they should be, and what rests on them is said. */
  get isTrue(): boolean {
    return this.#held.isTrue
  }

  /** Hosts may know wrongly where this router's addresses are, or not at all. */
  announce(key: string): void {
    const running = this.#parts.set.get(key)
    if (running?.state.name !== 'Active') return
    this.#announcements.begin(key, this.#parts.places.of(key).length, this.#parts.clock.now())
    this.#announceDue(this.#parts.clock.now())
  }

  /**
   * As `announce`, whoever is Active there. Who deletes an address while it is renewed does not see it gone: the kernel adds what is renewed.
   */
  announceAt(places: readonly Pick<AddressChange, 'linkIndex' | 'prefix'>[]): void {
    if (places.length === 0) return
    const active = this.#activeByPlace()
    for (const key of new Set(places.flatMap(place => active.get(keyOfPlace(place)) ?? []))) this.announce(key)
  }

  work(): void {
    this.#held.work()
  }

  async idle(): Promise<void> {
    await this.#held.idle()
  }

  /** When to call `doDue`. */
  next(): Instant | undefined {
    return earlier(this.#announcements.next(), this.#held.next())
  }

  doDue(at: Instant): void {
    this.#announceDue(at)
    this.#held.renewDue(at)
  }

  /** What is held is answered for, unless something has to be released first: then after that. */
  answer(): void {
    if (this.#held.isTrue) this.#parts.heartbeat.begin(this.#parts.clock.now())
  }

  /** A router that has stopped is forgotten; its Priority 0 is said when its addresses are gone. */
  leave(key: string): void {
    const { set, routers } = this.#parts
    const running = set.get(key)
    const router = routers.get(key)
    for (const message of router?.takeOutbox() ?? []) {
      if (message.type !== 'Advertise' || !running || !router) continue
      const copies = router.advertisement(running.config, message.priority)
      this.#laterFarewells.push({ link: running.link, config: running.config, copies })
      this.#held.expect()
    }
    this.#announcements.end(key)
  }

  desiredAddresses(): DesiredAddress[] {
    const { set, routers, places } = this.#parts
    return Array.from(routers.keys()).flatMap(key => {
      const running = set.get(key)
      return running && holdsAddresses(running.state) ? places.of(key) : []
    })
  }

  #send(key: string, router: RunningRouter, messages: readonly Message[]): void {
    for (const message of messages) {
      switch (message.type) {
        case 'Advertise':
          this.#advertise(key, router, message.priority)
          break
        case 'Announce':
          this.announce(key)
          break
      }
    }
  }

  #advertise(key: string, router: RunningRouter, priority: number): void {
    const running = this.#parts.set.get(key)
    const socket = running && this.#parts.sockets.get(running.link, running.config)
    if (!running || !socket) return
    try {
      const at = this.#parts.clock.now()
      const { name } = running.state
      this.#parts.noticeStandstill(at)
      if (running.state.name !== name) return
      if (name === 'Active' && this.#held.mayBeGone(at)) {
        router.keepForLater([{ type: 'Advertise', priority }, { type: 'Announce' }])
        this.#held.doubt(at)
        this.expect(key)
        return
      }
      this.#parts.heartbeat.advertising(key, at)
      const failed = sendCopies(socket, router.advertisement(running.config, priority))
      for (const { message } of failed) this.#parts.complain(router, message)
      if (priority > 0) {
        router.advertisedAt = at
        this.#parts.heartbeat.advertised(key, at)
      }
      router.counters.sent(priority)
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      if (error.errno === 'EPERM') this.#parts.refuse(key, router, sendRefused(error, router))
      else this.#parts.complain(router, error.message)
    }
  }

  #announceDue(at: Instant): void {
    for (const key of this.#announcements.take(at)) this.#announce(key)
  }

  #announce(key: string): void {
    const { set, places } = this.#parts
    const running = set.get(key)
    this.#parts.noticeStandstill(this.#parts.clock.now())
    // Who only answers until a successor has announced does not announce against it.
    if (running?.state.name !== 'Active') return
    try {
      const byLink = Map.groupBy(places.of(key), ({ linkIndex }) => linkIndex)
      for (const [index, here] of byLink) this.#announceOn(index, here)
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      this.#parts.complain(this.#parts.routers.get(key), error.message)
    }
  }

  #announceOn(linkIndex: number, places: readonly Place[]): void {
    const { links, frames, readSysctl } = this.#parts
    const link = links.links.get(linkIndex)
    if (!link) return
    const hasIPv6 = places.some(({ prefix }) => prefix.address.family === 'IPv6')
    const isRouter = hasIPv6 && readSysctl(`net/ipv6/conf/${link.name}/forwarding`) === '1'
    for (const { prefix } of places) announce(frames, link, prefix.address, isRouter)
  }

  /** Of two addresses in a subnet the first is the kernel's primary one, and takes the other with it when it goes: the node's own comes first. */
  #waitingForSource(): Set<Prefix> {
    const waiting = [...this.#parts.routers.values()].filter(router => router.withoutSourceSince !== undefined)
    return new Set(waiting.flatMap(({ desired }) => desired.addresses.map(({ prefix }) => prefix)))
  }

  #begun(): void {
    this.#waiting.clear()
    this.#farewells.push(...this.#laterFarewells)
    this.#laterFarewells = []
  }

  #addressesHeld(changes: readonly (AddressChange & { readonly error?: SyscallError | undefined })[]): void {
    const active = changes.length > 0 ? this.#activeByPlace() : new Map<string, string>()
    for (const change of changes) {
      const key = active.get(keyOfPlace(change))
      const router = key === undefined ? undefined : this.#parts.routers.get(key)
      if (key === undefined || !router) continue
      if (change.error) this.#parts.refuse(key, router, { reason: 'AddressRefused', message: change.error.message })
      // One that came back without a transition; a new Active announces all of its own.
      else if (router.outbox.length === 0) this.announce(key)
    }
  }

  /** Who is Active, by link and address. */
  #activeByPlace(): Map<string, string> {
    const { set, routers, places } = this.#parts
    const active = new Map<string, string>()
    for (const key of routers.keys()) {
      if (set.get(key)?.state.name !== 'Active') continue
      for (const place of places.of(key)) active.set(keyOfPlace(place), key)
    }
    return active
  }

  /** What waited for the addresses goes out, but for that which rests on the rest, or on newer changes. */
  #addressesTrue(rest: readonly AddressChange[]): void {
    // The first batch is that of what a predecessor left.
    this.#parts.heartbeat.open()
    this.#parts.noticeSleep()
    // Who took over as well, and is higher, may have spoken meanwhile.
    this.#parts.sockets.drainAll()
    if (!this.#mustRelease()) {
      this.#parts.heartbeat.begin(this.#parts.clock.now())
      this.#sendWaiting(new Set(rest.map(keyOfPlace)))
      if (rest.length === 0) {
        for (const farewell of this.#farewells) this.#sendFarewell(farewell)
        this.#farewells = []
      }
    }
    this.#parts.done()
  }

  /** Whether something is held that another node may answer for by now. */
  #mustRelease(): boolean {
    return Array.from(this.#waiting, key => this.#parts.set.get(key)).some(
      running => !running || !holdsAddresses(running.state),
    )
  }

  #sendWaiting(missing: ReadonlySet<string>): void {
    for (const [key, router] of this.#parts.routers) {
      if (router.outbox.length === 0 || this.#waiting.has(key)) continue
      const isMissing = missing.size > 0 && this.#parts.places.of(key).some(place => missing.has(keyOfPlace(place)))
      if (!isMissing) this.#send(key, router, router.takeOutbox())
    }
  }

  #sendFarewell({ link, config, copies }: Farewell): void {
    try {
      const socket = this.#parts.sockets.get(link, config)
      if (socket) sendCopies(socket, copies)
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      this.#parts.complain(undefined, error.message)
    }
  }
}

function earlier(one: Instant | undefined, other: Instant | undefined): Instant | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}
