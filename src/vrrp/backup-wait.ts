// How long a Backup waits, and what for. No transition is decided here: each function says which Backup it still is.

import { type IpAddress, sameAddress } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'
import { OWNER } from './priority.ts'
import type { ActiveHeard, Backup, TransitionReason, VirtualRouterConfig } from './router-state.ts'
import { activeDownInterval, skewTime } from './timers.ts'

export function backupDeadline({ activeDownDeadline, preemptAt }: Backup): Instant {
  return preemptAt === undefined ? activeDownDeadline : Math.min(activeDownDeadline, preemptAt)
}

/** Why a takeover at `backupDeadline` happens. */
export function takeoverReason(state: Backup): TransitionReason {
  if (state.preemptAt !== undefined && state.preemptAt <= state.activeDownDeadline) return 'Preempted'
  return state.takeoverReason ?? 'ActiveDown'
}

/** Whether an advert of this priority is discarded. An owner preempts whatever the mode says (RFC 9568 §6.1, Preempt_Mode). */
export function preemptsAtOnce(config: VirtualRouterConfig, priority: number): boolean {
  if (priority >= config.priority) return false
  return config.priority === OWNER || (config.preemption.mode === 'Always' && config.preemption.delay === 0)
}

/** The advert of `active` is discarded: Active_Down_Timer runs on, and when it fires we preempt. */
export function letPass(state: Backup, active: ActiveHeard): Backup {
  if (state.takeoverReason === 'Preempted' && state.active === active) return state
  return { ...state, active, takeoverReason: 'Preempted' }
}

/** Waits Active_Down_Interval from now for the next advert, of `active` if it is known who. */
export function waitFor(
  config: VirtualRouterConfig,
  state: Backup,
  active: ActiveHeard | undefined,
  activeInterval: Millis,
  now: Instant,
): Backup {
  return {
    ...state,
    activeDownDeadline: now + activeDownInterval(config.version, config.priority, activeInterval),
    activeInterval,
    active,
    preemptAt: preemptAt(config, state.preemptAt, active, now),
    takeoverReason: undefined,
  }
}

/** The Active Router has left: Skew_Time, so that of several Backups the highest is first. */
export function waitSkewTime(config: VirtualRouterConfig, state: Backup, now: Instant): Backup {
  return {
    ...state,
    activeDownDeadline: now + skewTime(config.version, config.priority, state.activeInterval),
    active: undefined,
    preemptAt: undefined,
    takeoverReason: 'PriorityZeroReceived',
  }
}

/**
 * It was deaf for a while and may have missed an advert. Where it waits for a silent Active Router it waits Active_Down_Interval anew; where that
 * one has left, another Backup that took over meanwhile advertises within an interval.
 */
export function waitAnew(config: VirtualRouterConfig, state: Backup, now: Instant): Backup {
  if (state.takeoverReason !== 'PriorityZeroReceived')
    return waitFor(config, state, undefined, state.activeInterval, now)
  const skew = skewTime(config.version, config.priority, state.activeInterval)
  return { ...state, activeDownDeadline: now + state.activeInterval + skew }
}

/**
 * The deadline moves by as much as the wait has changed, so the time already waited counts. An Active Router whose adverts we let pass,
 * but must follow by the new configuration, was heard not long ago: its wait starts anew, else we would take over from a living one.
 */
export function waitReconfigured(
  config: VirtualRouterConfig,
  state: Backup,
  previous: VirtualRouterConfig,
  now: Instant,
): Backup {
  const { active } = state
  const activeInterval = active && config.version === 3 ? state.activeInterval : config.advertisementInterval
  if (state.takeoverReason === 'Preempted' && active && !preemptsAtOnce(config, active.priority)) {
    return waitFor(config, state, active, activeInterval, now)
  }
  const change = wait(config, state, activeInterval) - wait(previous, state, state.activeInterval)
  return {
    ...state,
    activeDownDeadline: Math.max(now, state.activeDownDeadline + change),
    activeInterval,
    preemptAt: preemptAtReconfigured(config, state, previous, now),
  }
}

/** `known`, or a new one with the same address object, or a new one. */
export function sameActive(known: ActiveHeard | undefined, address: IpAddress, priority: number): ActiveHeard {
  if (!known || !sameAddress(known.address, address)) return { address, priority }
  return known.priority === priority ? known : { address: known.address, priority }
}

/** The delay counts from the first lower-priority advert; one that isn't lower ends it. */
function preemptAt(
  config: VirtualRouterConfig,
  known: Instant | undefined,
  active: ActiveHeard | undefined,
  firstHeard: Instant,
): Instant | undefined {
  if (config.preemption.mode === 'Never' || !active || active.priority >= config.priority) return undefined
  return known ?? firstHeard + config.preemption.delay
}

function preemptAtReconfigured(
  config: VirtualRouterConfig,
  state: Backup,
  previous: VirtualRouterConfig,
  now: Instant,
): Instant | undefined {
  if (state.preemptAt === undefined || previous.preemption.mode === 'Never') return undefined
  const moved = preemptAt(config, undefined, state.active, state.preemptAt - previous.preemption.delay)
  return moved === undefined ? undefined : Math.max(now, moved)
}

function wait(config: VirtualRouterConfig, state: Backup, interval: Millis): Millis {
  return state.takeoverReason === 'PriorityZeroReceived'
    ? skewTime(config.version, config.priority, interval)
    : activeDownInterval(config.version, config.priority, interval)
}
