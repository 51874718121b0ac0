import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  compareAddresses,
  contains,
  formatPrefix,
  ipAddress,
  ipAddressFromBytes,
  isLinkLocal,
  networkOf,
  parseIpAddress,
  parsePrefix,
} from '../../src/lib/ip-address.ts'

const bytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .filter(b => !(b.slice(0, 10).every(x => x === 0) && b[10] === 255 && b[11] === 255)),
)

test('bytes to text and back is the same address', () => {
  fc.assert(
    fc.property(bytes, b => {
      const address = ipAddressFromBytes(b)
      assert.deepEqual(parseIpAddress(address.text)?.bytes, Uint8Array.from(b))
    }),
  )
})

test('text in any legal spelling gives one canonical text', () => {
  assert.equal(parseIpAddress('FD00:0:0::0:1')?.text, 'fd00::1')
  assert.equal(parseIpAddress('192.168.1.100')?.text, '192.168.1.100')
})

for (const text of [
  '10.0.0',
  '10.0.0.256',
  '010.0.0.1',
  '0x0a.0.0.1',
  '1',
  '',
  'fe80::1%eth0',
  '::ffff:10.0.0.1',
  '1::2::3',
  'web',
]) {
  test(`"${text}" is no address`, () => assert.equal(parseIpAddress(text), undefined))
}

test('a bare address is a host prefix', () => {
  assert.equal(formatPrefix(parsePrefix('10.0.0.5') ?? assert.fail()), '10.0.0.5/32')
  assert.equal(formatPrefix(parsePrefix('fd00::5') ?? assert.fail()), 'fd00::5/128')
})

for (const text of ['10.0.0.5/33', '10.0.0.5/', '10.0.0.5/-1', '10.0.0.5/08', 'fd00::5/129', '10.0.0.5/2 4']) {
  test(`"${text}" is no prefix`, () => assert.equal(parsePrefix(text), undefined))
}

test('a network contains its addresses, whatever host bits it was written with', () => {
  const network = parsePrefix('192.168.1.10/24') ?? assert.fail()
  assert.equal(contains(network, ipAddress('192.168.1.255')), true)
  assert.equal(contains(network, ipAddress('192.168.2.1')), false)
  assert.equal(contains(network, ipAddress('fd00::1')), false)
  assert.equal(formatPrefix(networkOf(network)), '192.168.1.0/24')
  assert.equal(formatPrefix(networkOf(parsePrefix('10.1.2.200/25') ?? assert.fail())), '10.1.2.128/25')
})

test('addresses compare as unsigned numbers, not as text', () => {
  assert.ok(compareAddresses(ipAddress('10.0.0.9'), ipAddress('10.0.0.10')) < 0)
  assert.ok(compareAddresses(ipAddress('192.0.0.1'), ipAddress('64.0.0.1')) > 0)
  assert.equal(compareAddresses(ipAddress('fe80::1'), ipAddress('fe80:0::1')), 0)
})

test('link-local is fe80::/10 and 169.254.0.0/16', () => {
  assert.deepEqual(
    ['fe80::1', 'febf::1', 'fec0::1', '169.254.3.4', '169.253.3.4'].map(text => isLinkLocal(ipAddress(text))),
    [true, true, false, true, false],
  )
})
