import type { Check, RouterStateName } from '../api/virtual-ip.ts'
import type { LinkStatus, VirtualIPNodeSpec, VirtualRouterStatus } from '../api/virtual-ip-node.ts'
import { CheckSet } from '../checks/check-set.ts'
import { type Family, formatPrefix, type IpAddress, isLinkLocal } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'
import { addressChanges } from '../linux/address-changes.ts'
import type { AddressChange, Addresses } from '../linux/addresses.ts'
import type { FrameSocket } from '../linux/frame-socket.ts'
import type { Link, LinkAddress, LinkTable } from '../linux/links.ts'
import { now, timeAsleep } from '../linux/monotonic-clock.ts'
import type { Ownership } from '../linux/ownership.ts'
import { SyscallError } from '../linux/syscall-error.ts'
import { readSysctl } from '../linux/sysctl.ts'
import type { ReceivedPacket } from '../linux/vrrp-socket.ts'
import { routerStateName, transitionSentence } from '../status/router-status.ts'
import type { RouterSample } from '../telemetry/agent-metrics.ts'
import { RouterCounters } from '../telemetry/counters.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { SimplePassword } from '../vrrp/advertisement.ts'
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
} from '../vrrp/virtual-router.ts'
import { simplePassword } from '../wire/simple-password.ts'
import { Announcements } from './announcements.ts'
import {
  checkKey,
  type DesiredRouter,
  desiredRouter,
  type Fault,
  isAnotherRouter,
  routerKey,
  sameConfig,
} from './desired-routers.ts'
import { Heard } from './heard.ts'
import { Reception } from './reception.ts'
import { type Endpoint, Sockets } from './sockets.ts'
import { AdvertisementBytes, announce } from './transmit.ts'

/** After a refused address or advert, a router tries again after this long, in ms. */
const RETRY_AFTER: Millis = 5000
/** A Backup whose timer is later than half an interval may have been asleep, and so deaf; but never less than this, in ms. */
const LATENESS_FLOOR: Millis = 20
/** Suspended for longer than this, in ms, nothing known before is true. */
const SUSPENDED: Millis = 50

export interface LoopParts {
  readonly links: LinkTable
  readonly addresses: Addresses
  readonly ownership: Ownership
  readonly frames: FrameSocket
  readonly logger: Logger
  /** In seconds, once a timer. */
  readonly observeLateness: (seconds: number) => void
}

/** What this node runs of one virtual router, beside its protocol state in the RouterSet. */
interface Router {
  desired: DesiredRouter
  readonly counters: RouterCounters
  readonly bytes: AdvertisementBytes
  authentication: SimplePassword | undefined
  /** Why it can't take part now, by the kernel's word; tried again at `until`. */
  refusal: (Fault & { until: Instant }) | undefined
  /** Messages that wait until the held addresses are true. */
  outbox: Message[]
  shown: Shown
}

/** What users see of a router, and since when. */
interface Shown {
  readonly state: RouterStateName
  readonly since: string
  readonly reason: string
  readonly message: string | undefined
}

/**
 * The one loop of an agent: events in, one step each, then every output out. Timers, sockets, links, checks and the spec all enter
 * through `#pass`; nothing else steps a router, touches an address or sends a packet.
 */
export class Loop {
  readonly #parts: LoopParts
  readonly #set = new RouterSet()
  readonly #routers = new Map<string, Router>()
  readonly #reception: Reception
  readonly #sockets: Sockets
  readonly #announcements = new Announcements()
  readonly #heard = new Heard()
  readonly #checks: CheckSet
  readonly #started = new Set<string>()
  readonly refused: Map<string, number> = new Map()

  #spec: VirtualIPNodeSpec = { virtualRouters: [] }
  #specIsLive = false
  #passwords: Readonly<Record<string, string>> = {}
  #timer: NodeJS.Timeout | undefined
  #armedFor: Instant | undefined
  #asleep = timeAsleep()
  #addressesDirty = false
  #applying: Promise<void> | undefined
  #statusDirty = false
  #closed = false
  /** Called after a pass in which something that users see has changed. */
  onStatusChanged: () => void = () => {}

  constructor(parts: LoopParts) {
    this.#parts = parts
    this.#reception = new Reception(this.#set)
    this.#sockets = new Sockets({
      received: (link, family, packet) => this.#receive(link, family, packet),
      refused: error => this.#refuse(error.reason),
      readable: drain => this.#pass(drain),
    })
    this.#checks = new CheckSet(() => this.#pass(() => this.#reconcile()))
    this.#pass(() => this.#reconcile())
    this.#addressesDirty = true
    this.#settle()
  }

  /** Runs what the spec says from now on; what did not change does not notice. `live`: it came from the controller just now, not from disk or file. */
  setSpec(spec: VirtualIPNodeSpec, passwords: Readonly<Record<string, string>>, live: boolean): void {
    this.#spec = spec
    this.#passwords = passwords
    this.#specIsLive = live
    this.#checks.set(checksOf(spec))
    this.#pass(() => this.#reconcile())
  }

  /** The links, or their addresses, are not what they were. */
  linksChanged(): void {
    this.#addressesDirty = true
    this.#pass(() => this.#reconcile())
  }

  /** Leaves every virtual router: addresses released, Priority 0 sent, sockets closed. */
  async close(): Promise<void> {
    this.#checks.close()
    this.#pass(() => {
      for (const key of [...this.#routers.keys()]) this.#stop(key)
      this.#addressesDirty = true
    })
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#applying
    this.#sockets.close()
  }

  // ---- a pass: events in, then all outputs

  #pass(work: () => void): void {
    if (this.#closed) return
    const asleep = timeAsleep()
    if (asleep - this.#asleep > SUSPENDED) this.#overslept(asleep - this.#asleep)
    this.#asleep = asleep
    work()
    this.#settle()
  }

  #settle(): void {
    if (this.#addressesDirty && !this.#applying) this.#applying = this.#makeAddressesTrue()
    this.#arm()
    if (!this.#statusDirty) return
    this.#statusDirty = false
    this.onStatusChanged()
  }

  #arm(): void {
    const next = earliest(this.#set.nextDeadline(), this.#announcements.next(), this.#nextRetry())
    if (next === this.#armedFor && this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#armedFor = next
    if (next === undefined || this.#closed) return
    this.#timer = setTimeout(() => this.#wake(next), Math.max(0, Math.ceil(next - now())))
  }

  #wake(armedFor: Instant): void {
    this.#timer = undefined
    this.#armedFor = undefined
    this.#parts.observeLateness(Math.max(0, now() - armedFor) / 1000)
    this.#pass(() => {
      // A late timer proves nothing while the advert that refutes it may wait in the socket.
      this.#sockets.drainAll()
      const at = now()
      for (const key of this.#set.due(at))
        this.#step(key, this.#slept(key, at) ? { type: 'Overslept' } : { type: 'DeadlineReached' })
      for (const key of this.#announcements.take(at)) this.#announce(key)
      if ((this.#nextRetry() ?? at + 1) <= at) this.#reconcile()
      if (this.#heard.forgetOld(at)) this.#statusDirty = true
    })
  }

  /** Whether this router's own timer came so late that what it believes may be stale. */
  #slept(key: string, at: Instant): boolean {
    const router = this.#set.get(key)
    const due = router && deadline(router.state)
    if (!router || due === undefined) return false
    switch (router.state.name) {
      case 'Initialize':
        return false
      case 'Backup':
        return at - due > Math.max(LATENESS_FLOOR, router.state.activeInterval / 2)
      case 'Active': {
        const { version, advertisementInterval } = router.config
        return at - due > activeDownInterval(version, RELEASE, advertisementInterval) - advertisementInterval
      }
    }
  }

  #overslept(length: Millis): void {
    this.#parts.logger.warn(
      { asleepMs: Math.round(length) },
      `This machine slept for ${(length / 1000).toFixed(1)} s; waiting anew`,
    )
    for (const key of this.#set.keys()) this.#step(key, { type: 'Overslept' })
  }

  // ---- receive

  #receive(link: number, family: Family, packet: ReceivedPacket): void {
    const result = this.#reception.decode(link, family, packet, key => this.#routers.get(key)?.authentication)
    switch (result.type) {
      case 'Refused': {
        this.#refuse(result.error.reason)
        if (result.key !== undefined) this.#routers.get(result.key)?.counters.refused(result.error.reason)
        return
      }
      case 'Foreign':
        if (this.#heard.record(link, family, result.virtualRouterID, packet.source.text, now()))
          this.#statusDirty = true
        return
      case 'Advertisement': {
        const router = this.#routers.get(result.key)
        if (router) router.counters.advertisementsReceived++
        this.#step(result.key, {
          type: 'AdvertisementReceived',
          advertisement: result.advertisement,
          source: packet.source,
        })
        return
      }
    }
  }

  #refuse(reason: string): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)
  }

  // ---- step

  #step(key: string, event: RouterEvent): void {
    const held = this.#set.get(key)
    if (!held) return
    const before = held.state
    this.#apply(key, before, this.#set.step(key, event, now()))
  }

  #apply(key: string, before: RouterState, step: ReturnType<RouterSet['step']>): void {
    const router = this.#routers.get(key)
    if (!router) return
    if (holdsAddresses(before) !== holdsAddresses(step.state)) {
      this.#addressesDirty = true
      router.outbox = []
      this.#announcements.end(key)
    }
    for (const observation of step.observations) this.#observe(key, router, before, observation)
    if (
      before.name === 'Backup' &&
      step.state.name === 'Backup' &&
      before.active?.address !== step.state.active?.address
    )
      this.#statusDirty = true
    if (step.messages.length === 0) return
    if (this.#addressesDirty) router.outbox.push(...step.messages)
    else this.#send(key, router, step.messages)
  }

  #observe(key: string, router: Router, before: RouterState, observation: Observation): void {
    const { logger } = this.#parts
    const { virtualIP, family } = router.desired.spec
    switch (observation.type) {
      case 'Transition': {
        const message = transitionSentence(observation, before, this.#set.get(key)?.config, now())
        logger.info({ virtualIP, family, reason: observation.reason }, `${virtualIP}: ${message}`)
        this.#show(router, routerStateName(observation.to), observation.reason, message)
        return
      }
      case 'IntervalMismatch':
      case 'AddressListMismatch':
      case 'VersionMismatch':
      case 'LosingAdvertisement':
      case 'PriorityZeroReceived':
        router.counters.observe(observation)
        return
      case 'OwnAddressHeard':
        logger.warn(
          { virtualIP, family },
          `${virtualIP}: an advert came from ${observation.source.text}, which is this node's own address: another node has it too, or the segment has a loop`,
        )
        return
    }
  }

  // ---- send

  #send(key: string, router: Router, messages: readonly Message[]): void {
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

  #advertise(key: string, router: Router, priority: number): void {
    const running = this.#set.get(key)
    if (!running) return
    try {
      const bytes = router.bytes.of(running.config, priority, router.desired.spec.checksum, router.authentication)
      this.#sockets.get(running.link, running.config.family)?.send(bytes)
      router.counters.sent(priority)
    } catch (error) {
      this.#sendRefused(key, router, error)
    }
  }

  #sendRefused(key: string, router: Router, error: unknown): void {
    if (!(error instanceof SyscallError)) throw error
    this.#parts.logger.warn({ virtualIP: router.desired.spec.virtualIP }, error.message)
    if (error.errno !== 'EPERM' && error.errno !== 'EACCES') return
    const message = `${error.message}: allow IP protocol 112 out of ${router.desired.spec.link} in this node's firewall`
    this.#refuseRouter(key, router, { reason: 'SendRefused', message })
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
      this.#parts.logger.warn({ key }, error.message)
    }
  }

  // ---- addresses: level-triggered, in batches, before the messages that rest on them

  async #makeAddressesTrue(): Promise<void> {
    const { addresses, ownership, links, logger } = this.#parts
    while (this.#addressesDirty) {
      this.#addressesDirty = false
      const changes = addressChanges(this.#heldAddresses(), links.links, (link, address) =>
        ownership.isOurs(link.name, address),
      )
      const waiting = [...this.#routers].filter(([, router]) => router.outbox.length > 0)
      try {
        ownership.record(changes)
        const errors = await addresses.apply(changes)
        changes.forEach((change, i) => this.#applied(change, errors[i]))
        ownership.confirm(changes.filter((_, i) => errors[i] === undefined))
      } catch (error) {
        logger.error({ err: error }, (error as Error).message)
      }
      for (const [key, router] of waiting) {
        const messages = router.outbox
        router.outbox = []
        this.#send(key, router, messages)
      }
    }
    this.#applying = undefined
    if (!this.#closed) this.#settle()
  }

  #heldAddresses() {
    return [...this.#routers].flatMap(([key, { desired }]) => {
      const running = this.#set.get(key)
      const link = running && this.#parts.links.links.get(running.link)
      if (!running || !link || !holdsAddresses(running.state)) return []
      return desired.prefixes.map(prefix => ({ linkIndex: link.index, linkName: link.name, prefix }))
    })
  }

  #applied(change: AddressChange, error: SyscallError | undefined): void {
    const { logger } = this.#parts
    const verb = change.action === 'hold' ? 'Holds' : 'Released'
    if (!error) logger.info(`${verb} ${formatPrefix(change.prefix)} on ${change.linkName}`)
    else logger.error(error.message)
    if (change.action !== 'hold') return
    for (const [key, router] of this.#routers) {
      if (!router.desired.prefixes.some(prefix => prefix.address.text === change.prefix.address.text)) continue
      if (error) this.#refuseRouter(key, router, { reason: 'AddressRefused', message: error.message })
      else if (router.outbox.length === 0) this.#announce(key, [change.prefix.address])
    }
  }

  // ---- what to run: from spec, links, checks and what the kernel refused

  #reconcile(): void {
    const { links, ownership } = this.#parts
    const at = now()
    const isOurs = (link: Link, address: LinkAddress) => ownership.isOurs(link.name, address)
    const desired = this.#spec.virtualRouters.map(spec =>
      desiredRouter(spec, links.links.values(), isOurs, key => this.#checks.result(key)),
    )
    this.#sockets.set(this.#endpoints(desired, isOurs))

    const wanted = new Set(desired.map(({ key }) => key))
    for (const key of [...this.#routers.keys()]) if (!wanted.has(key)) this.#remove(key)
    // A VRID may pass from one VirtualIP to another in one spec: all leave before any enters.
    for (const router of desired) this.#leaveWhereChanged(router)
    for (const router of desired) this.#run(router, at)
    this.#statusDirty = true
  }

  #run(desired: DesiredRouter, at: Instant): void {
    const { key, outcome } = desired
    const router = this.#routers.get(key) ?? this.#create(desired)
    if (router.refusal && router.refusal.until <= at) router.refusal = undefined
    const before = router.desired
    router.desired = desired
    const fault = 'fault' in outcome ? outcome.fault : (this.#missing(desired, outcome.link) ?? router.refusal)
    if (fault || 'fault' in outcome) {
      if (fault) this.#fault(key, router, fault)
      return
    }
    const { virtualRouterID, family } = outcome.config
    const user = this.#set.find(outcome.link.index, family, virtualRouterID)
    if (user !== undefined && user !== key) {
      this.#fault(key, router, {
        reason: 'VirtualRouterIDInUse',
        message: `VRID ${virtualRouterID} on ${outcome.link.name} is used by ${user}`,
      })
      return
    }
    if (!this.#set.get(key)) this.#set.add(key, outcome.link.index, outcome.config, at)
    if (before.prefixes !== desired.prefixes && prefixText(before) !== prefixText(desired)) this.#addressesDirty = true

    const current = this.#set.get(key)
    if (!current) return
    if (!sameConfig(current.config, outcome.config))
      this.#apply(key, current.state, this.#set.reconfigure(key, outcome.config, at))
    if (current.state.name !== 'Initialize') return
    if ('waitingFor' in outcome) {
      this.#show(router, 'INITIALIZE', 'WaitingForCheck', `Check ${outcome.waitingFor} has no result yet`)
      return
    }
    this.#step(key, { type: 'Startup', unheard: this.#isUnheard(desired, outcome.link) })
    this.#started.add(identity(desired))
  }

  /** A router whose link, VRID or version is another now ends as the one it was. */
  #leaveWhereChanged({ key, outcome }: DesiredRouter): void {
    const running = this.#set.get(key)
    const router = this.#routers.get(key)
    if (!running || !router || 'fault' in outcome) return
    if (running.link === outcome.link.index && !isAnotherRouter(running.config, outcome.config)) return
    this.#stop(key)
    this.#flush(key, router)
    this.#set.remove(key)
  }

  /** RFC deviation, recorded: a VRID that was allocated a moment ago and that nobody speaks on need not wait Active_Down_Interval. */
  #isUnheard(desired: DesiredRouter, link: Link): boolean {
    const { spec } = desired
    const firstTime = !this.#started.has(identity(desired))
    return (
      spec.initial === true &&
      this.#specIsLive &&
      firstTime &&
      !this.#heard.has(link.index, spec.family, spec.virtualRouterID)
    )
  }

  #missing(desired: DesiredRouter, link: Link): Fault | undefined {
    const { authentication, family } = desired.spec
    if (authentication) {
      const name = `${authentication.secretRef.name}/${authentication.secretRef.key ?? 'password'}`
      const password = this.#passwords[name]
      const router = this.#routers.get(desired.key)
      if (password === undefined) return { reason: 'SecretMissing', message: `Secret ${name} was not found` }
      if (router) router.authentication = samePassword(router.authentication, simplePassword(password))
    } else {
      const router = this.#routers.get(desired.key)
      if (router) router.authentication = undefined
    }
    const error = this.#sockets.error(link.index, family)
    return error && { reason: 'SocketRefused', message: error.message }
  }

  #create(desired: DesiredRouter): Router {
    const router: Router = {
      desired,
      counters: new RouterCounters(),
      bytes: new AdvertisementBytes(),
      authentication: undefined,
      refusal: undefined,
      outbox: [],
      shown: { state: 'INITIALIZE', since: new Date().toISOString(), reason: 'Startup', message: undefined },
    }
    this.#routers.set(desired.key, router)
    return router
  }

  #fault(key: string, router: Router, fault: Fault): void {
    this.#stop(key)
    const { state, message } = router.shown
    if (state === 'FAULT' && message === fault.message) return
    const { virtualIP, family } = router.desired.spec
    this.#parts.logger.warn(
      { virtualIP, family, reason: fault.reason },
      `${virtualIP}: ${state} -> FAULT: ${fault.message}`,
    )
    this.#show(router, 'FAULT', fault.reason, fault.message)
  }

  #show(router: Router, state: RouterStateName, reason: string, message: string | undefined): void {
    const at = new Date()
    const { shown } = router
    router.shown = { state, since: state === shown.state ? shown.since : at.toISOString(), reason, message }
    if (state !== shown.state) router.counters.transition(shown.state, state, reason, at)
    this.#statusDirty = true
  }

  #refuseRouter(key: string, router: Router, fault: Fault): void {
    router.refusal = { ...fault, until: now() + RETRY_AFTER }
    this.#fault(key, router, fault)
  }

  #nextRetry(): Instant | undefined {
    let next: Instant | undefined
    for (const { refusal } of this.#routers.values()) next = earliest(next, refusal?.until)
    return next
  }

  #stop(key: string): void {
    const running = this.#set.get(key)
    if (running && running.state.name !== 'Initialize') this.#step(key, { type: 'Shutdown' })
  }

  /** Priority 0 for a router that is about to be forgotten: its addresses go in the same pass. */
  #flush(key: string, router: Router): void {
    this.#send(key, router, router.outbox)
    router.outbox = []
  }

  #remove(key: string): void {
    const router = this.#routers.get(key)
    this.#stop(key)
    if (router) this.#flush(key, router)
    this.#set.remove(key)
    this.#routers.delete(key)
    this.#announcements.end(key)
    this.#addressesDirty = true
    this.#statusDirty = true
  }

  /** A socket for every router, and one for every link and family that others may be heard on. */
  #endpoints(desired: readonly DesiredRouter[], isOurs: (link: Link, address: LinkAddress) => boolean): Endpoint[] {
    const endpoints = new Map<string, Endpoint>()
    for (const link of this.#parts.links.links.values()) {
      if (link.loopback || !link.up) continue
      for (const family of ['IPv4', 'IPv6'] as const) {
        const own = link.addresses.filter(address => address.prefix.address.family === family && !isOurs(link, address))
        const source = own.find(({ prefix }) => family === 'IPv4' || isLinkLocal(prefix.address))
        if (source && subnetsOf(link, isOurs).length > 0)
          endpoints.set(`${link.index}/${family}`, { link, family, source: source.prefix.address })
      }
    }
    for (const { outcome, spec } of desired) {
      if ('fault' in outcome) continue
      endpoints.set(`${outcome.link.index}/${spec.family}`, {
        link: outcome.link,
        family: spec.family,
        source: outcome.config.primaryAddress,
      })
    }
    return [...endpoints.values()]
  }

  // ---- what users see

  status(): VirtualRouterStatus[] {
    return [...this.#routers].map(([key, router]) => {
      const { spec, outcome } = router.desired
      const running = this.#set.get(key)
      const state = running?.state
      const checks = (spec.checks ?? []).flatMap(check => {
        const result = this.#checks.result(checkKey(key, check))
        return result ? [{ name: check.name, ...result }] : []
      })
      return {
        virtualIP: spec.virtualIP,
        family: spec.family,
        link: spec.link,
        virtualRouterID: spec.virtualRouterID,
        priority: 'fault' in outcome ? spec.priority : outcome.config.priority,
        state: router.shown.state,
        since: router.shown.since,
        reason: router.shown.reason,
        ...(router.shown.message === undefined ? {} : { message: router.shown.message }),
        ...(state?.name === 'Backup' && state.active ? { activeAddress: state.active.address.text } : {}),
        ...(checks.length > 0 ? { checks } : {}),
      }
    })
  }

  /** This node's links that have a subnet, and whom it hears there. */
  linkStatus(): LinkStatus[] {
    const { links, ownership } = this.#parts
    const isOurs = (link: Link, address: LinkAddress) => ownership.isOurs(link.name, address)
    return [...links.links.values()].flatMap(link => {
      const subnets = link.loopback ? [] : subnetsOf(link, isOurs)
      if (subnets.length === 0) return []
      const heard = this.#heard
        .on(link.index)
        .filter(({ family, virtualRouterID }) => this.#set.find(link.index, family, virtualRouterID) === undefined)
      const mac = Array.from(link.mac, byte => byte.toString(16).padStart(2, '0')).join(':')
      return [
        { name: link.name, mac, carrier: link.up && link.carrier, subnets, ...(heard.length > 0 ? { heard } : {}) },
      ]
    })
  }

  /** Every router with its counters, for the metrics. */
  *routers(): Iterable<RouterSample> {
    for (const router of this.#routers.values()) {
      const { virtualIP, family, virtualRouterID, link } = router.desired.spec
      yield { virtualIP, family, virtualRouterID, link, state: router.shown.state, counters: router.counters }
    }
  }

  addressesHeld(): number {
    return this.#heldAddresses().length
  }
}

function subnetsOf(link: Link, isOurs: (link: Link, address: LinkAddress) => boolean): string[] {
  return link.addresses
    .filter(
      address =>
        !isOurs(link, address) && !(address.prefix.address.family === 'IPv6' && isLinkLocal(address.prefix.address)),
    )
    .map(address => formatPrefix(address.prefix))
}

function checksOf(spec: VirtualIPNodeSpec): Map<string, Check> {
  return new Map(
    spec.virtualRouters.flatMap(router =>
      (router.checks ?? []).map((check): [string, Check] => [checkKey(routerKey(router), check), check]),
    ),
  )
}

function identity({ key, spec }: DesiredRouter): string {
  return `${key}/${spec.virtualRouterID}`
}

function prefixText(desired: DesiredRouter): string {
  return desired.prefixes.map(formatPrefix).join()
}

/** The old value where it is equal, so that cached bytes stay valid. */
function samePassword(old: SimplePassword | undefined, password: Uint8Array): SimplePassword {
  const same = old?.password.every((byte, i) => byte === password[i])
  return old && same ? old : { type: 'PASS', password }
}

function earliest(...instants: readonly (Instant | undefined)[]): Instant | undefined {
  let first: Instant | undefined
  for (const instant of instants) if (instant !== undefined && (first === undefined || instant < first)) first = instant
  return first
}
