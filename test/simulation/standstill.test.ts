/* Two agents, of which one stands still: wherever, and for however long, it finds out before it says or vouches for anything. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Millis } from '../../src/lib/time.ts'
import type { Fault } from './faults.ts'
import type { Plot } from './plot.ts'
import { runPlot } from './run-plot.ts'

const [MASTER, BACKUP] = [0, 1]

test('who is stopped at any call for longer than a Backup waits sends no advert from what it knew before', async () => {
  for (let calls = 1; calls <= 60; calls++) {
    await endsWell(100, [[50, { type: 'stop', machine: MASTER, calls, length: 1000 }]])
  }
})

test('nor does it announce', async () => {
  for (let calls = 1; calls <= 150; calls++) {
    await endsWell(100, [
      // What comes back is announced, again and again.
      [10, { type: 'delete', machine: MASTER, virtualIP: 'web' }],
      [0, { type: 'stop', machine: MASTER, calls, length: 1000 }],
    ])
  }
})

test('who stood still for longer than its addresses last, and was not replaced, has them before it advertises', async () => {
  // Renewals and adverts have drifted apart by then, for timers are late.
  for (let after = 20_000; after < 21_000; after += 15) {
    await endsWell(1000, [[after, { type: 'freeze', machine: MASTER, length: 2850 }]], 10)
  }
})

test('a machine that slept vouches for nothing before it has noticed', async () => {
  // It renews its Lease 0.5 s after the first, and its loop wakes four times an interval.
  for (let after = 0; after < 700; after += 25) {
    for (const length of [14_600, 14_700, 14_800]) {
      await endsWell(1000, [
        // Who would take over, and report it.
        [after, { type: 'freeze', machine: BACKUP, length: 20_000 }],
        [10, { type: 'suspend', machine: MASTER, length }],
      ])
    }
  }
})

async function endsWell(interval: Millis, faults: readonly (readonly [Millis, Fault])[], lateness = 0): Promise<void> {
  const { violation } = await runPlot(plotOf(interval, faults, lateness))
  assert.equal(violation, undefined, `${violation?.invariant}: ${violation?.sentence} after ${JSON.stringify(faults)}`)
}

function plotOf(interval: Millis, faults: Plot['faults'], lateness: Millis): Plot {
  const web = {
    addresses: ['10.0.0.100/32'],
    interface: { name: 'eth0' },
    advertisementInterval: `${interval}ms`.replace('000ms', 's'),
    preemption: { mode: 'Always' as const },
    priorities: [
      { node: 'node1', priority: 200 },
      { node: 'node2', priority: 100 },
    ],
  }
  return {
    seed: 1,
    machines: 2,
    virtualIPs: { web },
    handover: 0,
    hasFence: true,
    tick: 0,
    delay: 0,
    jitter: 0,
    lateness,
    callTime: 0,
    faults,
  }
}
