import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LinkChanges } from '../../src/agent/link-changes.ts'
import { parsePrefix } from '../../src/lib/ip-address.ts'
import type { Link } from '../../src/linux/links.ts'

const OURS = 200
const eth0: Link = {
  index: 2,
  name: 'eth0',
  mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
  mtu: 1500,
  up: true,
  carrier: true,
  loopback: false,
  noArp: false,
  addresses: [address('10.0.0.1/24')],
}

test('our own addresses come and go without anything else having changed', () => {
  const changes = seen(eth0)
  const held = { ...eth0, addresses: [...eth0.addresses, address('10.0.0.100/32', OURS)] }
  assert.deepEqual(changes.since(linksOf(held)), { circumstances: false, readdressed: [] })
  assert.deepEqual(changes.since(linksOf(eth0)), { circumstances: false, readdressed: [] })
})

for (const [what, link] of Object.entries({
  'an address of its own': { ...eth0, addresses: [] },
  'an address that somebody else put there': {
    ...eth0,
    addresses: [...eth0.addresses, address('10.0.0.100/32')],
  },
  'its carrier': { ...eth0, carrier: false },
  'its state': { ...eth0, up: false },
  'its name': { ...eth0, name: 'eth9' },
  'another one in its place': { ...eth0, index: 3 },
}))
  test(`${what} is a change of circumstances`, () => {
    assert.deepEqual(seen(eth0).since(linksOf(link)), { circumstances: true, readdressed: [] })
  })

for (const [what, link] of Object.entries({
  MAC: { ...eth0, mac: Uint8Array.of(2, 0, 0, 0, 0, 9) },
  MTU: { ...eth0, mtu: 1400 },
}))
  test(`a link with another ${what} is named, once`, () => {
    const changes = seen(eth0)
    assert.deepEqual(changes.since(linksOf(link)).readdressed, [link])
    assert.deepEqual(changes.since(linksOf(link)), { circumstances: false, readdressed: [] })
  })

function seen(link: Link): LinkChanges {
  const changes = new LinkChanges((_, { protocol }) => protocol === OURS)
  assert.deepEqual(changes.since(linksOf(link)), { circumstances: true, readdressed: [] })
  return changes
}

function linksOf(link: Link): Map<number, Link> {
  return new Map([[link.index, link]])
}

function address(text: string, protocol?: number) {
  return { prefix: parsePrefix(text) ?? assert.fail(text), protocol, scope: 0, flags: 0 }
}
