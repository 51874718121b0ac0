/** Why a packet was refused; also the `reason` label of `kube_vrrp_packets_refused_total`. */
export type DecodeReason =
  /** Truncated, or its lengths contradict each other. */
  | 'Length'
  /** Of VRRP: not 2 or 3, or 2 over IPv6. */
  | 'Version'
  /** Of VRRP: not 1, ADVERTISEMENT. */
  | 'Type'
  | 'Checksum'
  /** IPv4's TTL or IPv6's Hop Limit: the packet was forwarded, so it comes from another link. */
  | 'TTL'
  /** 0 */
  | 'VirtualRouterID'
  /** No address. */
  | 'AddressCount'
  /** 0 */
  | 'Interval'
  /** Version 2: neither none nor PASS. */
  | 'AuthenticationType'
  /** Not IPv4 where IPv4 was expected, or not VRRP. */
  | 'Protocol'

/** A peer's bytes that are no valid packet: a value, never thrown. `detail` has the figures, e.g. `TTL is 64, must be 255`. */
export class DecodeError {
  readonly reason: DecodeReason
  readonly detail: string

  constructor(reason: DecodeReason, detail: string) {
    this.reason = reason
    this.detail = detail
  }
}
