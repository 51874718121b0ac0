import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outdatedFiles } from '../../crds/generate.ts'
import { customResourceDefinitions } from '../../src/api/crds.ts'
import type { JsonSchema } from '../../src/api/json-schema.ts'
import { virtualIPRules } from '../../src/api/rules.ts'

interface Crd {
  readonly spec: { readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: JsonSchema } }[] }
}

/** Every value's schema, by its path as rules write it. */
function schemas(): Map<string, JsonSchema> {
  const found = new Map<string, JsonSchema>()
  const visit = (schema: JsonSchema, path: string) => {
    found.set(path, schema)
    if (schema.items) visit(schema.items, `${path}[*]`)
    if (schema.additionalProperties) visit(schema.additionalProperties, `${path}.*`)
    for (const [name, property] of Object.entries(schema.properties ?? {})) visit(property, `${path}.${name}`)
  }
  for (const [file, crd] of customResourceDefinitions()) {
    for (const { schema } of (crd as Crd).spec.versions)
      visit(schema.openAPIV3Schema, file.replace(/.*_(.*)\.yaml/, '$1'))
  }
  return found
}

test('the files in crds/ are what src/api says (else: node crds/generate.ts)', () => {
  assert.deepEqual(outdatedFiles(), [])
})

test('every field has a sentence that explains it', () => {
  const silent = [...schemas()].filter(([, { description = '' }]) => !/^[A-Z].*\.$/.test(description))
  assert.deepEqual(
    silent.map(([path]) => path),
    [],
  )
})

test('every list says how it is merged, and merges by fields that its items must have', () => {
  for (const [path, schema] of schemas()) {
    if (schema.type !== 'array') continue
    assert.ok(schema['x-kubernetes-list-type'], path)
    for (const key of schema['x-kubernetes-list-map-keys'] ?? []) assert.ok(schema.items?.required?.includes(key), path)
  }
})

test('every required field is a field', () => {
  for (const [path, { required = [], properties = {} }] of schemas()) {
    for (const name of required) assert.ok(name in properties, `${path}.${name}`)
  }
})

test('every rule is in the CRD, at its value', () => {
  const all = schemas()
  for (const { path, cel, field } of virtualIPRules) {
    const schema = all.get(`virtualips.${path}`) as
      | (JsonSchema & { 'x-kubernetes-validations'?: { rule: string }[] })
      | undefined
    assert.ok(
      schema?.['x-kubernetes-validations']?.some(({ rule }) => rule === cel),
      `${path}: ${cel}`,
    )
    if (field !== undefined) assert.ok(field in (schema?.properties ?? {}), `${path}.${field}`)
  }
})
