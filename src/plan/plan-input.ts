import type { VirtualIP } from '../api/virtual-ip.ts'
import type { VirtualIPNodeSpec, VirtualIPNodeStatus } from '../api/virtual-ip-node.ts'

/** A node as Kubernetes has it. */
export interface PlanNode {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly ready: boolean
  /** Cordoned. */
  readonly unschedulable: boolean
}

/** A node's agent: what it was told, and what it said. */
export interface PlanAgent {
  readonly node: string
  /** Its Lease is fresh. */
  readonly alive: boolean
  /** What it was last told. */
  readonly spec?: VirtualIPNodeSpec
  /** status.observedGeneration equals metadata.generation of that spec: it runs that and nothing else. */
  readonly confirmed: boolean
  readonly status?: VirtualIPNodeStatus
}

export interface PlanInput {
  readonly virtualIPs: readonly VirtualIP[]
  readonly nodes: readonly PlanNode[]
  readonly agents: readonly PlanAgent[]
  /** The links' subnets are what they are; their addresses stand in for others that nobody knows (file mode). */
  readonly addressesUnknown?: true
}
