import { API_VERSION } from '../api/names.ts'

/** A kind of object and where the API server keeps it. */
export interface Resource {
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
}

export const VIRTUAL_IPS: Resource = {
  apiVersion: API_VERSION,
  kind: 'VirtualIP',
  plural: 'virtualips',
  namespaced: false,
}
export const VIRTUAL_IP_NODES: Resource = {
  apiVersion: API_VERSION,
  kind: 'VirtualIPNode',
  plural: 'virtualipnodes',
  namespaced: false,
}
export const NODES: Resource = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false }
export const PODS: Resource = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true }
export const SECRETS: Resource = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true }
export const LEASES: Resource = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
}
export const EVENTS: Resource = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true }

/** One object; `namespace` for namespaced kinds only. */
export interface ObjectRef {
  readonly resource: Resource
  readonly name: string
  readonly namespace?: string
  readonly subresource?: 'status'
}

/** `/apis/coordination.k8s.io/v1/namespaces/kube-vrrp/leases` */
export function collectionPath(resource: Resource, namespace?: string): string {
  if (resource.namespaced !== (namespace !== undefined)) {
    throw new Error(`${resource.kind} is ${resource.namespaced ? '' : 'not '}namespaced`)
  }
  const root = resource.apiVersion.includes('/') ? 'apis' : 'api'
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `/${root}/${resource.apiVersion}${scope}/${resource.plural}`
}

export function objectPath(ref: ObjectRef): string {
  const path = `${collectionPath(ref.resource, ref.namespace)}/${encodeURIComponent(ref.name)}`
  return ref.subresource ? `${path}/${ref.subresource}` : path
}
