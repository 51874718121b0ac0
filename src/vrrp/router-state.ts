// What a virtual router is told, is, meets and says: the values that `step` in virtual-router.ts takes and gives.

import type { Family, IpAddress } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'
import type { Advertisement, Version } from './advertisement.ts'

/** RFC 9568 §6.1. What the router is told; changes arrive as a `Reconfigured` event. */
export interface VirtualRouterConfig {
  readonly family: Family
  readonly version: Version
  /** 1..255 */
  readonly virtualRouterID: number
  /** Effective priority, 1..255, weights of checks included; 255: the owner. */
  readonly priority: number
  readonly advertisementInterval: Millis
  /** In the order they are advertised. */
  readonly addresses: readonly IpAddress[]
  readonly preemption: Preemption
  /** This router's primary address on the link: the source of its adverts, and what breaks a tie. */
  readonly primaryAddress: IpAddress
  /** How long at most the addresses are still answered for when the router is no longer Active; absent or 0: not at all, as RFC 9568 §6.4.3. */
  readonly handover?: Millis
  /** Where adverts go, and who is believed; absent: VRRP's group, and whoever is on the link. The protocol does not look at it. */
  readonly unicast?: Unicast
}

/** Not in RFC 9568, but as keepalived and others do it. */
export interface Unicast {
  /** Who is sent each advert, and whose adverts count: the primary addresses of the other routers. */
  readonly peers: readonly IpAddress[]
  /** IPv4's TTL or IPv6's Hop Limit of what is sent, 1..255. */
  readonly ttl: number
  /** What arrives with less is refused; 1: everything counts. */
  readonly minTTL: number
  /** While some of the others speak multicast: adverts go to the group too, and count from there. */
  readonly multicast: boolean
}

export type Preemption = { readonly mode: 'Always'; readonly delay: Millis } | { readonly mode: 'Never' }

export type RouterState = Initialize | Backup | Active

export interface Initialize {
  readonly name: 'Initialize'
  readonly since: Instant
  readonly handover?: Handover | undefined
}

/** The addresses are still held, though the router is no longer Active: until its successor has announced them. */
export interface Handover {
  /** Then they are withdrawn. */
  readonly until: Instant
  /** Whatever else is heard, `until` is no later. */
  readonly limit: Instant
  /** What was heard of the successor. */
  readonly successor: 'Nobody' | 'Advertised' | 'Announced'
  /** It announced the addresses itself a moment ago, maybe after its successor had: they are held until `limit`, whatever is heard. */
  readonly isContested?: true
}

export interface Backup {
  readonly name: 'Backup'
  readonly since: Instant
  readonly activeDownDeadline: Instant
  /** Active_Adver_Interval: version 3 adopts the Active Router's (RFC 9568 §6.1). */
  readonly activeInterval: Millis
  /** Who was last heard as Active, if anyone; the same object until that changes. */
  readonly active?: ActiveHeard | undefined
  /** When a lower-priority Active Router, heard since, is preempted (preemption Always with a delay). */
  readonly preemptAt?: Instant | undefined
  /** Why `activeDownDeadline` will be believed; absent: ActiveDown. */
  readonly takeoverReason?: 'PriorityZeroReceived' | 'Preempted' | undefined
  readonly handover?: Handover | undefined
}

export interface ActiveHeard {
  readonly address: IpAddress
  readonly priority: number
}

export interface Active {
  readonly name: 'Active'
  readonly since: Instant
  readonly advertisementDeadline: Instant
  /** When a losing advert was last answered at once. */
  readonly assertedAt?: Instant | undefined
  /** When another node's announcement was last answered at once. */
  readonly reannouncedAt?: Instant | undefined
  /** Another node took over as well, and has announced since the last advert: with the next one the addresses are announced again. */
  readonly isContested?: boolean | undefined
}

export type RouterEvent =
  /** The link, its primary address and the checks are there. `unheard`: the VRID was just allocated and nobody was heard on it. */
  | { readonly type: 'Startup'; readonly unheard: boolean }
  /** Stop taking part: the reason is the caller's. `handOver`: what is held is held until a successor has announced it. */
  | { readonly type: 'Shutdown'; readonly handOver: boolean }
  | { readonly type: 'AdvertisementReceived'; readonly advertisement: Advertisement; readonly source: IpAddress }
  /** Another node said that it has an address of this virtual router: gratuitous ARP, or an unsolicited Neighbor Advertisement. */
  | { readonly type: 'Announced' }
  /** `now` has reached `deadline(state)`. `isHeldBack`: its group is not ready, so a Backup does not take over (groups.ts). */
  | { readonly type: 'DeadlineReached'; readonly isHeldBack?: boolean }
  /** Another virtual router of its group is Active no longer, so neither is this one. */
  | { readonly type: 'Yield' }
  /** This process slept (suspend, freeze) and what it knew is old: an Active Router becomes Backup, a Backup waits anew. */
  | { readonly type: 'Overslept' }
  | { readonly type: 'Reconfigured'; readonly previous: VirtualRouterConfig }

/** What to send, once, in this order, after the held addresses were made true. */
export type Message =
  | { readonly type: 'Advertise'; readonly priority: number }
  /** Gratuitous ARP or unsolicited Neighbor Advertisements for every address. */
  | { readonly type: 'Announce' }

export type TransitionReason =
  | 'Startup'
  | 'Owner'
  | 'Unheard'
  | 'ActiveDown'
  | 'PriorityZeroReceived'
  | 'Preempted'
  | 'HigherPriorityHeard'
  | 'HigherAddressHeard'
  | 'GroupYielded'
  | 'Overslept'
  | 'Shutdown'

/** What was noticed, to be counted, logged or shown; it changes nothing. */
export type Observation =
  | {
      readonly type: 'Transition'
      readonly from: RouterState['name']
      readonly to: RouterState['name']
      readonly reason: TransitionReason
    }
  /** The addresses are no longer held; what was heard of the successor meanwhile. */
  | { readonly type: 'HandedOver'; readonly successor: Handover['successor'] }
  /** Version 2: the advert was discarded (RFC 3768 §7.1). Version 3: another Active's interval differs from ours; taken over. */
  | {
      readonly type: 'IntervalMismatch'
      readonly source: IpAddress
      readonly heard: Millis
      readonly configured: Millis
    }
  | { readonly type: 'AddressListMismatch'; readonly source: IpAddress; readonly heard: readonly IpAddress[] }
  | { readonly type: 'PriorityZeroReceived'; readonly source: IpAddress }
  /** Heard while Active: another node is Active too, of lower priority (it will yield). */
  | { readonly type: 'LosingAdvertisement'; readonly source: IpAddress; readonly priority: number }
  | { readonly type: 'VersionMismatch'; readonly source: IpAddress; readonly heard: Version }
  /** An advert of our own priority from our own primary address, discarded: a loop, or another node with the same address. */
  | { readonly type: 'OwnAddressHeard'; readonly source: IpAddress }

export interface Step {
  readonly state: RouterState
  readonly messages: readonly Message[]
  readonly observations: readonly Observation[]
}
