import { type Family, fullLength, type IpAddress, ipAddress, ipAddressFromBytes } from '../lib/ip-address.ts'
import type { Advertisement, SimplePassword, Version } from '../vrrp/advertisement.ts'
import { readUint16, writeUint16 } from './big-endian.ts'
import { internetChecksum, pseudoHeaderSum, sumWords } from './checksum.ts'
import { DecodeError } from './decode-error.ts'

/** Where the checksum is in a message, in bytes. */
export const CHECKSUM_OFFSET = 6

/** IPv4's Protocol, IPv6's Next Header (RFC 9568 §5.1.1.4). */
export const VRRP_PROTOCOL = 112

/** Where multicast adverts go (RFC 9568 §5.1.1.2, §5.1.2.2). */
export const VRRP_GROUP: Readonly<Record<Family, IpAddress>> = {
  IPv4: ipAddress('224.0.0.18'),
  IPv6: ipAddress('ff02::12'),
}

/** The addresses in the IP header around a VRRP message. */
export interface AdvertisementPath {
  readonly source: IpAddress
  readonly destination: IpAddress
}

/**
 * What the checksum of a version 3 advert over IPv4 covers. `RFC9568`: the message alone (RFC 9568 §5.2.8). `PseudoHeader`:
 * an IPv4 pseudo-header too, a reading of RFC 5798 that keepalived and FRR send, and demand.
 */
export type ChecksumForm = 'PseudoHeader' | 'RFC9568'

/**
 * The VRRP message, without an IP header; the family is that of `path.source`. `path.checksum` counts for version 3 over
 * IPv4 only. Throws a RangeError for what the wire can't say: that is our own mistake.
 */
export function encodeAdvertisement(
  advertisement: Advertisement,
  path: AdvertisementPath & { readonly checksum: ChecksumForm },
): Uint8Array {
  const { version, addresses } = advertisement
  const { family } = path.source
  if (version === 2 && family === 'IPv6') throw new RangeError('Version 2 has no IPv6')
  const message = new Uint8Array(lengthOf(version, family, addresses.length))
  message[0] = (version << 4) | ADVERTISEMENT
  message[1] = mustFit('Virtual Router ID', advertisement.virtualRouterID, 1, 255)
  message[2] = mustFit('Priority', advertisement.priority, 0, 255)
  message[3] = mustFit('Address count', addresses.length, 1, 255)
  if (version === 2) writeVersion2Fields(message, advertisement)
  else writeVersion3Fields(message, advertisement)
  writeAddresses(message, family, addresses)
  writeUint16(message, CHECKSUM_OFFSET, checksumToSend(message, path, path.checksum))
  return message
}

/**
 * The advert a message holds, or why it is refused (RFC 9568 §7.1, errata 8299 and 8301; RFC 3768 §7.1). Over IPv4 both
 * checksum forms of version 3 are accepted. Bytes after the message are ignored (Ethernet padding, a trailer); over IPv6 the checksum may cover them. The first IPv6 address
 * need not be link-local (erratum 8300): keepalived sends what it was given, and so do we.
 * The IP header, the VRID's configuration, the password and the address list are for the caller to check.
 */
export function decodeAdvertisement(message: Uint8Array, path: AdvertisementPath): Advertisement | DecodeError {
  const { family } = path.source
  return (
    refuseLayout(message, family) ??
    refuseChecksum(message, path) ??
    refuseFields(message) ??
    readAdvertisement(message, family)
  )
}

/** How long a message is by its version and address count, without what follows it. */
export function messageLength(message: Uint8Array, family: Family): number {
  return lengthOf(readVersion(message) === 2 ? 2 : 3, family, message[3] ?? 0)
}

/** Writes the checksum of a version 3 message over IPv6 anew, over all of `message`: what follows the addresses is covered too (RFC 8200 §8.1). */
export function writeChecksum(message: Uint8Array, path: AdvertisementPath): void {
  writeUint16(message, CHECKSUM_OFFSET, 0)
  writeUint16(message, CHECKSUM_OFFSET, internetChecksum(sumOfAll(message, path)))
}

/** Which form a message that decodeAdvertisement accepted was sent with; undefined where there is but one (version 2, IPv6). */
export function checksumForm(message: Uint8Array, path: AdvertisementPath): ChecksumForm | undefined {
  if (path.source.family === 'IPv6') return undefined
  const [pseudoHeader, rfc9568] = coveredSums(message, path)
  if (pseudoHeader === undefined || rfc9568 === undefined) return undefined
  return isRight(pseudoHeader) ? 'PseudoHeader' : 'RFC9568'
}

/** Why a packet with this IP header is no advert from this link, if so (RFC 9568 §5.1.1.3, §5.1.2.3); `ttl`: the Hop Limit of IPv6. */
export function refuseIpHeader(header: { readonly ttl: number; readonly protocol: number }): DecodeError | undefined {
  const { ttl, protocol } = header
  if (protocol !== VRRP_PROTOCOL) return new DecodeError('Protocol', `Protocol is ${protocol}, must be 112`)
  return ttl === 255 ? undefined : new DecodeError('TTL', `TTL is ${ttl}, must be 255`)
}

const ADVERTISEMENT = 1
const ADDRESSES_OFFSET = 8
/** Authentication Data of version 2, always there (RFC 3768 §5.3.10). */
const AUTHENTICATION_LENGTH = 8
const NO_AUTHENTICATION = 0
const SIMPLE_PASSWORD = 1

function writeVersion2Fields(message: Uint8Array, { authentication, interval }: Advertisement): void {
  message[4] = authentication ? SIMPLE_PASSWORD : NO_AUTHENTICATION
  message[5] = mustFit('Interval in seconds', interval / 1000, 1, 255)
  if (!authentication) return
  mustFit('Password length', authentication.password.length, AUTHENTICATION_LENGTH, AUTHENTICATION_LENGTH)
  message.set(authentication.password, message.length - AUTHENTICATION_LENGTH)
}

function writeVersion3Fields(message: Uint8Array, { authentication, interval }: Advertisement): void {
  if (authentication) throw new RangeError('Version 3 has no authentication')
  writeUint16(message, 4, mustFit('Interval in centiseconds', interval / 10, 1, 4095))
}

function writeAddresses(message: Uint8Array, family: Family, addresses: readonly IpAddress[]): void {
  let offset = ADDRESSES_OFFSET
  for (const address of addresses) {
    if (address.family !== family) throw new RangeError(`${address.text} is not ${family}`)
    message.set(address.bytes, offset)
    offset += address.bytes.length
  }
}

/** Milliseconds are floating point (16.1 s is 16,100.000000000002 ms), so a hair's breadth from a whole number is one. */
function mustFit(what: string, value: number, lowest: number, highest: number): number {
  const whole = Math.round(value)
  if (Math.abs(value - whole) < 1e-6 && whole >= lowest && whole <= highest) return whole
  throw new RangeError(`${what} is ${value}, must be a whole number from ${lowest} to ${highest}`)
}

function checksumToSend(message: Uint8Array, path: AdvertisementPath, form: ChecksumForm): number {
  const sums = coveredSums(message, path)
  return internetChecksum((form === 'RFC9568' ? sums.at(-1) : sums[0]) ?? 0)
}

function refuseLayout(message: Uint8Array, family: Family): DecodeError | undefined {
  const { length } = message
  if (length < ADDRESSES_OFFSET) return new DecodeError('Length', `Message has ${length} bytes, must have at least 8`)
  const version = readVersion(message)
  if (version !== 2 && version !== 3) return new DecodeError('Version', `Version is ${version}, must be 2 or 3`)
  if (version === 2 && family === 'IPv6') return new DecodeError('Version', 'Version is 2, must be 3 over IPv6')
  const type = (message[0] ?? 0) & 0x0f
  if (type !== ADVERTISEMENT) return new DecodeError('Type', `Type is ${type}, must be 1`)
  const expected = messageLength(message, family)
  if (length >= expected) return undefined
  return new DecodeError(
    'Length',
    `Message has ${length} bytes, must have ${expected} for an address count of ${message[3]}`,
  )
}

function refuseChecksum(message: Uint8Array, path: AdvertisementPath): DecodeError | undefined {
  const sums = coveredSums(message, path)
  if (sums.some(isRight)) return undefined
  const received = readUint16(message, CHECKSUM_OFFSET)
  const right = sums.map(sum => hexWord(internetChecksum(sum - received)))
  return new DecodeError('Checksum', `Checksum is ${hexWord(received)}, must be ${right.join(' or ')}`)
}

function refuseFields(message: Uint8Array): DecodeError | undefined {
  if (message[1] === 0) return new DecodeError('VirtualRouterID', 'Virtual Router ID is 0, must be 1 to 255')
  if (message[3] === 0) return new DecodeError('AddressCount', 'Address count is 0, must be 1 to 255')
  if (readInterval(message) === 0) return new DecodeError('Interval', 'Interval is 0, must be at least 1')
  const authType = readVersion(message) === 2 ? (message[4] ?? 0) : NO_AUTHENTICATION
  if (authType === NO_AUTHENTICATION || authType === SIMPLE_PASSWORD) return undefined
  return new DecodeError('AuthenticationType', `Authentication type is ${authType}, must be 0 (none) or 1 (PASS)`)
}

function readAdvertisement(message: Uint8Array, family: Family): Advertisement {
  const version = readVersion(message) === 2 ? 2 : 3
  const advertisement: Advertisement = {
    version,
    virtualRouterID: message[1] ?? 0,
    priority: message[2] ?? 0,
    interval: readInterval(message) * (version === 2 ? 1000 : 10),
    addresses: readAddresses(message, family),
  }
  if (version === 3 || message[4] === NO_AUTHENTICATION) return advertisement
  return { ...advertisement, authentication: readSimplePassword(message) }
}

function readAddresses(message: Uint8Array, family: Family): IpAddress[] {
  const count = message[3] ?? 0
  const size = addressSize(family)
  const addresses: IpAddress[] = []
  for (let i = 0; i < count; i++) {
    const offset = ADDRESSES_OFFSET + i * size
    addresses.push(ipAddressFromBytes(message.subarray(offset, offset + size)))
  }
  return addresses
}

/** A copy: the message may be a Buffer that its socket uses again. */
function readSimplePassword(message: Uint8Array): SimplePassword {
  const end = messageLength(message, 'IPv4')
  return { type: 'PASS', password: new Uint8Array(message.subarray(end - AUTHENTICATION_LENGTH, end)) }
}

/** Version 2: Adver Int, seconds. Version 3: Max Adver Int, 12 bits of centiseconds; the 4 bits before are reserved. */
function readInterval(message: Uint8Array): number {
  return readVersion(message) === 2 ? (message[5] ?? 0) : readUint16(message, 4) & 0x0fff
}

function readVersion(message: Uint8Array): number {
  return (message[0] ?? 0) >> 4
}

function lengthOf(version: Version, family: Family, addressCount: number): number {
  return ADDRESSES_OFFSET + addressCount * addressSize(family) + (version === 2 ? AUTHENTICATION_LENGTH : 0)
}

function addressSize(family: Family): number {
  return fullLength(family) / 8
}

/** The sum of all that the checksum covers, for each form that this version and family may have; PseudoHeader before RFC9568. */
function coveredSums(message: Uint8Array, path: AdvertisementPath): readonly number[] {
  const { source, destination } = path
  const length = messageLength(message, source.family)
  const messageOnly = sumWords(message, 0, length)
  if (readVersion(message) === 2) return [messageOnly]
  const withPseudoHeader = messageOnly + pseudoHeaderSum(source, destination, VRRP_PROTOCOL, length)
  if (source.family === 'IPv4') return [withPseudoHeader, messageOnly]
  return message.length === length ? [withPseudoHeader] : [withPseudoHeader, sumOfAll(message, path)]
}

/** Over IPv6 the checksum is that of all that the IP header says is there (RFC 8200 §8.1): a trailer is covered. */
function sumOfAll(message: Uint8Array, { source, destination }: AdvertisementPath): number {
  return sumWords(message, 0, message.length) + pseudoHeaderSum(source, destination, VRRP_PROTOCOL, message.length)
}

function isRight(coveredSum: number): boolean {
  return internetChecksum(coveredSum) === 0
}

function hexWord(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`
}
