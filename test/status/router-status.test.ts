import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { routerStateName, transitionSentence, unansweredBefore } from '../../src/status/router-status.ts'
import type {
  Active,
  Backup,
  Initialize,
  RouterState,
  TransitionReason,
  VirtualRouterConfig,
} from '../../src/vrrp/virtual-router.ts'

const config: VirtualRouterConfig = {
  family: 'IPv4',
  version: 3,
  virtualRouterID: 51,
  priority: 238,
  advertisementInterval: 200,
  addresses: [ipAddress('10.0.0.100')],
  preemption: { mode: 'Always', delay: 0 },
  primaryAddress: ipAddress('192.168.1.11'),
}

// Active_Down_Interval is 614.0625 ms (3 intervals and a Skew_Time of 14.0625 ms). At 10,000 the last advert is 605 ms old.
const initialize: Initialize = { name: 'Initialize', since: 0 }
const waiting: Backup = { name: 'Backup', since: 9000, activeDownDeadline: 9395 + 614.0625, activeInterval: 200 }
const backup: Backup = { ...waiting, active: { address: ipAddress('192.168.1.10'), priority: 250 } }
const equal: Backup = { ...waiting, active: { address: ipAddress('192.168.1.12'), priority: 238 } }
const active: Active = { name: 'Active', since: 0, advertisementDeadline: 10_100 }

test('states are named as users know them', () => {
  assert.equal(routerStateName('Active'), 'MASTER')
  assert.equal(routerStateName('Backup'), 'BACKUP')
  assert.equal(routerStateName('Initialize'), 'INITIALIZE')
  assert.equal(routerStateName('Initialize', { reason: 'LinkDown' }), 'FAULT')
})

const table: [TransitionReason, RouterState, RouterState, string][] = [
  ['Startup', initialize, waiting, 'INITIALIZE -> BACKUP: takes part with priority 238 and listens for a MASTER'],
  ['Owner', initialize, active, 'INITIALIZE -> MASTER: it owns the addresses (priority 255)'],
  [
    'Unheard',
    initialize,
    active,
    'INITIALIZE -> MASTER: it ranks first for a VRID that was just allocated, and heard nobody on it',
  ],
  ['ActiveDown', backup, active, 'BACKUP -> MASTER: no advert from 192.168.1.10 (priority 250) for 0.605 s'],
  ['ActiveDown', waiting, active, 'BACKUP -> MASTER: no advert was heard for 1.000 s'],
  ['PriorityZeroReceived', waiting, active, 'BACKUP -> MASTER: the MASTER stopped taking part (priority 0)'],
  [
    'GroupYielded',
    active,
    waiting,
    'MASTER -> BACKUP: another virtual router of its group is MASTER no longer, and they change together',
  ],
  [
    'Preempted',
    { ...backup, active: { address: ipAddress('192.168.1.12'), priority: 226 } },
    active,
    'BACKUP -> MASTER: 192.168.1.12 (priority 226) ranks lower than this node (238)',
  ],
  [
    'HigherPriorityHeard',
    active,
    backup,
    'MASTER -> BACKUP: 192.168.1.10 (priority 250) ranks higher than this node (238)',
  ],
  [
    'HigherAddressHeard',
    active,
    equal,
    'MASTER -> BACKUP: 192.168.1.12 (priority 238) has the same priority and the higher address: give them different priorities',
  ],
  [
    'Overslept',
    active,
    waiting,
    'MASTER -> BACKUP: this node was frozen or suspended, and others may have taken over meanwhile',
  ],
  ['Shutdown', active, initialize, 'MASTER -> INITIALIZE: stops taking part'],
]

for (const [reason, before, after, expected] of table) {
  test(`${reason}: ${expected}`, () => {
    const transition = { type: 'Transition', from: before.name, to: after.name, reason } as const
    assert.equal(transitionSentence(transition, before, config, 10_000, after), expected)
  })
}

test('what is not known is left out', () => {
  const without = (reason: TransitionReason, before: RouterState, to: RouterState['name']) =>
    transitionSentence({ type: 'Transition', from: before.name, to, reason }, before, undefined, 10_000)
  assert.deepEqual(
    [
      without('Startup', initialize, 'Backup'),
      without('ActiveDown', backup, 'Active'),
      without('Preempted', waiting, 'Active'),
      without('HigherPriorityHeard', active, 'Backup'),
      without('HigherAddressHeard', active, 'Backup'),
    ],
    [
      'INITIALIZE -> BACKUP: takes part and listens for a MASTER',
      'BACKUP -> MASTER: no advert from 192.168.1.10 (priority 250)',
      'BACKUP -> MASTER: the MASTER ranks lower than this node',
      'MASTER -> BACKUP: another node ranks higher than this node',
      'MASTER -> BACKUP: another node has the same priority and the higher address: give them different priorities',
    ],
  )
})

for (const [reason, before, handover, expected] of [
  ['ActiveDown', backup, 5000, 605],
  ['ActiveDown', waiting, 5000, undefined],
  ['Preempted', backup, 5000, 0],
  ['PriorityZeroReceived', { ...waiting, activeDownDeadline: 10_000 }, 5000, 0],
  // Skew_Time is 14.0625 ms.
  ['PriorityZeroReceived', { ...waiting, activeDownDeadline: 9999 }, 0, 15],
  ['Owner', backup, 0, 0],
  ['Unheard', initialize, 0, undefined],
] as const satisfies (readonly [TransitionReason, RouterState, number, number | undefined])[]) {
  const who = before.name === 'Backup' && before.active ? 'a known MASTER' : 'nobody'
  test(`after ${reason}, having heard ${who}, with a handover of ${handover} ms: unanswered for ${expected} ms`, () => {
    assert.equal(unansweredBefore({ reason }, before, { ...config, handover }, 10_000), expected)
  })
}
