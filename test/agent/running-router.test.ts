import assert from 'node:assert/strict'
import { test } from 'node:test'
import { desiredRouter } from '../../src/agent/desired-routers.ts'
import { machineClock } from '../../src/agent/machine-clock.ts'
import type { Passwords } from '../../src/agent/passwords.ts'
import { RunningRouter } from '../../src/agent/running-router.ts'
import type { Authentication, HMACAuthentication } from '../../src/api/authentication.ts'
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

test('keys that change are no other authentication: what was heard is not believed again', () => {
  const router = signing({ keys: [{ id: 1, key: 'one' }] })
  assert.equal(router.authenticate(passwords('one')), 'Changed')
  const { authentication } = router
  assert.equal(router.authenticate(passwords('one')), 'Same')
  router.desired = signing({ keys: KEYS, activeKey: 1 }).desired
  assert.equal(router.authenticate(passwords('one', 'two')), 'Changed')
  assert.equal(router.authentication, authentication)
})

test('a key that is missing is a FAULT for who has none, and is told by who goes on with another', () => {
  const router = signing({ keys: KEYS, activeKey: 1 })
  assert.deepEqual(router.authenticate(passwords()), {
    reason: 'SecretMissing',
    message: 'Secret vrrp with a key one was not found',
  })
  assert.equal(router.authenticate(passwords('one')), 'Changed')
  const { since, ...trouble } = router.keyTrouble ?? { since: '' }
  assert.deepEqual(trouble, { reason: 'SecretMissing', message: 'Secret vrrp has no key two' })
  const told = router.keyTrouble
  assert.equal(router.authenticate(passwords('one')), 'Same')
  assert.equal(router.keyTrouble, told, `it is so since ${since}`)
  assert.equal(router.authenticate(passwords('one', 'two')), 'Changed')
  assert.equal(router.keyTrouble, undefined)
})

test('a password that the Secret has no longer goes on, and it is told', () => {
  const router = running({ type: 'PASS', secretRef: { name: 'vrrp', key: 'one' } })
  assert.equal(router.authenticate(passwords('one')), 'Changed')
  assert.equal(router.authenticate({ ...passwords('one'), removed: ['vrrp/one'] }), 'Same')
  assert.equal(router.keyTrouble?.message, 'Secret vrrp no longer has a key one')
  assert.equal(router.authenticate(passwords('one')), 'Same')
  assert.equal(router.keyTrouble, undefined)
})

const KEYS = [
  { id: 1, key: 'one' },
  { id: 2, key: 'two' },
]

function signing(hmac: HMACAuthentication): RunningRouter {
  return running({ type: 'HMAC', secretRef: { name: 'vrrp' }, hmac })
}

function running(authentication: Authentication): RunningRouter {
  const desired = desiredRouter(
    { ...SPEC, authentication },
    [],
    () => false,
    () => undefined,
    0,
  )
  return new RunningRouter(desired, machineClock)
}

function passwords(...keys: string[]): Passwords {
  return { known: Object.fromEntries(keys.map(key => [`vrrp/${key}`, new Uint8Array(32)])), forbidden: {} }
}
