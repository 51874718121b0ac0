import assert from 'node:assert/strict'
import { test } from 'node:test'
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
