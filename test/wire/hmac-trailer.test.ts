import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import { type HmacSha256, isSignedWith, readTrailer, signAdvertisement } from '../../src/wire/hmac-trailer.ts'
import { checksumForm, decodeAdvertisement, encodeAdvertisement, VRRP_GROUP } from '../../src/wire/vrrp.ts'
import { bytes, readVectors } from '../vectors/read-vectors.ts'

const VECTORS = readVectors('auth-hmac.hex')
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i)
const SEQUENCE = 0x6800000080000000n
const hmac: HmacSha256 = (key, data) => createHmac('sha256', key).update(data).digest()

const MESSAGES = [
  {
    family: 'IPv4',
    vector: VECTORS.get('ipv4') ?? new Uint8Array(),
    path: { source: ipAddress('198.51.100.10'), destination: VRRP_GROUP.IPv4 },
    address: ipAddress('192.0.2.100'),
  },
  {
    family: 'IPv6',
    vector: VECTORS.get('ipv6') ?? new Uint8Array(),
    path: { source: ipAddress('fe80::10'), destination: ipAddress('fe80::20') },
    address: ipAddress('fe80::100'),
  },
] as const

for (const { family, vector, path, address } of MESSAGES) {
  const advertisement = {
    version: 3,
    virtualRouterID: 51,
    priority: 200,
    interval: 1000,
    addresses: [address],
  } as const

  test(`an advert over ${family} is signed as keepalived signs it`, () => {
    const message = encodeAdvertisement(advertisement, { ...path, checksum: 'RFC9568' })
    assert.deepEqual(signAdvertisement(message, path, { keyID: 1, sequence: SEQUENCE }, KEY, hmac), vector)
  })

  test(`an advert that keepalived signed over ${family} is believed with its key, and with no other`, () => {
    assert.deepEqual(readTrailer(vector, family), { keyID: 1, sequence: SEQUENCE })
    assert.equal(isSignedWith(KEY, vector, path.source, hmac), true)
    assert.equal(isSignedWith(Uint8Array.from({ length: 32 }), vector, path.source, hmac), false)
    assert.deepEqual(decodeAdvertisement(vector, path), advertisement)
  })

  test(`a signed advert over ${family} proves nothing for another sender`, () => {
    const other = ipAddress(family === 'IPv4' ? '198.51.100.11' : 'fe80::11')
    assert.equal(isSignedWith(KEY, vector, other, hmac), false)
  })

  test(`a bit of a signed advert over ${family} that is another is noticed, but for the checksum and where its length is said`, () => {
    for (let bit = 0; bit < 8 * vector.length; bit++) {
      const at = bit >> 3
      const flipped = Uint8Array.from(vector, (byte, i) => (i === at ? byte ^ (1 << (bit & 7)) : byte))
      const isChecksum = at === 6 || at === 7
      if (at === 3) assert.notDeepEqual(readTrailer(flipped, family), { keyID: 1, sequence: SEQUENCE })
      else assert.equal(isSignedWith(KEY, flipped, path.source, hmac), isChecksum, `bit ${bit}`)
    }
  })

  test(`a signed advert over ${family} that is cut anywhere has no trailer, or none that can be read`, () => {
    const whole = vector.length - 28
    for (let length = 0; length < vector.length; length++) {
      const trailer = readTrailer(vector.subarray(0, length), family)
      if (length <= whole) assert.equal(trailer, undefined)
      else assert.equal(trailer instanceof DecodeError && trailer.reason, 'Length', `of ${length} bytes`)
    }
    assert.equal((readTrailer(Uint8Array.of(...vector, 0), family) as DecodeError).reason, 'Length')
  })
}

test('a trailer of another type is none that can be read', () => {
  const [{ vector }] = MESSAGES
  const other = Uint8Array.from(vector, (byte, i) => (i === vector.length - 28 ? 2 : byte))
  assert.deepEqual(readTrailer(other, 'IPv4'), new DecodeError('Type', 'Type of the trailer is 2, must be 1'))
})

test('over IPv4 the checksum does not cover the trailer, over IPv6 it does', () => {
  const [ipv4, ipv6] = MESSAGES
  const flipLast = (message: Uint8Array) =>
    Uint8Array.from(message, (byte, i) => (i === message.length - 1 ? byte ^ 1 : byte))
  assert.equal(checksumForm(ipv4.vector, ipv4.path), 'RFC9568')
  assert.ok(!(decodeAdvertisement(flipLast(ipv4.vector), ipv4.path) instanceof DecodeError))
  assert.equal((decodeAdvertisement(flipLast(ipv6.vector), ipv6.path) as DecodeError).reason, 'Checksum')
})

test('an advert over IPv6 with padding that its checksum does not cover is believed too', () => {
  const [, { path, address }] = MESSAGES
  const advertisement = {
    version: 3,
    virtualRouterID: 51,
    priority: 200,
    interval: 1000,
    addresses: [address],
  } as const
  const message = encodeAdvertisement(advertisement, { ...path, checksum: 'RFC9568' })
  assert.deepEqual(decodeAdvertisement(Uint8Array.of(...message, 1, 2), path), advertisement)
  assert.equal(checksumForm(message, path), undefined)
})

test('version 2 is signed after its authentication data', () => {
  const path = { source: ipAddress('10.99.0.1'), destination: VRRP_GROUP.IPv4 }
  const message = bytes('2133c801 0001 0c03 0a630064 0000000000000000')
  const signed = signAdvertisement(message, path, { keyID: 7, sequence: 1n }, KEY, hmac)
  assert.deepEqual(signed.subarray(0, message.length), message)
  assert.equal(signed.length, message.length + 28)
  assert.deepEqual(readTrailer(signed, 'IPv4'), { keyID: 7, sequence: 1n })
  assert.equal(isSignedWith(KEY, signed, path.source, hmac), true)
})

for (const length of [0, 31, 65]) {
  test(`a key of ${length} bytes signs nothing`, () => {
    const [{ vector, path }] = MESSAGES
    const sign = () => signAdvertisement(vector, path, { keyID: 1, sequence: 1n }, new Uint8Array(length), hmac)
    assert.throws(sign, new RangeError(`A key has 32 to 64 bytes, not ${length}`))
  })
}

test('what is signed is believed with its key, and decoded as it was', () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 64 })
  const sequence = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const trailer = fc.record({ keyID: fc.nat(255), sequence }, { noNullPrototype: true })
  fc.assert(
    fc.property(
      fc.constantFrom(...MESSAGES),
      key,
      trailer,
      fc.nat(255),
      ({ family, path, address }, key, trailer, priority) => {
        const advertisement = {
          version: 3,
          virtualRouterID: 9,
          priority,
          interval: 200,
          addresses: [address, address],
        } as const
        const message = encodeAdvertisement(advertisement, { ...path, checksum: 'PseudoHeader' })
        const signed = signAdvertisement(message, path, trailer, key, hmac)
        assert.deepEqual(readTrailer(signed, family), trailer)
        assert.equal(isSignedWith(key, signed, path.source, hmac), true)
        assert.deepEqual(decodeAdvertisement(signed, path), advertisement)
      },
    ),
  )
})
