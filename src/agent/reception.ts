import { type Family, type IpAddress, sameAddress } from '../lib/ip-address.ts'
import type { ReceivedPacket } from '../linux/vrrp-socket.ts'
import type { Advertisement, SimplePassword } from '../vrrp/advertisement.ts'
import type { RouterSet } from '../vrrp/router-set.ts'
import { DecodeError, type DecodeReason } from '../wire/decode-error.ts'
import { decodeAdvertisement } from '../wire/vrrp.ts'

export type Received =
  | HeardAdvertisement
  /** A valid advert of a virtual router that this node does not run on this link. */
  | { readonly type: 'Foreign'; readonly advertisement: Advertisement }
  | { readonly type: 'Refused'; readonly key: string | undefined; readonly error: Refusal }

/** Also of a packet that is whole but not for us to believe. */
export interface Refusal {
  readonly reason: DecodeReason | 'Authentication'
  readonly detail: string
}

/** A sender repeats itself: the last advert for each virtual router is kept, and the same bytes are not decoded again. */
export interface HeardAdvertisement {
  readonly type: 'Advertisement'
  readonly key: string
  readonly advertisement: Advertisement
  readonly source: IpAddress
  readonly bytes: Buffer
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
    authenticationOf: (key: string) => SimplePassword | undefined,
  ): Received {
    const virtualRouterID = packet.payload[1] ?? 0
    const lasts = this.#lastOn(link, family)
    const last = lasts[virtualRouterID]
    if (last && sameAddress(last.source, packet.source) && last.bytes.equals(packet.payload)) return last
    const key = this.#set.find(link, family, virtualRouterID)
    const advertisement = decodeAdvertisement(packet.payload, packet)
    if (advertisement instanceof DecodeError) return { type: 'Refused', key, error: advertisement }
    if (key === undefined) return { type: 'Foreign', advertisement }
    const refused = authenticationError(advertisement, authenticationOf(key))
    if (refused) return { type: 'Refused', key, error: refused }
    const { source } = packet
    const heard: HeardAdvertisement = {
      type: 'Advertisement',
      key,
      advertisement,
      source,
      bytes: Buffer.from(packet.payload),
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

/** RFC 2338 §7.1: the type must be the configured one, and the password ours. */
function authenticationError({ authentication }: Advertisement, ours: SimplePassword | undefined): Refusal | undefined {
  if (!ours && !authentication) return undefined
  if (!ours) return { reason: 'AuthenticationType', detail: 'Auth Type is PASS, this virtual router has no password' }
  if (!authentication)
    return { reason: 'AuthenticationType', detail: 'Auth Type is 0, this virtual router has a password' }
  const same = authentication.password.every((byte, i) => byte === ours.password[i])
  return same ? undefined : { reason: 'Authentication', detail: 'the password is not ours' }
}
