import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { type ArpSender, arpProbe, decodeArp, gratuitousArp } from '../../src/wire/arp.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import { bytes, readVectors } from '../vectors/read-vectors.ts'

const KEEPALIVED = readVectors('keepalived-2.2.7.hex')
const MAC = bytes('02000000000a')

test('a gratuitous ARP is byte for byte what keepalived sends', () => {
  const frame = gratuitousArp(ipAddress('10.99.0.100'), MAC)
  assert.deepEqual(frame, KEEPALIVED.get('gratuitous-arp'))
  assert.equal(frame.length, 42)
})

test('a gratuitous ARP needs an IPv4 address and 6 bytes of MAC', () => {
  assert.throws(() => gratuitousArp(ipAddress('fd99::100'), MAC), new RangeError('ARP is for IPv4, not for fd99::100'))
  assert.throws(
    () => gratuitousArp(ipAddress('10.99.0.100'), bytes('0200')),
    new RangeError('A MAC address has 6 bytes, not 2'),
  )
})

test('a probe asks everyone for the address, and says nothing of who asks but where to answer (RFC 5227 §1.1)', () => {
  assert.deepEqual(
    arpProbe(ipAddress('10.99.0.100'), MAC),
    Uint8Array.from(
      bytes('ffffffffffff02000000000a0806' + '0001080006040001' + '02000000000a00000000' + '0000000000000a630064'),
    ),
  )
})

test('who sent an ARP packet is its sender, not its target', () => {
  assert.deepEqual(decodeArp(gratuitousArp(ipAddress('10.99.0.100'), MAC).subarray(14)), {
    address: ipAddress('10.99.0.100'),
    mac: MAC,
  })
  const { address } = decodeArp(arpProbe(ipAddress('10.99.0.100'), MAC).subarray(14)) as ArpSender
  assert.equal(address.text, '0.0.0.0')
})

for (const [what, packet, refusal] of [
  ['one cut short', '0001080006040001', new DecodeError('Length', 'ARP packet has 8 bytes, must have 28')],
  [
    'one of another hardware',
    `0006080006040001${'00'.repeat(20)}`,
    new DecodeError('Protocol', 'ARP packet is not of Ethernet and IPv4'),
  ],
] as const) {
  test(`of ARP packets ${what} is refused`, () => assert.deepEqual(decodeArp(bytes(packet)), refusal))
}
