export type PeerName = 'keepalived' | 'FRR'

/** What two routers may speak. */
export interface Dialect {
  readonly name: string
  readonly version: 2 | 3
  readonly family: 'IPv4' | 'IPv6'
  /** ms */
  readonly interval: number
  readonly password?: string
  /** Ours; absent: the default. */
  readonly checksum?: 'RFC9568'
  /** To each other's own addresses, and to the host that listens. */
  readonly unicast?: true
  /** Why the peer can't speak it; the run tries it where it can. */
  readonly cannot?: Partial<Readonly<Record<PeerName, string>>>
}

/** The first is the one that is advertised at first; the other comes and goes. */
export const ADDRESSES = {
  IPv4: ['10.1.0.100', '10.1.0.101'],
  IPv6: ['fd01::100', 'fd01::101'],
} as const

export const VIRTUAL_ROUTER_ID = 51

/** The own addresses of both routers' nodes and of the host that listens. */
export const HOSTS = {
  IPv4: ['10.1.0.1', '10.1.0.2', '10.1.0.3'],
  IPv6: ['fd01::1', 'fd01::2', 'fd01::3'],
} as const

const UNICAST = { unicast: true, cannot: { FRR: 'FRR has none' } } as const

export const DIALECTS: readonly Dialect[] = [
  { name: 'version 2', version: 2, family: 'IPv4', interval: 1000 },
  {
    name: 'version 2, PASS',
    version: 2,
    family: 'IPv4',
    interval: 1000,
    password: 'SecretKey123',
    cannot: { FRR: 'FRR has none' },
  },
  { name: 'version 3, IPv4, checksum with pseudo-header', version: 3, family: 'IPv4', interval: 200 },
  {
    name: 'version 3, IPv4, checksum of RFC 9568',
    version: 3,
    family: 'IPv4',
    interval: 200,
    checksum: 'RFC9568',
  },
  { name: 'version 3, IPv6', version: 3, family: 'IPv6', interval: 200 },
  { name: 'version 2, unicast', version: 2, family: 'IPv4', interval: 1000, ...UNICAST },
  { name: 'version 3, IPv4, unicast', version: 3, family: 'IPv4', interval: 200, ...UNICAST },
  { name: 'version 3, IPv6, unicast', version: 3, family: 'IPv6', interval: 200, ...UNICAST },
]

/** Rows of the table that nobody can run yet. */
export const NOT_YET: readonly { readonly name: string; readonly why: Readonly<Record<PeerName, string>> }[] = [
  {
    name: 'auth_hmac',
    why: { keepalived: 'Debian’s 2.2.7 has none; held against the vectors of 2.4.2', FRR: 'FRR has none' },
  },
  { name: 'our virtual MAC', why: { keepalived: 'ours has it not yet', FRR: 'ours has it not yet' } },
]
