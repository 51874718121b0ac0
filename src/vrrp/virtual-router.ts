// One virtual router on one link, by RFC 9568 §6.4 (version 2: RFC 3768 §6.4). All transitions live in this file. Each state has one
// door that sets everything: becomeInitialize, becomeBackup, becomeActive; no other line writes a state's name.

import { compareAddresses, type IpAddress } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'
import type { Advertisement } from './advertisement.ts'
import {
  backupDeadline,
  letPass,
  preemptsAtOnce,
  sameActive,
  takeoverReason,
  waitAnew,
  waitFor,
  waitReconfigured,
  waitSkewTime,
} from './backup-wait.ts'
import { advertised, announced, leaving, yielding } from './handover.ts'
import { OWNER, RELEASE } from './priority.ts'
import { intervalMismatch, oddities, refusal } from './reception.ts'
import type {
  Active,
  ActiveHeard,
  Backup,
  Handover,
  Initialize,
  Message,
  Observation,
  RouterEvent,
  RouterState,
  Step,
  TransitionReason,
  VirtualRouterConfig,
} from './router-state.ts'
import { activeDownInterval } from './timers.ts'

export type * from './router-state.ts'

const NOTHING: readonly never[] = Object.freeze([])
/** RFC 5227 §1.1 */
const DEFEND_INTERVAL: Millis = 10_000

export function initialState(now: Instant): Initialize {
  return { name: 'Initialize', since: now }
}

/** When to step with `DeadlineReached`, if nothing else happens first. */
export function deadline(state: RouterState): Instant | undefined {
  switch (state.name) {
    case 'Initialize':
      return state.handover?.until
    case 'Backup':
      return Math.min(backupDeadline(state), state.handover?.until ?? Infinity)
    case 'Active':
      return state.advertisementDeadline
  }
}

/** Whether the addresses of the virtual router must be on the link now. */
export function holdsAddresses(state: RouterState): boolean {
  return state.name === 'Active' || state.handover !== undefined
}

/**
 * What the router is after `event`, what it sends for it and what it noticed. Nothing is changed in place. An event that means nothing in
 * a state (a deadline not reached, an advert while in Initialize) leaves it as it was.
 */
export function step(config: VirtualRouterConfig, state: RouterState, event: RouterEvent, now: Instant): Step {
  switch (state.name) {
    case 'Initialize':
      return whileInitialize(config, state, event, now)
    case 'Backup':
      return whileBackup(config, state, event, now)
    case 'Active':
      return whileActive(config, state, event, now)
  }
}

// ---- Initialize (RFC 9568 §6.4.1)

function whileInitialize(config: VirtualRouterConfig, state: Initialize, event: RouterEvent, now: Instant): Step {
  switch (event.type) {
    case 'Startup':
      if (config.priority === OWNER) return becomeActive(config, state, 'Owner', now)
      // Not in the RFC, which waits Active_Down_Interval for an Active Router that here can't exist.
      if (event.unheard) return becomeActive(config, state, 'Unheard', now)
      return becomeBackup(config, state, 'Startup', config.advertisementInterval, undefined, state.handover, now)
    case 'Shutdown':
      return event.handOver ? stay(state) : stay(withdrawn(state))
    case 'AdvertisementReceived':
      return stay(heardWhileLeaving(config, state, event.advertisement, event.source, now))
    case 'Announced':
      return stay(heardAnnounced(state, now))
    case 'DeadlineReached':
      return endHandover(state, now)
    case 'Overslept':
      return stay(withdrawn(state))
    case 'Reconfigured':
    case 'Yield':
      return stay(state)
  }
}

function heardWhileLeaving(
  config: VirtualRouterConfig,
  state: Initialize,
  advertisement: Advertisement,
  source: IpAddress,
  now: Instant,
): Initialize {
  const { handover } = state
  if (!handover || advertisement.priority === RELEASE || refusal(config, advertisement, source)) return state
  return { ...state, handover: advertised(handover, now) }
}

// ---- Backup (RFC 9568 §6.4.2)

function whileBackup(config: VirtualRouterConfig, state: Backup, event: RouterEvent, now: Instant): Step {
  switch (event.type) {
    case 'Startup':
    case 'Yield':
      return stay(state)
    case 'Shutdown':
      return becomeInitialize(state, NOTHING, event.handOver ? state.handover : undefined, now)
    case 'DeadlineReached':
      if (event.isHeldBack || now < backupDeadline(state)) return endYielding(config, state, now)
      return becomeActive(config, state, takeoverReason(state), now)
    case 'AdvertisementReceived':
      return heardWhileBackup(config, state, event.advertisement, event.source, now)
    case 'Announced':
      return stay(heardAnnounced(state, now))
    case 'Overslept':
      return stay(waitAnew(config, withdrawn(state), now))
    case 'Reconfigured':
      return reconfiguredWhileBackup(config, state, event.previous, now)
  }
}

function heardWhileBackup(
  config: VirtualRouterConfig,
  before: Backup,
  advertisement: Advertisement,
  source: IpAddress,
  now: Instant,
): Step {
  const refused = refusal(config, advertisement, source)
  if (refused) return stay(before, [refused])
  const { priority, interval } = advertisement
  const odd = oddities(config, advertisement, source)
  if (priority === RELEASE) {
    return stay(waitSkewTime(config, before, now), [...odd, { type: 'PriorityZeroReceived', source }])
  }
  const state = before.handover ? { ...before, handover: advertised(before.handover, now) } : before
  const active = sameActive(state.active, source, priority)
  if (preemptsAtOnce(config, priority)) return stay(letPass(state, active), odd)
  const following = waitFor(config, state, active, interval, now)
  return interval === config.advertisementInterval
    ? stay(following, odd)
    : stay(following, [...odd, intervalMismatch(config, interval, source)])
}

function reconfiguredWhileBackup(
  config: VirtualRouterConfig,
  state: Backup,
  previous: VirtualRouterConfig,
  now: Instant,
): Step {
  assertSameRouter(config, previous)
  if (config.priority === OWNER && previous.priority !== OWNER) return becomeActive(config, state, 'Owner', now)
  return stay(waitReconfigured(config, state, previous, now))
}

// ---- Active (RFC 9568 §6.4.3)

function whileActive(config: VirtualRouterConfig, state: Active, event: RouterEvent, now: Instant): Step {
  switch (event.type) {
    case 'Startup':
      return stay(state)
    case 'Shutdown': {
      const handover = event.handOver ? leaving(config, now) : undefined
      return becomeInitialize(state, [{ type: 'Advertise', priority: RELEASE }], handover, now)
    }
    case 'DeadlineReached':
      return now < state.advertisementDeadline ? stay(state) : advertise(config, state, now)
    case 'AdvertisementReceived':
      return heardWhileActive(config, state, event.advertisement, event.source, now)
    case 'Announced':
      return announceAgain(config, state, now)
    case 'Yield':
      return yieldWithGroup(config, state, now)
    case 'Overslept':
      return becomeBackup(config, state, 'Overslept', config.advertisementInterval, undefined, undefined, now)
    case 'Reconfigured':
      return reconfiguredWhileActive(config, state, event.previous, now)
  }
}

/**
 * The next deadline follows from the last, not from now, so lateness doesn't add up. Silent for 3 intervals or more, which is as long as a
 * Backup may wait, we may have been replaced in the neighbours' tables: announce as well.
 */
function advertise(config: VirtualRouterConfig, state: Active, now: Instant): Step {
  const { priority, advertisementInterval } = config
  const next = state.advertisementDeadline + advertisementInterval
  const last = Math.max(state.advertisementDeadline - advertisementInterval, state.assertedAt ?? state.since)
  const isKnown = now - last < 3 * advertisementInterval && !state.isContested
  return {
    state: {
      ...state,
      advertisementDeadline: next > now ? next : now + advertisementInterval,
      isContested: false,
    },
    messages: isKnown ? [{ type: 'Advertise', priority }] : advertiseAndAnnounce(config),
    observations: NOTHING,
  }
}

/**
 * Another node has told hosts that an address is its own. Where a losing advert was heard just before, it took over as well and is about to yield:
 * hosts are told otherwise at once, but once in our own interval, and with the next advert. Else it should not have the address, and we defend it as
 * RFC 5227 §2.4 (c) has it: two that can't hear each other's adverts would go on without end.
 */
function announceAgain(config: VirtualRouterConfig, state: Active, now: Instant): Step {
  const { advertisementInterval } = config
  const isContest = state.assertedAt !== undefined && now - state.assertedAt < advertisementInterval
  // Who has just taken over may have been told so by who serves; and announces again by itself.
  if (!isContest && now - state.since < advertisementInterval) return stay(state)
  const every = isContest ? advertisementInterval : DEFEND_INTERVAL
  if (state.reannouncedAt !== undefined && now - state.reannouncedAt < every) {
    return stay(isContest && !state.isContested ? { ...state, isContested: true } : state)
  }
  return {
    state: { ...state, reannouncedAt: now, isContested: isContest },
    messages: [{ type: 'Announce' }],
    observations: NOTHING,
  }
}

function heardWhileActive(
  config: VirtualRouterConfig,
  state: Active,
  advertisement: Advertisement,
  source: IpAddress,
  now: Instant,
): Step {
  const refused = refusal(config, advertisement, source)
  if (refused) return stay(state, [refused])
  const { priority, interval } = advertisement
  const odd = oddities(config, advertisement, source)
  if (priority === RELEASE) {
    return {
      state: { ...state, advertisementDeadline: now + config.advertisementInterval },
      messages: [{ type: 'Advertise', priority: config.priority }],
      observations: [...odd, { type: 'PriorityZeroReceived', source }],
    }
  }
  const higher = priority - config.priority
  if (higher > 0 || (higher === 0 && compareAddresses(source, config.primaryAddress) > 0)) {
    const noted = interval === config.advertisementInterval ? odd : [...odd, intervalMismatch(config, interval, source)]
    const reason = higher > 0 ? 'HigherPriorityHeard' : 'HigherAddressHeard'
    const active = { address: source, priority }
    return becomeBackup(config, state, reason, interval, active, yielding(config, state.since, now), now, noted)
  }
  return assertActive(config, state, [...odd, { type: 'LosingAdvertisement', source, priority }], now)
}

/** Nobody was heard to follow it: it says that it leaves, and answers until somebody has announced. */
function yieldWithGroup(config: VirtualRouterConfig, state: Active, now: Instant): Step {
  const { advertisementInterval } = config
  const handover = leaving(config, now)
  const yielded = becomeBackup(config, state, 'GroupYielded', advertisementInterval, undefined, handover, now)
  return { ...yielded, messages: [{ type: 'Advertise', priority: RELEASE }] }
}

/**
 * Answers a losing advert at once (RFC 9568 §6.4.3; in version 2 too, as keepalived does), and announces, for its sender has taught the
 * neighbours its own link-layer address. Two Actives that see each other right can't answer each other without end: priority, then
 * address, is a total order, so one of them is answered and falls silent. But a source address that was translated on the way, or a
 * priority just changed, can make both believe they win, and each answer calls for the next. So at most one answer in our own interval:
 * it is multicast and reaches every loser there is, and whoever missed it hears our next regular advert, with which hosts are told again.
 */
function assertActive(
  config: VirtualRouterConfig,
  state: Active,
  observations: readonly Observation[],
  now: Instant,
): Step {
  const answered = state.assertedAt !== undefined && now - state.assertedAt < config.advertisementInterval
  if (answered) return stay({ ...state, isContested: true }, observations)
  return { state: { ...state, assertedAt: now }, messages: advertiseAndAnnounce(config), observations }
}

/**
 * The addresses stay held. Added ones are advertised and announced; a changed interval is advertised before a Backup's wait by the old one
 * can end: now, and again after the shorter of the two, should this advert be lost.
 */
function reconfiguredWhileActive(
  config: VirtualRouterConfig,
  state: Active,
  previous: VirtualRouterConfig,
  now: Instant,
): Step {
  assertSameRouter(config, previous)
  const before = new Set(previous.addresses.map(address => address.text))
  const added = config.addresses.some(address => !before.has(address.text))
  const paceChanged = config.advertisementInterval !== previous.advertisementInterval
  if (!added && !paceChanged) return stay(state)
  const soon = now + Math.min(config.advertisementInterval, previous.advertisementInterval)
  return {
    state: paceChanged ? { ...state, advertisementDeadline: soon } : state,
    messages: added ? advertiseAndAnnounce(config) : [{ type: 'Advertise', priority: config.priority }],
    observations: NOTHING,
  }
}

// ---- make before break

function heardAnnounced<S extends Initialize | Backup>(state: S, now: Instant): S {
  return state.handover ? { ...state, handover: announced(state.handover, now) } : state
}

function endHandover(state: Initialize | Backup, now: Instant): Step {
  const { handover } = state
  if (!handover || now < handover.until) return stay(state)
  return stay(withdrawn(state), [{ type: 'HandedOver', successor: handover.successor }])
}

/**
 * Who advertises and was not heard to announce may have been Active all along, behind a partition that has healed, and does not know of this
 * one. Hosts do: so it is told, by one more advert, which it answers by announcing.
 */
function endYielding(config: VirtualRouterConfig, state: Backup, now: Instant): Step {
  const ended = endHandover(state, now)
  // Of who yielded with its group the successor may rank lower: it would believe the advert, and yield.
  const isUnknown = state.handover?.successor === 'Advertised' && (state.active?.priority ?? 0) >= config.priority
  if (!isUnknown || holdsAddresses(ended.state)) return ended
  return { ...ended, messages: [{ type: 'Advertise', priority: config.priority }] }
}

/** Holds its addresses no longer, whatever was heard. */
function withdrawn<S extends Initialize | Backup>(state: S): S {
  return state.handover ? { ...state, handover: undefined } : state
}

// ---- the doors

function becomeInitialize(
  state: RouterState,
  messages: readonly Message[],
  handover: Handover | undefined,
  now: Instant,
): Step {
  return {
    state: handover ? { ...initialState(now), handover } : initialState(now),
    messages,
    observations: [transition(state, 'Initialize', 'Shutdown')],
  }
}

function becomeBackup(
  config: VirtualRouterConfig,
  state: RouterState,
  reason: TransitionReason,
  activeInterval: Millis,
  active: ActiveHeard | undefined,
  handover: Handover | undefined,
  now: Instant,
  noted: readonly Observation[] = NOTHING,
): Step {
  const activeDownDeadline = now + activeDownInterval(config.version, config.priority, activeInterval)
  return {
    state: {
      name: 'Backup',
      since: now,
      activeDownDeadline,
      activeInterval,
      active,
      preemptAt: undefined,
      takeoverReason: undefined,
      handover,
    },
    messages: NOTHING,
    observations: [...noted, transition(state, 'Backup', reason)],
  }
}

function becomeActive(config: VirtualRouterConfig, state: RouterState, reason: TransitionReason, now: Instant): Step {
  const advertisementDeadline = now + config.advertisementInterval
  return {
    state: { name: 'Active', since: now, advertisementDeadline, assertedAt: undefined },
    messages: advertiseAndAnnounce(config),
    observations: [transition(state, 'Active', reason)],
  }
}

function advertiseAndAnnounce(config: VirtualRouterConfig): readonly Message[] {
  return [{ type: 'Advertise', priority: config.priority }, { type: 'Announce' }]
}

function transition(state: RouterState, to: RouterState['name'], reason: TransitionReason): Observation {
  return { type: 'Transition', from: state.name, to, reason }
}

function stay(state: RouterState, observations: readonly Observation[] = NOTHING): Step {
  return { state, messages: NOTHING, observations }
}

function assertSameRouter(config: VirtualRouterConfig, previous: VirtualRouterConfig): void {
  const same =
    config.version === previous.version &&
    config.family === previous.family &&
    config.virtualRouterID === previous.virtualRouterID
  if (!same) throw new RangeError('Version, family and VRID make the virtual router: restart it to change them')
}
