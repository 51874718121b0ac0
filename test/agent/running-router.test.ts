import assert from 'node:assert/strict'
import { test } from 'node:test'
import { desiredRouter } from '../../src/agent/desired-routers.ts'
import { machineClock } from '../../src/agent/machine-clock.ts'
import { RunningRouter } from '../../src/agent/running-router.ts'
import type { VirtualRouterSpec } from '../../src/api/virtual-ip-node.ts'
import { ipAddress } from '../../src/lib/ip-address.ts'

const SPEC: VirtualRouterSpec = {
  virtualIP: 'web',
  family: 'IPv4',
  link: 'eth0',
  virtualRouterID: 51,
  priority: 250,
  version: 3,
  checksum: 'PseudoHeader',
  advertisementInterval: '200ms',
  preemption: { mode: 'Always' },
  addresses: ['10.0.0.100/24'],
}

test('whom BACKUPs follow still is known when it is in FAULT, by what its last advert was sent from', () => {
  const router = new RunningRouter(
    desiredRouter(
      SPEC,
      [],
      () => false,
      () => undefined,
      0,
    ),
    machineClock,
  )
  const shown = () => router.status(undefined, () => undefined).primaryAddress
  assert.equal(shown(), undefined)
  router.advertisement(
    {
      family: 'IPv4',
      version: 3,
      virtualRouterID: 51,
      priority: 250,
      advertisementInterval: 200,
      addresses: [ipAddress('10.0.0.100')],
      preemption: { mode: 'Always', delay: 0 },
      primaryAddress: ipAddress('10.0.0.1'),
      handover: 0,
    },
    250,
  )
  assert.equal(shown(), '10.0.0.1')
})
