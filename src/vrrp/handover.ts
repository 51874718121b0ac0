// Make before break: how long a router that has ceased to be Active still answers for its addresses. Not in the RFC.

import type { Instant, Millis } from '../lib/time.ts'
import { RELEASE } from './priority.ts'
import type { Handover, VirtualRouterConfig } from './router-state.ts'
import { activeDownInterval } from './timers.ts'

/** From the successor's advert to its announcement, at most: keepalived advertises, then adds the addresses, then announces them. */
export const UNTIL_ANNOUNCED: Millis = 50
/** Who became Active fewer intervals ago may not have been the only one. */
const CONTESTED = 3
/** From the announcement on: what hosts sent here before they had read it still arrives. */
const UNDER_WAY: Millis = 5

/** The router leaves, and who follows is not known: should Priority 0 be lost, the slowest Backup takes over within this time. */
export function leaving(config: VirtualRouterConfig, now: Instant): Handover | undefined {
  const { version, advertisementInterval, handover = 0 } = config
  return until(now, Math.min(handover, activeDownInterval(version, RELEASE, advertisementInterval)), 'Nobody')
}

/**
 * An advert says who is Active now. Of two Backups that take over from one that has left, the lower yields a moment later, and may have announced
 * after the higher: until that one has announced again, hosts come here.
 */
export function yielding(config: VirtualRouterConfig, activeSince: Instant, now: Instant): Handover | undefined {
  const { handover = 0, advertisementInterval } = config
  const yields = until(now, Math.min(handover, UNTIL_ANNOUNCED), 'Advertised')
  return yields && now - activeSince < CONTESTED * advertisementInterval ? { ...yields, isContested: true } : yields
}

/** The successor was heard to advertise. */
export function advertised(handover: Handover, now: Instant): Handover {
  if (handover.successor !== 'Nobody') return handover
  const limit = Math.min(handover.limit, now + UNTIL_ANNOUNCED)
  return { until: limit, limit, successor: 'Advertised' }
}

/** The successor was heard to announce an address, maybe one of many. */
export function announced(handover: Handover, now: Instant): Handover {
  if (handover.isContested) return { ...handover, successor: 'Announced' }
  const { limit } = advertised(handover, now)
  return { until: Math.min(limit, now + UNDER_WAY), limit, successor: 'Announced' }
}

function until(now: Instant, length: Millis, successor: Handover['successor']): Handover | undefined {
  return length > 0 ? { until: now + length, limit: now + length, successor } : undefined
}
