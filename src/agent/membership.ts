import type { VirtualIPNodeSpec, VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import type { CheckResult } from '../checks/repeat.ts'
import type { Instant, Millis } from '../lib/time.ts'
import type { Link, LinkTable } from '../linux/links.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Groups } from '../vrrp/groups.ts'
import type { RouterSet } from '../vrrp/router-set.ts'
import { holdsAddresses, type RouterEvent, type RouterState, type Step } from '../vrrp/virtual-router.ts'
import {
  checksOf,
  type DesiredRouter,
  desiredRouter,
  type Fault,
  isAnotherRouter,
  routerKey,
  sameConfig,
  sameUnicast,
} from './desired-routers.ts'
import { endpoints } from './endpoints.ts'
import type { Heard } from './heard.ts'
import type { IsOurs } from './link-status.ts'
import type { MachineClock } from './machine-clock.ts'
import type { Transitioned } from './notify.ts'
import type { Output } from './output.ts'
import type { Passwords } from './passwords.ts'
import type { Reception } from './reception.ts'
import { RunningRouter, sendRefused } from './running-router.ts'
import type { Sockets } from './sockets.ts'
import type { Wait } from './startup-delay.ts'

/** After a refused address, advert or socket, a router tries again after this long. */
const RETRY_AFTER: Millis = 5000
/** The reason of a router whose group has another one in FAULT. */
const GROUP_FAULT = 'GroupFault'
/** Faults of a node that can still answer for its addresses, and tell others to take them. */
const HANDED_OVER: ReadonlySet<string> = new Set(['CheckFailed', GROUP_FAULT])

interface MembershipParts {
  readonly clock: MachineClock
  readonly links: LinkTable
  readonly isOurs: IsOurs
  readonly logger: Logger
  readonly set: RouterSet
  readonly groups: Groups
  readonly routers: Map<string, RunningRouter>
  readonly reception: Reception
  readonly sockets: Sockets
  readonly output: Output
  readonly heard: Heard
  /** How long at most to answer for an address that this node gives up. */
  readonly handover: Millis
  /** Before any router starts. */
  readonly startupWait: Wait | undefined
  readonly transitioned: (transitioned: Transitioned) => void
  readonly checkResult: (key: string) => CheckResult | undefined
  readonly step: (key: string, event: RouterEvent) => void
  /** The outputs of a step that was made here. */
  readonly take: (key: string, before: RouterState, step: Step) => void
  /** Something that users see is not what it was. */
  readonly changed: () => void
}

/**
 * Which virtual routers run on this node: by the spec, the links, the checks, and what the kernel refused. Level-triggered: `reconcile` may be
 * called at any time, and what did not change does not notice.
 */
export class Membership {
  readonly #parts: MembershipParts
  #spec: VirtualIPNodeSpec = { virtualRouters: [] }
  #specIsLive = false
  #passwords: Passwords = { known: {}, forbidden: {} }
  /** Before this no router starts. */
  readonly #startsAt: Instant
  #retryAt: Instant | undefined
  #hasEnded = false

  constructor(parts: MembershipParts) {
    this.#parts = parts
    this.#startsAt = parts.clock.now() + (parts.startupWait?.length ?? 0)
  }

  /** What this node was told to run. */
  get told(): readonly VirtualRouterSpec[] {
    return this.#spec.virtualRouters
  }

  /** When to call `retry`. */
  get retryAt(): Instant | undefined {
    return this.#retryAt
  }

  /** `live`: the controller said so just now, as opposed to disk or file. */
  setSpec(spec: VirtualIPNodeSpec, passwords: Passwords, live: boolean): void {
    this.#spec = spec
    this.#passwords = passwords
    this.#specIsLive = live
  }

  reconcile(): void {
    if (this.#hasEnded) return
    const { set, routers, sockets, isOurs, handover, checkResult, changed } = this.#parts
    const links = [...this.#parts.links.links.values()]
    const groups = Map.groupBy(this.#spec.virtualRouters, groupOf)
    const checks = new Map([...groups].map(([name, routers]) => [name, checksOf(routers)]))
    const desired = this.#spec.virtualRouters.map(spec =>
      this.#patient(desiredRouter(spec, links, isOurs, checkResult, handover, checks.get(groupOf(spec)))),
    )
    const wanted = new Set(desired.map(({ key }) => key))

    // A VRID may pass from one VirtualIP to another in one spec: all leave before any enters.
    for (const [key, router] of [...routers]) if (!wanted.has(key)) this.#remove(key, router, desired)
    for (const router of desired) this.#leaveWhereChanged(router)
    const leaving = [...routers.values()].filter(({ isLeaving }) => isLeaving)
    const running = [...set.keys()].flatMap(key => set.get(key) ?? [])
    sockets.set(endpoints([...desired, ...leaving.map(({ desired }) => desired)], running, links, isOurs))
    for (const router of desired) this.#enter(router)
    const faults = this.#faultsOfGroups(desired)
    const unheard = this.#unheardGroups(desired)
    for (const router of desired) this.#run(router, faults, unheard)
    changed()
  }

  /** The kernel refuses what this router needs: it is in FAULT, and tries again. */
  refuse(key: string, router: RunningRouter, fault: Fault): void {
    router.refusal = { ...fault, until: this.#parts.clock.now() + RETRY_AFTER }
    this.#retryAfter(RETRY_AFTER)
    this.#fault(key, router, fault)
    this.#faultGroup(key, router.desired.spec, fault)
  }

  retry(): void {
    const at = this.#parts.clock.now()
    this.#retryAt = undefined
    for (const router of this.#parts.routers.values()) {
      if (router.refusal && router.refusal.until <= at) router.refusal = undefined
      else if (router.refusal) this.#retryAfter(router.refusal.until - at)
    }
    this.reconcile()
  }

  /** The agent ends: every router stops, for good. What it holds it hands over. */
  stopAll(): void {
    this.#hasEnded = true
    for (const key of this.#parts.routers.keys()) this.#stop(key, true)
  }

  /** What is still held is released now. */
  withdrawAll(): void {
    for (const key of [...this.#parts.routers.keys()]) this.#stop(key, false)
  }

  /** A router that is no longer asked for, and has handed over its addresses. */
  forget(key: string): void {
    this.#leave(key)
    this.#parts.routers.delete(key)
    this.#parts.output.expect(key)
  }

  #enter(desired: DesiredRouter): void {
    const { clock, groups, routers, output, transitioned } = this.#parts
    const { key } = desired
    const router = routers.get(key) ?? new RunningRouter(desired, clock, transitioned)
    routers.set(key, router)
    router.isLeaving = false
    if (addressText(router.desired) !== addressText(desired)) output.expect(key)
    router.desired = desired
    groups.join(key, desired.spec.group, clock.now())
  }

  #run(desired: DesiredRouter, faults: Map<string, Fault>, unheard: ReadonlySet<string>): void {
    const { clock, set, routers, reception, startupWait, take, step } = this.#parts
    const { key, outcome } = desired
    const router = routers.get(key)
    if (!router) return
    const own = this.#faultOf(key, router)
    const ofGroup = faults.get(groupOf(desired.spec))
    if (own) this.#fault(key, router, own)
    else if (ofGroup) this.#fault(key, router, ofGroup)
    // A VRID that another router has had since it was looked for.
    if (own && !ofGroup) faults.set(groupOf(desired.spec), this.#faultGroup(key, desired.spec, own))
    if (own || ofGroup || 'fault' in outcome) return
    const { link, config } = outcome
    if (!set.get(key)) set.add(key, link.index, config, clock.now())
    const running = set.get(key)
    if (!running) return
    if (!sameUnicast(running.config.unicast, config.unicast)) reception.forget(key)
    if (!sameConfig(running.config, config)) take(key, running.state, set.reconfigure(key, config, clock.now()))
    if (running.state.name !== 'Initialize') return
    if (startupWait && clock.now() < this.#startsAt) {
      this.#retryAfter(this.#startsAt - clock.now())
      router.show('INITIALIZE', 'StartupDelay', startupWait.sentence)
      return
    }
    if ('waitingFor' in outcome) {
      router.show('INITIALIZE', 'WaitingForCheck', `Check ${outcome.waitingFor} has no result yet`)
      return
    }
    router.startedWith.add(config.virtualRouterID)
    step(key, { type: 'Startup', unheard: unheard.has(groupOf(desired.spec)) })
  }

  /** Those in which each router, unless it is Active already, may start as if nobody was Active. */
  #unheardGroups(desired: readonly DesiredRouter[]): Set<string> {
    const { set, routers } = this.#parts
    const isUnheard = ({ key, outcome }: DesiredRouter): boolean => {
      const state = set.get(key)?.state.name ?? 'Initialize'
      const router = routers.get(key)
      if (state !== 'Initialize' || 'fault' in outcome || !router) return state === 'Active'
      return !('waitingFor' in outcome) && this.#isUnheard(router, outcome.link)
    }
    const heard = desired.filter(router => !isUnheard(router)).map(({ spec }) => groupOf(spec))
    return new Set(desired.map(({ spec }) => groupOf(spec))).difference(new Set(heard))
  }

  /** RFC deviation, recorded: a VRID that was allocated a moment ago and that nobody speaks on need not wait Active_Down_Interval. */
  #isUnheard({ desired: { spec }, startedWith }: RunningRouter, link: Link): boolean {
    if (!spec.initial || !this.#specIsLive || startedWith.has(spec.virtualRouterID)) return false
    return !this.#parts.heard.has(link.index, spec.family, spec.virtualRouterID)
  }

  // ---- what prevents it

  /** By group, where one of several can't take part. */
  #faultsOfGroups(desired: readonly DesiredRouter[]): Map<string, Fault> {
    const faults = new Map<string, Fault>()
    for (const { key, spec } of desired) {
      const router = spec.group === undefined ? undefined : this.#parts.routers.get(key)
      const fault = router && this.#faultOf(key, router)
      if (fault && !faults.has(groupOf(spec))) faults.set(groupOf(spec), groupFault(spec, fault))
    }
    return faults
  }

  /** This router is in FAULT, and so are the others of its group: for the reason it gives. */
  #faultGroup(key: string, spec: VirtualRouterSpec, fault: Fault): Fault {
    const { groups, routers } = this.#parts
    const ofOthers = groupFault(spec, fault)
    for (const mate of groups.matesOf(key)) {
      const other = routers.get(mate)
      if (other && other.shown.state !== 'FAULT') this.#fault(mate, other, ofOthers)
    }
    return ofOthers
  }

  /**
   * Who flushes a link to configure it anew takes the node's own addresses away for a moment, too. Nobody takes over within an interval, so a
   * router that runs believes only then that they are gone, and is what it was until then, spec and all.
   */
  #patient(now: DesiredRouter): DesiredRouter {
    const { clock, set, routers } = this.#parts
    const router = routers.get(now.key)
    const before = router?.desired.outcome
    const isLost = 'fault' in now.outcome && now.outcome.fault.reason === 'NoPrimaryAddress'
    const runs = (set.get(now.key)?.state.name ?? 'Initialize') !== 'Initialize'
    if (router && !isLost) router.withoutSourceSince = undefined
    if (!router || !isLost || !runs || !before || 'fault' in before) return now
    router.withoutSourceSince ??= clock.now()
    const left = router.withoutSourceSince + before.config.advertisementInterval - clock.now()
    if (left <= 0) return now
    this.#retryAfter(left)
    return router.desired
  }

  #faultOf(key: string, router: RunningRouter): Fault | undefined {
    const { set, reception, sockets } = this.#parts
    const { outcome } = router.desired
    if ('fault' in outcome) return outcome.fault
    const { link, config } = outcome
    const user = set.find(link.index, config.family, config.virtualRouterID)
    if (user !== undefined && user !== key) {
      const message = `VRID ${config.virtualRouterID} on ${link.name} is used by ${user} on this node`
      return { reason: 'VirtualRouterIDInUse', message }
    }
    const { keyTrouble } = router
    const authenticated = router.authenticate(this.#passwords)
    if (router.keyTrouble && router.keyTrouble !== keyTrouble) this.#sayKeyTrouble(router, router.keyTrouble)
    if (typeof authenticated === 'object') return authenticated
    if (authenticated === 'Changed') reception.forget(key)
    const error = sockets.error(link.index, config)
    if (!error) return router.refusal ?? this.#muteFault(key, router)
    this.#retryAfter(RETRY_AFTER)
    return { reason: 'SocketRefused', message: error.message }
  }

  #sayKeyTrouble({ desired: { spec } }: RunningRouter, { reason, message }: Fault): void {
    const { virtualIP, family } = spec
    this.#parts.logger.warn({ virtualIP, family, reason }, `${virtualIP}: ${message}; what was good last goes on`)
  }

  /** Asked before a router starts: as MASTER it would take the address from one that is heard. */
  #muteFault(key: string, router: RunningRouter): Fault | undefined {
    const { set, sockets } = this.#parts
    const { outcome } = router.desired
    const runs = (set.get(key)?.state.name ?? 'Initialize') !== 'Initialize'
    if (runs || 'fault' in outcome) return undefined
    const error = sockets.refusal(outcome.link.index, outcome.config)
    if (error?.errno !== 'EPERM') return undefined
    this.#retryAfter(RETRY_AFTER)
    return sendRefused(error, router)
  }

  #fault(key: string, router: RunningRouter, fault: Fault): void {
    const { logger, changed } = this.#parts
    const { state, message } = router.shown
    if (state !== 'FAULT' || message !== fault.message) {
      const { virtualIP, family } = router.desired.spec
      const change = state === 'FAULT' ? 'still FAULT' : `${state} -> FAULT`
      logger.warn({ virtualIP, family, reason: fault.reason }, `${virtualIP}: ${change}: ${fault.message}`)
      router.show('FAULT', fault.reason, fault.message)
      changed()
    }
    this.#stop(key, HANDED_OVER.has(fault.reason))
  }

  #retryAfter(length: Millis): void {
    this.#retryAt = Math.min(this.#retryAt ?? Number.POSITIVE_INFINITY, this.#parts.clock.now() + length)
  }

  // ---- how it ends

  #stop(key: string, handOver: boolean): void {
    const { set, step } = this.#parts
    const state = set.get(key)?.state
    if (state && (state.name !== 'Initialize' || holdsAddresses(state))) step(key, { type: 'Shutdown', handOver })
  }

  /** A router whose link, VRID or version is another now ends as the one it was. */
  #leaveWhereChanged({ key, outcome }: DesiredRouter): void {
    const running = this.#parts.set.get(key)
    if (!running || 'fault' in outcome) return
    if (running.link !== outcome.link.index || isAnotherRouter(running.config, outcome.config)) this.#leave(key)
  }

  /** The node takes no part any more. Where nobody else does, there is no successor to wait for. */
  #remove(key: string, router: RunningRouter, desired: readonly DesiredRouter[]): void {
    const { clock, groups, set } = this.#parts
    groups.join(key, undefined, clock.now())
    this.#stop(key, !this.#endedEverywhere(router) && !this.#isNumberWanted(key, desired))
    const running = set.get(key)
    router.isLeaving = true
    if (!running || !holdsAddresses(running.state)) this.forget(key)
  }

  #endedEverywhere({ desired: { spec } }: RunningRouter): boolean {
    return (this.#spec.released ?? []).some(
      ({ virtualIP, family, ended }) => ended && virtualIP === spec.virtualIP && family === spec.family,
    )
  }

  /** Another router of this node is to run with its VRID, on its link. */
  #isNumberWanted(key: string, desired: readonly DesiredRouter[]): boolean {
    const running = this.#parts.set.get(key)
    return desired.some(
      ({ outcome }) =>
        running &&
        !('fault' in outcome) &&
        outcome.link.index === running.link &&
        outcome.config.family === running.config.family &&
        outcome.config.virtualRouterID === running.config.virtualRouterID,
    )
  }

  /** Stops a router at once and forgets its protocol state. */
  #leave(key: string): void {
    const { clock, groups, set, output, heard, reception } = this.#parts
    groups.join(key, undefined, clock.now())
    this.#stop(key, false)
    output.leave(key)
    const running = set.get(key)
    if (running) heard.leave(running.link, running.config.family, running.config.virtualRouterID, clock.now())
    reception.forget(key)
    set.remove(key)
  }
}

function groupFault({ virtualIP, family }: VirtualRouterSpec, { message }: Fault): Fault {
  return {
    reason: GROUP_FAULT,
    message: `${virtualIP} (${family}), which it changes state with, is in FAULT: ${message}`,
  }
}

/** A router of no group is one of its own. */
function groupOf(spec: VirtualRouterSpec): string {
  return spec.group ?? routerKey(spec)
}

/** All that says what is held where, and how. */
function addressText({ spec: { addresses, addressOptions } }: DesiredRouter): string {
  return JSON.stringify([addresses, addressOptions])
}
