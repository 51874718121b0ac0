import type { ObjectMeta } from '../api/object-meta.ts'
import type { KubeClient } from './client.ts'
import { hasReason } from './kube-error.ts'
import { LEASES, type ObjectRef } from './resources.ts'

/** coordination.k8s.io/v1 Lease. Its times are the holder's wall clock: for people to read, never to compare. */
export interface Lease {
  readonly metadata: ObjectMeta
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

/** Says "still here" in the Lease `name` in the client's namespace, and creates it where there is none. One request, no reading. Throws a KubeError. */
export async function renewLease(
  client: KubeClient,
  name: string,
  holder: string,
  durationSeconds: number,
): Promise<Lease> {
  const ref: ObjectRef = { resource: LEASES, name, namespace: client.namespace }
  const spec = { holderIdentity: holder, leaseDurationSeconds: durationSeconds, renewTime: microTime() }
  try {
    return await client.mergePatch<Lease>(ref, { spec })
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
    const lease = {
      apiVersion: LEASES.apiVersion,
      kind: LEASES.kind,
      metadata: { name },
      spec: { ...spec, acquireTime: spec.renewTime },
    }
    return client.create<Lease>(LEASES, lease, client.namespace)
  }
}

/** metav1.MicroTime of now. */
export function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z')
}
