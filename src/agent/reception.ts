import type { Family } from '../lib/ip-address.ts'
import type { ReceivedPacket } from '../linux/vrrp-socket.ts'
import type { Advertisement, SimplePassword } from '../vrrp/advertisement.ts'
import type { RouterSet } from '../vrrp/router-set.ts'
import { DecodeError, type DecodeReason } from '../wire/decode-error.ts'
import { decodeAdvertisement } from '../wire/vrrp.ts'

export type Received =
  | { readonly type: 'Advertisement'; readonly key: string; readonly advertisement: Advertisement }
  /** A valid advert of a virtual router that this node does not run on this link. */
  | { readonly type: 'Foreign'; readonly advertisement: Advertisement }
  | { readonly type: 'Refused'; readonly key: string | undefined; readonly error: Refusal }

/** Also of a packet that is whole but not for us to believe. */
export interface Refusal {
  readonly reason: DecodeReason | 'Authentication'
  readonly detail: string
}

/** A sender repeats itself: the last bytes of each are kept, and the same bytes are not decoded again. */
interface LastHeard {
  readonly source: string
  readonly bytes: Buffer
  readonly advertisement: Advertisement
}

/** From a packet to whom it concerns and what it says, with the receive checks of RFC 9568 §7.1 and RFC 3768 §7.1. */
export class Reception {
  readonly #set: RouterSet
  readonly #last = new Map<string, LastHeard>()

  constructor(set: RouterSet) {
    this.#set = set
  }

  decode(
    link: number,
    family: Family,
    packet: ReceivedPacket,
    authenticationOf: (key: string) => SimplePassword | undefined,
  ): Received {
    const key = this.#set.find(link, family, packet.payload[1] ?? 0)
    const last = key === undefined ? undefined : this.#last.get(key)
    if (key !== undefined && last && last.source === packet.source.text && last.bytes.equals(packet.payload)) {
      return { type: 'Advertisement', key, advertisement: last.advertisement }
    }
    const advertisement = decodeAdvertisement(packet.payload, packet)
    if (advertisement instanceof DecodeError) return { type: 'Refused', key, error: advertisement }
    if (key === undefined) return { type: 'Foreign', advertisement }
    const refused = authenticationError(advertisement, authenticationOf(key))
    if (refused) return { type: 'Refused', key, error: refused }
    this.#last.set(key, { source: packet.source.text, bytes: Buffer.from(packet.payload), advertisement })
    return { type: 'Advertisement', key, advertisement }
  }

  /** A router's password changed or it is gone: what was accepted before proves nothing now. */
  forget(key: string): void {
    this.#last.delete(key)
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
