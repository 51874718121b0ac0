import { type FieldError, type FieldPath, fieldError, invalidValue } from './field-error.ts'
import type { JsonSchema } from './json-schema.ts'

/** What to make of a field that the schema doesn't know: a typing error in a file, a newer version's in the API. */
export type UnknownFields = 'refuse' | 'ignore'

/** Every way in which `value`, which stands at `at`, is not as `schema` says, worded as the API server words it. */
export function schemaErrors(
  schema: JsonSchema,
  value: unknown,
  at: FieldPath,
  unknownFields: UnknownFields,
): FieldError[] {
  if (!hasType(schema, value)) return [invalidValue(at, value, `must be of type ${schema.type}`)]
  if (schema.enum && !schema.enum.includes(value as string | number)) {
    const supported = schema.enum.map(choice => `"${choice}"`).join(', ')
    return [fieldError(at, `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`)]
  }
  switch (schema.type) {
    case 'object':
      return objectErrors(schema, value as Record<string, unknown>, at, unknownFields)
    case 'array':
      return arrayErrors(schema, value as unknown[], at, unknownFields)
    case 'string':
      return stringErrors(schema, value as string, at)
    case 'integer':
      return integerErrors(schema, value as number, at)
    case 'boolean':
      return []
  }
}

function hasType({ type }: JsonSchema, value: unknown): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'array':
      return Array.isArray(value)
    case 'integer':
      return Number.isSafeInteger(value)
    case 'string':
      return typeof value === 'string'
    case 'boolean':
      return typeof value === 'boolean'
  }
}

function objectErrors(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  at: FieldPath,
  unknownFields: UnknownFields,
): FieldError[] {
  const fields = Object.entries(value)
  const missing = (schema.required ?? [])
    .filter(name => value[name] === undefined)
    .map(name => fieldError([...at, name], 'Required value'))
  const refuse = unknownFields === 'refuse' && !schema['x-kubernetes-preserve-unknown-fields']
  const wrong = fields.flatMap(([name, item]) => {
    const known = schema.additionalProperties ?? ownProperty(schema.properties, name)
    if (known) return schemaErrors(known, item, [...at, name], unknownFields)
    return refuse ? [fieldError([...at, name], 'unknown field')] : []
  })
  const most = schema.maxProperties ?? Number.POSITIVE_INFINITY
  const many =
    fields.length > most ? [fieldError(at, `Too many: ${fields.length}: must have at most ${most} items`)] : []
  return [...missing, ...wrong, ...many]
}

function ownProperty(properties: JsonSchema['properties'], name: string): JsonSchema | undefined {
  return properties && Object.hasOwn(properties, name) ? properties[name] : undefined
}

function arrayErrors(
  schema: JsonSchema,
  value: readonly unknown[],
  at: FieldPath,
  unknownFields: UnknownFields,
): FieldError[] {
  const { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema
  const errors = items ? value.flatMap((item, i) => schemaErrors(items, item, [...at, i], unknownFields)) : []
  if (value.length < minItems) {
    errors.push(fieldError(at, `Invalid value: ${value.length}: should have at least ${minItems} items`))
  }
  if (value.length > maxItems) {
    errors.push(fieldError(at, `Too many: ${value.length}: must have at most ${maxItems} items`))
  }
  return [...errors, ...duplicateErrors(schema['x-kubernetes-list-map-keys'], value, at)]
}

/** A list of named things has each name once. */
function duplicateErrors(keys: readonly string[] | undefined, value: readonly unknown[], at: FieldPath): FieldError[] {
  if (!keys) return []
  const seen = new Set<string>()
  return value.flatMap((item, i) => {
    const named = keys.map(key => [key, (item as Readonly<Record<string, unknown>> | null)?.[key]])
    const identity = JSON.stringify(Object.fromEntries(named))
    if (named.some(([, name]) => name === undefined)) return []
    if (seen.has(identity)) return [fieldError([...at, i], `Duplicate value: ${identity}`)]
    seen.add(identity)
    return []
  })
}

function stringErrors(schema: JsonSchema, value: string, at: FieldPath): FieldError[] {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema
  // Kubernetes counts code points.
  const length = [...value].length
  if (length < minLength) return [invalidValue(at, value, `should be at least ${minLength} chars long`)]
  if (length > maxLength) return [fieldError(at, `Too long: may not be more than ${maxLength} bytes`)]
  if (schema.format === 'date-time' && Number.isNaN(Date.parse(value))) {
    return [invalidValue(at, value, 'must be of type date-time')]
  }
  return []
}

function integerErrors(schema: JsonSchema, value: number, at: FieldPath): FieldError[] {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema
  if (value < minimum) return [invalidValue(at, value, `should be greater than or equal to ${minimum}`)]
  if (value > maximum) return [invalidValue(at, value, `should be less than or equal to ${maximum}`)]
  return []
}
