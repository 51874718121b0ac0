import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import { decodeIpv4 } from '../../src/wire/ipv4.ts'
import { bytes } from '../vectors/read-vectors.ts'

const HEADER = '45c00020 0001 0000 ff70 d036 0a630001 e0000012'
const PAYLOAD = '313fff01 0fff c9ed 0a63007c'
const DECODED = {
  source: ipAddress('10.99.0.1'),
  destination: ipAddress('224.0.0.18'),
  ttl: 255,
  protocol: 112,
  payload: bytes(PAYLOAD),
}

test('an IPv4 packet is its addresses, TTL, protocol and payload', () => {
  assert.deepEqual(decodeIpv4(bytes(HEADER + PAYLOAD)), DECODED)
})

test('TTL and protocol are told as they are, for the caller to judge', () => {
  const packet = decodeIpv4(bytes(`45c00020 0001 0000 4002 d036 0a630001 e0000012 ${PAYLOAD}`))
  assert.deepEqual(packet, { ...DECODED, ttl: 64, protocol: 2 })
})

test('the header ends where IHL says, so options are no payload', () => {
  const withOptions = `46c00024 0001 0000 ff70 d032 0a630001 e0000012 94040000 ${PAYLOAD}`
  assert.deepEqual(decodeIpv4(bytes(withOptions)), DECODED)
})

test('the payload ends where Total Length says, so Ethernet padding is no payload', () => {
  assert.deepEqual(decodeIpv4(bytes(`${HEADER + PAYLOAD} 0000000000000000 0000 deadbeef`)), DECODED)
})

test('the payload is a view of the packet, not a copy', () => {
  const packet = bytes(HEADER + PAYLOAD)
  const decoded = decodeIpv4(packet)
  assert.ok(!(decoded instanceof DecodeError))
  assert.equal(decoded.payload.buffer, packet.buffer)
})

const REFUSED: readonly (readonly [what: string, packet: string, DecodeError])[] = [
  ['nothing', '', new DecodeError('Length', 'Packet has 0 bytes, an IPv4 header has at least 20')],
  [
    'a header cut short',
    HEADER.slice(0, -2),
    new DecodeError('Length', 'Packet has 19 bytes, an IPv4 header has at least 20'),
  ],
  ['IPv6', `6${HEADER.slice(1)}${PAYLOAD}`, new DecodeError('Protocol', 'IP version is 6, must be 4')],
  [
    'a header length below the least',
    `44${HEADER.slice(2)}${PAYLOAD}`,
    new DecodeError('Length', 'IPv4 header length is 16, must be 20 to Total Length, 32'),
  ],
  [
    'a header longer than the packet',
    `49${HEADER.slice(2)}${PAYLOAD}`,
    new DecodeError('Length', 'IPv4 header length is 36, must be 20 to Total Length, 32'),
  ],
  [
    'a payload cut short',
    HEADER + PAYLOAD.slice(0, -2),
    new DecodeError('Length', 'Packet has 31 bytes, its Total Length is 32'),
  ],
  [
    'a first fragment',
    `45c00020 0001 2000 ff70 d036 0a630001 e0000012 ${PAYLOAD}`,
    new DecodeError('Length', 'Packet is a fragment'),
  ],
  [
    'a last fragment',
    `45c00020 0001 0001 ff70 d036 0a630001 e0000012 ${PAYLOAD}`,
    new DecodeError('Length', 'Packet is a fragment'),
  ],
]

for (const [what, packet, refusal] of REFUSED) {
  test(`${what} is refused: ${refusal.detail}`, () => assert.deepEqual(decodeIpv4(bytes(packet)), refusal))
}

test("Don't Fragment makes no fragment", () => {
  assert.deepEqual(decodeIpv4(bytes(`45c00020 0001 4000 ff70 d036 0a630001 e0000012 ${PAYLOAD}`)), DECODED)
})

test('any bytes are a packet within their bounds or a DecodeError', () => {
  const likely = fc.tuple(fc.constantFrom(0x45, 0x46, 0x4f), fc.uint8Array({ minLength: 19, maxLength: 80 }))
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    likely.map(([first, rest]) => Uint8Array.of(first, rest[0] ?? 0, 0, (rest[2] ?? 0) % 84, ...rest.subarray(3))),
  )
  fc.assert(
    fc.property(anything, packet => {
      const decoded = decodeIpv4(packet)
      if (decoded instanceof DecodeError) return assert.notEqual(decoded.detail, '')
      assert.ok(decoded.payload.length <= packet.length - 20)
    }),
    { numRuns: 2000 },
  )
})
