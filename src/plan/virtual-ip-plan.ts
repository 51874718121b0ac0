import type { VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import type { Family } from '../lib/ip-address.ts'
import type { RefusalReason } from './refusal.ts'

/** What becomes of a VirtualIP. */
export interface VirtualIPPlan {
  readonly accepted: {
    readonly status: 'True' | 'False'
    readonly reason: 'Accepted' | RefusalReason
    readonly message: string
  }
  readonly virtualRouterID?: number
  /** By rank, then family. Of a VirtualIP that is not accepted: what goes on from before. */
  readonly members: readonly VirtualIPMember[]
}

export interface VirtualIPMember {
  readonly node: string
  readonly family: Family
  readonly link: string
  readonly priority: number
}

/** The same, with what its nodes are told for it. */
export interface Outcome {
  readonly plan: VirtualIPPlan
  /** By node, in rank order. */
  readonly routers: ReadonlyMap<string, readonly VirtualRouterSpec[]>
  /** The priorities that nodes ranked last for a time return to, by node. */
  readonly homes: ReadonlyMap<string, number>
}

export function membersOf(routers: Outcome['routers']): VirtualIPMember[] {
  return [...routers]
    .flatMap(([node, told]) => told.map(({ family, link, priority }) => ({ node, family, link, priority })))
    .sort((a, b) => b.priority - a.priority)
}
