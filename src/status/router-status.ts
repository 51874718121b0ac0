import type { RouterStateName } from '../api/virtual-ip.ts'
import type { Instant, Millis } from '../lib/time.ts'
import { activeDownInterval, skewTime } from '../vrrp/timers.ts'
import type { Backup, Observation, RouterState, VirtualRouterConfig } from '../vrrp/virtual-router.ts'

type Transition = Extract<Observation, { type: 'Transition' }>

/** RFC 9568's words in those of users, keepalived and the API. A router that would take part but can't is in FAULT, whatever the engine says. */
export function routerStateName(state: RouterState['name'], fault?: object): RouterStateName {
  if (fault) return 'FAULT'
  switch (state) {
    case 'Initialize':
      return 'INITIALIZE'
    case 'Backup':
      return 'BACKUP'
    case 'Active':
      return 'MASTER'
  }
}

/**
 * One line that an operator understands: `BACKUP -> MASTER: no advert from 192.168.1.10 (priority 250) for 0.605 s`. `before` and `after`: the
 * router's states, which know who was heard; `config`: what it ran with.
 */
export function transitionSentence(
  transition: Transition,
  before: RouterState,
  config: VirtualRouterConfig | undefined,
  now: Instant,
  after?: RouterState,
): string {
  const change = `${routerStateName(transition.from)} -> ${routerStateName(transition.to)}`
  return `${change}: ${why(transition, before, config, now, after)}`
}

/**
 * How long at most nobody answered before this node became Active, in ms; undefined where it can't know. Who leaves goes on answering where
 * this node would (`handover`).
 */
export function unansweredBefore(
  { reason }: Pick<Transition, 'reason'>,
  before: RouterState,
  config: VirtualRouterConfig,
  now: Instant,
): Millis | undefined {
  if (before.name !== 'Backup') return undefined
  switch (reason) {
    case 'Preempted':
      return 0
    case 'PriorityZeroReceived': {
      const left = before.activeDownDeadline - skewTime(config.version, config.priority, before.activeInterval)
      return (config.handover ?? 0) > 0 ? 0 : Math.max(0, Math.round(now - left))
    }
    case 'ActiveDown':
      return before.active && Math.max(0, Math.round(now - lastHeard(before, config)))
    case 'Owner':
      return before.active && 0
    case 'Startup':
    case 'Unheard':
    case 'HigherPriorityHeard':
    case 'HigherAddressHeard':
    case 'GroupYielded':
    case 'Overslept':
    case 'Shutdown':
      return undefined
  }
}

function why(
  { reason }: Transition,
  before: RouterState,
  config: VirtualRouterConfig | undefined,
  now: Instant,
  after: RouterState | undefined,
): string {
  switch (reason) {
    case 'Startup':
      return `takes part${config ? ` with priority ${config.priority}` : ''} and listens for a MASTER`
    case 'Owner':
      return 'it owns the addresses (priority 255)'
    case 'Unheard':
      return 'it ranks first for a VRID that was just allocated, and heard nobody on it'
    case 'ActiveDown':
      return before.name === 'Backup' ? silence(before, config, now) : 'no advert was heard'
    case 'PriorityZeroReceived':
      return 'the MASTER stopped taking part (priority 0)'
    case 'Preempted':
      return `${active(before) ?? 'the MASTER'} ranks lower than this node${ownPriority(config)}`
    case 'HigherPriorityHeard':
      return `${active(after) ?? 'another node'} ranks higher than this node${ownPriority(config)}`
    case 'HigherAddressHeard':
      return `${active(after) ?? 'another node'} has the same priority and the higher address: give them different priorities`
    case 'GroupYielded':
      return 'another virtual router of its group is MASTER no longer, and they change together'
    case 'Overslept':
      return 'this node was frozen or suspended, and others may have taken over meanwhile'
    case 'Shutdown':
      return 'stops taking part'
  }
}

/** Whom it waited for, and how long: Active_Down_Interval ended now or, where we are late, before. */
function silence(before: Backup, config: VirtualRouterConfig | undefined, now: Instant): string {
  if (!before.active) return `no advert was heard for ${seconds(now - before.since)}`
  return `no advert from ${active(before)}${config ? ` for ${seconds(now - lastHeard(before, config))}` : ''}`
}

function lastHeard({ activeDownDeadline, activeInterval }: Backup, config: VirtualRouterConfig): Instant {
  return activeDownDeadline - activeDownInterval(config.version, config.priority, activeInterval)
}

function active(state: RouterState | undefined): string | undefined {
  if (state?.name !== 'Backup' || !state.active) return undefined
  return `${state.active.address.text} (priority ${state.active.priority})`
}

function ownPriority(config: VirtualRouterConfig | undefined): string {
  return config ? ` (${config.priority})` : ''
}

function seconds(length: Millis): string {
  return `${(length / 1000).toFixed(3)} s`
}
