import type { VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import { parsePrefix } from '../lib/ip-address.ts'
import type { AddressClaims } from './conflicts.ts'
import type { NodeUse } from './in-use.ts'
import { listing } from './listing.ts'
import type { Refusal } from './refusal.ts'
import type { Survey } from './survey.ts'
import { membersOf, type Outcome } from './virtual-ip-plan.ts'

/**
 * A VirtualIP that is not accepted (any more): a bad edit must not take an address away that serves. What was accepted last goes on as it
 * is, where it stands in nobody's way.
 */
export function goingOn(name: string, refusal: Refusal, claims: AddressClaims, survey: Survey): Outcome {
  const routers = new Map<string, readonly VirtualRouterSpec[]>()
  const homes = new Map<string, number>()
  for (const [node, { told, home = 0, current = 0 }] of [...survey.inUse.byNode(name)].sort(byRank)) {
    const kept = told.filter(router => hasItsAddresses(router, node, claims, survey))
    if (kept.length === 0) continue
    routers.set(node, kept)
    if (home > current) homes.set(node, home)
  }
  const [first] = [...routers.values()].flat()
  const still = first ? `. Until then the last accepted spec goes on, on ${listing([...routers.keys()])}` : ''
  return {
    plan: {
      accepted: { status: 'False', reason: refusal.refused, message: refusal.message + still },
      ...(first ? { virtualRouterID: first.virtualRouterID } : {}),
      members: membersOf(routers),
    },
    routers,
    homes,
  }
}

function byRank([, a]: [string, NodeUse], [, b]: [string, NodeUse]): number {
  return (b.current ?? 0) - (a.current ?? 0)
}

function hasItsAddresses(
  router: VirtualRouterSpec,
  node: string,
  claims: AddressClaims,
  { segments }: Survey,
): boolean {
  const segment = segments.of(node, router.link)
  return router.addresses.every(text => {
    const prefix = parsePrefix(text)
    const holder = prefix && claims.holder(prefix, segment)
    return holder === undefined || holder === router.virtualIP
  })
}
