import type { PlanNode } from '../plan/plan-input.ts'
import type { AgentPod } from './agent-pod.ts'

/**
 * Why the agent on a node is silent, as far as the cluster tells: its kubelet, its pod. Without any agent's pod known (agents that run
 * outside the cluster, a controller that may not read pods) the pod is not spoken of.
 */
export function silenceOf(node: string, nodes: ReadonlyMap<string, PlanNode>, pods: readonly AgentPod[]): string {
  const known = nodes.get(node)
  if (!known && nodes.size > 0) return 'the Node was deleted from the cluster'
  if (known?.ready === false) return 'its kubelet is silent as well: the node is down, or cut off from the API server'
  if (pods.length === 0) return 'the node is down, or cut off from the API server'
  const its = pods.filter(pod => pod.node === node)
  const [pod] = [...its.filter(({ trouble }) => trouble === undefined), ...its]
  if (!pod) return "no agent's pod is on it: see the DaemonSet's nodeSelector and tolerations"
  if (pod.trouble !== undefined) return `the agent's pod ${pod.metadata.name} is ${pod.trouble}`
  return `the agent's pod ${pod.metadata.name} runs as far as its kubelet has said: the node went down just now, or the agent is cut off from the API server (see its log)`
}
