import type { RouterStateName } from '../api/virtual-ip.ts'
import type { Instant } from '../lib/time.ts'
import type { Observation, RouterState, TransitionReason, VirtualRouterConfig } from '../vrrp/virtual-router.ts'

/** The one translation from RFC 9568's states to users' words; FAULT is the agent's to say. */
export function routerStateName(state: RouterState['name']): Exclude<RouterStateName, 'FAULT'> {
  switch (state) {
    case 'Initialize':
      return 'INITIALIZE'
    case 'Backup':
      return 'BACKUP'
    case 'Active':
      return 'MASTER'
  }
}

type Transition = Extract<Observation, { type: 'Transition' }>

/** A transition in one line that an operator understands: `BACKUP -> MASTER: no advert from 192.168.1.10 (priority 250) for 0.605 s`. */
export function transitionSentence(
  { from, to, reason }: Transition,
  before: RouterState,
  config: VirtualRouterConfig | undefined,
  now: Instant,
): string {
  return `${routerStateName(from)} -> ${routerStateName(to)}: ${why(reason, before, config, now)}`
}

function why(
  reason: TransitionReason,
  before: RouterState,
  config: VirtualRouterConfig | undefined,
  now: Instant,
): string {
  const active = before.name === 'Backup' ? before.active : undefined
  const who = active && `${active.address.text} (priority ${active.priority})`
  switch (reason) {
    case 'Startup':
      return 'it takes part now'
    case 'Owner':
      return 'it owns the addresses (priority 255)'
    case 'Unheard':
      return 'nobody else was ever heard on this new virtual router'
    case 'ActiveDown':
      return who
        ? `no advert from ${who} for ${silence(before, now)}`
        : `no advert from anybody for ${silence(before, now)}`
    case 'PriorityZeroReceived':
      return who ? `${who} left` : 'the MASTER left'
    case 'Preempted':
      return `its priority ${config?.priority ?? ''} is above that of ${who ?? 'the MASTER'}`
    case 'HigherPriorityHeard':
      return 'a node of higher priority is MASTER'
    case 'HigherAddressHeard':
      return 'a node of the same priority and higher address is MASTER (give each its own priority)'
    case 'Overslept':
      return 'this process slept, and another node may be MASTER'
    case 'Shutdown':
      return 'it takes part no more'
  }
}

/** How long a Backup waited for an advert that did not come, by what it waits for each time. */
function silence(before: RouterState, now: Instant): string {
  if (before.name !== 'Backup') return '0 s'
  const seconds = (Math.max(3 * before.activeInterval, now - before.since) / 1000).toFixed(3)
  return before.active ? `more than ${((3 * before.activeInterval) / 1000).toFixed(3)} s` : `${seconds} s`
}
