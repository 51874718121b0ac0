import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPrefix } from '../../src/lib/ip-address.ts'
import { decodeAnswers } from '../../src/linux/nftables-messages.ts'
import { decodeRouteMessages } from '../../src/linux/route-messages.ts'
import { readVectors } from '../vectors/read-vectors.ts'

const LINUX = readVectors('linux-6.18.hex')

function datagram(name: string): Uint8Array {
  return Uint8Array.from(LINUX.get(name) ?? [])
}

test('what Linux 6.18 says of links and addresses', () => {
  const links = decodeRouteMessages(datagram('links')).map(({ message }) =>
    message.type === 'Link' ? [message.link.name, message.link.mtu] : message.type,
  )
  assert.deepEqual(links, [
    ['lo', 65536],
    ['peer0', 1500],
    ['eth0', 1500],
  ])
  const [added] = decodeRouteMessages(datagram('address-added'))
  assert.ok(added?.message.type === 'Address')
  const { prefix, protocol } = added.message.address
  assert.deepEqual([prefix.address.text, prefix.length, protocol], ['10.99.0.100', 24, 200])
  assert.deepEqual(decodeRouteMessages(datagram('answer-refused')), [
    { sequence: 5, message: { type: 'Answer', errno: 19 } },
  ])
  assert.deepEqual(decodeRouteMessages(datagram('route-local')), [
    { sequence: 6, message: { type: 'Route', isLocal: true } },
  ])
})

test('what Linux 6.18 says of routes', () => {
  const routes = ['routes-ipv4', 'routes-ipv6'].flatMap(name =>
    decodeRouteMessages(datagram(name)).flatMap(({ message }) => {
      if (message.type !== 'Route' || !message.route) return []
      const { destination, table, hops } = message.route
      const places = hops.map(({ linkIndex, gateway }) => `${linkIndex} ${gateway?.text ?? '-'}`)
      return [[formatPrefix(destination), table, ...places]]
    }),
  )
  assert.deepEqual(routes, [
    ['0.0.0.0/0', 254, '3 10.99.0.254'],
    ['10.20.0.0/16', 254, '3 10.99.0.2', '3 10.99.0.3'],
    ['10.21.0.0/16', 254, '3 fe80::1'],
    ['10.99.0.0/24', 254, '3 -'],
    ['2001:db8::/32', 254, '3 fe80::1'],
    ['fd99::/64', 254, '3 -'],
    ['fe80::/64', 254, '2 -'],
    ['fe80::/64', 254, '3 -'],
  ])
})

test('a multipath route whose next hops have wrong lengths is Unreadable', () => {
  const routes = datagram('routes-ipv4')
  // The first next hop's rtnh_len, behind the second message's header and attributes.
  const at = Buffer.from(routes).indexOf(Buffer.from('100000000300000008000500', 'hex'))
  for (const length of [0, 7, 200]) {
    routes[at] = length
    const [, message] = decodeRouteMessages(routes)
    assert.deepEqual(message?.message, { type: 'Unreadable', detail: `Invalid next hop length (${length})` })
  }
})

test('a dump that was disturbed says so', () => {
  const done = Buffer.alloc(20)
  done.writeUInt32LE(20, 0)
  done.writeUInt16LE(3, 4)
  for (const [flags, message] of [
    [2, { type: 'DumpDone' }],
    [0x12, { type: 'DumpDone', disturbed: true }],
  ] as const) {
    done.writeUInt16LE(flags, 6)
    assert.deepEqual(decodeRouteMessages(done), [{ sequence: 0, message }])
  }
})

test('a datagram that is cut or contradicts itself is Unreadable, and ends no agent', () => {
  const cut = decodeRouteMessages(datagram('address-added').subarray(0, 40))
  assert.deepEqual(cut, [{ sequence: 0, message: { type: 'Unreadable', detail: 'Invalid header length (88)' } }])
  const odd = datagram('address-added')
  // The first attribute says that it is shorter than its own header.
  odd[24] = 3
  const [message] = decodeRouteMessages(odd)
  assert.deepEqual(message?.message, { type: 'Unreadable', detail: 'Invalid attribute length (3)' })
})

test('what nf_tables answers to a change, and nothing where that can not be read', () => {
  assert.deepEqual(decodeAnswers(datagram('nftables-made')), [{ sequence: 2, errno: 0 }])
  assert.deepEqual(decodeAnswers(datagram('nftables-refused')), [{ sequence: 2, errno: 2 }])
  assert.deepEqual(decodeAnswers(datagram('nftables-refused').subarray(0, 24)), [])
})
