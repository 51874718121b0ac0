import type { IpAddress } from '../lib/ip-address.ts'
import type { Millis } from '../lib/time.ts'

export type Version = 2 | 3

/** A VRRP ADVERTISEMENT as a value (RFC 9568 §5.2; version 2: RFC 3768 §5.3). */
export interface Advertisement {
  readonly version: Version
  /** 1..255 */
  readonly virtualRouterID: number
  /** 0..255; 0: the sender stops taking part; 255: the sender owns the addresses. */
  readonly priority: number
  /** Version 3: 10..40,950 ms in steps of 10. Version 2: whole seconds, 1,000..255,000 ms. */
  readonly interval: Millis
  /** 1..255, all of one family. */
  readonly addresses: readonly IpAddress[]
  /** Version 2 only; absent: Auth Type 0. */
  readonly authentication?: SimplePassword
}

/** Auth Type 1 (RFC 2338 §10.2; kept by keepalived): 8 bytes in the clear. */
export interface SimplePassword {
  readonly type: 'PASS'
  /** 8 bytes, padded with zeros */
  readonly password: Uint8Array
}
