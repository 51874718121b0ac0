import type { VirtualRouterSpec } from '../api/virtual-ip-node.ts'
import type { PlanAgent } from './plan-input.ts'
import type { Segment, Segments } from './segments.ts'

/**
 * What runs now, as far as anyone can know. A node that confirmed its spec runs that; one that has not may still run what it was told
 * before: its spec's `released` remembers those numbers, and its status may show them.
 */
export interface InUse {
  /** What one node runs of one VirtualIP. */
  of(virtualIP: string, node: string): NodeUse | undefined
  /** By node. */
  byNode(virtualIP: string): ReadonlyMap<string, NodeUse>
  readonly virtualRouterIDs: readonly VirtualRouterIDUse[]
}

export interface NodeUse {
  /** Its virtual routers of that VirtualIP, as last told: none where it takes no part any more. */
  readonly told: readonly VirtualRouterSpec[]
  /** The priority it was last told. */
  readonly current: number | undefined
  /** Every priority it may be running. */
  readonly mayRun: ReadonlySet<number>
  /** The highest priority that it was told, or that `released` keeps for its return. */
  readonly home: number | undefined
}

export interface VirtualRouterIDUse {
  readonly virtualRouterID: number
  readonly virtualIP: string
  readonly node: string
  /** Undefined where the node does not report the link: it could be anywhere. */
  readonly segment: Segment | undefined
}

export function inUseBy(agents: readonly PlanAgent[], segments: Segments): InUse {
  const uses = new Map<string, Map<string, NodeUse>>()
  const virtualRouterIDs: VirtualRouterIDUse[] = []
  const nothing: ReadonlyMap<string, NodeUse> = new Map()
  for (const agent of agents) {
    for (const [virtualIP, use] of usesOf(agent)) {
      const nodes = uses.get(virtualIP)
      if (nodes) nodes.set(agent.node, use)
      else uses.set(virtualIP, new Map([[agent.node, use]]))
    }
    virtualRouterIDs.push(...virtualRouterIDsOf(agent, segments))
  }
  return {
    of: (virtualIP, node) => uses.get(virtualIP)?.get(node),
    byNode: virtualIP => uses.get(virtualIP) ?? nothing,
    virtualRouterIDs,
  }
}

function usesOf({ spec, status, confirmed }: PlanAgent): Map<string, NodeUse> {
  const told = Map.groupBy(spec?.virtualRouters ?? [], ({ virtualIP }) => virtualIP)
  const released = Map.groupBy(spec?.released ?? [], ({ virtualIP }) => virtualIP)
  const reported = Map.groupBy(confirmed ? [] : (status?.virtualRouters ?? []), ({ virtualIP }) => virtualIP)
  const names = new Set([...told.keys(), ...released.keys(), ...reported.keys()])
  return new Map(
    [...names].map(name => {
      const routers = told.get(name) ?? []
      const current = routers[0]?.priority
      const given = priorities(routers)
      const givenUp = priorities(released.get(name))
      const running = new Set(confirmed ? given : [...given, ...givenUp, ...priorities(reported.get(name))])
      const home = routers.length > 0 ? Math.max(...given, ...givenUp) : undefined
      return [name, { told: routers, current, mayRun: running, home }]
    }),
  )
}

function priorities(routers: readonly { priority: number }[] = []): number[] {
  return routers.map(({ priority }) => priority)
}

function virtualRouterIDsOf({ node, spec, status, confirmed }: PlanAgent, segments: Segments): VirtualRouterIDUse[] {
  const running = [
    ...(spec?.virtualRouters ?? []),
    ...(confirmed ? [] : (spec?.released ?? [])),
    ...(confirmed ? [] : (status?.virtualRouters ?? [])),
  ]
  return running.map(({ virtualIP, virtualRouterID, link }) => ({
    virtualIP,
    virtualRouterID,
    node,
    segment: segments.of(node, link),
  }))
}
