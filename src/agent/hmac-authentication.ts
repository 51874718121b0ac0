import { createHmac } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { HMACMode } from '../api/authentication.ts'
import type { IpAddress } from '../lib/ip-address.ts'
import type { Millis } from '../lib/time.ts'
import { ReplayGuard, type Way } from '../vrrp/replay-guard.ts'
import { nextSequence } from '../vrrp/sequence.ts'
import { DecodeError } from '../wire/decode-error.ts'
import {
  type HmacSha256,
  type HmacTrailer,
  isSignedWith,
  readTrailer,
  signAdvertisement,
} from '../wire/hmac-trailer.ts'
import type { AdvertisementPath } from '../wire/vrrp.ts'
import type { MachineClock } from './machine-clock.ts'

/** What a virtual router's adverts are signed with, and which others' are believed. */
export interface HmacKeys {
  readonly mode: HMACMode
  /** By their IDs: 32 to 64 bytes each. */
  readonly keys: ReadonlyMap<number, Uint8Array>
  /** The ID of the one that is signed with. */
  readonly activeKey: number
  /** How far a sender's clock may be from this node's. */
  readonly timeWindow: Millis
}

export type HmacReason =
  | 'HMACMissing'
  | 'HMACMalformed'
  | 'HMACUnknownKey'
  | 'HMACInvalid'
  | 'HMACStale'
  | 'HMACReplayed'

/** Why an advert proves nothing. */
export interface HmacRefusal {
  readonly reason: HmacReason
  readonly detail: string
}

/**
 * Signs a virtual router's adverts and verifies others' (draft-cassen-vrrp-auth-hmac). Its sequence, and what was heard of others', outlive every
 * change of keys, for old adverts are signed with keys that may still be valid; they do not outlive the process: a clock that goes on and the time
 * window stand in for them.
 */
export class HmacAuthentication {
  readonly type = 'HMAC'
  readonly #clock: Pick<MachineClock, 'wallClock'>
  readonly #guard = new ReplayGuard()
  #keys: HmacKeys
  #sequence: bigint | undefined

  constructor(keys: HmacKeys, clock: Pick<MachineClock, 'wallClock'>) {
    this.#keys = keys
    this.#clock = clock
  }

  get keys(): HmacKeys {
    return this.#keys
  }

  /** True where they are others than before. */
  change(keys: HmacKeys): boolean {
    const changed = !isDeepStrictEqual(keys, this.#keys)
    this.#keys = keys
    return changed
  }

  /** Signs the copies of one advert, all with one sequence; in mode ReceiveOnly they stay as they are. */
  sign(copies: readonly { readonly message: Uint8Array; readonly path: AdvertisementPath }[]): readonly Uint8Array[] {
    const { mode, keys, activeKey, timeWindow } = this.#keys
    const key = keys.get(activeKey)
    if (mode === 'ReceiveOnly' || !key) return copies.map(({ message }) => message)
    const sequence = nextSequence(this.#sequence, this.#clock.wallClock(), timeWindow)
    this.#sequence = sequence
    return copies.map(({ message, path }) =>
      signAdvertisement(message, path, { keyID: activeKey, sequence }, key, hmac),
    )
  }

  /** Why mode Enforce does not believe `message`, which holds a whole advert. 'Copy': it was believed, and came the other way. */
  refusal(message: Uint8Array, source: IpAddress, way: Way): HmacRefusal | 'Copy' | undefined {
    const trailer = readTrailer(message, source.family)
    if (!trailer) return { reason: 'HMACMissing', detail: 'it is not signed' }
    if (trailer instanceof DecodeError) return { reason: 'HMACMalformed', detail: trailer.detail }
    const { timeWindow } = this.#keys
    const now = this.#clock.wallClock()
    return (
      ReplayGuard.stale(trailer.sequence, now, timeWindow) ??
      this.#forgery(message, source, trailer) ??
      this.#guard.take(source, way, trailer.sequence, now, timeWindow)
    )
  }

  #forgery(message: Uint8Array, source: IpAddress, { keyID }: HmacTrailer): HmacRefusal | undefined {
    const key = this.#keys.keys.get(keyID)
    if (!key)
      return { reason: 'HMACUnknownKey', detail: `it is signed with key ${keyID}, which this virtual router lacks` }
    if (isSignedWith(key, message, source, hmac)) return undefined
    return { reason: 'HMACInvalid', detail: `it is not signed with our key ${keyID}` }
  }
}

const hmac: HmacSha256 = (key, data) => createHmac('sha256', key).update(data).digest()
