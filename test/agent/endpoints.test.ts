import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DesiredRouter, desiredRouter } from '../../src/agent/desired-routers.ts'
import { endpoints, type Running } from '../../src/agent/endpoints.ts'
import type { VirtualRouterSpec } from '../../src/api/virtual-ip-node.ts'
import { parsePrefix } from '../../src/lib/ip-address.ts'
import type { Link } from '../../src/linux/links.ts'
import { WEB } from './web-router.ts'

const UNICAST = { source: '10.0.0.2', peers: ['10.0.0.3'], ttl: 255, minTTL: 255 }

function link(index: number, ...addresses: string[]): Link {
  const prefixes = addresses.map(text => parsePrefix(text) ?? assert.fail(text))
  return {
    index,
    name: `eth${index}`,
    mac: new Uint8Array(6),
    mtu: 1500,
    up: true,
    carrier: true,
    loopback: false,
    noArp: false,
    addresses: prefixes.map(prefix => ({ prefix, protocol: undefined, scope: 0, flags: 0 })),
  }
}
const LINKS = [link(0, '10.0.0.1/24', '10.0.0.2/24', 'fe80::1/64')]

function desired(more: Partial<VirtualRouterSpec> = {}, links = LINKS): DesiredRouter {
  return desiredRouter(
    { ...WEB, ...more },
    links,
    () => false,
    () => undefined,
    0,
  )
}

/** `eth0 IPv4 10.0.0.1`, + where it is for unicast. */
function opened(routers: readonly DesiredRouter[], running: readonly Running[] = [], links = LINKS): string[] {
  return endpoints(routers, running, links, () => false).map(
    ({ link, family, source, unicast }) => `${link.name} ${family} ${source.text}${unicast ? ' +' : ''}`,
  )
}

const GROUP = ['eth0 IPv4 10.0.0.1', 'eth0 IPv6 fe80::1']

test('others may be heard on every link; a router that speaks unicast hears what is sent to its own address', () => {
  assert.deepEqual(opened([]), GROUP)
  assert.deepEqual(opened([desired()]), GROUP)
  assert.deepEqual(opened([desired({ unicast: UNICAST })]), [...GROUP, 'eth0 IPv4 10.0.0.2 +'])
})

test('routers that speak from one address share a socket', () => {
  const [one, other] = [{ unicast: UNICAST }, { unicast: { ...UNICAST, peers: ['10.0.0.9'] }, virtualRouterID: 52 }]
  assert.deepEqual(opened([desired(one), desired({ ...other, virtualIP: 'db' })]), [...GROUP, 'eth0 IPv4 10.0.0.2 +'])
})

test('what can no longer take part has still to say so, and keeps its socket', () => {
  const unicast = desired({ unicast: UNICAST })
  assert.ok('config' in unicast.outcome)
  const running = [{ link: 0, config: unicast.outcome.config }]
  const faulty = desired({ unicast: { ...UNICAST, source: '10.0.0.77' } })
  assert.ok('fault' in faulty.outcome)
  assert.deepEqual(opened([faulty], running), [...GROUP, 'eth0 IPv4 10.0.0.2 +'])
})

test('on a link where nobody is listened to, the group is heard by who changes over, and not by who has', () => {
  const linkLocal = [link(0, '10.0.0.1/24', 'fe80::1/64'), link(1, 'fe80::2/64')]
  const own = { family: 'IPv6' as const, link: 'eth1', addresses: ['fe80::100/64'] }
  const unicast = { ...UNICAST, source: 'fe80::2', peers: ['fe80::3'] }
  const socketsOn1 = (more: Partial<VirtualRouterSpec>) =>
    opened([desired({ ...own, ...more }, linkLocal)], [], linkLocal).filter(text => text.startsWith('eth1'))
  assert.deepEqual(socketsOn1({}), ['eth1 IPv6 fe80::2'])
  assert.deepEqual(socketsOn1({ unicast }), ['eth1 IPv6 fe80::2 +'])
  assert.deepEqual(socketsOn1({ unicast: { ...unicast, multicast: true } }), [
    'eth1 IPv6 fe80::2 +',
    'eth1 IPv6 fe80::2',
  ])
})
