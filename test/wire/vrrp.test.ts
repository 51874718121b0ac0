import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import type { Advertisement } from '../../src/vrrp/advertisement.ts'
import { DecodeError, type DecodeReason } from '../../src/wire/decode-error.ts'
import { decodeIpv4 } from '../../src/wire/ipv4.ts'
import { simplePassword } from '../../src/wire/simple-password.ts'
import {
  type AdvertisementPath,
  type ChecksumForm,
  checksumForm,
  decodeAdvertisement,
  encodeAdvertisement,
  refuseIpHeader,
  VRRP_GROUP,
} from '../../src/wire/vrrp.ts'
import { bytes, readVectors } from '../vectors/read-vectors.ts'
import { withChecksum } from './with-checksum.ts'

const LAB = { source: ipAddress('10.99.0.1'), destination: VRRP_GROUP.IPv4 }
const LAB_IPV6 = { source: ipAddress('fe80::ff:fe00:a'), destination: VRRP_GROUP.IPv6 }

interface Golden {
  readonly path: AdvertisementPath
  readonly checksum: ChecksumForm
  readonly advertisement: Advertisement
}

function advert(version: 2 | 3, fields: Partial<Advertisement>, ...addresses: string[]): Advertisement {
  const defaults = { virtualRouterID: 51, priority: 200, interval: 1000 }
  return { version, ...defaults, ...fields, addresses: addresses.map(ipAddress) }
}

function pass(text: string): Partial<Advertisement> {
  return { authentication: { type: 'PASS', password: simplePassword(text) } }
}

const MESSAGES: readonly (Golden & { readonly what: string; readonly message: string })[] = [
  {
    what: 'version 2 without authentication',
    message: '2133c801 0001 0c03 0a630064 0000000000000000',
    path: LAB,
    checksum: 'PseudoHeader',
    advertisement: advert(2, {}, '10.99.0.100'),
  },
  {
    what: 'version 2 with priority 0',
    message: '21330001 0001 d403 0a630064 0000000000000000',
    path: LAB,
    checksum: 'RFC9568',
    advertisement: advert(2, { priority: 0 }, '10.99.0.100'),
  },
  {
    what: 'version 2 with PASS',
    message: '2133c801 0101 9071 0a630064 7333637233747077',
    path: LAB,
    checksum: 'PseudoHeader',
    advertisement: advert(2, pass('s3cr3tpw'), '10.99.0.100'),
  },
  {
    what: 'version 3 over IPv4 with a pseudo-header in its checksum',
    message: '3133c801 0064 10ad 0a630064',
    path: LAB,
    checksum: 'PseudoHeader',
    advertisement: advert(3, {}, '10.99.0.100'),
  },
  {
    what: 'version 3 over IPv4 with priority 0',
    message: '31330001 0064 d8ad 0a630064',
    path: LAB,
    checksum: 'PseudoHeader',
    advertisement: advert(3, { priority: 0 }, '10.99.0.100'),
  },
  {
    what: 'version 3 over IPv4 with the checksum of RFC 9568',
    message: '3133c801 0064 fb9f 0a630064',
    path: LAB,
    checksum: 'RFC9568',
    advertisement: advert(3, {}, '10.99.0.100'),
  },
  {
    what: 'version 3 over IPv6',
    message: '3133c802 0064 b2c7 fe800000000000000000000000990100 fd990000000000000000000000000100',
    path: { source: ipAddress('fe80::b4fa:f0ff:fe86:b23a'), destination: VRRP_GROUP.IPv6 },
    checksum: 'PseudoHeader',
    advertisement: advert(3, {}, 'fe80::99:100', 'fd99::100'),
  },
  {
    what: 'the advert of Scapy over IPv4',
    message: '3102fe02 0001 b25e 14000102 14000103',
    path: { source: ipAddress('20.0.0.3'), destination: VRRP_GROUP.IPv4 },
    checksum: 'PseudoHeader',
    advertisement: advert(3, { virtualRouterID: 2, priority: 254, interval: 10 }, '20.0.1.2', '20.0.1.3'),
  },
  {
    what: 'the advert of Scapy over IPv6',
    message: '3102fe02 0001 481b 20010db8000000000000000000000002 20010db8000000000000000000000003',
    path: { source: ipAddress('2001:db8::1'), destination: VRRP_GROUP.IPv6 },
    checksum: 'PseudoHeader',
    advertisement: advert(3, { virtualRouterID: 2, priority: 254, interval: 10 }, '2001:db8::2', '2001:db8::3'),
  },
]

for (const { what, message, path, checksum, advertisement } of MESSAGES) {
  test(`${what} is decoded`, () => assert.deepEqual(decodeAdvertisement(bytes(message), path), advertisement))
  test(`${what} is encoded`, () => {
    assert.deepEqual(encodeAdvertisement(advertisement, { ...path, checksum }), bytes(message))
  })
}

const TWO = ['10.99.0.100', '10.99.0.101']
const THREE = ['10.99.0.120', '10.99.0.121', '10.99.0.122']
const TWO_IPV6 = ['fe80::99:100', 'fd99::100']

const CAPTURED: Readonly<Record<string, Advertisement>> = {
  v2: advert(2, { virtualRouterID: 51, priority: 200 }, ...TWO),
  'v2-priority-0': advert(2, { virtualRouterID: 51, priority: 0 }, ...TWO),
  'v2-pass': advert(2, { interval: 3000, virtualRouterID: 52, priority: 150, ...pass('s3cr3tpw') }, '10.99.0.110'),
  'v2-pass-priority-0': advert(
    2,
    { interval: 3000, virtualRouterID: 52, priority: 0, ...pass('s3cr3tpw') },
    '10.99.0.110',
  ),
  'v2-pass-short': advert(2, { interval: 2000, virtualRouterID: 53, priority: 150, ...pass('pw') }, '10.99.0.111'),
  'v2-pass-long': advert(2, { virtualRouterID: 54, priority: 150, ...pass('longer-than-eight') }, '10.99.0.112'),
  'v2-pass-cut-character': advert(2, { virtualRouterID: 55, priority: 150, ...pass('geheimnö') }, '10.99.0.113'),
  v3: advert(3, { interval: 200, virtualRouterID: 61, priority: 254 }, ...THREE),
  'v3-priority-0': advert(3, { interval: 200, virtualRouterID: 61, priority: 0 }, ...THREE),
  'v3-owner-slowest': advert(3, { interval: 40_950, virtualRouterID: 63, priority: 255 }, '10.99.0.124'),
  'v3-unicast': advert(3, { virtualRouterID: 64, priority: 255 }, '10.99.0.125'),
  'v3-ipv6': advert(3, { virtualRouterID: 71, priority: 200 }, ...TWO_IPV6),
  'v3-ipv6-priority-0': advert(3, { virtualRouterID: 71, priority: 0 }, ...TWO_IPV6),
  'v3-ipv6-global-only-fastest': advert(3, { interval: 10, virtualRouterID: 72, priority: 100 }, 'fd99::110'),
}

const KEEPALIVED = readVectors('keepalived-2.2.7.hex')

test('every advert captured from keepalived has its row here', () => {
  assert.deepEqual([...KEEPALIVED.keys()].filter(name => /^v[23]/.test(name)).sort(), Object.keys(CAPTURED).sort())
})

for (const [name, advertisement] of Object.entries(CAPTURED)) {
  test(`keepalived's ${name} says what its configuration says`, () => {
    const { message, path } = captured(name)
    assert.deepEqual(decodeAdvertisement(message, path), advertisement)
  })
  test(`keepalived's ${name} is what we send for the same configuration`, () => {
    const { message, path } = captured(name)
    assert.deepEqual(encodeAdvertisement(advertisement, { ...path, checksum: 'PseudoHeader' }), message)
  })
}

function captured(name: string): { message: Uint8Array; path: AdvertisementPath } {
  const packet = KEEPALIVED.get(name)?.subarray(14)
  assert.ok(packet)
  if (name.includes('ipv6')) return { message: packet.slice(40), path: LAB_IPV6 }
  const decoded = decodeIpv4(packet)
  assert.ok(!(decoded instanceof DecodeError))
  assert.equal(refuseIpHeader(decoded), undefined)
  const destination = name === 'v3-unicast' ? ipAddress('10.99.0.2') : VRRP_GROUP.IPv4
  assert.deepEqual([decoded.source, decoded.destination], [LAB.source, destination])
  return { message: Uint8Array.from(decoded.payload), path: decoded }
}

test('the checksum form of a received advert is told where there is a choice', () => {
  const forms = MESSAGES.map(({ message, path }) => checksumForm(bytes(message), path))
  const [v2, v3, rfc9568, ipv6] = [undefined, 'PseudoHeader', 'RFC9568', undefined]
  assert.deepEqual(forms, [v2, v2, v2, v3, v3, rfc9568, ipv6, v3, ipv6])
})

test('the RFC 9568 form of the checksum is for IPv4 only', () => {
  const path = { ...LAB_IPV6, checksum: 'RFC9568' } as const
  const { message } = captured('v3-ipv6')
  assert.deepEqual(encodeAdvertisement(advert(3, { virtualRouterID: 71 }, ...TWO_IPV6), path), message)
})

test("a checksum of 0xffff counts as 0x0000: both are zero in one's complement", () => {
  const advertisement = advert(3, {}, '6.103.0.0')
  const message = bytes('3133c801 0064 0000 06670000')
  assert.deepEqual(encodeAdvertisement(advertisement, { ...LAB, checksum: 'RFC9568' }), message)
  assert.deepEqual(decodeAdvertisement(message, LAB), advertisement)
  assert.deepEqual(decodeAdvertisement(bytes('3133c801 0064 ffff 06670000'), LAB), advertisement)
})

test('the reserved bits of version 3 are ignored', () => {
  const message = withChecksum('3133c801 f064 0000 0a630064')
  assert.deepEqual(decodeAdvertisement(message, LAB), advert(3, {}, '10.99.0.100'))
})

test('the Authentication Data of version 2 is ignored where there is no authentication', () => {
  const message = withChecksum('2133c801 0001 0000 0a630064 1122334455667788')
  assert.deepEqual(decodeAdvertisement(message, LAB), advert(2, {}, '10.99.0.100'))
})

test('bytes after the message, as Ethernet pads short frames, are ignored', () => {
  for (const { message, path, advertisement } of MESSAGES) {
    for (const padding of ['00', '000000000000', 'deadbeef']) {
      assert.deepEqual(decodeAdvertisement(bytes(message + padding), path), advertisement)
    }
  }
})

test('what was decoded stays when the socket uses its buffer again', () => {
  const buffer = Buffer.from(bytes('2133c801 0101 9071 0a630064 7333637233747077'))
  const decoded = decodeAdvertisement(buffer, LAB)
  buffer.fill(0)
  assert.deepEqual(decoded, advert(2, pass('s3cr3tpw'), '10.99.0.100'))
})

const IP_HEADER = '45c00020 0001 0000'
const ADDRESSES = '0a630001 e0000012'
const MESSAGE = '3133c801 0064 10ad 0a630064'

/** A whole IPv4 packet, or the message alone with its path. */
type Wrong = { readonly packet: Uint8Array } | { readonly message: Uint8Array; readonly path: AdvertisementPath }

const WRONG: Readonly<Record<DecodeReason, readonly (readonly [wrong: Wrong, sentence: string])[]>> = {
  Protocol: [
    [{ packet: bytes(`${IP_HEADER} ff02 d0a4 ${ADDRESSES} ${MESSAGE}`) }, 'Protocol is 2, must be 112'],
    [{ packet: bytes(`65c00020 0001 0000 ff70 d036 ${ADDRESSES} ${MESSAGE}`) }, 'IP version is 6, must be 4'],
  ],
  TTL: [
    [{ packet: bytes(`${IP_HEADER} 4070 8f37 ${ADDRESSES} ${MESSAGE}`) }, 'TTL is 64, must be 255'],
    [{ packet: bytes(`${IP_HEADER} fe70 d136 ${ADDRESSES} ${MESSAGE}`) }, 'TTL is 254, must be 255'],
  ],
  Length: [
    [{ packet: bytes('45c00020') }, 'Packet has 4 bytes, an IPv4 header has at least 20'],
    [{ message: bytes(''), path: LAB }, 'Message has 0 bytes, must have at least 8'],
    [{ message: bytes('3133c801 0064 10'), path: LAB }, 'Message has 7 bytes, must have at least 8'],
    [
      { message: bytes('3133c801 0064 10ad 0a6300'), path: LAB },
      'Message has 11 bytes, must have 12 for an address count of 1',
    ],
    [
      { message: withChecksum('3133c8ff 0064 0000 0a630064'), path: LAB },
      'Message has 12 bytes, must have 1028 for an address count of 255',
    ],
    [
      { message: withChecksum('2133c801 0001 0000 0a630064'), path: LAB },
      'Message has 12 bytes, must have 20 for an address count of 1',
    ],
    [
      { message: withChecksum('3133c801 0064 0000 0a630064'), path: LAB_IPV6 },
      'Message has 12 bytes, must have 24 for an address count of 1',
    ],
  ],
  Version: [
    [{ message: withChecksum('1133c801 0064 0000 0a630064'), path: LAB }, 'Version is 1, must be 2 or 3'],
    [{ message: withChecksum('4133c801 0064 0000 0a630064'), path: LAB }, 'Version is 4, must be 2 or 3'],
    [
      { message: withChecksum('2133c801 0001 0000 fd990000000000000000000000000100 0000000000000000'), path: LAB_IPV6 },
      'Version is 2, must be 3 over IPv6',
    ],
  ],
  Type: [
    [{ message: withChecksum('3033c801 0064 0000 0a630064'), path: LAB }, 'Type is 0, must be 1'],
    [{ message: withChecksum('2233c801 0001 0000 0a630064 0000000000000000'), path: LAB }, 'Type is 2, must be 1'],
  ],
  Checksum: [
    [
      { message: bytes('2133c801 0001 dead 0a630064 0000000000000000'), path: LAB },
      'Checksum is 0xdead, must be 0x0c03',
    ],
    [{ message: bytes('3133c801 0064 0000 0a630064'), path: LAB }, 'Checksum is 0x0000, must be 0x10ad or 0xfb9f'],
    [
      { message: bytes(MESSAGE), path: { ...LAB, source: ipAddress('10.99.0.2') } },
      'Checksum is 0x10ad, must be 0x10ac or 0xfb9f',
    ],
    [
      { message: withChecksum('31486401 0001 0000 fd990000000000000000000000000110'), path: LAB_IPV6 },
      'Checksum is 0x6c0b, must be 0x6ee3',
    ],
  ],
  VirtualRouterID: [
    [{ message: withChecksum('3100c801 0064 0000 0a630064'), path: LAB }, 'Virtual Router ID is 0, must be 1 to 255'],
  ],
  AddressCount: [
    [{ message: withChecksum('3133c800 0064 0000'), path: LAB }, 'Address count is 0, must be 1 to 255'],
    [
      { message: withChecksum('2133c800 0001 0000 0000000000000000'), path: LAB },
      'Address count is 0, must be 1 to 255',
    ],
  ],
  Interval: [
    [{ message: withChecksum('3133c801 f000 0000 0a630064'), path: LAB }, 'Interval is 0, must be at least 1'],
    [
      { message: withChecksum('2133c801 0100 0000 0a630064 0000000000000000'), path: LAB },
      'Interval is 0, must be at least 1',
    ],
  ],
  AuthenticationType: [
    [
      { message: withChecksum('2133c801 0201 0000 0a630064 0000000000000000'), path: LAB },
      'Authentication type is 2, must be 0 (none) or 1 (PASS)',
    ],
    [
      { message: withChecksum('2133c801 ff01 0000 0a630064 0000000000000000'), path: LAB },
      'Authentication type is 255, must be 0 (none) or 1 (PASS)',
    ],
  ],
}

for (const [reason, rows] of Object.entries(WRONG)) {
  for (const [wrong, sentence] of rows) {
    test(`a wrong packet is refused for its ${reason}: ${sentence}`, () => {
      const refused = 'packet' in wrong ? receive(wrong.packet) : decodeAdvertisement(wrong.message, wrong.path)
      assert.ok(refused instanceof DecodeError)
      assert.deepEqual({ ...refused }, { reason, detail: sentence })
    })
  }
}

function receive(packet: Uint8Array): Advertisement | DecodeError {
  const decoded = decodeIpv4(packet)
  if (decoded instanceof DecodeError) return decoded
  return refuseIpHeader(decoded) ?? decodeAdvertisement(decoded.payload, decoded)
}

test('every truncation of an advert is refused for its Length', () => {
  for (const { message, path } of MESSAGES) {
    const whole = bytes(message)
    for (let length = 0; length < whole.length; length++) {
      const refused = decodeAdvertisement(whole.subarray(0, length), path)
      assert.equal(refused instanceof DecodeError && refused.reason, 'Length')
    }
  }
})

test('an advert with any one bit flipped is refused', () => {
  for (const { message, path, what } of MESSAGES) {
    const flipped = bytes(message)
    for (let bit = 0; bit < flipped.length * 8; bit++) {
      flip(flipped, bit)
      assert.ok(decodeAdvertisement(flipped, path) instanceof DecodeError, `${what}, bit ${bit}`)
      flip(flipped, bit)
    }
  }
})

function flip(message: Uint8Array, bit: number): void {
  const index = bit >> 3
  message[index] = (message[index] ?? 0) ^ (0x80 >> (bit & 7))
}

const CANNOT_SAY: readonly (readonly [Advertisement, AdvertisementPath, sentence: string])[] = [
  [advert(2, {}, 'fd99::100'), LAB_IPV6, 'Version 2 has no IPv6'],
  [advert(3, {}, 'fd99::100'), LAB, 'fd99::100 is not IPv4'],
  [advert(3, {}, '10.99.0.100'), LAB_IPV6, '10.99.0.100 is not IPv6'],
  [advert(3, {}), LAB, 'Address count is 0, must be a whole number from 1 to 255'],
  [
    advert(3, {}, ...Array<string>(256).fill('10.99.0.100')),
    LAB,
    'Address count is 256, must be a whole number from 1 to 255',
  ],
  [
    advert(3, { virtualRouterID: 256 }, '10.99.0.100'),
    LAB,
    'Virtual Router ID is 256, must be a whole number from 1 to 255',
  ],
  [advert(3, { priority: -1 }, '10.99.0.100'), LAB, 'Priority is -1, must be a whole number from 0 to 255'],
  [
    advert(3, { interval: 15 }, '10.99.0.100'),
    LAB,
    'Interval in centiseconds is 1.5, must be a whole number from 1 to 4095',
  ],
  [
    advert(3, { interval: 40_960 }, '10.99.0.100'),
    LAB,
    'Interval in centiseconds is 4096, must be a whole number from 1 to 4095',
  ],
  [
    advert(2, { interval: 200 }, '10.99.0.100'),
    LAB,
    'Interval in seconds is 0.2, must be a whole number from 1 to 255',
  ],
  [advert(3, pass('s3cr3tpw'), '10.99.0.100'), LAB, 'Version 3 has no authentication'],
  [
    advert(2, { authentication: { type: 'PASS', password: bytes('7077') } }, '10.99.0.100'),
    LAB,
    'Password length is 2, must be a whole number from 8 to 8',
  ],
]

for (const [advertisement, path, sentence] of CANNOT_SAY) {
  test(`what the wire can't say is never sent as something else: ${sentence}`, () => {
    assert.throws(
      () => encodeAdvertisement(advertisement, { ...path, checksum: 'PseudoHeader' }),
      new RangeError(sentence),
    )
  })
}

test('an interval that floating point left a hair off its step is sent as that step', () => {
  const message = encodeAdvertisement(advert(3, { interval: 16.1 * 1000 }, '10.99.0.100'), {
    ...LAB,
    checksum: 'PseudoHeader',
  })
  const decoded = decodeAdvertisement(message, LAB)
  assert.ok(!(decoded instanceof DecodeError))
  assert.equal(decoded.interval, 16_100)
})
