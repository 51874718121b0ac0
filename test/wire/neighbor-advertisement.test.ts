import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { unsolicitedNeighborAdvertisement } from '../../src/wire/neighbor-advertisement.ts'
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
