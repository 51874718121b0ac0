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
  waitFor,
  waitReconfigured,
  waitSkewTime,
} from './backup-wait.ts'
import { OWNER, RELEASE } from './priority.ts'
import { intervalMismatch, oddities, refusal } from './reception.ts'
import type {
  Active,
  ActiveHeard,
  Backup,
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

export function initialState(now: Instant): Initialize {
  return { name: 'Initialize', since: now }
}

/** When to step with `DeadlineReached`, if nothing else happens first. */
export function deadline(state: RouterState): Instant | undefined {
  switch (state.name) {
    case 'Initialize':
      return undefined
    case 'Backup':
      return backupDeadline(state)
    case 'Active':
      return state.advertisementDeadline
  }
}

/** Whether the addresses of the virtual router must be on the link now. */
export function holdsAddresses(state: RouterState): boolean {
  return state.name === 'Active'
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
      return becomeBackup(config, state, 'Startup', config.advertisementInterval, undefined, now)
    case 'Shutdown':
    case 'AdvertisementReceived':
    case 'DeadlineReached':
    case 'Overslept':
    case 'Reconfigured':
      return stay(state)
  }
}

// ---- Backup (RFC 9568 §6.4.2)

function whileBackup(config: VirtualRouterConfig, state: Backup, event: RouterEvent, now: Instant): Step {
  switch (event.type) {
    case 'Startup':
      return stay(state)
    case 'Shutdown':
      return becomeInitialize(state, NOTHING, now)
    case 'DeadlineReached':
      return now < backupDeadline(state) ? stay(state) : becomeActive(config, state, takeoverReason(state), now)
    case 'AdvertisementReceived':
      return heardWhileBackup(config, state, event.advertisement, event.source, now)
    case 'Overslept':
      return stay(waitFor(config, state, undefined, state.activeInterval, now))
    case 'Reconfigured':
      return reconfiguredWhileBackup(config, state, event.previous, now)
  }
}

function heardWhileBackup(
  config: VirtualRouterConfig,
  state: Backup,
  advertisement: Advertisement,
  source: IpAddress,
  now: Instant,
): Step {
  const refused = refusal(config, advertisement, source)
  if (refused) return stay(state, [refused])
  const { priority, interval } = advertisement
  const odd = oddities(config, advertisement, source)
  if (priority === RELEASE) {
    return stay(waitSkewTime(config, state, now), [...odd, { type: 'PriorityZeroReceived', source }])
  }
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
    case 'Shutdown':
      return becomeInitialize(state, [{ type: 'Advertise', priority: RELEASE }], now)
    case 'DeadlineReached':
      return now < state.advertisementDeadline ? stay(state) : advertise(config, state, now)
    case 'AdvertisementReceived':
      return heardWhileActive(config, state, event.advertisement, event.source, now)
    case 'Overslept':
      return becomeBackup(config, state, 'Overslept', config.advertisementInterval, undefined, now)
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
  return {
    state: { ...state, advertisementDeadline: next > now ? next : now + advertisementInterval },
    messages: now - last < 3 * advertisementInterval ? [{ type: 'Advertise', priority }] : advertiseAndAnnounce(config),
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
    return becomeBackup(config, state, reason, interval, { address: source, priority }, now, noted)
  }
  return assertActive(config, state, [...odd, { type: 'LosingAdvertisement', source, priority }], now)
}

/**
 * Answers a losing advert at once (RFC 9568 §6.4.3; in version 2 too, as keepalived does), and announces, for its sender has taught the
 * neighbours its own link-layer address. Two Actives that see each other right can't answer each other without end: priority, then
 * address, is a total order, so one of them is answered and falls silent. But a source address that was translated on the way, or a
 * priority just changed, can make both believe they win, and each answer calls for the next. So at most one answer in our own interval:
 * it is multicast and reaches every loser there is, and whoever missed it hears our next regular advert.
 */
function assertActive(
  config: VirtualRouterConfig,
  state: Active,
  observations: readonly Observation[],
  now: Instant,
): Step {
  const answered = state.assertedAt !== undefined && now - state.assertedAt < config.advertisementInterval
  if (answered) return stay(state, observations)
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

// ---- the doors

function becomeInitialize(state: RouterState, messages: readonly Message[], now: Instant): Step {
  return { state: initialState(now), messages, observations: [transition(state, 'Initialize', 'Shutdown')] }
}

function becomeBackup(
  config: VirtualRouterConfig,
  state: RouterState,
  reason: TransitionReason,
  activeInterval: Millis,
  active: ActiveHeard | undefined,
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
