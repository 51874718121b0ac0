import type { JsonSchema } from './json-schema.ts'
import { GROUP, VERSION } from './names.ts'
import type { CelRule } from './rule.ts'
import { virtualIPRules } from './rules.ts'
import { VirtualIPSpec, VirtualIPStatus } from './virtual-ip.ts'
import { VirtualIPNodeSpec, VirtualIPNodeStatus } from './virtual-ip-node.ts'

/** A column of `kubectl get`; those of priority 1 only with `-o wide`. */
interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date'
  readonly jsonPath: string
  readonly priority?: 1
  readonly description: string
}

interface Resource {
  readonly names: {
    readonly kind: string
    readonly plural: string
    readonly singular: string
    readonly shortNames: readonly string[]
  }
  readonly description: string
  readonly required: readonly string[]
  readonly spec: JsonSchema
  readonly status: JsonSchema
  readonly rules: readonly CelRule[]
  readonly columns: readonly Column[]
}

const AGE: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'How old the object is.',
}

const virtualIP: Resource = {
  names: { kind: 'VirtualIP', plural: 'virtualips', singular: 'virtualip', shortNames: ['vip'] },
  description:
    'Addresses that exactly one of several nodes holds at a time; another takes them over when it fails (VRRP).',
  required: ['spec'],
  spec: VirtualIPSpec,
  status: VirtualIPStatus,
  rules: virtualIPRules,
  columns: [
    // kubectl prints one value of a list, or all of it as JSON: the first is the readable one, the list is for -o wide.
    { name: 'Address', type: 'string', jsonPath: '.spec.addresses[0]', description: 'The first of the addresses.' },
    { name: 'Master', type: 'string', jsonPath: '.status.master', description: 'The node that holds them.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: conditionField('Ready', 'status'),
      description: 'Whether one node holds them.',
    },
    { name: 'Backups', type: 'string', jsonPath: '.status.backups', description: 'Healthy BACKUPs of those planned.' },
    { name: 'VRID', type: 'integer', jsonPath: '.status.virtualRouterID', description: 'The virtual router ID.' },
    AGE,
    { name: 'Addresses', type: 'string', jsonPath: '.spec.addresses', priority: 1, description: 'All addresses.' },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: conditionField('Ready', 'reason'),
      priority: 1,
      description: 'Why it is ready or not.',
    },
  ],
}

const virtualIPNode: Resource = {
  names: { kind: 'VirtualIPNode', plural: 'virtualipnodes', singular: 'virtualipnode', shortNames: ['vipnode'] },
  description:
    'The part of one node in the VirtualIPs: the controller writes what the node is told, its agent what the node does. Not for hand-writing.',
  required: ['spec'],
  spec: VirtualIPNodeSpec,
  status: VirtualIPNodeStatus,
  rules: [],
  columns: [
    {
      name: 'Accepted',
      type: 'string',
      jsonPath: conditionField('Accepted', 'status'),
      description: 'Whether the agent runs the spec.',
    },
    { name: 'Generation', type: 'integer', jsonPath: '.metadata.generation', description: 'The number of the spec.' },
    {
      name: 'Observed',
      type: 'integer',
      jsonPath: '.status.observedGeneration',
      description: 'The number of the spec that the agent runs.',
    },
    { name: 'Agent', type: 'string', jsonPath: '.status.agentVersion', description: 'The version of its agent.' },
    AGE,
  ],
}

/** The CustomResourceDefinitions, by the name of the file each is kept in. */
export function customResourceDefinitions(): ReadonlyMap<string, object> {
  return new Map([virtualIP, virtualIPNode].map(resource => [`${GROUP}_${resource.names.plural}.yaml`, crd(resource)]))
}

function crd({ names, description, required, spec, status, rules, columns }: Resource): object {
  const schema: JsonSchema = { type: 'object', description, required, properties: { spec, status } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Cluster',
      names: { ...names, listKind: `${names.kind}List`, categories: ['kube-vrrp'] },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: withRules(schema, rules, '') },
        },
      ],
    },
  }
}

/** `schema`, which stands at `path`, with the rules of its values in it. */
function withRules(schema: JsonSchema, rules: readonly CelRule[], path: string): JsonSchema {
  const own = rules.filter(rule => rule.path === path)
  return {
    ...schema,
    ...(own.length > 0 ? { 'x-kubernetes-validations': own.map(validation) } : {}),
    ...(schema.items ? { items: withRules(schema.items, rules, `${path}[*]`) } : {}),
    ...(schema.properties
      ? {
          properties: Object.fromEntries(
            Object.entries(schema.properties).map(([name, property]) => [
              name,
              withRules(property, rules, path === '' ? name : `${path}.${name}`),
            ]),
          ),
        }
      : {}),
  }
}

function validation({ cel, message, field }: CelRule): object {
  return { rule: cel, message, ...(field === undefined ? {} : { fieldPath: `.${field}` }) }
}

function conditionField(type: string, field: 'status' | 'reason'): string {
  return `.status.conditions[?(@.type=="${type}")].${field}`
}
