import type { ObjectMeta } from '../api/object-meta.ts'

/** Any object of the API, as far as this folder looks into it. */
export interface KubeObject {
  readonly metadata: ObjectMeta
}

/** Whether it is an object of the API, of whatever kind: it has a name. */
export function isObject(value: unknown): value is KubeObject {
  return isRecord(value) && isRecord(value['metadata']) && typeof value['metadata']['name'] === 'string'
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
