import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { advertCapacity } from '../../src/wire/advert-capacity.ts'
import { encodeAdvertisement, VRRP_GROUP } from '../../src/wire/vrrp.ts'

const CASES = [
  { version: 3, family: 'IPv4', mtu: 1500, fits: 255 },
  { version: 3, family: 'IPv6', mtu: 1500, fits: 90 },
  { version: 3, family: 'IPv6', mtu: 1280, fits: 77 },
  { version: 3, family: 'IPv4', mtu: 576, fits: 137 },
  { version: 2, family: 'IPv4', mtu: 576, fits: 135 },
  { version: 2, family: 'IPv4', mtu: 36, fits: 0 },
  { version: 2, family: 'IPv4', mtu: 0, fits: 0 },
] as const

for (const { version, family, mtu, fits } of CASES) {
  test(`an advert of version ${version} lists ${fits} ${family} addresses where the MTU is ${mtu}`, () => {
    assert.equal(advertCapacity(version, family, mtu, 0), fits)
    if (fits === 0) return
    const header = family === 'IPv4' ? 20 : 40
    const addresses = Array.from({ length: fits }, () => ipAddress(family === 'IPv4' ? '10.0.0.5' : '2001:db8::5'))
    const [source] = addresses
    assert.ok(source)
    const advert = { version, virtualRouterID: 1, priority: 100, interval: 1000, addresses }
    const bytes = encodeAdvertisement(advert, { source, destination: VRRP_GROUP[family], checksum: 'PseudoHeader' })
    assert.ok(header + bytes.length <= mtu)
    assert.ok(fits === 255 || header + bytes.length + source.bytes.length > mtu)
  })
}

test('a trailer takes room from the addresses', () => {
  assert.equal(advertCapacity(3, 'IPv6', 1500, 28), 89)
  assert.equal(advertCapacity(2, 'IPv4', 576, 28), 128)
})
