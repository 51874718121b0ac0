import type { XStatic } from 'typebox/schema'

/**
 * The JSON Schema that a CustomResourceDefinition may hold (Kubernetes calls it structural: every value has a type, no $ref).
 * The schemas of this folder are the one source of the TypeScript types, the CRDs and what `parse` refuses.
 */
export interface JsonSchema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  readonly description?: string
  readonly enum?: readonly (string | number)[]
  readonly format?: 'date-time'
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema
  readonly 'x-kubernetes-preserve-unknown-fields'?: true
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
}

/** The TypeScript type of what a schema accepts. TypeBox works it out from the literal; nothing of TypeBox is loaded at run time. */
export type Static<Schema extends JsonSchema> = XStatic<Schema>
