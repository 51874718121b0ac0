import { type Document, isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml'
import { DEPENDENCY_VALUES, isGroup, type Schema, VALUES } from './values-schema.ts'

/** One value, or a group of them. */
export interface Value {
  /** `agent.metrics.port` */
  readonly path: string
  readonly description: string
  readonly schema: Schema
  readonly default: unknown
  /** Absent for a value. */
  readonly group?: readonly Value[]
}

/** Every value of values.yaml with what its comment and its schema say, in its order. Throws where the two don't fit together. */
export function readValues(valuesYaml: string): readonly Value[] {
  const document = parseDocument(valuesYaml)
  if (!isMap(document.contents)) throw new Error('values.yaml is no map')
  return valuesOf(document, document.contents, VALUES, '')
}

/** values.schema.json */
export function valuesSchema(values: readonly Value[]): Schema {
  const { properties, ...rest } = described(VALUES, values)
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Values of the chart kube-vrrp',
    ...rest,
    properties: { ...properties, ...DEPENDENCY_VALUES },
  }
}

/** The values, without their groups. */
export function leaves(values: readonly Value[]): readonly Value[] {
  return values.flatMap(value => (value.group ? leaves(value.group) : [value]))
}

function valuesOf(document: Document, map: YAMLMap, schema: Schema, prefix: string): readonly Value[] {
  const properties = schema.properties ?? {}
  const values = map.items.map((pair, i): Value => {
    const key = String(isScalar(pair.key) ? pair.key.value : pair.key)
    const path = `${prefix}${key}`
    const own = properties[key]
    if (!own) throw new Error(`values.yaml has ${path}, of which charts/values-schema.ts knows nothing`)
    const description = commentOf(pair, i === 0 ? map : undefined)
    const value = { path, description, schema: own, default: toJs(document, pair.value) }
    if (!isGroup(own)) {
      if (description === '') throw new Error(`values.yaml says nothing about ${path}: put a comment above it`)
      return value
    }
    if (!isMap(pair.value)) throw new Error(`values.yaml: ${path} is no map`)
    return { ...value, group: valuesOf(document, pair.value, own, `${path}.`) }
  })
  const missing = Object.keys(properties).find(key => !values.some(({ path }) => path === `${prefix}${key}`))
  if (missing !== undefined) throw new Error(`values.yaml lacks ${prefix}${missing}, which charts/values-schema.ts has`)
  return values
}

/** The comment above; above the first of a map it is the map's. */
function commentOf({ key }: Pair, map: YAMLMap | undefined): string {
  const own = isScalar(key) ? key.commentBefore : undefined
  const comment = own ?? map?.commentBefore ?? ''
  // What stands above an empty line is about all that follows.
  return (comment.split(/\n\s*\n/).at(-1) ?? '')
    .split('\n')
    .map(line => line.trim())
    .join(' ')
}

function toJs(document: Document, node: unknown): unknown {
  return isMap(node) || isScalar(node) || (typeof node === 'object' && node !== null && 'toJS' in node)
    ? (node as { toJS(document: Document): unknown }).toJS(document)
    : node
}

function described(schema: Schema, values: readonly Value[]): Schema {
  const properties = values.map(({ path, description, schema: own, default: initial, group }): [string, Schema] => {
    const inner = group ? described(own, group) : { ...own, default: initial }
    return [path.slice(path.lastIndexOf('.') + 1), { ...(description && { description }), ...inner }]
  })
  return { ...schema, properties: Object.fromEntries(properties) }
}

/** The table of one group's values, in Markdown. */
export function valuesTable(values: readonly Value[]): string {
  const rows = leaves(values).map(
    ({ path, description, schema, default: initial }) =>
      `| \`${path}\` | ${typeOf(schema)} | \`${JSON.stringify(initial)}\` | ${cell(description)} |`,
  )
  return ['| Value | Type | Default | |', '|---|---|---|---|', ...rows].join('\n')
}

function typeOf({ type, enum: values, minimum, maximum, additionalProperties }: Schema): string {
  if (values) return values.map(value => `\`${value}\``).join(', ')
  if (type === 'integer' && maximum !== undefined) return `integer ${minimum}..${maximum}`
  if (type === 'integer') return minimum === undefined ? 'integer' : `integer from ${minimum}`
  if (type === 'array') return 'list'
  if (type === 'object' && typeof additionalProperties === 'object') return 'strings by name'
  return typeof type === 'string' ? type : (type ?? []).join(' or ')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
