import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import { decodeNeighborAdvertisement, unsolicitedNeighborAdvertisement } from '../../src/wire/neighbor-advertisement.ts'
import { bytes, readVectors } from '../vectors/read-vectors.ts'

const KEEPALIVED = readVectors('keepalived-2.2.7.hex')
const MAC = bytes('02000000000a')

const CAPTURED = [
  { vector: 'neighbor-advertisement', address: 'fd99::100', router: false },
  { vector: 'neighbor-advertisement-link-local', address: 'fe80::99:100', router: false },
  { vector: 'neighbor-advertisement-router', address: 'fd99::120', router: true },
]

for (const { vector, address, router } of CAPTURED) {
  test(`a Neighbor Advertisement for ${address} with R=${router ? 1 : 0} is byte for byte what keepalived sends`, () => {
    assert.deepEqual(unsolicitedNeighborAdvertisement(ipAddress(address), MAC, router), KEEPALIVED.get(vector))
  })
}

test('a Neighbor Advertisement needs an IPv6 address and 6 bytes of MAC', () => {
  assert.throws(
    () => unsolicitedNeighborAdvertisement(ipAddress('10.99.0.100'), MAC, false),
    new RangeError('A Neighbor Advertisement is for IPv6, not for 10.99.0.100'),
  )
  assert.throws(
    () => unsolicitedNeighborAdvertisement(ipAddress('fd99::100'), bytes('02000000000a0b'), false),
    new RangeError('A MAC address has 6 bytes, not 7'),
  )
})

for (const { vector, address, router } of CAPTURED) {
  test(`keepalived's Neighbor Advertisement for ${address} says who has it, unasked`, () => {
    const message = KEEPALIVED.get(vector)?.subarray(54) ?? bytes('')
    const said = { target: ipAddress(address), mac: MAC, router, solicited: false }
    assert.deepEqual(decodeNeighborAdvertisement(message), said)
  })
}

const TARGET = 'fd990000000000000000000000000100'

test('the Target Link-Layer Address may stand behind other options, or not at all', () => {
  const behind = decodeNeighborAdvertisement(bytes(`8800000060000000${TARGET}0e0100000000000002 0102000000000b`))
  assert.deepEqual(behind, {
    target: ipAddress('fd99::100'),
    mac: bytes('02000000000b'),
    router: false,
    solicited: true,
  })
  assert.deepEqual(decodeNeighborAdvertisement(bytes(`8800000060000000${TARGET}`)), { ...behind, mac: undefined })
})

for (const [what, message, refusal] of [
  ['one cut short', '88000000', new DecodeError('Length', 'Neighbor Advertisement has 4 bytes, must have at least 24')],
  ['a Neighbor Solicitation', `8700000000000000${TARGET}`, new DecodeError('Type', 'ICMPv6 type is 135, must be 136')],
  [
    'an option without length',
    `8800000000000000${TARGET}0200000000000000`,
    new DecodeError('Length', 'Option has length 0'),
  ],
  [
    'an option that ends beyond',
    `8800000000000000${TARGET}0201020000`,
    new DecodeError('Length', 'Option ends beyond the message'),
  ],
] as const) {
  test(`for a Neighbor Advertisement ${what} is refused`, () =>
    assert.deepEqual(decodeNeighborAdvertisement(bytes(message)), refusal))
}
