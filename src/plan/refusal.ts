/** Why a VirtualIP is not accepted; the `reason` of its condition Accepted. */
export type RefusalReason =
  | 'Invalid'
  | 'NoNodeMatches'
  | 'NoAgent'
  | 'NoNodeHasSubnet'
  | 'AddressInUse'
  | 'VirtualRouterIDInUse'
  | 'VirtualRouterIDsExhausted'
  | 'CheckNotAllowed'
  | 'PeerAddressMissing'
  | 'GroupSharesNoNode'
  | 'GroupRanksDiffer'

/** A VirtualIP that can't be planned as it stands, and what to do about it. */
export interface Refusal {
  readonly refused: RefusalReason
  readonly message: string
}

export function isRefusal(value: object): value is Refusal {
  return 'refused' in value
}
