import { isDeepStrictEqual } from 'node:util'
import type { VirtualIP, VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import type {
  CheckToAllow,
  LinkStatus,
  VirtualIPNodeSpec,
  VirtualIPNodeStatus,
  VirtualRouterStatus,
} from '../../src/api/virtual-ip-node.ts'
import { type Plan, type PlanAgent, type PlanInput, type PlanNode, plan } from '../../src/plan/plan.ts'

/** A node's agent as the API server and the node itself see it, which differ while things are under way. */
export class Agent {
  readonly node: string
  alive = true
  links: LinkStatus[]
  checksAllowed: CheckToAllow[] = []
  fileCheckFolders: string[] = []
  podCheckNamespaces: string[] = []
  /** metadata.generation and spec of its VirtualIPNode. */
  generation = 0
  spec: VirtualIPNodeSpec | undefined
  /** What it really runs, and since which generation. */
  runsGeneration = 0
  runs: VirtualIPNodeSpec = { virtualRouters: [] }
  status: VirtualIPNodeStatus | undefined
  /** Where it runs an address as MASTER: `virtualIP/family`. */
  readonly masterOf = new Set<string>()

  constructor(node: string, links: LinkStatus[]) {
    this.node = node
    this.links = links
    this.report()
  }

  /** Runs the newest spec. */
  receive(): void {
    if (!this.spec) return
    this.runs = this.spec
    this.runsGeneration = this.generation
  }

  confirm(): void {
    this.receive()
    this.report()
  }

  /** Writes its status. */
  report(): void {
    this.status = {
      observedGeneration: this.runsGeneration,
      checksAllowed: this.checksAllowed,
      fileCheckFolders: this.fileCheckFolders,
      podCheckNamespaces: this.podCheckNamespaces,
      links: this.links,
      virtualRouters: this.runs.virtualRouters.map(
        ({ virtualIP, family, link, virtualRouterID, priority, unicast }): VirtualRouterStatus => ({
          virtualIP,
          family,
          link,
          virtualRouterID,
          priority,
          state: this.masterOf.has(`${virtualIP}/${family}`) ? 'MASTER' : 'BACKUP',
          since: '2026-01-01T00:00:00Z',
          reason: 'Startup',
          ...(unicast && { primaryAddress: unicast.source }),
        }),
      ),
    }
  }

  toPlan(): PlanAgent {
    return {
      node: this.node,
      alive: this.alive,
      confirmed: this.spec !== undefined && this.status?.observedGeneration === this.generation,
      ...(this.spec ? { spec: this.spec } : {}),
      ...(this.status ? { status: this.status } : {}),
    }
  }
}

/** Nodes, agents and VirtualIPs to plan for, and what came of the plans so far. */
export class Cluster {
  readonly nodes = new Map<string, PlanNode>()
  readonly agents = new Map<string, Agent>()
  readonly virtualIPs = new Map<string, VirtualIP>()
  #created = 0

  /** node1 … nodeN, each with eth0 in 192.168.1.0/24 and 2001:db8::/64, or `links`. */
  static of(count: number, links: (i: number) => LinkStatus[] = i => [eth0(i)]): Cluster {
    const cluster = new Cluster()
    for (let i = 1; i <= count; i++) cluster.join(`node${i}`, {}, links(i))
    return cluster
  }

  join(name: string, labels: Record<string, string> = {}, links = [eth0(Number(name.slice(4)))]): this {
    this.nodes.set(name, { name, labels, ready: true, unschedulable: false })
    this.agents.set(name, new Agent(name, links))
    return this
  }

  change(name: string, change: Partial<PlanNode>): this {
    const node = this.nodes.get(name)
    if (node) this.nodes.set(name, { ...node, ...change })
    return this
  }

  agent(name: string): Agent {
    const agent = this.agents.get(name)
    if (!agent) throw new Error(`No agent ${name}`)
    return agent
  }

  /** Creates it, or edits it. */
  apply(name: string, spec: Partial<VirtualIPSpec> = {}): this {
    const old = this.virtualIPs.get(name)
    const creationTimestamp = old?.metadata.creationTimestamp ?? new Date(1e12 + 1000 * this.#created++).toISOString()
    this.virtualIPs.set(name, {
      apiVersion: 'kube-vrrp.io/v1alpha1',
      kind: 'VirtualIP',
      metadata: { name, creationTimestamp },
      spec: { addresses: [`192.168.1.${100 + this.virtualIPs.size}/24`], ...spec },
      ...(old?.status ? { status: old.status } : {}),
    })
    return this
  }

  input(): PlanInput {
    return {
      virtualIPs: [...this.virtualIPs.values()],
      nodes: [...this.nodes.values()],
      agents: [...this.agents.values()].map(agent => agent.toPlan()),
    }
  }

  plan(): Plan {
    return plan(this.input())
  }

  /** Plans, and writes what changed; nobody has received it yet. */
  write(): Plan {
    const planned = this.plan()
    for (const [node, spec] of planned.nodes) {
      const agent = this.agents.get(node)
      if (!agent || isDeepStrictEqual(agent.spec, spec)) continue
      agent.spec = spec
      agent.generation++
    }
    for (const [name, { virtualRouterID }] of planned.virtualIPs) {
      const virtualIP = this.virtualIPs.get(name)
      const status = virtualRouterID === undefined ? {} : { virtualRouterID }
      if (virtualIP) this.virtualIPs.set(name, { ...virtualIP, status })
    }
    return planned
  }

  /** All living agents receive and confirm, then comes a plan, until it changes nothing. Returns that and how many did. */
  settle(): Plan & { rounds: number } {
    for (let rounds = 0; rounds < 40; rounds++) {
      for (const agent of this.agents.values()) if (agent.alive) agent.confirm()
      const before = [...this.agents.values()].map(({ spec }) => spec)
      const planned = this.write()
      const after = [...this.agents.values()].map(({ spec }) => spec)
      if (isDeepStrictEqual(before, after)) return { ...planned, rounds }
    }
    throw new Error('The plan does not settle')
  }
}

export function eth0(i: number): LinkStatus {
  return link('eth0', `192.168.1.${i}/24`, `2001:db8::${i.toString(16)}/64`, `fe80::${i.toString(16)}/64`)
}

export function link(name: string, ...subnets: string[]): LinkStatus {
  return { name, carrier: true, subnets }
}

/** `web node1=250 node2=238`, one line for each VirtualIP; of one that is not accepted, why. */
export function print(planned: Plan): string {
  return [...planned.virtualIPs]
    .map(([name, { accepted, members }]) => {
      const refused = accepted.status === 'True' ? [] : [accepted.reason]
      const ranks = [...new Set(members.map(({ node, priority }) => `${node}=${priority}`))]
      return [name, ...refused, ...ranks].join(' ')
    })
    .join('\n')
}

export function sentence(planned: Plan, name: string): string {
  const { accepted } = planned.virtualIPs.get(name) ?? {}
  return accepted ? `${accepted.reason}: ${accepted.message}` : 'not planned'
}
