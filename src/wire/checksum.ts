import type { IpAddress } from '../lib/ip-address.ts'
import { readUint16 } from './big-endian.ts'

/**
 * The Internet checksum (RFC 1071) of words already summed, 0..0xffff. Over a message that holds its own checksum it is
 * 0 where that is right.
 */
export function internetChecksum(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16)
  return ~folded & 0xffff
}

/** The plain sum of the 16-bit words of `bytes` from `start` up to `end`; at most 64 KiB, an odd last byte is padded with zero. */
export function sumWords(bytes: Uint8Array, start: number, end: number): number {
  const lastWord = end - 1
  let sum = 0
  let i = start
  for (; i < lastWord; i += 2) sum += readUint16(bytes, i)
  return i < end ? sum + ((bytes[i] ?? 0) << 8) : sum
}

/** The sum of a pseudo-header: IPv6's of RFC 8200 §8.1, IPv4's of RFC 9293 §3.1; `length` is the message's, in bytes. */
export function pseudoHeaderSum(source: IpAddress, destination: IpAddress, protocol: number, length: number): number {
  return (
    sumWords(source.bytes, 0, source.bytes.length) +
    sumWords(destination.bytes, 0, destination.bytes.length) +
    protocol +
    length
  )
}
