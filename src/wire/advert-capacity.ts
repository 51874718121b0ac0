import type { Family } from '../lib/ip-address.ts'

/** Headers without options: RFC 791 §3.1, RFC 8200 §3. */
const IP_HEADER = { IPv4: 20, IPv6: 40 } as const
const ADDRESS = { IPv4: 4, IPv6: 16 } as const
const VRRP_HEADER = 8
/** Version 2 always ends with 8 bytes of authentication data (RFC 3768 §5.3.10). */
const AUTHENTICATION = { 2: 8, 3: 0 } as const
/** RFC 9568 §5.2.5: a byte counts them. */
const MOST = 255

/** How many addresses an advert can list that is sent over a link of this MTU, with so long a trailer, both in bytes. */
export function advertCapacity(version: 2 | 3, family: Family, mtu: number, trailer: number): number {
  const left = mtu - IP_HEADER[family] - VRRP_HEADER - AUTHENTICATION[version] - trailer
  return Math.max(0, Math.min(MOST, Math.floor(left / ADDRESS[family])))
}
