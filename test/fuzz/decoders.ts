import assert from 'node:assert/strict'
import { type Family, type IpAddress, ipAddress, ipAddressFromBytes } from '../../src/lib/ip-address.ts'
import { decodeAnswers } from '../../src/linux/nftables-messages.ts'
import { decodeRouteMessages, type RouteMessage } from '../../src/linux/route-messages.ts'
import { decodeArp, gratuitousArp } from '../../src/wire/arp.ts'
import { writeUint16 } from '../../src/wire/big-endian.ts'
import { internetChecksum, pseudoHeaderSum, sumWords } from '../../src/wire/checksum.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import { decodeIpv4 } from '../../src/wire/ipv4.ts'
import { decodeNeighborAdvertisement, unsolicitedNeighborAdvertisement } from '../../src/wire/neighbor-advertisement.ts'
import {
  type AdvertisementPath,
  checksumForm,
  decodeAdvertisement,
  encodeAdvertisement,
  refuseIpHeader,
  VRRP_GROUP,
} from '../../src/wire/vrrp.ts'
import type { Random } from '../lab/random.ts'
import { readVectors } from '../vectors/read-vectors.ts'

/** A decoder under test. */
export interface Decoder {
  readonly name: string
  /** Whole packets that it takes, as they were captured. */
  readonly golden: readonly Uint8Array[]
  /** Makes lengths and checksums right, in place, so that what is behind them is reached. */
  readonly seal: (packet: Uint8Array, random: Random) => void
  /** Whether it is a value: true, or a refusal: false. Throws for whatever is neither, or does not come back as it was. */
  readonly take: (packet: Uint8Array) => boolean
}

const KEEPALIVED = [...readVectors('keepalived-2.2.7.hex')]
const LINUX = [...readVectors('linux-6.18.hex')]
const [ETHERNET, IPV6] = [14, 40]

const V6_PATH: AdvertisementPath = { source: ipAddress('fe80::ff:fe00:a'), destination: VRRP_GROUP.IPv6 }

export const DECODERS: readonly Decoder[] = [
  {
    name: 'VRRP 2 and 3 over IPv4, with its header',
    golden: keepalived(/^v[23](?!-ipv6)/, ETHERNET),
    seal: sealIpv4,
    take: takeIpv4,
  },
  {
    name: 'VRRP 3 over IPv6',
    golden: keepalived(/^v3-ipv6/, ETHERNET + IPV6),
    seal: (message, random) => sealAdvertisement(message, V6_PATH, random),
    take: message => takeAdvertisement(message, V6_PATH),
  },
  {
    name: 'ARP',
    golden: keepalived(/^gratuitous-arp/, ETHERNET),
    // What makes ARP of it.
    seal: packet => packet.set([0, 1, 8, 0, 6, 4].slice(0, packet.length)),
    take: takeArp,
  },
  {
    name: 'Neighbor Advertisement',
    golden: keepalived(/^neighbor-advertisement/, ETHERNET + IPV6),
    seal: message => message.set([136].slice(0, message.length)),
    take: takeNeighborAdvertisement,
  },
  {
    name: 'rtnetlink',
    golden: LINUX.filter(([name]) => !name.startsWith('nftables')).map(([, datagram]) => datagram),
    seal: sealNetlink,
    take: takeRouteMessages,
  },
  {
    name: 'nf_tables answers',
    golden: LINUX.filter(([name]) => /^nftables|^answer/.test(name)).map(([, datagram]) => datagram),
    seal: sealNetlink,
    take: takeAnswers,
  },
]

function keepalived(names: RegExp, from: number): Uint8Array[] {
  return KEEPALIVED.filter(([name]) => names.test(name)).map(([, frame]) => frame.subarray(from))
}

// ---- VRRP

function sealIpv4(packet: Uint8Array, random: Random): void {
  if (packet.length < 20) return
  packet[0] = 0x45
  packet[6] = 0
  packet[7] = 0
  packet[8] = 255
  packet[9] = 112
  writeUint16(packet, 2, packet.length)
  const [source, destination] = [packet.subarray(12, 16), packet.subarray(16, 20)].map(ipAddressFromBytes)
  if (source && destination) sealAdvertisement(packet.subarray(20), { source, destination }, random)
}

/** Half of them also say as many addresses as there is room for. */
function sealAdvertisement(message: Uint8Array, path: AdvertisementPath, random: Random): void {
  if (message.length < 8) return
  const isVersion2 = (message[0] ?? 0) >> 4 === 2
  const [trailer, size] = [isVersion2 ? 8 : 0, path.source.bytes.length]
  if (random.below(2) === 0) message[3] = Math.max(0, Math.floor((message.length - 8 - trailer) / size))
  const covered = 8 + (message[3] ?? 0) * size + trailer
  writeUint16(message, 6, 0)
  const withPseudoHeader = !isVersion2 && (path.source.family === 'IPv6' || random.below(2) === 0)
  const sum = sumWords(message, 0, Math.min(covered, message.length))
  writeUint16(
    message,
    6,
    internetChecksum(withPseudoHeader ? sum + pseudoHeaderSum(path.source, path.destination, 112, covered) : sum),
  )
}

function takeIpv4(packet: Uint8Array): boolean {
  const decoded = decodeIpv4(packet)
  if (decoded instanceof DecodeError) return refused(decoded)
  assert.ok(decoded.payload.length <= packet.length - 20)
  const odd = refuseIpHeader(decoded)
  return odd ? refused(odd) : takeAdvertisement(decoded.payload, decoded)
}

/** What is accepted says all that the bytes say: encoded, it is these bytes again. */
function takeAdvertisement(message: Uint8Array, path: AdvertisementPath): boolean {
  const advertisement = decodeAdvertisement(message, path)
  if (advertisement instanceof DecodeError) return refused(advertisement)
  const checksum = checksumForm(message, path) ?? 'PseudoHeader'
  const encoded = encodeAdvertisement(advertisement, { ...path, checksum })
  const { length } = encoded
  const isVersion2 = advertisement.version === 2
  const reserved = isVersion2 ? 0 : (message[4] ?? 0) & 0xf0
  // Authentication Data of a packet that has none (RFC 3768 §5.3.10).
  const said = isVersion2 && !advertisement.authentication ? length - 8 : length
  for (let i = 0; i < said; i++) {
    if (i === 6 || i === 7 || encoded[i] === (i === 4 ? (message[4] ?? 0) & ~reserved : message[i])) continue
    assert.fail(`Byte ${i} of the advert is lost: ${hex(encoded)}`)
  }
  assert.ok(length <= message.length && !(decodeAdvertisement(encoded, path) instanceof DecodeError), hex(encoded))
  return true
}

// ---- ARP and Neighbor Discovery

function takeArp(packet: Uint8Array): boolean {
  const sender = decodeArp(packet)
  if (sender instanceof DecodeError) return refused(sender)
  const again = decodeArp(gratuitousArp(sender.address, sender.mac).subarray(ETHERNET))
  assert.ok(!(again instanceof DecodeError) && sameBytes(again.address.bytes, sender.address.bytes))
  assert.ok(sameBytes(again.mac, sender.mac))
  return true
}

function takeNeighborAdvertisement(message: Uint8Array): boolean {
  const said = decodeNeighborAdvertisement(message)
  if (said instanceof DecodeError) return refused(said)
  assertAddress(said.target, 'IPv6')
  if (!said.mac) return true
  const frame = unsolicitedNeighborAdvertisement(said.target, said.mac, said.router)
  const again = decodeNeighborAdvertisement(frame.subarray(ETHERNET + IPV6))
  assert.ok(!(again instanceof DecodeError) && sameBytes(again.target.bytes, said.target.bytes))
  assert.ok(again.mac && sameBytes(again.mac, said.mac) && again.router === said.router && !again.solicited)
  return true
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

// ---- netlink

/** struct nlmsghdr and struct nlattr, in this machine's byte order. */
function sealNetlink(datagram: Uint8Array): void {
  if (datagram.length < 16) return
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length)
  const [type, family] = [view.getUint16(4, true), datagram[16]]
  const length = view.getUint32(0, true)
  if (length < 16 || length > datagram.length) view.setUint32(0, datagram.length, true)
  const start = ATTRIBUTES_AT.get(type)
  if (start === undefined || family === undefined) return
  const end = view.getUint32(0, true)
  for (let at = start; at + 4 <= end; ) {
    const attribute = view.getUint16(at, true)
    const room = end - at
    const fits = attribute >= 4 && attribute <= room
    if (!fits) view.setUint16(at, Math.min(room, 8), true)
    at += (view.getUint16(at, true) + 3) & ~3
  }
}

/** Where attributes begin in messages of that type: of links, addresses and routes. */
const ATTRIBUTES_AT = new Map([
  [16, 32],
  [17, 32],
  [20, 24],
  [21, 24],
  [24, 28],
])

function takeRouteMessages(datagram: Uint8Array): boolean {
  return decodeRouteMessages(datagram).every(({ sequence, message }) => {
    assert.ok(sequence >= 0 && sequence < 2 ** 32)
    return takeRouteMessage(message)
  })
}

function takeRouteMessage(message: RouteMessage): boolean {
  switch (message.type) {
    case 'Link':
      assert.ok(Number.isInteger(message.link.mtu) && Number.isInteger(message.link.flags))
      return Number.isInteger(message.link.index)
    case 'Address':
    case 'AddressGone':
      assertAddress(message.address.prefix.address)
      return Number.isInteger(message.address.linkIndex)
    case 'Answer':
      return Number.isInteger(message.errno)
    case 'Route':
      if (message.route) assertAddress(message.route.destination.address)
      return (message.route?.hops ?? []).every(({ linkIndex }) => Number.isInteger(linkIndex))
    case 'LinkGone':
    case 'DumpDone':
    case 'Unrelated':
      return true
    case 'Unreadable':
      assertSentence(message.detail)
      return false
  }
}

function takeAnswers(datagram: Uint8Array): boolean {
  const answers = decodeAnswers(datagram)
  for (const { sequence, errno } of answers) assert.ok(Number.isInteger(sequence) && Number.isInteger(errno))
  return answers.length > 0
}

// ---- what is told

function refused({ detail }: DecodeError): false {
  assertSentence(detail)
  return false
}

/** Upper case first, and nothing in it that is a mistake of ours. */
function assertSentence(text: string): void {
  const first = text.charCodeAt(0)
  if (first >= 65 && first <= 90 && !/undefined|NaN|null|\[object/.test(text)) return
  assert.fail(`This is no sentence: ${text}`)
}

function assertAddress({ family, text, bytes }: IpAddress, expected: Family = family): void {
  assert.equal(family, expected)
  assert.equal(bytes.length, family === 'IPv4' ? 4 : 16)
  assert.ok(text.length >= 2)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
