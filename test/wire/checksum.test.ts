import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { writeUint16 } from '../../src/wire/big-endian.ts'
import { internetChecksum, pseudoHeaderSum, sumWords } from '../../src/wire/checksum.ts'
import { bytes } from '../vectors/read-vectors.ts'

const EXAMPLES = [
  { what: 'the example of RFC 1071 §3', data: '0001 f203 f4f5 f6f7', checksum: 0x220d },
  {
    what: 'the header of an IPv4 packet from keepalived',
    data: '45c00028 0001 0000 ff70 0000 0a630001 e0000012',
    checksum: 0xd02e,
  },
  { what: 'an odd last byte, padded with zero', data: '0102 03', checksum: 0xfbfd },
  { what: 'nothing', data: '', checksum: 0xffff },
  { what: 'a sum of all ones', data: 'ffff', checksum: 0 },
]

for (const { what, data, checksum } of EXAMPLES) {
  test(`the checksum of ${what} is 0x${checksum.toString(16)}`, () => {
    const message = bytes(data)
    assert.equal(internetChecksum(sumWords(message, 0, message.length)), checksum)
  })
}

test('only the bytes from start up to end are summed', () => {
  assert.equal(sumWords(bytes('ffff 0001 0203 ffff'), 2, 6), 0x0204)
  assert.equal(sumWords(bytes('ffff 0001 0203 ffff'), 2, 5), 0x0201)
})

test('a pseudo-header is the sum of both addresses, the protocol and the length, in either family', () => {
  const ipv4 = bytes('0a630001 e0000012 0070 000c')
  assert.equal(
    pseudoHeaderSum(ipAddress('10.99.0.1'), ipAddress('224.0.0.18'), 112, 12),
    sumWords(ipv4, 0, ipv4.length),
  )
  const ipv6 = bytes('fe800000000000000000000000000001 ff020000000000000000000000000012 00000018 00000070')
  assert.equal(pseudoHeaderSum(ipAddress('fe80::1'), ipAddress('ff02::12'), 112, 24), sumWords(ipv6, 0, ipv6.length))
})

test('a message of any length up to 64 KiB that holds its own checksum has the checksum 0', () => {
  const message = fc.uint8Array({ minLength: 2, maxLength: 65_535, size: 'max' })
  fc.assert(
    fc.property(message, data => {
      writeUint16(data, 0, 0)
      writeUint16(data, 0, internetChecksum(sumWords(data, 0, data.length)))
      assert.equal(internetChecksum(sumWords(data, 0, data.length)), 0)
    }),
    { numRuns: 50, examples: [[new Uint8Array(65_535).fill(0xff)]] },
  )
})
