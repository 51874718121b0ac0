import type { Check } from '../api/check.ts'
import {
  type LinkStatus,
  MOST_OBSERVATIONS,
  type Observation as ObservationStatus,
  type VirtualIPNodeSpec,
  type VirtualRouterSpec,
  type VirtualRouterStatus,
} from '../api/virtual-ip-node.ts'
import type { StartCheck } from '../checks/check.ts'
import { CheckSet } from '../checks/check-set.ts'
import type { Family, IpAddress } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'
import type { Addresses } from '../linux/addresses.ts'
import type { HeardAnnouncement } from '../linux/announcement-socket.ts'
import type { Fence } from '../linux/fence.ts'
import type { FrameSocket } from '../linux/frame-socket.ts'
import type { LinkTable, Returned } from '../linux/links.ts'
import type { Ownership } from '../linux/ownership.ts'
import { SyscallError } from '../linux/syscall-error.ts'
import type { readSysctl } from '../linux/sysctl.ts'
import type { openVrrpSocket, ReceivedPacket } from '../linux/vrrp-socket.ts'
import { routerStateName, transitionSentence, unansweredBefore } from '../status/router-status.ts'
import type { RouterSample } from '../telemetry/agent-metrics.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Advertisement } from '../vrrp/advertisement.ts'
import { Groups } from '../vrrp/groups.ts'
import { RouterSet } from '../vrrp/router-set.ts'
import {
  holdsAddresses,
  type Observation,
  type RouterEvent,
  type RouterState,
  type Step,
} from '../vrrp/virtual-router.ts'
import { Complaints } from './complaints.ts'
import { checkKey, routerKey } from './desired-routers.ts'
import { Diagnosis } from './diagnosis.ts'
import { GroupStates } from './group-states.ts'
import { Heard } from './heard.ts'
import { Heartbeat } from './heartbeat.ts'
import { LinkChanges } from './link-changes.ts'
import { type IsOurs, linkStatus } from './link-status.ts'
import type { MachineClock } from './machine-clock.ts'
import { Membership } from './membership.ts'
import type { GroupTransitioned, Transitioned } from './notify.ts'
import { oddAdvert, sameAddressOtherRouter } from './odd-adverts.ts'
import { Output } from './output.ts'
import type { Passwords } from './passwords.ts'
import { keyOfPlace, Places, placeKey } from './places.ts'
import { type HeardAdvertisement, isUnicast, Reception, type Refusal } from './reception.ts'
import type { RunningRouter } from './running-router.ts'
import { endangered } from './secondaries.ts'
import { Sockets } from './sockets.ts'
import type { Wait } from './startup-delay.ts'
import { Turns } from './turns.ts'
import { Wakefulness } from './wakefulness.ts'

/** How often to look whether somebody on the segment has fallen silent. */
const FORGET_EVERY: Millis = 10_000

export interface LoopParts {
  readonly clock: MachineClock
  readonly links: LinkTable
  readonly addresses: Addresses
  readonly ownership: Ownership
  readonly frames: FrameSocket
  readonly openSocket: typeof openVrrpSocket
  readonly readSysctl: typeof readSysctl
  readonly startCheck: StartCheck
  readonly logger: Logger
  /** Whether it runs beside the node's own agent, which had better know what VRIDs are run here. */
  readonly isNeighbour: boolean
  /** Throws a SyscallError where this kernel has none. */
  readonly openFence: () => Fence
  /** How long at most to answer for an address that this node gives up, until its successor has announced it; 0: not at all. */
  readonly handover: Millis
  /** Before it takes part in anything. */
  readonly startupWait: Wait | undefined
  /** How long after its deadline the loop woke, in seconds. */
  readonly observeLateness: (seconds: number) => void
  /** Called with each change of state that users see. */
  readonly transitioned: (transitioned: Transitioned | GroupTransitioned) => void
}

/**
 * The one loop of an agent: an event in, one step, then every output out. Timers, sockets, links, checks and the spec all enter through
 * `#pass`; nothing else steps a router, touches an address or sends a packet.
 *
 * Read it from `#wake` and `#receive` (events) over `#step` (decide) to Output (act); Membership says what runs at all.
 */
export class Loop {
  readonly #parts: LoopParts
  readonly #clock: MachineClock
  readonly #isOurs: IsOurs
  readonly #set = new RouterSet()
  readonly #groups = new Groups(this.#set)
  readonly #turns = new Turns(this.#set, this.#groups)
  readonly #routers = new Map<string, RunningRouter>()
  readonly #places: Places
  readonly #groupStates = new GroupStates()
  readonly #reception: Reception
  readonly #sockets: Sockets
  readonly #output: Output
  readonly #heartbeat: Heartbeat
  readonly #heard = new Heard()
  readonly #complaints = new Complaints()
  readonly #diagnosis: Diagnosis
  readonly #checks: CheckSet
  readonly #membership: Membership
  readonly #linkChanges: LinkChanges
  readonly #wakefulness: Wakefulness
  /** Packets refused, by reason. */
  readonly refused: Map<string, number> = new Map()
  /** Called after a pass in which something that users see has changed. */
  onStatusChanged: () => void = () => {}

  #disarm: (() => void) | undefined
  #armedFor: Instant | undefined
  #forgetAt: Instant
  #statusDirty = false
  /** Called when nothing is held any more. */
  #onReleased: (() => void) | undefined
  #closed = false

  constructor(parts: LoopParts) {
    this.#parts = parts
    const { clock } = parts
    this.#clock = clock
    this.#forgetAt = clock.now() + FORGET_EVERY
    this.#wakefulness = new Wakefulness({
      clock,
      set: this.#set,
      routers: this.#routers,
      suspended: length =>
        parts.logger.warn(
          `This machine was suspended for ${(length / 1000).toFixed(1)} s; every virtual router waits anew`,
        ),
    })
    this.#places = new Places({ set: this.#set, routers: this.#routers, links: parts.links })
    this.#isOurs = (link, address) => parts.ownership.isOurs(link.name, address)
    this.#linkChanges = new LinkChanges(this.#isOurs)
    this.#reception = new Reception(this.#set)
    this.#sockets = new Sockets(parts, {
      received: (link, family, packet) => this.#receive(link, family, packet),
      refused: (link, family, { source, payload }, error) => {
        const key = this.#set.find(link, family, payload[1] ?? 0)
        this.#refuse(error, source, key)
      },
      readable: drain => this.#pass(drain),
    })
    this.#heartbeat = new Heartbeat({
      set: this.#set,
      routers: this.#routers,
      places: this.#places,
      openFence: () => this.#openFence(),
      complain: sentence => this.#complain(undefined, sentence),
    })
    this.#output = new Output({
      ...parts,
      set: this.#set,
      routers: this.#routers,
      places: this.#places,
      sockets: this.#sockets,
      heartbeat: this.#heartbeat,
      refuse: (key, router, fault) => this.#membership.refuse(key, router, fault),
      complain: (router, sentence) => this.#complain(router, sentence),
      noticeSleep: () => this.#noticeSleep(),
      noticeStandstill: at => this.#waitAnew(this.#wakefulness.sleepersSince(at)),
      done: () => this.#settle(),
    })
    this.#diagnosis = new Diagnosis({
      ...parts,
      set: this.#set,
      places: this.#places,
      changed: () => {
        this.#statusDirty = true
      },
    })
    this.#checks = new CheckSet(
      () => this.#reconcile(),
      parts.startCheck,
      work => clock.at(clock.now(), work),
    )
    this.#membership = new Membership({
      ...parts,
      isOurs: this.#isOurs,
      set: this.#set,
      groups: this.#groups,
      routers: this.#routers,
      reception: this.#reception,
      sockets: this.#sockets,
      output: this.#output,
      heard: this.#heard,
      checkResult: key => this.#checks.result(key),
      step: (key, event) => this.#step(key, event),
      take: (key, before, step) => this.#take(key, before, step),
      changed: () => {
        this.#statusDirty = true
        this.#diagnosis.routersChanged()
      },
    })
    // What a killed predecessor left behind goes before anything is asked for.
    this.#output.look()
    this.#reconcile()
  }

  /** Runs what the spec says from now on; what did not change does not notice. `live`: the controller said so just now, as opposed to disk or file. */
  setSpec(spec: VirtualIPNodeSpec, passwords: Passwords, live: boolean): void {
    if (this.#onReleased) return
    this.#membership.setSpec(spec, passwords, live)
    this.#checks.set(checksOf(spec))
    this.#reconcile()
  }

  /** The links, or their addresses, are not what they were; `returned`: these went and came back. Gives whether that is more than the addresses that it holds. */
  linksChanged(returned: readonly Returned[] = []): boolean {
    const { circumstances, readdressed } = this.#linkChanges.since(this.#parts.links.links)
    this.#output.look()
    this.#pass(() => {
      if (circumstances) {
        this.#membership.reconcile()
        for (const sentence of endangered(this.#parts.links.links.values(), this.#isOurs, this.#parts.readSysctl)) {
          this.#complain(undefined, sentence)
        }
      }
      for (const { index } of readdressed) this.#announceOn(index)
      this.#output.announceAt(returned)
    })
    return circumstances
  }

  /** To be called before it is said that what was reported is still so: an agent that slept may not have noticed yet. */
  lookForSleep(): void {
    this.#pass(() => {})
  }

  /** Other hosts said that addresses are theirs. */
  heardAnnouncements(announcements: readonly HeardAnnouncement[]): void {
    this.#pass(() => {
      // Who announces has advertised before.
      this.#sockets.drainAll()
      const holders = this.#holdersOf(announcements)
      for (const { linkIndex, address, mac } of announcements) {
        const isOwn = this.#parts.links.links.get(linkIndex)?.mac.every((byte, i) => byte === mac[i])
        if (!isOwn) this.#diagnosis.announced({ linkIndex, address, mac }, this.#clock.now())
        for (const key of isOwn ? [] : (holders.get(placeKey(linkIndex, address)) ?? [])) {
          this.#step(key, { type: 'Announced' })
        }
      }
    })
  }

  /**
   * Leaves every virtual router: Priority 0 is sent, addresses are answered for until successors have announced them, at most for
   * `handover` or until `hurry`; then they are released and sockets closed.
   */
  async close(hurry?: AbortSignal): Promise<void> {
    this.#checks.close()
    this.#pass(() => this.#membership.stopAll())
    await this.#released(hurry)
    this.#pass(() => this.#membership.withdrawAll())
    this.#closed = true
    this.#disarm?.()
    await this.#output.idle()
    this.#heartbeat.close()
    this.#sockets.close()
  }

  #announceOn(link: number): void {
    for (const key of this.#set.keys()) {
      if (this.#places.of(key).some(({ linkIndex }) => linkIndex === link)) this.#output.announce(key)
    }
  }

  #openFence(): Fence | undefined {
    try {
      return this.#parts.openFence()
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      this.#diagnosis.unfenced(error)
      this.#parts.logger.warn(
        `${error.message}: should this agent be killed or stand still, its addresses are answered for until they go away by themselves, for some seconds`,
      )
      return undefined
    }
  }

  #released(hurry: AbortSignal | undefined): Promise<void> {
    return new Promise(resolve => {
      this.#onReleased = resolve
      hurry?.addEventListener('abort', () => resolve())
      if (hurry?.aborted || this.#output.desiredAddresses().length === 0) resolve()
    })
  }

  /** Routers that hold these addresses, by link and address. */
  #holdersOf(announcements: readonly HeardAnnouncement[]): Map<string, string[]> {
    const holders = new Map<string, string[]>()
    const announced = new Set(announcements.map(({ address }) => address.text))
    for (const key of this.#set.keys()) {
      const router = this.#set.get(key)
      if (!router || !holdsAddresses(router.state)) continue
      for (const place of this.#places.of(key)) {
        const at = keyOfPlace(place)
        if (announced.has(place.prefix.address.text)) holders.set(at, [...(holders.get(at) ?? []), key])
      }
    }
    return holders
  }

  // ---- a pass: events in, then all outputs

  #reconcile(): void {
    this.#pass(() => this.#membership.reconcile())
  }

  #pass(work: () => void): void {
    if (this.#closed) return
    this.#wakefulness.awake()
    this.#noticeSleep()
    work()
    this.#settle()
    this.#wakefulness.awake()
  }

  /** Who made one of a group yield has mostly spoken to all of it: that is heard first. */
  #keepTogether(): void {
    const at = this.#clock.now()
    if ((this.#groups.next() ?? at + 1) <= at) this.#sockets.drainAll()
    for (const key of this.#groups.yielding(at)) this.#step(key, { type: 'Yield' })
  }

  #settle(): void {
    this.#keepTogether()
    this.#output.work()
    if (this.#closed) return
    if (this.#onReleased && this.#output.desiredAddresses().length === 0) this.#onReleased()
    this.#arm()
    if (!this.#statusDirty) return
    this.#statusDirty = false
    for (const changed of this.#groupStates.changes(this.#routers.values())) this.#parts.transitioned(changed)
    this.onStatusChanged()
  }

  #arm(): void {
    const next = earliest(
      this.#turns.next(),
      this.#groups.next(),
      this.#output.next(),
      this.#heartbeat.next(),
      this.#membership.retryAt,
      this.#diagnosis.next(),
      this.#forgetAt,
    )
    if (next === this.#armedFor && this.#disarm) return
    this.#disarm?.()
    this.#armedFor = next
    this.#disarm = this.#clock.at(next, () => this.#wake(next))
  }

  #wake(armedFor: Instant): void {
    this.#disarm = undefined
    this.#parts.observeLateness(Math.max(0, this.#clock.now() - armedFor) / 1000)
    this.#pass(() => {
      // A late timer proves nothing while the advert that refutes it may wait in the socket. What is due is so before that is read, however long it takes.
      const at = this.#clock.now()
      this.#sockets.drainAll()
      const due = this.#turns.take(at, this.#output.isTrue, at - armedFor)
      // Of a group all know what they know, or none takes over.
      const overslept = new Set(due.filter(key => this.#overslept(key, at)))
      for (const key of overslept) this.#step(key, { type: 'Overslept' })
      for (const key of due) {
        if (!overslept.has(key))
          this.#step(key, { type: 'DeadlineReached', isHeldBack: !this.#groups.isReady(key, at) })
      }
      this.#beat()
      for (const key of this.#turns.heldBack) this.#diagnosis.heldBack(key, this.#groups.matesOf(key), at)
      this.#output.doDue(at)
      this.#diagnosis.wake(at)
      if ((this.#membership.retryAt ?? at + 1) <= at) this.#membership.retry()
      if (this.#forgetAt <= at) this.#forget(at)
    })
  }

  /** Who waits for its group believes nothing yet. */
  #overslept(key: string, at: Instant): boolean {
    if (!this.#groups.isReady(key, at))
      return this.#set.get(key)?.state.name === 'Active' && this.#wakefulness.overslept(key, at)
    return this.#wakefulness.overslept(key, at, this.#groups.readySince(key, at))
  }

  /**
   * What this node had ceased to answer for, for this loop came late, is not answered for again before all that waits is read: who learns only
   * now that another is Active holds nothing any more, and who was silent for as long as a Backup may wait asks anew.
   */
  #beat(): void {
    const lapsed = this.#heartbeat.beat(this.#clock.now())
    if (lapsed.length === 0) return
    const wereActive = this.#heartbeat.routersOf(lapsed).filter(key => this.#set.get(key)?.state.name === 'Active')
    this.#sockets.drainAll()
    const at = this.#clock.now()
    for (const key of wereActive) {
      const state = this.#set.get(key)?.state
      if (!state || !holdsAddresses(state)) continue
      if (state.name !== 'Active' || this.#wakefulness.mayBeReplaced(key, at)) this.#step(key, { type: 'Overslept' })
    }
    this.#complain(
      undefined,
      `This loop came late, and addresses of ${wereActive.length} virtual routers were not answered for meanwhile`,
    )
    this.#output.answer()
    // Hosts that asked meanwhile were not answered.
    for (const key of wereActive) this.#output.announce(key)
  }

  /** Before anything is heard: who was replaced while asleep must not answer its successor as if it were still Active. */
  #noticeSleep(): void {
    this.#waitAnew(this.#wakefulness.sleepers(this.#armedFor))
  }

  #waitAnew(keys: readonly string[]): void {
    for (const key of keys) this.#step(key, { type: 'Overslept' })
  }

  #forget(at: Instant): void {
    this.#forgetAt = at + FORGET_EVERY
    this.#complaints.forgetOld(at)
    if (this.#heard.forgetOld(at)) this.#statusDirty = true
  }

  // ---- receive

  #receive(link: number, family: Family, packet: ReceivedPacket): void {
    // An echo of its own; of a VRID that it does not run, another agent's on this node.
    if (packet.fromThisNode && this.#set.find(link, family, packet.payload[1] ?? 0) !== undefined) return
    const result = this.#reception.decode(link, family, packet, key => this.#routers.get(key)?.authentication)
    switch (result.type) {
      case 'Refused': {
        this.#refuse(result.error, packet.source, result.key)
        return
      }
      case 'Foreign':
        this.#hearOther(link, family, result.advertisement, packet)
        return
      case 'Ignored':
        return
      case 'Advertisement':
        if (result.doubt) this.#doubt(result, result.doubt)
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
        if (!repetition(this.#clock.now())) return false
        counters.advertisementsReceived++
        return true
      })
  }

  #refuse(refusal: Refusal, source: IpAddress, key: string | undefined): void {
    const { reason, detail } = refusal
    const router = key === undefined ? undefined : this.#routers.get(key)
    router?.counters.refused(reason)
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)
    if (key !== undefined) this.#diagnosis.refused(key, refusal, source, this.#clock.now())
    this.#complain(router, `an advert from ${source.text} is refused: ${reason}: ${detail}`)
  }

  /** Believed all the same, for its mode is not Enforce. That nobody signs as yet is what ReceiveOnly is for. */
  #doubt({ key, source }: HeardAdvertisement, doubt: Refusal): void {
    const router = this.#routers.get(key)
    const mode = router?.authentication?.type === 'HMAC' ? router.authentication.keys.mode : undefined
    if (doubt.reason === 'HMACMissing' && mode === 'ReceiveOnly') return
    this.#diagnosis.doubted(key, doubt, source, this.#clock.now())
    this.#complain(
      router,
      `an advert from ${source.text} would be refused with mode Enforce: ${doubt.reason}: ${doubt.detail}`,
    )
  }

  /** A virtual router that this node does not run here. */
  #hearOther(link: number, family: Family, advertisement: Advertisement, packet: ReceivedPacket): void {
    const { virtualRouterID } = advertisement
    const { source } = packet
    this.#diagnosis.heardOther(link, advertisement, source, this.#clock.now())
    // It may come from another link, or from members of one that this node is about to join: no number that is taken here.
    if (isUnicast(packet)) {
      this.#complainOfSameAddress(link, advertisement, source)
      return
    }
    if (!this.#heard.record(link, family, virtualRouterID, source.text, this.#clock.now())) return
    this.#statusDirty = true
    const name = this.#parts.links.links.get(link)?.name
    const sentence = `VRID ${virtualRouterID} (${family}) is run on ${name} by ${source.text}, and not by this agent`
    if (this.#complaints.isNew(sentence, this.#clock.now())) this.#parts.logger.info(sentence)
    this.#complainOfSameAddress(link, advertisement, source)
  }

  #complainOfSameAddress(link: number, advertisement: Advertisement, source: IpAddress): void {
    for (const [key, router] of this.#routers) {
      const own = this.#set.get(key)
      const complaint = own?.link === link && sameAddressOtherRouter(advertisement, source, own.config)
      if (complaint) this.#complain(router, complaint)
    }
  }

  #complain(router: RunningRouter | undefined, complaint: string): void {
    const { virtualIP, family } = router?.desired.spec ?? {}
    const sentence = virtualIP === undefined ? complaint : `${virtualIP}: ${complaint}`
    if (this.#complaints.isNew(sentence, this.#clock.now())) this.#parts.logger.warn({ virtualIP, family }, sentence)
  }

  // ---- decide

  #step(key: string, event: RouterEvent): void {
    const before = this.#set.get(key)?.state
    if (before) this.#take(key, before, this.#set.step(key, event, this.#clock.now()))
  }

  #take(key: string, before: RouterState, { state, messages, observations }: Step): void {
    const router = this.#routers.get(key)
    if (!router) return
    for (const observation of observations) this.#observe(key, router, before, observation)
    this.#diagnosis.stepped(key, before, state, this.#clock.now())
    this.#groups.stepped(key, before, state, this.#clock.now())
    if (
      state.name === 'Backup' &&
      before.name === 'Backup' &&
      (state.active?.address.text !== before.active?.address.text || state.active?.priority !== before.active?.priority)
    ) {
      this.#statusDirty = true
    }
    this.#output.take(key, router, before, state, messages)
    if (router.isLeaving && !holdsAddresses(state)) this.#membership.forget(key)
  }

  #observe(key: string, router: RunningRouter, before: RouterState, observation: Observation): void {
    const { logger } = this.#parts
    this.#diagnosis.observed(key, observation, this.#clock.now())
    const { virtualIP, family } = router.desired.spec
    switch (observation.type) {
      case 'Transition': {
        const wasFault = router.shown.state === 'FAULT'
        // To leave is part of a FAULT, which is said already.
        if (wasFault && observation.to === 'Initialize') return
        const running = this.#set.get(key)
        const sentence = transitionSentence(observation, before, running?.config, this.#clock.now(), running?.state)
        const message = wasFault ? sentence.replace('INITIALIZE', 'FAULT') : sentence
        logger.info({ virtualIP, family, reason: observation.reason }, `${virtualIP}: ${message}`)
        router.show(routerStateName(observation.to), observation.reason, message)
        if (observation.to === 'Active' && running)
          router.tookOver(before, unansweredBefore(observation, before, running.config, this.#clock.now()))
        this.#statusDirty = true
        return
      }
      case 'IntervalMismatch':
      case 'AddressListMismatch':
      case 'VersionMismatch':
      case 'LosingAdvertisement':
        router.counters.observe(observation)
        break
      case 'PriorityZeroReceived':
        router.counters.observe(observation)
        router.leaver = observation.source
        break
      case 'OwnAddressHeard':
        break
      case 'HandedOver':
        logger.info({ virtualIP, family }, `${virtualIP}: ${HANDOVER_ENDED[observation.successor]}`)
        return
    }
    const config = this.#set.get(key)?.config
    const complaint = config && oddAdvert(observation, config)
    if (complaint) this.#complain(router, complaint)
  }

  // ---- what users see

  /** What this node was told to run. */
  get told(): readonly VirtualRouterSpec[] {
    return this.#membership.told
  }

  status(): VirtualRouterStatus[] {
    return [...this.#routers]
      .filter(([, { isLeaving }]) => !isLeaving)
      .map(([key, router]) => {
        const observations = this.#observationsOf(key, router)
        const status = router.status(this.#set.get(key)?.state, name => this.#checks.result(name))
        return observations.length > 0 ? { ...status, observations } : status
      })
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
    for (const [key, router] of this.#routers) {
      const { desired, shown, counters } = router
      const { virtualIP, family, virtualRouterID, link } = desired.spec
      const observations = this.#observationsOf(key, router)
      yield { virtualIP, family, virtualRouterID, link, state: shown.state, counters, observations }
    }
  }

  #observationsOf(key: string, { keyTrouble }: RunningRouter): ObservationStatus[] {
    return keyTrouble ? [keyTrouble, ...this.#diagnosis.of(key)].slice(0, MOST_OBSERVATIONS) : this.#diagnosis.of(key)
  }

  addressesHeld(): number {
    return this.#output.desiredAddresses().length
  }

  /** Whether the kernel is told to be silent should this loop stop, and how often it was although the loop went on. */
  fence(): { readonly isThere: boolean; readonly lapses: number } {
    return { isThere: this.#heartbeat.isFenced, lapses: this.#heartbeat.lapses }
  }
}

const HANDOVER_ENDED = {
  Announced: 'handed over: another node has announced the addresses',
  Advertised: 'handed over to the node that advertises; it was not heard to announce the addresses',
  Nobody: 'released: no other node took over',
}

function checksOf(spec: VirtualIPNodeSpec): Map<string, Check> {
  return new Map(
    spec.virtualRouters.flatMap(router =>
      (router.checks ?? []).map((check): [string, Check] => [checkKey(routerKey(router), check), check]),
    ),
  )
}

function earliest(...instants: readonly (Instant | undefined)[]): Instant {
  return Math.min(...instants.filter(instant => instant !== undefined))
}
