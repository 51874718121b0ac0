import { isDeepStrictEqual } from 'node:util'
import type { ObjectMeta } from '../api/object-meta.ts'
import type { PlanNode } from '../plan/plan-input.ts'

/** What is kept of a Node: kubelets write a lot more there, and often. */
export interface ClusterNode extends PlanNode {
  readonly metadata: ObjectMeta
}

export function readClusterNode(object: unknown): ClusterNode {
  const { metadata, spec, status } = object as RawNode
  const { name, resourceVersion, labels = {} } = metadata
  return {
    metadata: { name, ...(resourceVersion !== undefined && { resourceVersion }) },
    name,
    labels,
    ready: status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    unschedulable: spec?.unschedulable ?? false,
  }
}

/** Whether the plan would notice. */
export function isSameNode(a: ClusterNode, b: ClusterNode): boolean {
  return a.ready === b.ready && a.unschedulable === b.unschedulable && isDeepStrictEqual(a.labels, b.labels)
}

interface RawNode {
  readonly metadata: ObjectMeta
  readonly spec?: { readonly unschedulable?: boolean }
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}
