import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import type { Instant } from '../../src/lib/time.ts'
import type { Advertisement } from '../../src/vrrp/advertisement.ts'
import {
  type Active,
  type Backup,
  deadline,
  holdsAddresses,
  initialState,
  type Message,
  type Observation,
  type RouterEvent,
  type RouterState,
  step,
  type TransitionReason,
  type VirtualRouterConfig,
} from '../../src/vrrp/virtual-router.ts'

// Everything happens at NOW to a router of priority 100, interval 1 s and address 10.0.0.5; its Skew_Time is 609.375 ms.
const NOW: Instant = 10_000
const DOWN = 3609.375
const SKEW = 609.375
const SELF = ipAddress('10.0.0.5')
const LOWER = ipAddress('10.0.0.4')
const GREATER = ipAddress('10.0.0.10')
const VIP = ipAddress('10.0.0.100')
const VIP2 = ipAddress('10.0.0.101')

const v3: VirtualRouterConfig = {
  family: 'IPv4',
  version: 3,
  virtualRouterID: 51,
  priority: 100,
  advertisementInterval: 1000,
  addresses: [VIP],
  preemption: { mode: 'Always', delay: 0 },
  primaryAddress: SELF,
}
const v2: VirtualRouterConfig = { ...v3, version: 2 }
const never: VirtualRouterConfig = { ...v3, preemption: { mode: 'Never' } }
const delayed: VirtualRouterConfig = { ...v3, preemption: { mode: 'Always', delay: 5000 } }
const owner: VirtualRouterConfig = { ...v3, priority: 255 }

const initialize = initialState(0)
const backup: Backup = { name: 'Backup', since: 0, activeDownDeadline: 12_000, activeInterval: 1000 }
const active: Active = { name: 'Active', since: 0, advertisementDeadline: 10_400 }

const startup: RouterEvent = { type: 'Startup', unheard: false }
const shutdown: RouterEvent = { type: 'Shutdown', handOver: false }
const fires: RouterEvent = { type: 'DeadlineReached' }
const overslept: RouterEvent = { type: 'Overslept' }

function advert(priority: number, more: Partial<Advertisement> = {}, source = GREATER): RouterEvent {
  const advertisement = {
    version: 3,
    virtualRouterID: 51,
    priority,
    interval: 1000,
    addresses: [VIP],
    ...more,
  } as const
  return { type: 'AdvertisementReceived', advertisement, source }
}

const reconfigured = (previous: VirtualRouterConfig): RouterEvent => ({ type: 'Reconfigured', previous })

const announced = (priority: number): Message[] => [{ type: 'Advertise', priority }, { type: 'Announce' }]
const advertised = (priority: number): Message[] => [{ type: 'Advertise', priority }]
const transition = (from: RouterState['name'], to: RouterState['name'], reason: TransitionReason): Observation => ({
  type: 'Transition',
  from,
  to,
  reason,
})
const losing = (priority: number, source = GREATER): Observation => ({ type: 'LosingAdvertisement', source, priority })
const zero: Observation = { type: 'PriorityZeroReceived', source: GREATER }
const mismatch = (heard: number): Observation => ({
  type: 'IntervalMismatch',
  source: GREATER,
  heard,
  configured: 1000,
})

interface Row {
  readonly name: string
  readonly config?: VirtualRouterConfig
  readonly at?: Instant
  readonly state: RouterState
  readonly event: RouterEvent
  /** Of the next state; 'unchanged': the very same state. */
  readonly becomes: (Partial<Omit<Backup, 'name'> & Omit<Active, 'name'>> & { readonly name?: string }) | 'unchanged'
  readonly sends?: readonly Message[]
  readonly notes?: readonly Observation[]
}

function table(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const { name, config = v3, at = NOW, state, event, becomes, sends = [], notes = [] } of rows) {
      test(name, () => {
        const before = structuredClone({ config, state, event })
        const result = step(config, state, event, at)
        if (becomes === 'unchanged') assert.equal(result.state, state)
        else assert.deepEqual({ ...result.state, ...becomes }, result.state)
        assert.deepEqual(result.messages, sends)
        assert.deepEqual(result.observations, notes)
        assert.equal(holdsAddresses(result.state), result.state.name === 'Active')
        assert.deepEqual({ config, state, event }, before)
      })
    }
  })
}

table('Initialize (RFC 9568 §6.4.1, RFC 3768 §6.4.1)', [
  {
    name: 'on Startup it waits Active_Down_Interval as Backup',
    state: initialize,
    event: startup,
    becomes: { name: 'Backup', since: NOW, activeDownDeadline: NOW + DOWN, activeInterval: 1000, active: undefined },
    notes: [transition('Initialize', 'Backup', 'Startup')],
  },
  {
    name: 'on Startup the owner is Active at once, advertises and announces',
    config: owner,
    state: initialize,
    event: startup,
    becomes: { name: 'Active', since: NOW, advertisementDeadline: NOW + 1000 },
    sends: announced(255),
    notes: [transition('Initialize', 'Active', 'Owner')],
  },
  {
    name: 'on a VRID just allocated, where nobody can be, it is Active at once',
    state: initialize,
    event: { type: 'Startup', unheard: true },
    becomes: { name: 'Active', since: NOW, advertisementDeadline: NOW + 1000 },
    sends: announced(100),
    notes: [transition('Initialize', 'Active', 'Unheard')],
  },
  { name: 'adverts mean nothing to it', state: initialize, event: advert(50), becomes: 'unchanged' },
  { name: 'a deadline means nothing to it', state: initialize, event: fires, becomes: 'unchanged' },
  { name: 'Shutdown changes nothing', state: initialize, event: shutdown, becomes: 'unchanged' },
  { name: 'sleep changes nothing', state: initialize, event: overslept, becomes: 'unchanged' },
  { name: 'a new configuration changes nothing', state: initialize, event: reconfigured(never), becomes: 'unchanged' },
])

table('Backup (RFC 9568 §6.4.2)', [
  {
    name: 'on Shutdown it leaves without a word',
    state: backup,
    event: shutdown,
    becomes: { name: 'Initialize', since: NOW },
    notes: [transition('Backup', 'Initialize', 'Shutdown')],
  },
  {
    name: 'when Active_Down_Timer fires it advertises, announces and is Active',
    at: 12_000,
    state: backup,
    event: fires,
    becomes: { name: 'Active', since: 12_000, advertisementDeadline: 13_000 },
    sends: announced(100),
    notes: [transition('Backup', 'Active', 'ActiveDown')],
  },
  { name: 'a deadline not reached changes nothing', at: 11_999.9, state: backup, event: fires, becomes: 'unchanged' },
  {
    name: 'Priority 0 shortens the wait to Skew_Time',
    state: { ...backup, active: { address: GREATER, priority: 200 } },
    event: advert(0),
    becomes: { name: 'Backup', since: 0, activeDownDeadline: NOW + SKEW, active: undefined },
    notes: [zero],
  },
  {
    name: 'a takeover after Priority 0 says so',
    at: NOW + SKEW,
    state: { ...backup, activeDownDeadline: NOW + SKEW, takeoverReason: 'PriorityZeroReceived' },
    event: fires,
    becomes: { name: 'Active' },
    sends: announced(100),
    notes: [transition('Backup', 'Active', 'PriorityZeroReceived')],
  },
  {
    name: 'a higher priority keeps it Backup for another Active_Down_Interval',
    state: backup,
    event: advert(200),
    becomes: { name: 'Backup', since: 0, activeDownDeadline: NOW + DOWN, active: { address: GREATER, priority: 200 } },
  },
  {
    name: 'an equal priority keeps it Backup, though its own address is greater',
    state: backup,
    event: advert(100, {}, LOWER),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN, active: { address: LOWER, priority: 100 } },
  },
  {
    name: "the Active Router's interval is adopted, for Skew_Time too",
    state: backup,
    event: advert(200, { interval: 200 }),
    becomes: { name: 'Backup', activeDownDeadline: NOW + 600 + 121.875, activeInterval: 200 },
    notes: [mismatch(200)],
  },
  {
    name: 'Skew_Time after Priority 0 is by the adopted interval',
    state: { ...backup, activeInterval: 200 },
    event: advert(0, { interval: 1000 }),
    becomes: { name: 'Backup', activeDownDeadline: NOW + 121.875, activeInterval: 200 },
    notes: [zero],
  },
  {
    name: 'a lower priority is discarded: the timer runs on, and firing will be a preemption',
    state: backup,
    event: advert(99, { interval: 5000 }),
    becomes: { name: 'Backup', activeDownDeadline: 12_000, activeInterval: 1000, takeoverReason: 'Preempted' },
  },
  {
    name: 'of several lower ones the last heard is remembered, and the timer runs on',
    state: { ...backup, active: { address: GREATER, priority: 99 }, takeoverReason: 'Preempted' },
    event: advert(98),
    becomes: { name: 'Backup', activeDownDeadline: 12_000, active: { address: GREATER, priority: 98 } },
  },
  {
    name: 'a takeover from a lower priority is a preemption',
    at: 12_000,
    state: { ...backup, takeoverReason: 'Preempted' },
    event: fires,
    becomes: { name: 'Active' },
    sends: announced(100),
    notes: [transition('Backup', 'Active', 'Preempted')],
  },
  {
    name: 'a higher priority heard after a lower one ends the preemption',
    state: { ...backup, takeoverReason: 'Preempted' },
    event: advert(101),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN, takeoverReason: undefined },
  },
  {
    name: 'with preemption Never a lower priority keeps it Backup, and its interval is adopted',
    config: never,
    state: backup,
    event: advert(1, { interval: 2000 }),
    becomes: { name: 'Backup', activeDownDeadline: NOW + 6000 + 1218.75, activeInterval: 2000 },
    notes: [mismatch(2000)],
  },
  {
    name: 'the owner preempts even with preemption Never',
    config: { ...never, priority: 255 },
    state: backup,
    event: advert(254),
    becomes: { name: 'Backup', activeDownDeadline: 12_000, takeoverReason: 'Preempted' },
  },
  { name: 'a second Startup changes nothing', state: backup, event: startup, becomes: 'unchanged' },
  {
    name: 'having slept it knows of no Active and waits anew',
    state: { ...backup, active: { address: GREATER, priority: 50 }, takeoverReason: 'Preempted' },
    event: overslept,
    becomes: { name: 'Backup', since: 0, activeDownDeadline: NOW + DOWN, active: undefined, takeoverReason: undefined },
  },
])

table('Backup with a preemption delay', [
  {
    name: 'the delay counts from the first lower advert, which keeps it Backup',
    config: delayed,
    state: backup,
    event: advert(50),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN, preemptAt: NOW + 5000, takeoverReason: undefined },
  },
  {
    name: 'further lower adverts keep it Backup but do not prolong the delay',
    config: delayed,
    state: { ...backup, preemptAt: 11_000 },
    event: advert(50),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN, preemptAt: 11_000 },
  },
  {
    name: 'when the delay is over it preempts',
    config: delayed,
    at: 11_000,
    state: { ...backup, preemptAt: 11_000 },
    event: fires,
    becomes: { name: 'Active', since: 11_000 },
    sends: announced(100),
    notes: [transition('Backup', 'Active', 'Preempted')],
  },
  {
    name: 'a higher advert ends the delay',
    config: delayed,
    state: { ...backup, preemptAt: 11_000 },
    event: advert(150),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN, preemptAt: undefined },
  },
  {
    name: 'a takeover from a silent Active is not delayed',
    config: delayed,
    at: 12_000,
    state: { ...backup, preemptAt: 14_000 },
    event: fires,
    becomes: { name: 'Active' },
    sends: announced(100),
    notes: [transition('Backup', 'Active', 'ActiveDown')],
  },
  {
    name: 'Priority 0 ends the delay: there is nobody to preempt',
    config: delayed,
    state: { ...backup, preemptAt: 14_000 },
    event: advert(0),
    becomes: { name: 'Backup', activeDownDeadline: NOW + SKEW, preemptAt: undefined },
    notes: [zero],
  },
])

table('Active (RFC 9568 §6.4.3)', [
  {
    name: 'on Shutdown it says so with Priority 0',
    state: active,
    event: shutdown,
    becomes: { name: 'Initialize', since: NOW },
    sends: advertised(0),
    notes: [transition('Active', 'Initialize', 'Shutdown')],
  },
  {
    name: 'when Adver_Timer fires it advertises; the next deadline follows from the last, not from now',
    at: 10_450,
    state: active,
    event: fires,
    becomes: { name: 'Active', since: 0, advertisementDeadline: 11_400 },
    sends: advertised(100),
  },
  {
    name: 'late by an interval or more, it does not catch up',
    at: 11_400,
    state: active,
    event: fires,
    becomes: { name: 'Active', advertisementDeadline: 12_400 },
    sends: advertised(100),
  },
  {
    name: 'silent for as long as a Backup may wait, it announces as well',
    at: 12_400,
    state: active,
    event: fires,
    becomes: { name: 'Active', advertisementDeadline: 13_400 },
    sends: announced(100),
  },
  {
    name: 'late, but not silent, for it has just answered a losing advert, it only advertises',
    at: 12_400,
    state: { ...active, assertedAt: 12_400 },
    event: fires,
    becomes: { name: 'Active', advertisementDeadline: 13_400 },
    sends: advertised(100),
  },
  { name: 'a deadline not reached changes nothing', state: active, event: fires, becomes: 'unchanged' },
  {
    name: 'Priority 0 is answered with an advert, and Adver_Timer starts anew',
    state: active,
    event: advert(0),
    becomes: { name: 'Active', advertisementDeadline: NOW + 1000 },
    sends: advertised(100),
    notes: [zero],
  },
  {
    name: 'a higher priority makes it Backup, with the interval heard',
    state: active,
    event: advert(101, { interval: 500 }),
    becomes: {
      name: 'Backup',
      since: NOW,
      activeDownDeadline: NOW + 1500 + 304.6875,
      activeInterval: 500,
      active: { address: GREATER, priority: 101 },
    },
    notes: [mismatch(500), transition('Active', 'Backup', 'HigherPriorityHeard')],
  },
  {
    name: 'a higher priority makes it Backup with preemption Never too',
    config: never,
    state: active,
    event: advert(101),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN },
    notes: [transition('Active', 'Backup', 'HigherPriorityHeard')],
  },
  {
    name: 'an equal priority from a greater address makes it Backup: 10.0.0.10 is greater than 10.0.0.5',
    state: active,
    event: advert(100),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN },
    notes: [transition('Active', 'Backup', 'HigherAddressHeard')],
  },
  {
    name: 'an equal priority from a lower address is answered at once, and the timer runs on',
    state: active,
    event: advert(100, {}, LOWER),
    becomes: { name: 'Active', advertisementDeadline: 10_400, assertedAt: NOW },
    sends: announced(100),
    notes: [losing(100, LOWER)],
  },
  {
    name: 'a lower priority is answered at once, and the neighbours are told again',
    state: active,
    event: advert(99),
    becomes: { name: 'Active', advertisementDeadline: 10_400, assertedAt: NOW },
    sends: announced(100),
    notes: [losing(99)],
  },
  {
    name: 'within an interval of the last answer a losing advert is answered with the next regular advert',
    state: { ...active, assertedAt: NOW - 999 },
    event: advert(99),
    becomes: { name: 'Active', assertedAt: NOW - 999, isContested: true },
    notes: [losing(99)],
  },
  {
    name: 'an interval after the last answer a losing advert is answered again',
    state: { ...active, assertedAt: NOW - 1000 },
    event: advert(99),
    becomes: { name: 'Active', assertedAt: NOW },
    sends: announced(100),
    notes: [losing(99)],
  },
  {
    name: 'the owner does not drop adverts (erratum 8298): it answers the lower ones',
    config: owner,
    state: active,
    event: advert(254),
    becomes: { name: 'Active' },
    sends: announced(255),
    notes: [losing(254)],
  },
  {
    name: 'the owner yields to another owner with a greater address (erratum 8298)',
    config: owner,
    state: active,
    event: advert(255),
    becomes: { name: 'Backup', active: { address: GREATER, priority: 255 } },
    notes: [transition('Active', 'Backup', 'HigherAddressHeard')],
  },
  { name: 'a second Startup changes nothing', state: active, event: startup, becomes: 'unchanged' },
  {
    name: 'having slept it is Backup until it knows better',
    state: active,
    event: overslept,
    becomes: { name: 'Backup', since: NOW, activeDownDeadline: NOW + DOWN, active: undefined },
    notes: [transition('Active', 'Backup', 'Overslept')],
  },
])

const second = { version: 2 } as const
const slow = { version: 2, interval: 3000 } as const
table('version 2 (RFC 3768 §6.4, §7.1)', [
  {
    name: 'Startup waits Master_Down_Interval, its Skew_Time not scaled by the interval',
    config: { ...v2, advertisementInterval: 3000 },
    state: initialize,
    event: startup,
    becomes: { name: 'Backup', activeDownDeadline: NOW + 9000 + SKEW, activeInterval: 3000 },
    notes: [transition('Initialize', 'Backup', 'Startup')],
  },
  {
    name: 'the owner is Active at once',
    config: { ...v2, priority: 255 },
    state: initialize,
    event: startup,
    becomes: { name: 'Active' },
    sends: announced(255),
    notes: [transition('Initialize', 'Active', 'Owner')],
  },
  {
    name: 'Backup: Master_Down_Timer fires',
    config: v2,
    at: 12_000,
    state: backup,
    event: fires,
    becomes: { name: 'Active', advertisementDeadline: 13_000 },
    sends: announced(100),
    notes: [transition('Backup', 'Active', 'ActiveDown')],
  },
  {
    name: 'Backup: Priority 0 shortens the wait to Skew_Time',
    config: { ...v2, advertisementInterval: 3000 },
    state: { ...backup, activeInterval: 3000 },
    event: advert(0, slow),
    becomes: { name: 'Backup', activeDownDeadline: NOW + SKEW },
    notes: [zero],
  },
  {
    name: 'Backup: a priority not below ours resets the timer',
    config: v2,
    state: backup,
    event: advert(100, second),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN },
  },
  {
    name: 'Backup: a lower priority is discarded',
    config: v2,
    state: backup,
    event: advert(99, second),
    becomes: { name: 'Backup', activeDownDeadline: 12_000, takeoverReason: 'Preempted' },
  },
  {
    name: 'Backup: another interval is discarded and noted, whatever the priority',
    config: v2,
    state: backup,
    event: advert(200, slow),
    becomes: 'unchanged',
    notes: [mismatch(3000)],
  },
  {
    name: 'Backup: Shutdown',
    config: v2,
    state: backup,
    event: shutdown,
    becomes: { name: 'Initialize' },
    notes: [transition('Backup', 'Initialize', 'Shutdown')],
  },
  {
    name: 'Master: another interval is discarded and noted',
    config: v2,
    state: active,
    event: advert(200, slow),
    becomes: 'unchanged',
    notes: [mismatch(3000)],
  },
  {
    name: 'Master: Adver_Timer fires',
    config: v2,
    at: 10_400,
    state: active,
    event: fires,
    becomes: { name: 'Active', advertisementDeadline: 11_400 },
    sends: advertised(100),
  },
  {
    name: 'Master: Shutdown sends Priority 0',
    config: v2,
    state: active,
    event: shutdown,
    becomes: { name: 'Initialize' },
    sends: advertised(0),
    notes: [transition('Active', 'Initialize', 'Shutdown')],
  },
  {
    name: 'Master: Priority 0 is answered',
    config: v2,
    state: active,
    event: advert(0, second),
    becomes: { name: 'Active', advertisementDeadline: NOW + 1000 },
    sends: advertised(100),
    notes: [zero],
  },
  {
    name: 'Master: a higher priority makes it Backup',
    config: v2,
    state: active,
    event: advert(101, second),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN, activeInterval: 1000 },
    notes: [transition('Active', 'Backup', 'HigherPriorityHeard')],
  },
  {
    name: 'Master: an equal priority from a greater address makes it Backup',
    config: v2,
    state: active,
    event: advert(100, second),
    becomes: { name: 'Backup' },
    notes: [transition('Active', 'Backup', 'HigherAddressHeard')],
  },
  {
    name: 'Master: a losing advert is answered as in version 3, as keepalived does (RFC 3768 only discards it)',
    config: v2,
    state: active,
    event: advert(99, second),
    becomes: { name: 'Active', assertedAt: NOW },
    sends: announced(100),
    notes: [losing(99)],
  },
])

const foreign: Observation = { type: 'AddressListMismatch', source: GREATER, heard: [VIP, VIP2] }
const twice = { addresses: [VIP, VIP2] }
table('adverts that are odd', [
  {
    name: 'another version is discarded and noted by a Backup',
    state: backup,
    event: advert(200, { version: 2 }),
    becomes: 'unchanged',
    notes: [{ type: 'VersionMismatch', source: GREATER, heard: 2 }],
  },
  {
    name: 'another version is discarded and noted by an Active',
    config: v2,
    state: active,
    event: advert(200),
    becomes: 'unchanged',
    notes: [{ type: 'VersionMismatch', source: GREATER, heard: 3 }],
  },
  {
    name: 'a foreign address list is noted and the advert counts: a Backup waits',
    state: backup,
    event: advert(200, twice),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN },
    notes: [foreign],
  },
  {
    name: 'a foreign address list is noted and the advert counts: an Active yields',
    state: active,
    event: advert(200, twice),
    becomes: { name: 'Backup' },
    notes: [foreign, transition('Active', 'Backup', 'HigherPriorityHeard')],
  },
  {
    name: 'a list of the same length with another address is foreign',
    state: backup,
    event: advert(200, { addresses: [VIP2] }),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN },
    notes: [{ type: 'AddressListMismatch', source: GREATER, heard: [VIP2] }],
  },
  {
    name: 'a list that lacks an address is foreign',
    config: { ...v3, addresses: [VIP, VIP2] },
    state: backup,
    event: advert(200),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN },
    notes: [{ type: 'AddressListMismatch', source: GREATER, heard: [VIP] }],
  },
  {
    name: 'the same addresses in another order are not foreign',
    config: { ...v3, addresses: [VIP2, VIP] },
    state: backup,
    event: advert(200, twice),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN },
  },
  {
    name: 'our own priority from our own address is discarded by an Active: it can not lose to itself',
    state: active,
    event: advert(100, {}, SELF),
    becomes: 'unchanged',
    notes: [{ type: 'OwnAddressHeard', source: SELF }],
  },
  {
    name: 'another priority from our own address is from somebody else, and counts',
    state: active,
    event: advert(101, {}, SELF),
    becomes: { name: 'Backup', active: { address: SELF, priority: 101 } },
    notes: [transition('Active', 'Backup', 'HigherPriorityHeard')],
  },
  {
    name: 'our own priority from our own address is discarded by a Backup: its own last advert is no Active Router',
    state: backup,
    event: advert(100, {}, SELF),
    becomes: 'unchanged',
    notes: [{ type: 'OwnAddressHeard', source: SELF }],
  },
])

const raised: VirtualRouterConfig = { ...v3, priority: 228 }
const lowered: VirtualRouterConfig = { ...v3, priority: 36 }
const heard200 = { address: GREATER, priority: 200 }
const heard50 = { address: GREATER, priority: 50 }
table('Reconfigured while Backup', [
  {
    name: 'a raised priority shortens the wait, and the time already waited counts',
    config: raised,
    state: backup,
    event: reconfigured(v3),
    becomes: { name: 'Backup', since: 0, activeDownDeadline: 11_500 },
  },
  {
    name: 'a lowered priority prolongs the wait',
    config: lowered,
    state: backup,
    event: reconfigured(v3),
    becomes: { name: 'Backup', activeDownDeadline: 12_250 },
  },
  {
    name: 'a deadline never moves into the past',
    config: raised,
    state: { ...backup, activeDownDeadline: 10_300 },
    event: reconfigured(v3),
    becomes: { name: 'Backup', activeDownDeadline: NOW },
  },
  {
    name: 'after Priority 0 it is Skew_Time that changes',
    config: { ...lowered, advertisementInterval: 500 },
    state: { ...backup, activeDownDeadline: NOW + SKEW, takeoverReason: 'PriorityZeroReceived' },
    event: reconfigured(v3),
    becomes: { name: 'Backup', activeDownDeadline: NOW + 429.6875, takeoverReason: 'PriorityZeroReceived' },
  },
  {
    name: 'its own interval does not replace the one adopted',
    config: { ...v3, advertisementInterval: 100 },
    state: { ...backup, active: heard200 },
    event: reconfigured(v3),
    becomes: { name: 'Backup', activeDownDeadline: 12_000, activeInterval: 1000 },
  },
  {
    name: 'its own interval counts while nobody was heard',
    config: { ...v3, advertisementInterval: 500 },
    state: { ...backup, activeDownDeadline: 13_000 },
    event: reconfigured(v3),
    becomes: { name: 'Backup', activeDownDeadline: 13_000 - DOWN / 2, activeInterval: 500 },
  },
  {
    name: 'in version 2 its own interval always counts',
    config: { ...v2, advertisementInterval: 2000 },
    state: { ...backup, active: heard200 },
    event: reconfigured(v2),
    becomes: { name: 'Backup', activeDownDeadline: 15_000, activeInterval: 2000 },
  },
  {
    name: 'lowered below the Active it was about to preempt, it follows that one, just heard, instead',
    config: lowered,
    state: { ...backup, activeDownDeadline: 10_010, active: heard50, takeoverReason: 'Preempted' },
    event: reconfigured(v3),
    becomes: { name: 'Backup', activeDownDeadline: NOW + 3859.375, takeoverReason: undefined },
  },
  {
    name: 'told never to preempt, it follows the Active it was about to preempt',
    config: never,
    state: { ...backup, activeDownDeadline: 10_010, active: heard50, takeoverReason: 'Preempted' },
    event: reconfigured(v3),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN, preemptAt: undefined, takeoverReason: undefined },
  },
  {
    name: 'told to preempt after a delay, it starts that delay',
    config: delayed,
    state: { ...backup, activeDownDeadline: 10_010, active: heard50, takeoverReason: 'Preempted' },
    event: reconfigured(v3),
    becomes: { name: 'Backup', activeDownDeadline: NOW + DOWN, preemptAt: NOW + 5000 },
  },
  {
    name: 'still higher than the Active it is about to preempt, it still does',
    config: raised,
    state: { ...backup, active: heard50, takeoverReason: 'Preempted' },
    event: reconfigured(v3),
    becomes: { name: 'Backup', activeDownDeadline: 11_500, takeoverReason: 'Preempted' },
  },
  {
    name: 'a shorter delay still counts from the first lower advert',
    config: { ...v3, preemption: { mode: 'Always', delay: 4000 } },
    state: { ...backup, active: heard50, preemptAt: 12_000 },
    event: reconfigured(delayed),
    becomes: { name: 'Backup', activeDownDeadline: 12_000, preemptAt: 11_000 },
  },
  {
    name: 'a delay that is over by the new configuration ends now, not in the past',
    config: v3,
    state: { ...backup, active: heard50, preemptAt: 12_000 },
    event: reconfigured(delayed),
    becomes: { name: 'Backup', preemptAt: NOW },
  },
  {
    name: 'lowered below the Active, it forgets the delay',
    config: { ...delayed, priority: 50 },
    state: { ...backup, active: heard50, preemptAt: 12_000 },
    event: reconfigured(delayed),
    becomes: { name: 'Backup', preemptAt: undefined },
  },
  {
    name: 'told never to preempt, it forgets the delay',
    config: never,
    state: { ...backup, active: heard50, preemptAt: 12_000 },
    event: reconfigured(delayed),
    becomes: { name: 'Backup', preemptAt: undefined },
  },
  {
    name: 'made the owner, it is Active at once',
    config: owner,
    state: backup,
    event: reconfigured(v3),
    becomes: { name: 'Active', since: NOW },
    sends: announced(255),
    notes: [transition('Backup', 'Active', 'Owner')],
  },
  {
    name: 'an owner that yielded stays Backup when something else changes',
    config: { ...owner, addresses: [VIP, VIP2] },
    state: { ...backup, active: { address: GREATER, priority: 255 } },
    event: reconfigured(owner),
    becomes: { name: 'Backup', activeDownDeadline: 12_000 },
  },
])

table('Reconfigured while Active', [
  {
    name: 'an added address is advertised and announced, and the router stays Active',
    config: { ...v3, addresses: [VIP, VIP2] },
    state: active,
    event: reconfigured(v3),
    becomes: { name: 'Active', since: 0, advertisementDeadline: 10_400 },
    sends: announced(100),
  },
  {
    name: 'a removed address needs no word',
    config: v3,
    state: active,
    event: reconfigured({ ...v3, addresses: [VIP, VIP2] }),
    becomes: 'unchanged',
  },
  {
    name: 'a replaced address is advertised and announced',
    config: { ...v3, addresses: [VIP2] },
    state: active,
    event: reconfigured(v3),
    becomes: { name: 'Active', since: 0 },
    sends: announced(100),
  },
  {
    name: 'a longer interval is advertised at once, and again before a Backup could give up by the old one',
    config: { ...v3, advertisementInterval: 5000 },
    state: active,
    event: reconfigured(v3),
    becomes: { name: 'Active', since: 0, advertisementDeadline: NOW + 1000 },
    sends: advertised(100),
  },
  {
    name: 'a shorter interval counts from now',
    config: { ...v3, advertisementInterval: 200 },
    state: active,
    event: reconfigured(v3),
    becomes: { name: 'Active', since: 0, advertisementDeadline: NOW + 200 },
    sends: advertised(100),
  },
  {
    name: 'a lowered priority leaves it Active until a higher one speaks',
    config: lowered,
    state: active,
    event: reconfigured(v3),
    becomes: 'unchanged',
  },
  {
    name: 'made the owner, it stays Active',
    config: owner,
    state: active,
    event: reconfigured(v3),
    becomes: 'unchanged',
  },
  {
    name: 'no longer the owner, it stays Active',
    config: v3,
    state: active,
    event: reconfigured(owner),
    becomes: 'unchanged',
  },
])

for (const change of [{ version: 2 }, { family: 'IPv6' }, { virtualRouterID: 52 }] as const) {
  for (const state of [backup, active]) {
    test(`a change of ${Object.keys(change)[0]} is not a reconfiguration of ${state.name}`, () => {
      assert.throws(() => step({ ...v3, ...change }, state, reconfigured(v3), NOW), RangeError)
    })
  }
}

test('the deadline of a Backup is the earlier of the takeover and the preemption; Initialize has none', () => {
  assert.equal(deadline(initialize), undefined)
  assert.equal(deadline(backup), 12_000)
  assert.equal(deadline({ ...backup, preemptAt: 11_000 }), 11_000)
  assert.equal(deadline({ ...backup, preemptAt: 13_000 }), 12_000)
  assert.equal(deadline(active), 10_400)
})

test('lower adverts of one Active Router, let pass again and again, leave the very same state', () => {
  const first = step(v3, backup, advert(50), NOW).state
  assert.equal(step(v3, first, advert(50), NOW + 500).state, first)
})

test('two routers that both believe they win do not answer each other without end', () => {
  // Each hears the other from a lower address than its own, as through a translation.
  const routers: RouterState[] = [active, active]
  let answers = 0
  const hears = (i: number): void => {
    const { state, messages } = step(v3, routers[i] ?? active, advert(100, {}, LOWER), NOW)
    routers[i] = state
    if (messages.length === 0) return
    answers++
    hears(1 - i)
  }
  hears(0)
  assert.equal(answers, 2)
})

test('who is Active is the same object as long as it is the same Active', () => {
  const first = step(v3, backup, advert(200), NOW).state as Backup
  const again = step(v3, first, advert(200, {}, ipAddress('10.0.0.10')), NOW + 1000).state as Backup
  const changed = step(v3, again, advert(210, {}, ipAddress('10.0.0.10')), NOW + 2000).state as Backup
  assert.equal(again.active, first.active)
  assert.deepEqual(changed.active, { address: GREATER, priority: 210 })
  assert.equal(changed.active?.address, first.active?.address)
})

test('a tie over IPv6 is broken by unsigned bytes: fe80::ff00 is greater than fe80::1', () => {
  const six: VirtualRouterConfig = {
    ...v3,
    family: 'IPv6',
    primaryAddress: ipAddress('fe80::1'),
    addresses: [ipAddress('fd00::100')],
  }
  const result = step(six, active, advert(100, { addresses: six.addresses }, ipAddress('fe80::ff00')), NOW)
  assert.equal(result.state.name, 'Backup')
  const other = { ...six, primaryAddress: ipAddress('fe80::ff00') }
  assert.equal(
    step(other, active, advert(100, { addresses: six.addresses }, ipAddress('fe80::1')), NOW).state.name,
    'Active',
  )
})
