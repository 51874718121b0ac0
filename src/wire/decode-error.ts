/** Why a packet was refused; also the `reason` label of `kube_vrrp_packets_refused_total`. */
export type DecodeReason =
  | 'Length'
  | 'Version'
  | 'Type'
  | 'Checksum'
  | 'TTL'
  | 'VirtualRouterID'
  | 'AddressCount'
  | 'Interval'
  | 'AuthenticationType'
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
