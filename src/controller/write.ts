import { API_VERSION, agentLeaseName, FIELD_MANAGER } from '../api/names.ts'
import type { VirtualIP } from '../api/virtual-ip.ts'
import type { VirtualIPNode } from '../api/virtual-ip-node.ts'
import type { KubeClient } from '../kube/client.ts'
import { hasReason } from '../kube/kube-error.ts'
import { LEASES, VIRTUAL_IP_NODES, VIRTUAL_IPS } from '../kube/resources.ts'
import type { Change } from './reconcile.ts'

/** One change at a time is under way for each key. */
export function keyOf(change: Change): string {
  switch (change.type) {
    case 'CreateNode':
      return `VirtualIPNode ${change.name}`
    case 'SetSpec':
    case 'DeleteNode':
      return `VirtualIPNode ${change.node.metadata.name}`
    case 'DeleteLease':
      return `Lease ${change.name}`
    case 'SetStatus':
      return `VirtualIP ${change.virtualIP.metadata.name}`
  }
}

export type Written =
  | { readonly type: 'VirtualIPNode'; readonly object: VirtualIPNode }
  | { readonly type: 'VirtualIP'; readonly object: VirtualIP }
  | { readonly type: 'Nothing' }

/** Writes it and gives the object as it is now. Throws a KubeError: Conflict where it was changed since it was seen. */
export async function write(client: KubeClient, change: Change): Promise<Written> {
  switch (change.type) {
    case 'CreateNode': {
      const object = {
        apiVersion: API_VERSION,
        kind: 'VirtualIPNode',
        metadata: { name: change.name },
        spec: change.spec,
      }
      return { type: 'VirtualIPNode', object: await client.create(VIRTUAL_IP_NODES, object) }
    }
    case 'SetSpec':
      return { type: 'VirtualIPNode', object: await setSpec(client, change.node, change.spec) }
    case 'SetStatus': {
      const { name, resourceVersion } = change.virtualIP.metadata
      const patch = { metadata: { resourceVersion }, status: replacing(change.virtualIP.status ?? {}, change.status) }
      const ref = { resource: VIRTUAL_IPS, name, subresource: 'status' as const }
      return { type: 'VirtualIP', object: await client.mergePatch(ref, patch, FIELD_MANAGER.controller) }
    }
    case 'DeleteNode': {
      const { name, resourceVersion } = change.node.metadata
      await client.delete(
        { resource: VIRTUAL_IP_NODES, name },
        { ...(resourceVersion !== undefined && { resourceVersion }) },
      )
      return { type: 'Nothing' }
    }
    case 'DeleteLease':
      await client.delete({ resource: LEASES, name: agentLeaseName(change.name), namespace: client.namespace })
      return { type: 'Nothing' }
  }
}

/** Over the spec that was seen. Its agent's reports are written into the same object, and often: they are no reason to leave a plan half told. */
async function setSpec(client: KubeClient, node: VirtualIPNode, spec: VirtualIPNode['spec']): Promise<VirtualIPNode> {
  const { name, resourceVersion, generation, uid } = node.metadata
  const ref = { resource: VIRTUAL_IP_NODES, name }
  try {
    const patch = { metadata: { resourceVersion }, spec: replacing(node.spec, spec) }
    return await client.mergePatch(ref, patch, FIELD_MANAGER.controller)
  } catch (error) {
    if (!hasReason(error, 'Conflict')) throw error
    const now = await client.get<VirtualIPNode>(ref)
    if (now.metadata.generation !== generation || now.metadata.uid !== uid) throw error
    return setSpec(client, now, spec)
  }
}

/** The merge patch (RFC 7386) that makes `before` into `after`, an object of scalars and lists: lists are replaced, what is gone is null. */
function replacing(before: object, after: object): object {
  const gone = Object.keys(before).filter(key => !(key in after))
  return { ...Object.fromEntries(gone.map(key => [key, null])), ...after }
}
