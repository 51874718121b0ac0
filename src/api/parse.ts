import { type FieldError, type FieldPath, invalidValue } from './field-error.ts'
import type { JsonSchema } from './json-schema.ts'
import { API_VERSION } from './names.ts'
import type { Rule } from './rule.ts'
import { virtualIPNodeRules, virtualIPRules } from './rules.ts'
import { schemaErrors } from './schema-errors.ts'
import { type VirtualIP, VirtualIPSpec, VirtualIPStatus } from './virtual-ip.ts'
import { VirtualIPNodeSpec } from './virtual-ip-node.ts'

export { describeFieldErrors, type FieldError } from './field-error.ts'

export const ObjectMetaSchema = {
  type: 'object',
  required: ['name'],
  'x-kubernetes-preserve-unknown-fields': true,
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 253 },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    annotations: { type: 'object', additionalProperties: { type: 'string' } },
  },
} as const satisfies JsonSchema

/** What Kubernetes takes as the name of an object. */
export const nameRule: Rule = {
  path: 'metadata.name',
  check: (self: string) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(self),
  message: 'must be lower case letters, digits, "-" and ".", with a letter or digit at both ends',
}

const VirtualIPSchema = {
  type: 'object',
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: { type: 'string', enum: [API_VERSION] },
    kind: { type: 'string', enum: ['VirtualIP'] },
    metadata: ObjectMetaSchema,
    spec: VirtualIPSpec,
    status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
} as const satisfies JsonSchema

/**
 * The VirtualIP that `value` is, or every error it has. A field that nobody knows is one of them: it is a typing error, and what
 * it was meant to say would not be done. A status that can't be read is left out: it will be written again.
 */
export function parseVirtualIP(value: unknown): VirtualIP | FieldError[] {
  const given = withoutNulls(value)
  const errors = objectErrors(VirtualIPSchema, [nameRule, ...virtualIPRules], given)
  if (errors.length > 0) return errors
  const { status, ...rest } = given as VirtualIP
  const readable = status !== undefined && schemaErrors(VirtualIPStatus, status, ['status'], 'ignore').length === 0
  return readable ? { ...rest, status } : rest
}

/**
 * The spec that `value` is, or every error it has. Fields that nobody knows are no error: a newer controller may write more than
 * this agent knows.
 */
export function parseVirtualIPNodeSpec(value: unknown): VirtualIPNodeSpec | FieldError[] {
  const spec = withoutNulls(value)
  const structural = schemaErrors(VirtualIPNodeSpec, spec, ['spec'], 'ignore')
  const errors = [...structural, ...ruleErrors(virtualIPNodeRules, { spec }, structural)]
  return errors.length > 0 ? errors : (spec as VirtualIPNodeSpec)
}

/** The errors of an object of a file: those of its fields, then the rules it breaks. */
export function objectErrors(schema: JsonSchema, rules: readonly Rule[], value: unknown): FieldError[] {
  const structural = schemaErrors(schema, value, [], 'refuse')
  return [...structural, ...ruleErrors(rules, value, structural)]
}

/** As the API server takes it: a field that is null is a field that is absent. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isObject(value)) return value
  const fields = Object.entries(value).filter(([, item]) => item !== null && item !== undefined)
  return Object.fromEntries(fields.map(([name, item]) => [name, withoutNulls(item)]))
}

/** Rules speak of values whose types are right, so those with a structural error in them are passed over. */
function ruleErrors(rules: readonly Rule[], root: unknown, structural: readonly FieldError[]): FieldError[] {
  return rules.flatMap(rule =>
    valuesAt(root, rule.path)
      .filter(({ at }) => !structural.some(error => startsWith(error.at, at)))
      .filter(({ value }) => !rule.check(value as never))
      .map(({ at, value }) =>
        rule.field === undefined
          ? invalidValue(at, value, rule.message)
          : invalidValue([...at, rule.field], (value as Readonly<Record<string, unknown>>)[rule.field], rule.message),
      ),
  )
}

interface Found {
  readonly at: FieldPath
  readonly value: unknown
}

/** The values at `spec.checks[*].interval`; none where something on the way is absent. */
function valuesAt(root: unknown, path: string): Found[] {
  let found: Found[] = [{ at: [], value: root }]
  for (const step of path.replaceAll('[*]', '.*').split('.')) {
    found = found.flatMap(({ at, value }): Found[] => {
      if (step === '*') return Array.isArray(value) ? value.map((item, i) => ({ at: [...at, i], value: item })) : []
      const field = isObject(value) ? value[step] : undefined
      return field === undefined ? [] : [{ at: [...at, step], value: field }]
    })
  }
  return found
}

function startsWith(at: FieldPath, start: FieldPath): boolean {
  return start.every((part, i) => part === at[i])
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
