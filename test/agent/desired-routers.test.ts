import assert from 'node:assert/strict'
import { test } from 'node:test'
import { desiredRouter } from '../../src/agent/desired-routers.ts'
import type { Check } from '../../src/api/virtual-ip.ts'
import type { VirtualRouterSpec } from '../../src/api/virtual-ip-node.ts'
import type { CheckResult } from '../../src/checks/repeat.ts'
import { parsePrefix } from '../../src/lib/ip-address.ts'
import type { Link } from '../../src/linux/links.ts'

const SPEC: VirtualRouterSpec = {
  virtualIP: 'web',
  family: 'IPv4',
  link: 'eth0',
  virtualRouterID: 51,
  priority: 100,
  version: 3,
  checksum: 'PseudoHeader',
  advertisementInterval: '200ms',
  preemption: { mode: 'Always' },
  addresses: ['10.0.0.100/24'],
}

const prefix = parsePrefix('10.0.0.1/24')
const LINK: Link = {
  index: 2,
  name: 'eth0',
  mac: new Uint8Array(6),
  mtu: 1500,
  up: true,
  carrier: true,
  loopback: false,
  noArp: false,
  addresses: prefix ? [{ prefix, protocol: undefined, scope: 0, flags: 0 }] : [],
}

/** The priority of a node of 100, or its fault, where its one check says this. */
function comesTo(check: Omit<Check, 'name'>, result: CheckResult): number | string {
  const spec = { ...SPEC, checks: [{ name: 'load', ...check }] }
  const { outcome } = desiredRouter(
    spec,
    [LINK],
    () => false,
    () => result,
    0,
  )
  return 'fault' in outcome ? `${outcome.fault.reason}: ${outcome.fault.message}` : outcome.config.priority
}

test("a file's number times the weight is added to the priority, and -254 or less is a FAULT", () => {
  const number = (weight: number, number: number, inverse = false) =>
    comesTo({ file: { path: '/run/load' }, weight, inverse }, { passing: true, number })
  assert.equal(number(1, 30), 130)
  assert.equal(number(-2, 30), 40)
  assert.equal(number(-2, 30, true), 160)
  assert.equal(number(1, -30), 70)
  assert.equal(number(1, 0), 100)
  assert.equal(number(1, 1_000_000), 254)
  assert.equal(number(1, -253), 1)
  assert.equal(
    number(1, -254),
    'CheckFailed: Check load fails: -254 times its weight is -254, which is a FAULT below -253',
  )
  assert.equal(
    number(-10, 30),
    'CheckFailed: Check load fails: 30 times its weight is -300, which is a FAULT below -253',
  )
})

test('a number that could not be read adds nothing', () => {
  const unread = { passing: false, message: 'File /run/load does not exist' }
  for (const weight of [-20, 20]) assert.equal(comesTo({ file: { path: '/run/load' }, weight }, unread), 100)
})

test('a file that is only looked for weighs as every other check does', () => {
  const exists = (weight: number | undefined, passing: boolean) =>
    comesTo({ file: { path: '/run/on', reads: 'Existence' }, ...(weight === undefined ? {} : { weight }) }, { passing })
  assert.deepEqual([exists(20, true), exists(20, false), exists(-20, true), exists(-20, false)], [120, 100, 100, 80])
  assert.equal(exists(undefined, false), 'CheckFailed: Check load fails')
})
