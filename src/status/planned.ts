import type { Family } from '../lib/ip-address.ts'

/** What the plan makes of a VirtualIP, as far as its status shows it. */
export interface Planned {
  readonly accepted: {
    readonly status: 'True' | 'False'
    readonly reason: string
    readonly message: string
  }
  readonly virtualRouterID?: number
  /** By rank, then family. */
  readonly members: readonly PlannedMember[]
}

export interface PlannedMember {
  readonly node: string
  readonly family: Family
  readonly link: string
  readonly priority: number
}
