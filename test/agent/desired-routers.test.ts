import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksOf, desiredRouter, sameUnicast } from '../../src/agent/desired-routers.ts'
import type { Check } from '../../src/api/check.ts'
import type { VirtualRouterSpec } from '../../src/api/virtual-ip-node.ts'
import type { CheckResult } from '../../src/checks/repeat.ts'
import { ipAddress, parsePrefix } from '../../src/lib/ip-address.ts'
import type { Link } from '../../src/linux/links.ts'
import { WEB } from './web-router.ts'

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
  const spec = { ...WEB, checks: [{ name: 'load', ...check }] }
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

test('unicast comes from the address that the others know, and no other', () => {
  const outcomeWith = (source: string, link: Link, prefixes = WEB.addresses) => {
    const unicast = { source, peers: ['10.0.0.2', '10.0.0.3'], ttl: 64, minTTL: 1 }
    const spec = { ...WEB, unicast, addresses: prefixes }
    const { outcome } = desiredRouter(
      spec,
      [link],
      () => false,
      () => undefined,
      0,
    )
    return 'fault' in outcome ? `${outcome.fault.reason}: ${outcome.fault.message}` : outcome.config
  }
  const second = parsePrefix('10.0.0.9/24') ?? assert.fail()
  const link = (flags = 0): Link => ({
    ...LINK,
    addresses: [...LINK.addresses, { prefix: second, protocol: undefined, scope: 0, flags }],
  })
  const config = outcomeWith('10.0.0.9', link())
  assert.ok(typeof config !== 'string')
  assert.equal(config.primaryAddress.text, '10.0.0.9')
  assert.deepEqual(
    [
      config.unicast?.peers.map(({ text }) => text),
      config.unicast?.ttl,
      config.unicast?.minTTL,
      config.unicast?.multicast,
    ],
    [['10.0.0.2', '10.0.0.3'], 64, 1, false],
  )
  const missing = "NoPrimaryAddress: Link eth0 does not have 10.0.0.9, which this node's adverts to its peers come from"
  assert.equal(outcomeWith('10.0.0.9', LINK), missing)
  assert.equal(outcomeWith('10.0.0.9', link(TENTATIVE)), missing, 'it cannot be sent from yet')
  assert.equal(outcomeWith('10.0.0.9', link(), ['10.0.0.9/24']), missing, 'it is one that moves')
})

/** IFA_F_TENTATIVE */
const TENTATIVE = 0x40

test('other peers, or another reach, are another configuration', () => {
  const peers = ['10.0.0.2', '10.0.0.3'].map(ipAddress)
  const base = { peers, ttl: 255, minTTL: 255, multicast: false }
  assert.ok(sameUnicast(base, { ...base, peers: [...peers] }))
  assert.ok(sameUnicast(undefined, undefined))
  for (const other of [
    undefined,
    { ...base, peers: peers.slice(1) },
    { ...base, peers: [...peers].reverse() },
    { ...base, ttl: 64 },
    { ...base, minTTL: 1 },
    { ...base, multicast: true },
  ]) {
    assert.ok(!sameUnicast(base, other), JSON.stringify(other))
  }
})

test('in a group the checks of all count, those of a VirtualIP once, and a fault names whose it is', () => {
  const well = { name: 'well', tcp: { port: 80 } }
  const outside = { ...WEB, checks: [{ ...well, weight: -20 }] }
  const inside = { ...WEB, virtualIP: 'inside', checks: [{ ...well, name: 'other' }] }
  const group = [outside, { ...outside, family: 'IPv6' as const, addresses: ['fd00::100/64'] }, inside]
  const comesTo = (spec: VirtualRouterSpec, failing: string) => {
    const isPassing = (key: string) => ({
      passing: key !== failing,
      ...(key === failing ? { message: 'refused' } : {}),
    })
    const { outcome } = desiredRouter(spec, [LINK], () => false, isPassing, 0, checksOf(group))
    return 'fault' in outcome ? `${outcome.fault.reason}: ${outcome.fault.message}` : outcome.config.priority
  }
  for (const spec of [outside, inside]) assert.equal(comesTo(spec, 'none'), 100)
  for (const spec of [outside, inside]) assert.equal(comesTo(spec, 'web/IPv4/well'), 80)
  for (const spec of [outside, inside]) assert.equal(comesTo(spec, 'web/IPv6/well'), 100)
  assert.equal(comesTo(inside, 'inside/IPv4/other'), 'CheckFailed: Check other fails: refused')
  assert.equal(
    comesTo(outside, 'inside/IPv4/other'),
    'CheckFailed: Check other of inside, which is in its group, fails: refused',
  )
})

const ETH1: Link = { ...LINK, index: 3, name: 'eth1', addresses: [] }

function outcomeOf(fields: Partial<VirtualRouterSpec>, links: readonly Link[]): string {
  const { outcome } = desiredRouter(
    { ...WEB, ...fields },
    links,
    () => false,
    () => undefined,
    0,
  )
  if ('fault' in outcome) return `${outcome.fault.reason}: ${outcome.fault.message}`
  return outcome.config.addresses.map(({ text }) => text).join()
}

test('adverts list the addresses that are advertised, and come from none that is held', () => {
  const fields = (silent: string) => ({
    addresses: ['10.0.0.100/24', '10.0.0.1/24', '2001:db8::100/64'],
    addressOptions: [
      { address: silent, advertised: false },
      { address: '2001:db8::100', advertised: false },
    ],
  })
  const second = parsePrefix('10.0.0.9/24') ?? assert.fail()
  const own: Link = {
    ...LINK,
    addresses: [...LINK.addresses, { prefix: second, protocol: undefined, scope: 0, flags: 0 }],
  }
  assert.equal(outcomeOf(fields('10.0.0.100'), [own]), '10.0.0.1')
  assert.equal(outcomeOf(fields('10.0.0.1'), [own]), '10.0.0.100')
  assert.match(outcomeOf(fields('10.0.0.1'), [LINK]), /^NoPrimaryAddress: /)
})

test('a link that only some of the addresses are held on must be there as well, up and with carrier', () => {
  const fields = {
    addresses: ['10.0.0.100/24', '10.9.0.100/24'],
    addressOptions: [{ address: '10.9.0.100', link: 'eth1' }],
  }
  assert.equal(outcomeOf(fields, [LINK, ETH1]), '10.0.0.100,10.9.0.100')
  assert.equal(outcomeOf(fields, [LINK]), 'LinkMissing: Link eth1 does not exist on this node')
  assert.equal(
    outcomeOf(fields, [LINK, { ...ETH1, up: false, carrier: false }]),
    'LinkDown: Link eth1 is down (ip link set eth1 up)',
  )
  assert.equal(outcomeOf(fields, [LINK, { ...ETH1, carrier: false }]), 'NoCarrier: Link eth1 has no carrier')
})

test('a label that is too long with the name of this link is a FAULT that says how long it may be', () => {
  const fields = (label: string, link?: string) => ({
    addressOptions: [{ address: '10.0.0.100', label, ...(link === undefined ? {} : { link }) }],
  })
  const wireless: Link = { ...ETH1, name: 'wlp0s20f3' }
  assert.equal(outcomeOf(fields('ten-bytes-'), [LINK]), '10.0.0.100')
  assert.equal(outcomeOf(fields('abcde', 'wlp0s20f3'), [LINK, wireless]), '10.0.0.100')
  assert.equal(
    outcomeOf(fields('abcdef', 'wlp0s20f3'), [LINK, wireless]),
    'LabelTooLong: Label wlp0s20f3:abcdef is longer than 15 bytes: give a label of at most 5 in addressOptions',
  )
})

test('more addresses than an advert can list over the link are a FAULT, unless the others are not advertised', () => {
  const addresses = Array.from({ length: 60 }, (_, i) => `2001:db8::${i + 1}/64`)
  const local = parsePrefix('fe80::1/64') ?? assert.fail()
  const link: Link = { ...LINK, mtu: 1000, addresses: [{ prefix: local, protocol: undefined, scope: 253, flags: 0 }] }
  assert.equal(
    outcomeOf({ family: 'IPv6', addresses }, [link]),
    'TooManyAddresses: An advert over eth0 (MTU 1000) can list 59 of 60 addresses: give the others advertised: false in addressOptions',
  )
  const addressOptions = [{ address: '2001:db8::7', advertised: false }]
  assert.equal(outcomeOf({ family: 'IPv6', addresses, addressOptions }, [link]).split(',').length, 59)
})
