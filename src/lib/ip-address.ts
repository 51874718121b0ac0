import ipaddr from 'ipaddr.js'

export type Family = 'IPv4' | 'IPv6'

/** An IPv4 or IPv6 address. Two of them are the same address when their `text` is the same. */
export interface IpAddress {
  readonly family: Family
  /** Canonical text: dotted quad, or RFC 5952. */
  readonly text: string
  /** 4 or 16 bytes, network order. */
  readonly bytes: Uint8Array
}

/** An address with a prefix length, as `ip address add` takes it: the host bits are kept. */
export interface Prefix {
  readonly address: IpAddress
  /** 0..32 or 0..128 */
  readonly length: number
}

/** The address that `text` says, or undefined. No zone, no leading zeros, no IPv4-mapped IPv6 (as CEL's isIP). */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipAddressFromBytes(ipaddr.IPv4.parse(text).toByteArray())
  if (!text.includes(':') || text.includes('%') || text.includes('.') || !ipaddr.IPv6.isValid(text)) return undefined
  const parsed = ipaddr.IPv6.parse(text)
  return parsed.isIPv4MappedAddress() ? undefined : ipAddressFromBytes(parsed.toByteArray())
}

/** As parseIpAddress, for text that is known to be an address; throws a RangeError otherwise. */
export function ipAddress(text: string): IpAddress {
  const parsed = parseIpAddress(text)
  if (!parsed) throw new RangeError(`Not an IP address: "${text}"`)
  return parsed
}

/** The address of 4 or 16 bytes in network order; throws a RangeError for any other length. */
export function ipAddressFromBytes(bytes: ArrayLike<number>): IpAddress {
  const own = Uint8Array.from(bytes)
  if (own.length === 4) return { family: 'IPv4', text: own.join('.'), bytes: own }
  if (own.length === 16) return { family: 'IPv6', text: new ipaddr.IPv6([...own]).toRFC5952String(), bytes: own }
  throw new RangeError(`An IP address has 4 or 16 bytes, not ${own.length}`)
}

export function sameAddress(a: IpAddress, b: IpAddress): boolean {
  return a.text === b.text
}

/** Unsigned, byte by byte, as RFC 9568 §6.4.3 compares primary addresses: negative, zero or positive. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  for (let i = 0; i < Math.max(a.bytes.length, b.bytes.length); i++) {
    const difference = (a.bytes[i] ?? 0) - (b.bytes[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** fe80::/10 or 169.254.0.0/16 */
export function isLinkLocal(address: IpAddress): boolean {
  const [first, second] = address.bytes
  return address.family === 'IPv6' ? first === 0xfe && ((second ?? 0) & 0xc0) === 0x80 : first === 169 && second === 254
}

/** 32 or 128 */
export function fullLength(family: Family): number {
  return family === 'IPv4' ? 32 : 128
}

/** `10.0.0.5/24`, or `10.0.0.5` for a host prefix (/32, /128); undefined where it is neither. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/')
  const address = parseIpAddress(slash < 0 ? text : text.slice(0, slash))
  if (!address) return undefined
  if (slash < 0) return { address, length: fullLength(address.family) }
  const digits = text.slice(slash + 1)
  const length = Number(digits)
  return /^(0|[1-9][0-9]{0,2})$/.test(digits) && length <= fullLength(address.family) ? { address, length } : undefined
}

export function formatPrefix(prefix: Prefix): string {
  return `${prefix.address.text}/${prefix.length}`
}

/** Whether `address` lies in the network that `network` names. */
export function contains(network: Prefix, address: IpAddress): boolean {
  if (network.address.family !== address.family) return false
  return sharedBits(network.address.bytes, address.bytes) >= network.length
}

/** The network of a prefix, host bits cleared: `10.0.0.5/24` gives `10.0.0.0/24`. */
export function networkOf(prefix: Prefix): Prefix {
  const bytes = prefix.address.bytes.map((byte, i) => {
    const kept = Math.min(8, Math.max(0, prefix.length - 8 * i))
    return byte & (0xff << (8 - kept))
  })
  return { address: ipAddressFromBytes(bytes), length: prefix.length }
}

function sharedBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) ^ (b[i] ?? 0)
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24
  }
  return 8 * a.length
}
