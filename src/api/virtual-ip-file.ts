import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  visit,
  type YAMLError,
  type YAMLMap,
} from 'yaml'
import { isKeyLength } from '../lib/hmac-key.ts'
import { describeFieldError, type FieldError, type FieldPath, fieldError, invalidValue } from './field-error.ts'
import type { JsonSchema } from './json-schema.ts'
import { API_VERSION, PASSWORD_KEY } from './names.ts'
import { nameRule, ObjectMetaSchema, objectErrors, parseVirtualIP, withoutNulls } from './parse.ts'
import type { VirtualIP } from './virtual-ip.ts'

/** What a file says: VirtualIPs with the Secrets they refer to, and the nodes that may take part. */
export interface VirtualIPFile {
  readonly virtualIPs: VirtualIP[]
  /** The data of each Secret, decoded, by its name and key. */
  readonly secrets: Map<string, Record<string, Uint8Array>>
  readonly nodes: FileNode[]
}

export interface FileNode {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly unschedulable: boolean
}

export interface FileError {
  /** From 1. */
  readonly line: number
  readonly message: string
}

/** The YAML stream of VirtualIPs, Secrets (v1) and Nodes (v1) that `text` is, or every error it has, in the order of its lines. */
export function parseVirtualIPFile(text: string): VirtualIPFile | FileError[] {
  try {
    return parseStream(text)
  } catch (error) {
    if (!isOutOfStack(error)) throw error
    return [{ line: 1, message: 'some of it is nested thousands of levels deep: a VirtualIP has about ten' }]
  }
}

function parseStream(text: string): VirtualIPFile | FileError[] {
  const lines = new LineCounter()
  const documents = readDocuments(text, lines)
  const syntax = documents.flatMap(document => [...document.errors.map(syntaxError), ...repeatedKeys(document)])
  if (syntax.length > 0) {
    const errors = syntax.map(({ offset, message }) => ({ line: lines.linePos(offset).line, message }))
    return [...new Map(errors.map(error => [`${error.line} ${error.message}`, error])).values()]
  }
  const entries = documents.filter(({ contents }) => !isEmpty(contents)).map(document => parseDocument(document))
  const errors = [
    ...entries.flatMap(({ document, parsed }) => (Array.isArray(parsed) ? located(parsed, document, lines) : [])),
    ...duplicateNames(entries, lines),
    ...unresolved(entries, lines),
  ]
  if (errors.length > 0) return errors.sort((a, b) => a.line - b.line)
  const parsed = entries.flatMap(entry => (Array.isArray(entry.parsed) ? [] : [entry.parsed]))
  const virtualIPs = parsed.flatMap(object => (object.kind === 'VirtualIP' ? [object] : []))
  // Empty or cut off: to take it at its word would release every address.
  if (virtualIPs.length === 0) return [{ line: 1, message: 'there is no VirtualIP in it: add one' }]
  return {
    virtualIPs,
    secrets: new Map(parsed.flatMap(object => (object.kind === 'Secret' ? [[object.metadata.name, object.data]] : []))),
    nodes: parsed.flatMap(object => (object.kind === 'Node' ? [object.node] : [])),
  }
}

/** A line an error: `virtualips.yaml:12: spec.virtualRouterID: …`. */
export function describeFileErrors(file: string, errors: readonly FileError[]): string {
  return errors.map(({ line, message }) => `${file}:${line}: ${message}`).join('\n')
}

interface SyntaxError {
  readonly offset: number
  readonly message: string
}

function readDocuments(text: string, lines: LineCounter): Document.Parsed[] {
  // Its own check of unique keys compares each with each, and to make a key of maps within maps takes it exponential time.
  const how = { uniqueKeys: false, stringKeys: true, merge: true, logLevel: 'error' } as const
  const stream = parseAllDocuments(text, { ...how, lineCounter: lines })
  const documents = 'empty' in stream ? [] : stream
  const outOfStack = documents.flatMap(({ errors }) => errors).find(isOutOfStack)
  if (outOfStack) throw outOfStack
  return documents
}

/** yaml calls itself for each level; mostly it makes a syntax error of it. */
function isOutOfStack(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Maximum call stack size exceeded')
}

function syntaxError({ pos: [offset], message }: YAMLError): SyntaxError {
  const isKey = message.startsWith('With stringKeys')
  return { offset, message: isKey ? 'a key must be a string, not a list or a map' : firstLine(message) }
}

function repeatedKeys(document: Document.Parsed): SyntaxError[] {
  const errors: SyntaxError[] = []
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>()
      for (const { key } of items) {
        if (!isScalar(key) || key.value === '<<') continue
        if (seen.has(key.value)) errors.push({ offset: key.range?.[0] ?? 0, message: 'Map keys must be unique' })
        seen.add(key.value)
      }
    },
  })
  return errors
}

interface Secret {
  readonly kind: 'Secret'
  readonly metadata: { readonly name: string }
  readonly data: Record<string, Uint8Array>
}

interface NodeObject {
  readonly kind: 'Node'
  readonly metadata: { readonly name: string }
  readonly node: FileNode
}

interface Entry {
  readonly document: Document.Parsed
  readonly parsed: VirtualIP | Secret | NodeObject | FieldError[]
}

const KINDS = `VirtualIP (${API_VERSION}), Secret (v1) or Node (v1)`

function parseDocument(document: Document.Parsed): Entry {
  try {
    return { document, parsed: parseObject(withoutNulls(document.toJS())) }
  } catch (error) {
    if (isOutOfStack(error)) throw error
    // An alias without an anchor, aliases of aliases of aliases, a merge of what is no map: yaml throws for these.
    return { document, parsed: [fieldError([], (error as Error).message)] }
  }
}

function parseObject(value: unknown): Entry['parsed'] {
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined
  switch (kind) {
    case 'VirtualIP':
      return withoutPods(parseVirtualIP(value))
    case 'Secret':
      return parseSecret(value)
    case 'Node':
      return parseNode(value)
    case undefined:
      return [fieldError(['kind'], `Required value: a document here is a ${KINDS}`)]
    default:
      return [fieldError(['kind'], `Unsupported value: ${JSON.stringify(kind)}: a document here is a ${KINDS}`)]
  }
}

/** Who runs by a file has no API server to ask. */
function withoutPods(parsed: VirtualIP | FieldError[]): VirtualIP | FieldError[] {
  if (Array.isArray(parsed)) return parsed
  const sentence = 'needs a cluster, whose API server says which pods are Ready: use http, tcp or process'
  const errors = (parsed.spec.checks ?? []).flatMap(({ pods }, i) =>
    pods ? [invalidValue(['spec', 'checks', i, 'pods'], pods, sentence)] : [],
  )
  return errors.length > 0 ? errors : parsed
}

const strings = { type: 'object', additionalProperties: { type: 'string' } } as const
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const

const SecretSchema = {
  type: 'object',
  required: ['apiVersion', 'metadata'],
  'x-kubernetes-preserve-unknown-fields': true,
  properties: {
    apiVersion: { type: 'string', enum: ['v1'] },
    metadata: ObjectMetaSchema,
    data: strings,
    stringData: strings,
  },
} as const satisfies JsonSchema

/** stringData wins over data, as in the API. */
function parseSecret(value: unknown): Secret | FieldError[] {
  const errors = objectErrors(SecretSchema, [nameRule], value)
  if (errors.length > 0) return errors
  const given = value as {
    metadata: { name: string }
    data?: Record<string, string>
    stringData?: Record<string, string>
  }
  const data: Record<string, Uint8Array> = {}
  for (const [key, text] of Object.entries(given.data ?? {})) {
    const bytes = fromBase64(text)
    if (bytes) data[key] = bytes
    else errors.push(fieldError(['data', key], 'Invalid value: must be base64 (plain text belongs under stringData)'))
  }
  for (const [key, text] of Object.entries(given.stringData ?? {})) data[key] = new TextEncoder().encode(text)
  return errors.length > 0 ? errors : { kind: 'Secret', metadata: { name: given.metadata.name }, data }
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), character => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

const NodeSchema = {
  type: 'object',
  required: ['apiVersion', 'metadata'],
  'x-kubernetes-preserve-unknown-fields': true,
  properties: {
    apiVersion: { type: 'string', enum: ['v1'] },
    metadata: ObjectMetaSchema,
    spec: { ...anything, properties: { unschedulable: { type: 'boolean' } } },
  },
} as const satisfies JsonSchema

function parseNode(value: unknown): NodeObject | FieldError[] {
  const errors = objectErrors(NodeSchema, [nameRule], value)
  if (errors.length > 0) return errors
  const { metadata, spec } = value as {
    metadata: { name: string; labels?: Record<string, string> }
    spec?: { unschedulable?: boolean }
  }
  const { name, labels = {} } = metadata
  return { kind: 'Node', metadata: { name }, node: { name, labels, unschedulable: spec?.unschedulable ?? false } }
}

/** In a cluster the second of a name would replace the first; in a file it is a mistake. */
function duplicateNames(entries: readonly Entry[], lines: LineCounter): FileError[] {
  const first = new Map<string, number>()
  return entries.flatMap(({ document, parsed }): FileError[] => {
    if (Array.isArray(parsed)) return []
    const { kind, metadata } = parsed
    const { line } = lines.linePos(offsetOf(document, ['metadata', 'name'], new FieldsByName()))
    const before = first.get(`${kind} ${metadata.name}`)
    if (before === undefined) {
      first.set(`${kind} ${metadata.name}`, line)
      return []
    }
    const message = `there is a ${kind} of this name already (line ${before}): rename or remove one`
    return located([invalidValue(['metadata', 'name'], metadata.name, message)], document, lines)
  })
}

/** What a VirtualIP needs that is nowhere in the file: its password, its nodes. */
function unresolved(entries: readonly Entry[], lines: LineCounter): FileError[] {
  const secrets = secretsOf(entries)
  const nodeNames = namesOf(entries, 'Node')
  return entries.flatMap(({ document, parsed }): FileError[] => {
    if (Array.isArray(parsed) || parsed.kind !== 'VirtualIP') return []
    const errors = [
      ...passwordErrors(parsed, secrets),
      ...(parsed.spec.priorities || nodeNames.size > 0 ? [] : [fieldError(['spec', 'priorities'], NO_MEMBERS)]),
    ]
    return located(errors, document, lines)
  })
}

const NO_MEMBERS =
  'Required value: which nodes take part? Add priorities, e.g. [{node: node1, priority: 200}, {node: node2, priority: 100}], or a Node document (apiVersion: v1, kind: Node) for each'

/** By name; undefined: one with errors, which have been told. */
function secretsOf(entries: readonly Entry[]): Map<string, Secret | undefined> {
  const read = entries.flatMap(({ parsed }) => ('kind' in parsed && parsed.kind === 'Secret' ? [parsed] : []))
  return new Map([
    ...Array.from(namesOf(entries, 'Secret'), (name): [string, undefined] => [name, undefined]),
    ...read.map((secret): [string, Secret] => [secret.metadata.name, secret]),
  ])
}

function passwordErrors({ spec }: VirtualIP, secrets: ReadonlyMap<string, Secret | undefined>): FieldError[] {
  if (!spec.authentication) return []
  const { type, secretRef, hmac } = spec.authentication
  const { name } = secretRef
  const at = ['spec', 'authentication']
  const asked = type === 'PASS' ? [secretRef.key ?? PASSWORD_KEY] : (hmac?.keys ?? []).map(({ key }) => key)
  const add = `add apiVersion: v1, kind: Secret, metadata: {name: ${name}}, stringData: {${asked.map(key => `${key}: …`).join(', ')}}`
  if (!secrets.has(name))
    return [invalidValue([...at, 'secretRef', 'name'], name, `no such Secret in this file: ${add}`)]
  const data = secrets.get(name)?.data
  if (!data) return []
  return asked.flatMap((key, i) => {
    const field = type === 'PASS' ? [...at, 'secretRef', 'key'] : [...at, 'hmac', 'keys', i, 'key']
    if (!Object.hasOwn(data, key)) {
      return [invalidValue(field, key, `the Secret "${name}" has no such key: add stringData: {${key}: …} to it`)]
    }
    const length = data[key]?.length ?? 0
    if (type === 'PASS' || isKeyLength(length)) return []
    return [invalidValue(field, key, `has ${length} bytes in the Secret "${name}", a key of HMAC must have 32 to 64`)]
  })
}

/** Also of documents with errors, so that nothing is called missing that is there. */
function namesOf(entries: readonly Entry[], kind: 'Secret' | 'Node'): Set<string> {
  const objects = entries.map(({ document }) => document).filter(document => document.get('kind') === kind)
  return new Set(objects.map(document => String(document.getIn(['metadata', 'name']))))
}

function located(errors: readonly FieldError[], document: Document.Parsed, lines: LineCounter): FileError[] {
  const fields = new FieldsByName()
  return errors.map(error => ({
    line: lines.linePos(offsetOf(document, error.at, fields)).line,
    message: describeFieldError(error),
  }))
}

/** Of each map that was asked for, made once: a map may have as many errors as fields. */
class FieldsByName {
  readonly #byMap = new Map<YAMLMap, Map<string, Pair>>()

  of(map: YAMLMap, name: string): Pair | undefined {
    const fields = this.#byMap.get(map) ?? new Map<string, Pair>()
    if (!this.#byMap.has(map)) {
      this.#byMap.set(map, fields)
      for (const pair of map.items.toReversed()) if (isScalar(pair.key)) fields.set(String(pair.key.value), pair)
    }
    return fields.get(name)
  }
}

/** Of the value at `at`; of what would hold it where there is none. */
function offsetOf(document: Document.Parsed, at: FieldPath, fields: FieldsByName): number {
  let node: Node | null = document.contents
  let offset = node?.range?.[0] ?? document.range[0]
  for (const step of at) {
    if (isAlias(node)) node = node.resolve(document) ?? null
    if (isMap(node)) {
      const pair = fields.of(node, String(step))
      if (!pair) break
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value as Node | null
    } else if (isSeq(node)) {
      node = (node.items[Number(step)] ?? null) as Node | null
      offset = node?.range?.[0] ?? offset
    }
  }
  return offset
}

function isEmpty(contents: Node | null): boolean {
  return contents === null || (isScalar(contents) && contents.value === null)
}

/** yaml's messages go on with an excerpt of the text, and point at it. */
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/ at line [0-9]+, column [0-9]+:?$/, '')
}
