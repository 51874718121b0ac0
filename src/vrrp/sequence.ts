import type { Millis } from '../lib/time.ts'

/**
 * The sequence numbers of signed adverts (draft-cassen-vrrp-auth-hmac): 64 bits, a time since 1970 in units of 2^-32 s, whose lowest 16 bits count
 * where that is not enough. They are in RFC 1982's order, so they go on beyond the year 2106.
 */
const [BITS, PER_SECOND, COUNTER_BITS] = [64, 2 ** 32, 16n]

/** Of this moment by the wall clock, in ms since 1970; the lowest 16 bits are 0. */
export function sequenceAt(wallClock: Millis): bigint {
  const units = BigInt(Math.floor((wallClock / 1000) * 65_536))
  return BigInt.asUintN(BITS, units << COUNTER_BITS)
}

/** How long the moment of `a` is after that of `b`; negative: before it. */
export function elapsed(a: bigint, b: bigint): Millis {
  return (Number(BigInt.asIntN(BITS, a - b)) / PER_SECOND) * 1000
}

/** Whether `a` comes after `b` (RFC 1982 §3.2). */
export function isAfter(a: bigint, b: bigint): boolean {
  return BigInt.asIntN(BITS, a - b) > 0n
}

/**
 * The sequence to sign with now, greater than all that were given before. A clock that was set back by no more than `timeWindow` is waited for, with the
 * next numbers, which receivers still take for timely; one that was set back further is followed: what is later than that by its receivers' clocks is refused anyway.
 */
export function nextSequence(last: bigint | undefined, wallClock: Millis, timeWindow: Millis): bigint {
  const now = sequenceAt(wallClock)
  if (last === undefined || isAfter(now, last) || elapsed(last, now) > timeWindow) return now
  return BigInt.asUintN(BITS, last + 1n)
}
