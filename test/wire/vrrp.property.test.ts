import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Family, type IpAddress, ipAddressFromBytes } from '../../src/lib/ip-address.ts'
import type { Advertisement } from '../../src/vrrp/advertisement.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import {
  type AdvertisementPath,
  type ChecksumForm,
  checksumForm,
  decodeAdvertisement,
  encodeAdvertisement,
} from '../../src/wire/vrrp.ts'
import { sealed } from './with-checksum.ts'

function anAddress(family: Family): fc.Arbitrary<IpAddress> {
  const length = family === 'IPv4' ? 4 : 16
  return fc.uint8Array({ minLength: length, maxLength: length }).map(ipAddressFromBytes)
}

function aPath(family: Family): fc.Arbitrary<AdvertisementPath> {
  return fc.record({ source: anAddress(family), destination: anAddress(family) })
}

const CHECKSUM_FORM = fc.constantFrom<ChecksumForm>('PseudoHeader', 'RFC9568')
const PASSWORD = fc.uint8Array({ minLength: 8, maxLength: 8 })

function aVersion2Advertisement(): fc.Arbitrary<Advertisement> {
  const fields = fc.record({ ...common('IPv4'), interval: fc.integer({ min: 1, max: 255 }).map(s => s * 1000) })
  return fc.tuple(fields, fc.option(PASSWORD)).map(([advertisement, password]) => ({
    version: 2,
    ...advertisement,
    ...(password && { authentication: { type: 'PASS', password } }),
  }))
}

function aVersion3Advertisement(family: Family): fc.Arbitrary<Advertisement> {
  const fields = fc.record({ ...common(family), interval: fc.integer({ min: 1, max: 4095 }).map(cs => cs * 10) })
  return fields.map(advertisement => ({ version: 3, ...advertisement }))
}

function common(family: Family) {
  return {
    virtualRouterID: fc.integer({ min: 1, max: 255 }),
    priority: fc.integer({ min: 0, max: 255 }),
    addresses: fc.array(anAddress(family), { minLength: 1, maxLength: 255 }),
  }
}

interface Sent {
  readonly advertisement: Advertisement
  readonly path: AdvertisementPath
  readonly checksum: ChecksumForm
}

const SENT: fc.Arbitrary<Sent> = fc.oneof(
  fc.record({ advertisement: aVersion2Advertisement(), path: aPath('IPv4'), checksum: CHECKSUM_FORM }),
  fc.record({ advertisement: aVersion3Advertisement('IPv4'), path: aPath('IPv4'), checksum: CHECKSUM_FORM }),
  fc.record({ advertisement: aVersion3Advertisement('IPv6'), path: aPath('IPv6'), checksum: CHECKSUM_FORM }),
)

test('what is encoded decodes to itself, from a plain array, from a Buffer and with padding behind it', () => {
  fc.assert(
    fc.property(SENT, fc.uint8Array({ maxLength: 40 }), ({ advertisement, path, checksum }, padding) => {
      const message = encodeAdvertisement(advertisement, { ...path, checksum })
      assert.deepEqual(decodeAdvertisement(message, path), advertisement)
      assert.deepEqual(decodeAdvertisement(Buffer.from(message), path), advertisement)
      assert.deepEqual(decodeAdvertisement(Uint8Array.of(...message, ...padding), path), advertisement)
    }),
    { numRuns: 500 },
  )
})

test('the checksum form that was chosen is the one that is told', () => {
  const choice = fc.record({ advertisement: aVersion3Advertisement('IPv4'), path: aPath('IPv4') })
  fc.assert(
    fc.property(choice, CHECKSUM_FORM, ({ advertisement, path }, checksum) => {
      const message = encodeAdvertisement(advertisement, { ...path, checksum })
      fc.pre(!sameInBothForms(advertisement, path))
      assert.equal(checksumForm(message, path), checksum)
    }),
  )
})

function sameInBothForms(advertisement: Advertisement, path: AdvertisementPath): boolean {
  const pseudoHeader = encodeAdvertisement(advertisement, { ...path, checksum: 'PseudoHeader' })
  return Buffer.compare(pseudoHeader, encodeAdvertisement(advertisement, { ...path, checksum: 'RFC9568' })) === 0
}

const ANY_PATH = fc.oneof(aPath('IPv4'), aPath('IPv6'))

/** Bytes that pass the first checks, so that they reach the later ones. */
const LIKELY = fc
  .record({
    first: fc.constantFrom(0x21, 0x31),
    virtualRouterID: fc.nat({ max: 2 }),
    priority: fc.nat({ max: 255 }),
    count: fc.nat({ max: 3 }),
    rest: fc.uint8Array({ minLength: 4, maxLength: 60 }),
  })
  .map(({ first, virtualRouterID, priority, count, rest }) =>
    sealed(Uint8Array.of(first, virtualRouterID, priority, count, ...rest)),
  )

test('any bytes are a valid advert or a DecodeError with a sentence, never an exception', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 1500 }), LIKELY), ANY_PATH, (message, path) => {
      const decoded = decodeAdvertisement(message, path)
      if (decoded instanceof DecodeError) assert.match(decoded.detail, /^[A-Z].*[^.]$/)
      else assertValid(decoded, path)
    }),
    { numRuns: 5000 },
  )
})

/** Valid is what can be encoded. */
function assertValid(advertisement: Advertisement, path: AdvertisementPath): void {
  assert.doesNotThrow(() => encodeAdvertisement(advertisement, { ...path, checksum: 'RFC9568' }))
}

const NOWHERE = ipAddressFromBytes([0, 0, 0, 0])
/** Its pseudo-header sums to 128, so that one flipped bit of the checksum makes the other form of it. */
const ONE_BIT_FROM_THE_OTHER_FORM: [Sent, number] = [
  {
    advertisement: { version: 3, virtualRouterID: 1, priority: 1, interval: 10, addresses: [NOWHERE, NOWHERE] },
    path: { source: NOWHERE, destination: NOWHERE },
    checksum: 'PseudoHeader',
  },
  8 * 7 + 7,
]

test('an advert with one bit flipped is refused, or says something else that is valid', () => {
  fc.assert(
    fc.property(SENT, fc.nat(), ({ advertisement, path, checksum }, anyBit) => {
      const message = encodeAdvertisement(advertisement, { ...path, checksum })
      const form = checksumForm(message, path)
      const bit = anyBit % (message.length * 8)
      message[bit >> 3] = (message[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const decoded = decodeAdvertisement(message, path)
      if (decoded instanceof DecodeError) return
      assert.notDeepEqual([decoded, checksumForm(message, path)], [advertisement, form])
      assertValid(decoded, path)
    }),
    { numRuns: 1000, examples: [ONE_BIT_FROM_THE_OTHER_FORM] },
  )
})
