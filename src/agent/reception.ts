import { type Family, type IpAddress, sameAddress } from '../lib/ip-address.ts'
import type { ReceivedPacket } from '../linux/vrrp-socket.ts'
import type { Advertisement, SimplePassword } from '../vrrp/advertisement.ts'
import type { RouterSet } from '../vrrp/router-set.ts'
import type { VirtualRouterConfig } from '../vrrp/virtual-router.ts'
import { DecodeError, type DecodeReason } from '../wire/decode-error.ts'
import { decodeAdvertisement, messageLength, VRRP_GROUP } from '../wire/vrrp.ts'
import type { HmacAuthentication, HmacReason } from './hmac-authentication.ts'

export type Received =
  | HeardAdvertisement
  /** A valid advert of a virtual router that this node does not run on this link. */
  | { readonly type: 'Foreign'; readonly advertisement: Advertisement }
  | { readonly type: 'Refused'; readonly key: string | undefined; readonly error: Refusal }
  /** Nothing to mind: a peer's question to its own firewall, its multicast while it changes over to unicast, or the second of two signed copies. */
  | { readonly type: 'Ignored' }

/** Also of a packet that is whole but not for us to believe. */
export interface Refusal {
  readonly reason: DecodeReason | 'Authentication' | TransportReason | HmacReason
  readonly detail: string
}

/** `Transport`: multicast where unicast is spoken, or the other way round. `Peer`: unicast from an address that is no peer's. */
type TransportReason = 'Transport' | 'Peer'

/** A sender repeats itself: the last advert for each virtual router is kept, and the same bytes are not decoded again. */
export interface HeardAdvertisement {
  readonly type: 'Advertisement'
  readonly key: string
  readonly advertisement: Advertisement
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly ttl: number
  /** Whether each has to prove anew who sent it and when, whatever it says; then `bytes` are those before its trailer. */
  readonly isSigned: boolean
  readonly bytes: Buffer
  /** Why mode Enforce would not believe the one that came last, which another mode does. */
  doubt: Refusal | undefined
  /** What to do when it comes again, in place of all that was done the first time; false: do that. */
  again?: (() => boolean) | undefined
}

/** From a packet to whom it concerns and what it says, with the receive checks of RFC 9568 §7.1 and RFC 3768 §7.1. */
export class Reception {
  readonly #set: RouterSet
  /** By link and family, then by VRID. */
  readonly #last = new Map<number, (HeardAdvertisement | undefined)[]>()

  constructor(set: RouterSet) {
    this.#set = set
  }

  decode(
    link: number,
    family: Family,
    packet: ReceivedPacket,
    authenticationOf: (key: string) => SimplePassword | HmacAuthentication | undefined,
  ): Received {
    const virtualRouterID = packet.payload[1] ?? 0
    const lasts = this.#lastOn(link, family)
    const last = lasts[virtualRouterID]
    if (last && !last.isSigned && isAgain(last, packet, packet.payload)) return last
    if (isUnicast(packet) && packet.payload.length === 8 && !packet.payload.some(byte => byte !== 0)) return IGNORED
    const key = this.#set.find(link, family, virtualRouterID)
    const advertisement = decodeAdvertisement(packet.payload, packet)
    if (advertisement instanceof DecodeError) return { type: 'Refused', key, error: advertisement }
    if (key === undefined) return { type: 'Foreign', advertisement }
    const config = this.#set.get(key)?.config
    const authentication = authenticationOf(key)
    const hmac = authentication?.type === 'HMAC' ? authentication : undefined
    const password = authentication?.type === 'PASS' ? authentication : undefined
    const isTrusting = hmac !== undefined && hmac.keys.mode !== 'Enforce'
    const refused =
      (isTrusting ? undefined : authenticationError(advertisement, password)) ?? transportError(config, packet)
    if (refused && 'type' in refused) return refused
    if (refused) return { type: 'Refused', key, error: refused }
    const { source, destination, ttl, payload } = packet
    const doubt = hmac?.refusal(payload, source, isUnicast(packet) ? 'Unicast' : 'Multicast')
    if (doubt === 'Copy') return IGNORED
    if (doubt && !isTrusting) return { type: 'Refused', key, error: doubt }
    const message = hmac ? payload.subarray(0, messageLength(payload, family)) : payload
    if (hmac && last && isAgain(last, packet, message)) {
      last.doubt = doubt
      return last
    }
    const heard: HeardAdvertisement = {
      type: 'Advertisement',
      key,
      advertisement,
      source,
      destination,
      ttl,
      isSigned: hmac !== undefined,
      bytes: Buffer.from(message),
      doubt,
    }
    lasts[virtualRouterID] = heard
    return heard
  }

  /** A router's password changed or it is gone: what was accepted before proves nothing now. */
  forget(key: string): void {
    for (const lasts of this.#last.values()) {
      for (const [i, last] of lasts.entries()) if (last?.key === key) lasts[i] = undefined
    }
  }

  #lastOn(link: number, family: Family): (HeardAdvertisement | undefined)[] {
    const place = 2 * link + (family === 'IPv6' ? 1 : 0)
    const known = this.#last.get(place)
    if (known) return known
    const lasts = Array.from<HeardAdvertisement | undefined>({ length: 256 })
    this.#last.set(place, lasts)
    return lasts
  }
}

const IGNORED = { type: 'Ignored' } as const

/** Whether a packet was sent to this node's own address. */
export function isUnicast({ source, destination }: Pick<ReceivedPacket, 'source' | 'destination'>): boolean {
  return !sameAddress(destination, VRRP_GROUP[source.family])
}

function isAgain(last: HeardAdvertisement, { source, destination, ttl }: ReceivedPacket, bytes: Uint8Array): boolean {
  return (
    sameAddress(last.source, source) &&
    sameAddress(last.destination, destination) &&
    last.ttl === ttl &&
    last.bytes.equals(bytes)
  )
}

/** Who speaks by the other transport, or is no peer, is not believed; nor is what came from farther away than it may. */
function transportError(
  config: VirtualRouterConfig | undefined,
  packet: ReceivedPacket,
): Refusal | typeof IGNORED | undefined {
  const { unicast } = config ?? {}
  const isPeer = unicast?.peers.some(peer => sameAddress(peer, packet.source))
  if (!isUnicast(packet)) {
    if (!unicast || unicast.multicast) return undefined
    if (isPeer) return IGNORED
    return { reason: 'Transport', detail: 'it came by multicast, this virtual router speaks unicast' }
  }
  if (!unicast) return { reason: 'Transport', detail: 'it came by unicast, this virtual router speaks multicast' }
  if (!isPeer) return { reason: 'Peer', detail: 'it comes from none of the peers' }
  if (packet.ttl >= unicast.minTTL) return undefined
  return { reason: 'TTL', detail: `TTL is ${packet.ttl}, must be at least ${unicast.minTTL}` }
}

/** RFC 2338 §7.1: the type must be the configured one, and the password ours. */
function authenticationError({ authentication }: Advertisement, ours: SimplePassword | undefined): Refusal | undefined {
  if (!ours && !authentication) return undefined
  if (!ours) return { reason: 'AuthenticationType', detail: 'Auth Type is PASS, this virtual router has no password' }
  if (!authentication)
    return { reason: 'AuthenticationType', detail: 'Auth Type is 0, this virtual router has a password' }
  const same = authentication.password.every((byte, i) => byte === ours.password[i])
  return same ? undefined : { reason: 'Authentication', detail: 'the password is not ours' }
}
