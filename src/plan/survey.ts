import { byText } from './demand.ts'
import { type InUse, inUseBy } from './in-use.ts'
import type { PlanAgent, PlanInput, PlanNode } from './plan-input.ts'
import { type Segments, segmentsOf } from './segments.ts'

/** What there is to plan with: nodes, agents, wires, and what runs on them. By name, so that the order of the input says nothing. */
export interface Survey {
  readonly nodes: readonly PlanNode[]
  readonly agents: readonly PlanAgent[]
  node(name: string): PlanNode | undefined
  agent(node: string): PlanAgent | undefined
  readonly segments: Segments
  readonly inUse: InUse
  /** Whether the links' own addresses are those that their nodes have. */
  readonly knowsAddresses: boolean
}

export function surveyOf(input: PlanInput): Survey {
  const nodes = [...input.nodes].sort((a, b) => byText(a.name, b.name))
  const agents = [...input.agents].sort((a, b) => byText(a.node, b.node))
  const nodesByName = new Map(nodes.map(node => [node.name, node]))
  const agentsByNode = new Map(agents.map(agent => [agent.node, agent]))
  const segments = segmentsOf(agents)
  return {
    nodes,
    agents,
    node: name => nodesByName.get(name),
    agent: node => agentsByNode.get(node),
    segments,
    inUse: inUseBy(agents, segments),
    knowsAddresses: !input.addressesUnknown,
  }
}
