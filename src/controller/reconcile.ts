import { isDeepStrictEqual } from 'node:util'
import type { VirtualIP, VirtualIPStatus } from '../api/virtual-ip.ts'
import type { LinkStatus, VirtualIPNode, VirtualIPNodeSpec, VirtualRouterStatus } from '../api/virtual-ip-node.ts'
import type { Instant, Millis } from '../lib/time.ts'
import { type Plan, type PlanAgent, type PlanNode, plan } from '../plan/plan.ts'
import { isHandingOver, type NodeHealth, type RouterReport, summarise } from '../status/summary.ts'
import { isInDoubt } from '../status/troubles.ts'
import type { AgentPod } from './agent-pod.ts'
import type { AgentLife } from './freshness.ts'
import type { Arrival } from './report-times.ts'
import { silenceOf } from './silence.ts'

/** Everything that is known. */
export interface Cluster {
  readonly virtualIPs: ReadonlyMap<string, VirtualIP>
  readonly virtualIPNodes: ReadonlyMap<string, VirtualIPNode>
  readonly nodes: ReadonlyMap<string, PlanNode>
  /** By node, those that have a Lease. */
  readonly agents: ReadonlyMap<string, AgentLife>
  /** Agents' pods by their names; none where agents run otherwise, or pods may not be read. */
  readonly agentPods: ReadonlyMap<string, AgentPod>
  /** When that virtual router's state was first reported. */
  readonly arrival: (node: string, router: VirtualRouterStatus) => Arrival | undefined
}

/** One object to write. Nothing is written over what we have not seen: each goes with the resourceVersion it was decided on. */
export type Change =
  | { readonly type: 'CreateNode'; readonly name: string; readonly spec: VirtualIPNodeSpec }
  | { readonly type: 'SetSpec'; readonly node: VirtualIPNode; readonly spec: VirtualIPNodeSpec }
  | { readonly type: 'DeleteNode'; readonly node: VirtualIPNode }
  | { readonly type: 'DeleteLease'; readonly name: string }
  | { readonly type: 'SetStatus'; readonly virtualIP: VirtualIP; readonly status: VirtualIPStatus }

export interface Reconciliation {
  /** Specs first: addresses come before words about them. */
  readonly changes: readonly Change[]
  /** Two nodes say they are MASTER of one thing, or one follows another than who is: the next renewals decide whether that is so. */
  readonly contested: boolean
  /** A MASTER has left, and its successor has not reported: time decides whether it will. */
  readonly handingOver: boolean
}

/** How long the Lease of a node that left the cluster is kept. */
export const NODE_GONE_AFTER: Millis = 600_000

/** What differs between what is and what should be. `now` for the time on conditions (RFC 3339), `at` for what has aged. */
export function reconcile(cluster: Cluster, now: string, at: Instant): Reconciliation {
  const planned = plan({
    virtualIPs: [...cluster.virtualIPs.values()],
    nodes: planNodes(cluster),
    agents: planAgents(cluster),
  })
  const reports = reportsByVirtualIP(cluster)
  const health = healthOf(cluster)
  const statuses = [...cluster.virtualIPs.values()].flatMap(virtualIP => {
    const { metadata, status: previous } = virtualIP
    const its = planned.virtualIPs.get(metadata.name)
    if (!its) return []
    const input = { virtualIP, plan: its, reports: reports.get(metadata.name) ?? [], health, now, at }
    return { virtualIP, status: summarise({ ...input, ...(previous && { previous }) }) }
  })
  return {
    changes: [...nodeChanges(cluster, planned), ...departures(cluster, at), ...statuses.flatMap(statusChange)],
    contested: reports.values().some(isContested),
    handingOver: statuses.some(({ status }) => isHandingOver(status)),
  }
}

/**
 * The nodes that may take part. Where the cluster has Nodes, one of them; an agent whose Node is missing counts as a node while it renews.
 * Without any Node (no kubelets: a lab) it stays one also when it is silent.
 */
function planNodes({ nodes, agents, virtualIPNodes }: Cluster): PlanNode[] {
  const others = new Set([...agents.keys(), ...virtualIPNodes.keys()].filter(name => !nodes.has(name)))
  const bare = [...others].flatMap((name): PlanNode[] => {
    const ready = agents.get(name)?.fresh ?? false
    return ready || nodes.size === 0 ? [{ name, labels: {}, ready, unschedulable: false }] : []
  })
  return [...nodes.values(), ...bare]
}

function planAgents({ agents, virtualIPNodes }: Cluster): PlanAgent[] {
  const names = new Set([...agents.keys(), ...virtualIPNodes.keys()])
  return [...names].map(node => {
    const object = virtualIPNodes.get(node)
    return {
      node,
      alive: agents.get(node)?.fresh ?? false,
      confirmed:
        object?.status?.observedGeneration !== undefined &&
        object.status.observedGeneration === object.metadata.generation,
      ...(object && { spec: object.spec }),
      ...(object?.status && { status: object.status }),
    }
  })
}

/** An agent has its object as soon as it lives; one that left the cluster loses it. */
function nodeChanges({ nodes, agents, virtualIPNodes }: Cluster, planned: Plan): Change[] {
  return [...new Set([...agents.keys(), ...virtualIPNodes.keys()])].flatMap((name): Change[] => {
    const node = virtualIPNodes.get(name)
    const spec = planned.nodes.get(name) ?? NOTHING
    if (!node) return agents.get(name)?.fresh ? [{ type: 'CreateNode', name, spec }] : []
    if (!agents.has(name) && !nodes.has(name)) return [{ type: 'DeleteNode', node }]
    return isDeepStrictEqual(node.spec, spec) ? [] : [{ type: 'SetSpec', node, spec }]
  })
}

const NOTHING: VirtualIPNodeSpec = { virtualRouters: [] }

function departures({ nodes, agents }: Cluster, at: Instant): Change[] {
  if (nodes.size === 0) return []
  return [...agents].flatMap(([name, { staleSince }]) =>
    !nodes.has(name) && staleSince !== undefined && at - staleSince >= NODE_GONE_AFTER
      ? [{ type: 'DeleteLease', name }]
      : [],
  )
}

function reportsByVirtualIP({ virtualIPNodes, agents, arrival }: Cluster): Map<string, RouterReport[]> {
  const claims = new NewestClaims(virtualIPNodes, arrival)
  const reports = new Map<string, RouterReport[]>()
  for (const [node, { status }] of virtualIPNodes) {
    for (const router of status?.virtualRouters ?? []) {
      const list = reports.get(router.virtualIP) ?? []
      reports.set(router.virtualIP, list)
      const renewedAt = heardSince(agents.get(node), claims.of(router))
      list.push({
        ...reportOf(node, router),
        ...macOf(status?.links, router.link),
        reportedAt: arrival(node, router)?.at ?? 0,
        fresh: agents.get(node)?.fresh ?? false,
        ...(renewedAt !== undefined && { leaseRenewedAt: renewedAt }),
      })
    }
  }
  return reports
}

/** For each virtual router the write that made the newest claim to be MASTER, and when the last of all claims arrived. */
class NewestClaims {
  readonly #claims = new Map<string, Arrival>()

  constructor(virtualIPNodes: Cluster['virtualIPNodes'], arrival: Cluster['arrival']) {
    for (const [node, { status }] of virtualIPNodes) {
      for (const router of status?.virtualRouters ?? []) {
        if (router.state !== 'MASTER') continue
        const known = this.of(router)
        const { at, version } = arrival(node, router) ?? NEVER
        this.#claims.set(routerKey(router), { at: Math.max(known.at, at), version: Math.max(known.version, version) })
      }
    }
  }

  of(router: VirtualRouterStatus): Arrival {
    return this.#claims.get(routerKey(router)) ?? NEVER
  }
}

const NEVER: Arrival = { at: 0, version: 0 }

function routerKey({ virtualIP, family }: VirtualRouterStatus): string {
  return `${virtualIP}/${family}`
}

/**
 * A renewal that was written before the newest claim says nothing against a crash in between, however late it arrived here: two watches,
 * or a controller that was paused, may deliver it after the claim.
 */
function heardSince(life: AgentLife | undefined, claim: Arrival): Instant | undefined {
  if (!life || (life.leaseVersion ?? 0) <= claim.version) return undefined
  // What was there when this controller started tells the order as well, though nobody saw when.
  return life.unjudged ? claim.at + 1 : life.leaseRenewedAt
}

function reportOf(node: string, router: VirtualRouterStatus) {
  const { virtualIP: _, virtualRouterID: __, checks = [], ...report } = router
  return { node, ...report, checks }
}

function macOf(links: readonly LinkStatus[] | undefined, name: string) {
  const mac = links?.find(link => link.name === name)?.mac
  return mac === undefined ? {} : { mac }
}

function isContested(reports: readonly RouterReport[]): boolean {
  if (isInDoubt(reports)) return true
  const masters = reports.filter(({ state }) => state === 'MASTER')
  return masters.some((one, i) => masters.some((other, j) => j > i && one.family === other.family))
}

/** Who does not say anything, and why. */
function healthOf({ nodes, agents, agentPods, virtualIPNodes }: Cluster): NodeHealth {
  const pods = [...agentPods.values()]
  const names = new Set([...nodes.keys(), ...virtualIPNodes.keys()])
  const silent = [...names].filter(name => !agents.get(name)?.fresh)
  return {
    silentAgents: new Map(silent.map(name => [name, silenceOf(name, nodes, pods)])),
    silentKubelets: new Set([...nodes.values()].flatMap(({ name, ready }) => (ready ? [] : [name]))),
  }
}

function statusChange({ virtualIP, status }: { virtualIP: VirtualIP; status: VirtualIPStatus }): Change[] {
  return isDeepStrictEqual(virtualIP.status, status) ? [] : [{ type: 'SetStatus', virtualIP, status }]
}
