import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { duplicateAddressSolicitation } from '../../src/wire/neighbor-solicitation.ts'
import { bytes } from '../vectors/read-vectors.ts'

const MAC = bytes('02000000000a')

test('a Neighbor Solicitation of Duplicate Address Detection, byte by byte', () => {
  const header = '6000000000183aff'
  const [nobody, group] = ['00000000000000000000000000000000', 'ff0200000000000000000001ff340100']
  const message = '8700XXXX00000000' + 'fd990000000000000000000000340100'
  const frame = duplicateAddressSolicitation(ipAddress('fd99::34:100'), MAC)
  const hex = Buffer.from(frame).toString('hex')
  const checksum = hex.slice(2 * 56, 2 * 58)
  assert.equal(hex, `3333ff34010002000000000a86dd${header}${nobody}${group}${message.replace('XXXX', checksum)}`)
  // With its checksum in it all sums up to 0xffff (RFC 1071).
  const covered = Buffer.concat([frame.subarray(22, 54), Uint8Array.of(0, 0, 0, 24, 0, 0, 0, 58), frame.subarray(54)])
  let sum = 0
  for (let i = 0; i < covered.length; i += 2) sum += covered.readUInt16BE(i)
  assert.equal((sum & 0xffff) + (sum >>> 16), 0xffff)
})

test('it needs an IPv6 address and 6 bytes of MAC', () => {
  assert.throws(
    () => duplicateAddressSolicitation(ipAddress('10.99.0.100'), MAC),
    new RangeError('A Neighbor Solicitation is for IPv6, not for 10.99.0.100'),
  )
  assert.throws(
    () => duplicateAddressSolicitation(ipAddress('fd99::100'), bytes('0200')),
    new RangeError('A MAC address has 6 bytes, not 2'),
  )
})
