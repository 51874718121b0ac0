import { isKeyLength } from '../lib/hmac-key.ts'
import type { Family, IpAddress } from '../lib/ip-address.ts'
import { readUint16, writeUint16 } from './big-endian.ts'
import { DecodeError } from './decode-error.ts'
import { type AdvertisementPath, CHECKSUM_OFFSET, messageLength, writeChecksum } from './vrrp.ts'

/** HMAC-SHA256 (RFC 2104) of `data`: 32 bytes. Whoever calls has it; this folder computes none. */
export type HmacSha256 = (key: Uint8Array, data: Uint8Array) => Uint8Array

/** The 28 bytes after a message that prove who sent it, and when (draft-cassen-vrrp-auth-hmac, as keepalived has it from 2.4.2 on). */
export interface HmacTrailer {
  /** 0..255 */
  readonly keyID: number
  /** 64 bits, unsigned: seconds since 1970 (32 bits), 1/65,536 s (16), and what makes it greater than the one before (16). */
  readonly sequence: bigint
}

/**
 * `message`, which is one of encodeAdvertisement, with its trailer. Over IPv6 the checksum is made anew, for there it covers the trailer too: the
 * kernel of the receiver looks at it, and knows no trailer. Over IPv4 it does not. Throws a RangeError for a key of a wrong length.
 */
export function signAdvertisement(
  message: Uint8Array,
  path: AdvertisementPath,
  { keyID, sequence }: HmacTrailer,
  key: Uint8Array,
  hmac: HmacSha256,
): Uint8Array {
  if (!isKeyLength(key.length)) throw new RangeError(`A key has 32 to 64 bytes, not ${key.length}`)
  const signed = new Uint8Array(message.length + TRAILER_LENGTH)
  signed.set(message)
  const at = message.length
  signed[at] = HMAC
  signed[at + 1] = keyID
  new DataView(signed.buffer).setBigUint64(at + SEQUENCE, sequence)
  signed.set(digest(signed, at, path.source, key, hmac), at + DIGEST)
  if (path.source.family === 'IPv6') writeChecksum(signed, path)
  return signed
}

/** What the trailer of a whole message says, unproved as yet; undefined: nothing follows the message. Refused: Length, and Type (no HMAC trailer). */
export function readTrailer(message: Uint8Array, family: Family): HmacTrailer | undefined | DecodeError {
  const at = messageLength(message, family)
  const length = message.length - at
  if (length <= 0) return undefined
  if (length !== TRAILER_LENGTH) {
    return new DecodeError('Length', `${length} bytes follow the message, must be none or ${TRAILER_LENGTH}`)
  }
  const [type, keyID = 0] = message.subarray(at)
  if (type !== HMAC) return new DecodeError('Type', `Type of the trailer is ${type}, must be ${HMAC}`)
  return { keyID, sequence: sequenceAt(message, at) }
}

/** Whether who made the trailer of a message (readTrailer found one) knows `key`, and sent the message from `source` as it is, but for its checksum. */
export function isSignedWith(key: Uint8Array, message: Uint8Array, source: IpAddress, hmac: HmacSha256): boolean {
  const at = messageLength(message, source.family)
  return sameBytes(message.subarray(at + DIGEST), digest(message, at, source, key, hmac))
}

/** The type of the one authentication there is. */
const HMAC = 1
/** In bytes. */
export const TRAILER_LENGTH = 28
/** In the trailer; between key ID and sequence are 16 bits that are reserved. */
const [SEQUENCE, DIGEST] = [4, 12]
const DIGEST_LENGTH = 16
const PSEUDO_HEADER_LENGTH = 20

/**
 * HMAC-SHA256, the first 16 bytes of it, over a pseudo-header (family as 4 or 6, version, VRID, 0, the source in 16 bytes), the message with 0 for
 * its checksum, the trailer before the digest, and 16 zeros.
 */
function digest(
  message: Uint8Array,
  trailerAt: number,
  source: IpAddress,
  key: Uint8Array,
  hmac: HmacSha256,
): Uint8Array {
  const end = trailerAt + DIGEST
  const data = new Uint8Array(PSEUDO_HEADER_LENGTH + end + DIGEST_LENGTH)
  data[0] = source.family === 'IPv4' ? 4 : 6
  data[1] = (message[0] ?? 0) >> 4
  data[2] = message[1] ?? 0
  data.set(source.bytes, 4)
  data.set(message.subarray(0, end), PSEUDO_HEADER_LENGTH)
  writeUint16(data, PSEUDO_HEADER_LENGTH + CHECKSUM_OFFSET, 0)
  return hmac(key, data).subarray(0, DIGEST_LENGTH)
}

function sequenceAt(message: Uint8Array, trailerAt: number): bigint {
  let sequence = 0n
  for (let i = 0; i < 8; i += 2) sequence = (sequence << 16n) | BigInt(readUint16(message, trailerAt + SEQUENCE + i))
  return sequence
}

/** In a time that does not tell how many were right. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}
