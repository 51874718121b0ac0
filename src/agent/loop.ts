import type { Check } from '../api/virtual-ip.ts'
import type { LinkStatus, VirtualIPNodeSpec, VirtualRouterSpec, VirtualRouterStatus } from '../api/virtual-ip-node.ts'
import { CheckSet } from '../checks/check-set.ts'
import type { Family, IpAddress } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'
import type { DesiredAddress } from '../linux/address-changes.ts'
import type { AddressChange, Addresses } from '../linux/addresses.ts'
import type { FrameSocket } from '../linux/frame-socket.ts'
import type { Link, LinkTable } from '../linux/links.ts'
import { now, timeAsleep } from '../linux/monotonic-clock.ts'
import type { Ownership } from '../linux/ownership.ts'
import { SyscallError } from '../linux/syscall-error.ts'
import { readSysctl } from '../linux/sysctl.ts'
import type { ReceivedPacket } from '../linux/vrrp-socket.ts'
import { routerStateName, transitionSentence } from '../status/router-status.ts'
import type { RouterSample } from '../telemetry/agent-metrics.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Advertisement } from '../vrrp/advertisement.ts'
import { RELEASE } from '../vrrp/priority.ts'
import { RouterSet } from '../vrrp/router-set.ts'
import { activeDownInterval } from '../vrrp/timers.ts'
import {
  deadline,
  holdsAddresses,
  type Message,
  type Observation,
  type RouterEvent,
  type RouterState,
  type Step,
} from '../vrrp/virtual-router.ts'
import { Announcements } from './announcements.ts'
import { Complaints } from './complaints.ts'
import {
  checkKey,
  type DesiredRouter,
  desiredRouter,
  type Fault,
  isAnotherRouter,
  routerKey,
  sameConfig,
} from './desired-routers.ts'
import { endpoints } from './endpoints.ts'
import { Heard } from './heard.ts'
import { HeldAddresses } from './held-addresses.ts'
import { type IsOurs, linkStatus } from './link-status.ts'
import { oddAdvert, sameAddressOtherRouter } from './odd-adverts.ts'
import { type HeardAdvertisement, Reception, type Refusal } from './reception.ts'
import { RunningRouter } from './running-router.ts'
import { Sockets } from './sockets.ts'
import { announce } from './transmit.ts'

/** After a refused address or advert, a router tries again after this long. */
const RETRY_AFTER: Millis = 5000
/** A Backup whose timer is later than half an interval may have been asleep, and so deaf; but never less than this. */
const LATENESS_FLOOR: Millis = 20
/** Suspended for longer than this, nothing known before is true. */
const SUSPENDED: Millis = 50
/** How often to look whether somebody on the segment has fallen silent. */
const FORGET_EVERY: Millis = 10_000

export interface LoopParts {
  readonly links: LinkTable
  readonly addresses: Addresses
  readonly ownership: Ownership
  readonly frames: FrameSocket
  readonly logger: Logger
  /** How long after its deadline the loop woke, in seconds. */
  readonly observeLateness: (seconds: number) => void
}

/** A last advert of a router that is no longer here, sent when its addresses are gone. */
interface Farewell {
  readonly link: number
  readonly family: Family
  readonly bytes: Uint8Array
}

/**
 * The one loop of an agent: an event in, one step, then every output out. Timers, sockets, links, checks and the spec all enter through
 * `#pass`; nothing else steps a router, touches an address or sends a packet.
 *
 * Read it from `#wake` and `#receive` (events) over `#step` (decide) to `#send` and HeldAddresses (act); `#reconcile` says what runs at all.
 */
export class Loop {
  readonly #parts: LoopParts
  readonly #isOurs: IsOurs
  readonly #set = new RouterSet()
  readonly #routers = new Map<string, RunningRouter>()
  readonly #reception: Reception
  readonly #sockets: Sockets
  readonly #held: HeldAddresses
  readonly #announcements = new Announcements()
  readonly #heard = new Heard()
  readonly #complaints = new Complaints()
  readonly #checks: CheckSet
  #farewells: Farewell[] = []
  /** Packets refused, by reason. */
  readonly refused: Map<string, number> = new Map()
  /** Called after a pass in which something that users see has changed. */
  onStatusChanged: () => void = () => {}

  #spec: VirtualIPNodeSpec = { virtualRouters: [] }
  #specIsLive = false
  #passwords: Readonly<Record<string, string>> = {}
  #timer: NodeJS.Timeout | undefined
  #armedFor: Instant | undefined
  #retryAt: Instant | undefined
  #forgetAt: Instant = now() + FORGET_EVERY
  #asleep = timeAsleep()
  /** What it showed when `now()` was 0, by how it goes now. */
  #wallClock = Date.now() - now()
  #statusDirty = false
  #closed = false

  constructor(parts: LoopParts) {
    this.#parts = parts
    this.#isOurs = (link, address) => parts.ownership.isOurs(link.name, address)
    this.#reception = new Reception(this.#set)
    this.#sockets = new Sockets({
      received: (link, family, packet) => this.#receive(link, family, packet),
      refused: error => this.#refuse(error),
      readable: drain =>
        this.#pass(() => {
          this.#noticeSleep()
          drain()
        }),
    })
    this.#held = new HeldAddresses({
      ...parts,
      desired: () => this.#desiredAddresses(),
      held: (change, error) => this.#addressHeld(change, error),
      done: () => this.#addressesTrue(),
    })
    this.#checks = new CheckSet(() => this.#pass(() => this.#reconcile()))
    // What a killed predecessor left behind goes before anything is asked for.
    this.#held.expect()
    this.#pass(() => this.#reconcile())
  }

  /** Runs what the spec says from now on; what did not change does not notice. `live`: the controller said so just now, as opposed to disk or file. */
  setSpec(spec: VirtualIPNodeSpec, passwords: Readonly<Record<string, string>>, live: boolean): void {
    this.#spec = spec
    this.#passwords = passwords
    this.#specIsLive = live
    this.#checks.set(checksOf(spec))
    this.#pass(() => this.#reconcile())
  }

  /** The links, or their addresses, are not what they were. */
  linksChanged(): void {
    this.#held.expect()
    this.#pass(() => this.#reconcile())
  }

  /** Leaves every virtual router: addresses released, then Priority 0 sent, sockets closed. */
  async close(): Promise<void> {
    this.#checks.close()
    this.#pass(() => {
      for (const key of this.#routers.keys()) this.#stop(key)
    })
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#held.idle()
    this.#sockets.close()
  }

  // ---- a pass: events in, then all outputs

  #pass(work: () => void): void {
    if (this.#closed) return
    work()
    this.#settle()
  }

  #settle(): void {
    this.#held.work()
    if (this.#closed) return
    this.#arm()
    if (!this.#statusDirty) return
    this.#statusDirty = false
    this.onStatusChanged()
  }

  #arm(): void {
    const next = earliest(this.#set.nextDeadline(), this.#announcements.next(), this.#retryAt, this.#forgetAt)
    if (next === this.#armedFor && this.#timer) return
    clearTimeout(this.#timer)
    this.#armedFor = next
    this.#timer = setTimeout(() => this.#wake(next), Math.max(0, Math.ceil(next - now())))
  }

  #wake(armedFor: Instant): void {
    this.#timer = undefined
    this.#parts.observeLateness(Math.max(0, now() - armedFor) / 1000)
    this.#pass(() => {
      this.#noticeSleep()
      // A late timer proves nothing while the advert that refutes it may wait in the socket.
      this.#sockets.drainAll()
      const at = now()
      for (const key of this.#set.due(at)) {
        this.#step(key, this.#overslept(key, at) ? { type: 'Overslept' } : { type: 'DeadlineReached' })
      }
      for (const key of this.#announcements.take(at)) this.#announce(key)
      if (this.#retryAt !== undefined && this.#retryAt <= at) this.#retry()
      if (this.#forgetAt <= at) this.#forget(at)
    })
  }

  /** Before anything is heard: who was replaced while asleep must not answer its successor as if it were still Active. */
  #noticeSleep(): void {
    this.#noticeSuspend()
    const at = now()
    if (this.#armedFor === undefined || at - this.#armedFor < LATENESS_FLOOR) return
    for (const key of this.#set.keys()) {
      if (this.#set.get(key)?.state.name === 'Active' && this.#overslept(key, at))
        this.#step(key, { type: 'Overslept' })
    }
  }

  /** A suspended machine heard nothing; CLOCK_MONOTONIC stood still meanwhile, so no timer is late. */
  #noticeSuspend(): void {
    // The wall clock does not stand still then either, and costs less to read with every packet.
    const wallClock = Date.now() - now()
    const jump = Math.abs(wallClock - this.#wallClock)
    this.#wallClock = wallClock
    if (jump < SUSPENDED / 2) return
    const asleep = timeAsleep()
    const length = asleep - this.#asleep
    this.#asleep = asleep
    if (length < SUSPENDED) return
    this.#parts.logger.warn(
      `This machine was suspended for ${(length / 1000).toFixed(1)} s; every virtual router waits anew`,
    )
    for (const key of this.#set.keys()) this.#step(key, { type: 'Overslept' })
  }

  /** Whether this router's own timer came so late that what it believes may be stale. */
  #overslept(key: string, at: Instant): boolean {
    const router = this.#set.get(key)
    const due = router && deadline(router.state)
    if (!router || due === undefined) return false
    switch (router.state.name) {
      case 'Initialize':
        return false
      case 'Backup':
        return at - due > Math.max(LATENESS_FLOOR, router.state.activeInterval / 2)
      case 'Active': {
        // Silent for longer than any Backup waits.
        const { version, advertisementInterval } = router.config
        return at - due > activeDownInterval(version, RELEASE, advertisementInterval) - advertisementInterval
      }
    }
  }

  #forget(at: Instant): void {
    this.#forgetAt = at + FORGET_EVERY
    this.#complaints.forgetOld(at)
    if (this.#heard.forgetOld(at)) this.#statusDirty = true
  }

  // ---- receive

  #receive(link: number, family: Family, packet: ReceivedPacket): void {
    const result = this.#reception.decode(link, family, packet, key => this.#routers.get(key)?.authentication)
    switch (result.type) {
      case 'Refused': {
        const router = result.key === undefined ? undefined : this.#routers.get(result.key)
        router?.counters.refused(result.error.reason)
        this.#refuse(result.error, packet.source, router)
        return
      }
      case 'Foreign':
        this.#hearOther(link, family, result.advertisement, packet.source)
        return
      case 'Advertisement':
        if (!result.again?.()) this.#hear(result)
        return
    }
  }

  #hear(heard: HeardAdvertisement): void {
    const { key, advertisement, source } = heard
    const counters = this.#routers.get(key)?.counters
    if (!counters) return
    counters.advertisementsReceived++
    this.#step(key, { type: 'AdvertisementReceived', advertisement, source })
    const repetition = this.#set.repetition(key)
    heard.again =
      repetition &&
      (() => {
        if (!repetition(now())) return false
        counters.advertisementsReceived++
        return true
      })
  }

  #refuse({ reason, detail }: Refusal, source?: IpAddress, router?: RunningRouter): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)
    this.#complain(router, `an advert${source ? ` from ${source.text}` : ''} is refused: ${reason}: ${detail}`)
  }

  /** A virtual router that this node does not run here. */
  #hearOther(link: number, family: Family, advertisement: Advertisement, source: IpAddress): void {
    const { virtualRouterID } = advertisement
    if (!this.#heard.record(link, family, virtualRouterID, source.text, now())) return
    this.#statusDirty = true
    const name = this.#parts.links.links.get(link)?.name
    const sentence = `VRID ${virtualRouterID} (${family}) is run on ${name} by ${source.text}, and not by this node`
    if (this.#complaints.isNew(sentence, now())) this.#parts.logger.info(sentence)
    for (const [key, router] of this.#routers) {
      const own = this.#set.get(key)
      const complaint = own?.link === link && sameAddressOtherRouter(advertisement, source, own.config)
      if (complaint) this.#complain(router, complaint)
    }
  }

  #complain(router: RunningRouter | undefined, complaint: string): void {
    const { virtualIP, family } = router?.desired.spec ?? {}
    const sentence = virtualIP === undefined ? complaint : `${virtualIP}: ${complaint}`
    if (this.#complaints.isNew(sentence, now())) this.#parts.logger.warn({ virtualIP, family }, sentence)
  }

  // ---- decide

  #step(key: string, event: RouterEvent): void {
    const before = this.#set.get(key)?.state
    if (before) this.#take(key, before, this.#set.step(key, event, now()))
  }

  #take(key: string, before: RouterState, { state, messages, observations }: Step): void {
    const router = this.#routers.get(key)
    if (!router) return
    if (holdsAddresses(before) !== holdsAddresses(state)) {
      router.takeOutbox()
      this.#announcements.end(key)
      this.#held.expect()
    }
    for (const observation of observations) this.#observe(key, router, before, observation)
    if (
      state.name === 'Backup' &&
      before.name === 'Backup' &&
      state.active?.address.text !== before.active?.address.text
    ) {
      this.#statusDirty = true
    }
    if (messages.length === 0) return
    // Addresses first, then messages.
    if (this.#held.stale || router.outbox.length > 0) router.outbox.push(...messages)
    else this.#send(key, router, messages)
  }

  #observe(key: string, router: RunningRouter, before: RouterState, observation: Observation): void {
    const { logger } = this.#parts
    const { virtualIP, family } = router.desired.spec
    switch (observation.type) {
      case 'Transition': {
        const wasFault = router.shown.state === 'FAULT'
        // To leave is part of a FAULT, which is said already.
        if (wasFault && observation.to === 'Initialize') return
        const running = this.#set.get(key)
        const sentence = transitionSentence(observation, before, running?.config, now(), running?.state)
        const message = wasFault ? sentence.replace('INITIALIZE', 'FAULT') : sentence
        logger.info({ virtualIP, family, reason: observation.reason }, `${virtualIP}: ${message}`)
        router.show(routerStateName(observation.to), observation.reason, message)
        this.#statusDirty = true
        return
      }
      case 'IntervalMismatch':
      case 'AddressListMismatch':
      case 'VersionMismatch':
      case 'LosingAdvertisement':
      case 'PriorityZeroReceived':
        router.counters.observe(observation)
        break
      case 'OwnAddressHeard':
        break
    }
    const config = this.#set.get(key)?.config
    const complaint = config && oddAdvert(observation, config)
    if (complaint) this.#complain(router, complaint)
  }

  // ---- act

  #send(key: string, router: RunningRouter, messages: readonly Message[]): void {
    for (const message of messages) {
      switch (message.type) {
        case 'Advertise':
          this.#advertise(key, router, message.priority)
          break
        case 'Announce':
          this.#announcements.begin(key, now())
          this.#announce(key)
          break
      }
    }
  }

  #advertise(key: string, router: RunningRouter, priority: number): void {
    const running = this.#set.get(key)
    if (!running) return
    const socket = this.#sockets.get(running.link, running.config.family)
    if (!socket) return
    try {
      socket.send(router.bytes.of(running.config, priority, router.desired.spec.checksum, router.authentication))
      router.counters.sent(priority)
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      if (error.errno === 'EPERM') this.#refuseRouter(key, router, sendRefused(error, router))
      else this.#complain(router, error.message)
    }
  }

  #announce(key: string, only?: readonly IpAddress[]): void {
    const running = this.#set.get(key)
    const link = running && this.#parts.links.links.get(running.link)
    if (!running || !link || !holdsAddresses(running.state)) return
    const isRouter = running.config.family === 'IPv6' && readSysctl(`net.ipv6.conf.${link.name}.forwarding`) === '1'
    try {
      for (const address of only ?? running.config.addresses) announce(this.#parts.frames, link, address, isRouter)
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      this.#parts.logger.warn(`${key}: ${error.message}`)
    }
  }

  #desiredAddresses(): DesiredAddress[] {
    return [...this.#routers].flatMap(([key, { desired }]) => {
      const running = this.#set.get(key)
      const link = running && this.#parts.links.links.get(running.link)
      if (!running || !link || !holdsAddresses(running.state)) return []
      return desired.prefixes.map(prefix => ({ linkIndex: link.index, linkName: link.name, prefix }))
    })
  }

  #addressHeld({ prefix }: AddressChange, error: SyscallError | undefined): void {
    for (const [key, router] of this.#routers) {
      if (!router.desired.prefixes.some(({ address }) => address.text === prefix.address.text)) continue
      if (error) this.#refuseRouter(key, router, { reason: 'AddressRefused', message: error.message })
      // One that came back without a transition; a new Active announces all of its own.
      else if (router.outbox.length === 0) this.#send(key, router, [{ type: 'Announce' }])
    }
  }

  /** What waited for the addresses goes out, but for that which rests on newer changes. */
  #addressesTrue(): void {
    if (!this.#held.stale) {
      for (const [key, router] of this.#routers)
        if (router.outbox.length > 0) this.#send(key, router, router.takeOutbox())
      for (const farewell of this.#farewells) this.#sendFarewell(farewell)
      this.#farewells = []
    }
    this.#settle()
  }

  #sendFarewell({ link, family, bytes }: Farewell): void {
    try {
      this.#sockets.get(link, family)?.send(bytes)
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      this.#complain(undefined, error.message)
    }
  }

  // ---- what runs at all: by spec, links, checks, and what the kernel refused

  #reconcile(): void {
    const links = [...this.#parts.links.links.values()]
    const resultOf = (key: string) => this.#checks.result(key)
    const desired = this.#spec.virtualRouters.map(spec => desiredRouter(spec, links, this.#isOurs, resultOf))
    const wanted = new Set(desired.map(({ key }) => key))

    // A VRID may pass from one VirtualIP to another in one spec: all leave before any enters.
    for (const key of [...this.#routers.keys()]) if (!wanted.has(key)) this.#remove(key)
    for (const router of desired) this.#leaveWhereChanged(router)
    this.#sockets.set(endpoints(desired, links, this.#isOurs))
    for (const router of desired) this.#run(router)
    this.#statusDirty = true
  }

  #run(desired: DesiredRouter): void {
    const { key, outcome } = desired
    const router = this.#routers.get(key) ?? new RunningRouter(desired)
    this.#routers.set(key, router)
    if (prefixText(router.desired) !== prefixText(desired)) this.#held.expect()
    router.desired = desired

    const fault = this.#faultOf(key, router)
    if (fault) this.#fault(key, router, fault)
    if (fault || 'fault' in outcome) return
    const { link, config } = outcome
    if (!this.#set.get(key)) this.#set.add(key, link.index, config, now())
    const running = this.#set.get(key)
    if (!running) return
    if (!sameConfig(running.config, config)) this.#take(key, running.state, this.#set.reconfigure(key, config, now()))
    if (running.state.name !== 'Initialize') return
    if ('waitingFor' in outcome) {
      router.show('INITIALIZE', 'WaitingForCheck', `Check ${outcome.waitingFor} has no result yet`)
      return
    }
    const unheard = this.#isUnheard(router, link)
    router.startedWith.add(config.virtualRouterID)
    this.#step(key, { type: 'Startup', unheard })
  }

  #faultOf(key: string, router: RunningRouter): Fault | undefined {
    const { outcome } = router.desired
    if ('fault' in outcome) return outcome.fault
    const { link, config } = outcome
    const user = this.#set.find(link.index, config.family, config.virtualRouterID)
    if (user !== undefined && user !== key) {
      const message = `VRID ${config.virtualRouterID} on ${link.name} is used by ${user} on this node`
      return { reason: 'VirtualRouterIDInUse', message }
    }
    const authenticated = router.authenticate(this.#passwords)
    if (authenticated === 'Missing')
      return { reason: 'SecretMissing', message: `Secret ${router.passwordName()} was not found` }
    if (authenticated === 'Changed') this.#reception.forget(key)
    const error = this.#sockets.error(link.index, config.family)
    if (error) this.#retryAfter(RETRY_AFTER)
    return error
      ? { reason: 'SocketRefused', message: error.message }
      : (router.refusal ?? this.#muteFault(key, router))
  }

  /** Asked before a router starts: as MASTER it would take the address from one that is heard. */
  #muteFault(key: string, router: RunningRouter): Fault | undefined {
    const { outcome } = router.desired
    const runs = (this.#set.get(key)?.state.name ?? 'Initialize') !== 'Initialize'
    if (runs || 'fault' in outcome) return undefined
    const error = this.#sockets.refusal(outcome.link.index, outcome.config.family)
    if (error?.errno !== 'EPERM') return undefined
    this.#retryAfter(RETRY_AFTER)
    return sendRefused(error, router)
  }

  /** RFC deviation, recorded: a VRID that was allocated a moment ago and that nobody speaks on need not wait Active_Down_Interval. */
  #isUnheard({ desired: { spec }, startedWith }: RunningRouter, link: Link): boolean {
    if (!spec.initial || !this.#specIsLive || startedWith.has(spec.virtualRouterID)) return false
    return !this.#heard.has(link.index, spec.family, spec.virtualRouterID)
  }

  #fault(key: string, router: RunningRouter, fault: Fault): void {
    const { state, message } = router.shown
    if (state !== 'FAULT' || message !== fault.message) {
      const { virtualIP, family } = router.desired.spec
      const change = state === 'FAULT' ? 'still FAULT' : `${state} -> FAULT`
      this.#parts.logger.warn({ virtualIP, family, reason: fault.reason }, `${virtualIP}: ${change}: ${fault.message}`)
      router.show('FAULT', fault.reason, fault.message)
      this.#statusDirty = true
    }
    this.#stop(key)
  }

  #refuseRouter(key: string, router: RunningRouter, fault: Fault): void {
    router.refusal = { ...fault, until: now() + RETRY_AFTER }
    this.#retryAfter(RETRY_AFTER)
    this.#fault(key, router, fault)
  }

  #retryAfter(length: Millis): void {
    this.#retryAt = Math.min(this.#retryAt ?? Number.POSITIVE_INFINITY, now() + length)
  }

  #retry(): void {
    const at = now()
    this.#retryAt = undefined
    for (const router of this.#routers.values()) {
      if (router.refusal && router.refusal.until <= at) router.refusal = undefined
      else if (router.refusal) this.#retryAfter(router.refusal.until - at)
    }
    this.#reconcile()
  }

  #stop(key: string): void {
    if (this.#set.get(key)?.state.name !== 'Initialize') this.#step(key, { type: 'Shutdown' })
  }

  /** A router whose link, VRID or version is another now ends as the one it was. */
  #leaveWhereChanged({ key, outcome }: DesiredRouter): void {
    const running = this.#set.get(key)
    if (!running || 'fault' in outcome) return
    if (running.link !== outcome.link.index || isAnotherRouter(running.config, outcome.config)) this.#leave(key)
  }

  #remove(key: string): void {
    this.#leave(key)
    this.#routers.delete(key)
    this.#held.expect()
  }

  /** Stops a router and forgets its protocol state; its Priority 0 is said when its addresses are gone. */
  #leave(key: string): void {
    this.#stop(key)
    const running = this.#set.get(key)
    const router = this.#routers.get(key)
    for (const message of router?.takeOutbox() ?? []) {
      if (message.type !== 'Advertise' || !running || !router) continue
      const { config, link } = running
      const bytes = router.bytes.of(config, message.priority, router.desired.spec.checksum, router.authentication)
      this.#farewells.push({ link, family: config.family, bytes })
    }
    if (running) this.#heard.leave(running.link, running.config.family, running.config.virtualRouterID, now())
    this.#announcements.end(key)
    this.#reception.forget(key)
    this.#set.remove(key)
  }

  // ---- what users see

  /** What this node was told to run. */
  get told(): readonly VirtualRouterSpec[] {
    return this.#spec.virtualRouters
  }

  status(): VirtualRouterStatus[] {
    return [...this.#routers].map(([key, router]) =>
      router.status(this.#set.get(key)?.state, name => this.#checks.result(name)),
    )
  }

  /** This node's links that have a subnet, and whom it hears there. */
  linkStatus(): LinkStatus[] {
    return [...this.#parts.links.links.values()].flatMap(link => {
      const isForeign = this.#heard
        .on(link.index)
        .filter(({ family, virtualRouterID }) => this.#set.find(link.index, family, virtualRouterID) === undefined)
      return linkStatus(link, this.#isOurs, isForeign) ?? []
    })
  }

  /** Every router with its counters, for the metrics. */
  *routers(): Iterable<RouterSample> {
    for (const { desired, shown, counters } of this.#routers.values()) {
      const { virtualIP, family, virtualRouterID, link } = desired.spec
      yield { virtualIP, family, virtualRouterID, link, state: shown.state, counters }
    }
  }

  addressesHeld(): number {
    return this.#desiredAddresses().length
  }
}

function checksOf(spec: VirtualIPNodeSpec): Map<string, Check> {
  return new Map(
    spec.virtualRouters.flatMap(router =>
      (router.checks ?? []).map((check): [string, Check] => [checkKey(routerKey(router), check), check]),
    ),
  )
}

function sendRefused({ message }: SyscallError, { desired: { spec } }: RunningRouter): Fault {
  return {
    reason: 'SendRefused',
    message: `${message}: allow IP protocol 112 out of ${spec.link} in this node's firewall`,
  }
}

function prefixText(desired: DesiredRouter): string {
  return desired.spec.addresses.join()
}

function earliest(
  first: Instant | undefined,
  second: Instant | undefined,
  third: Instant | undefined,
  last: Instant,
): Instant {
  return Math.min(first ?? last, second ?? last, third ?? last, last)
}
