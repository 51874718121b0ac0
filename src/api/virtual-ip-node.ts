import { AddressOptions } from './address-options.ts'
import { Authentication } from './authentication.ts'
import { Checks } from './check.ts'
import { Conditions } from './conditions.ts'
import type { JsonSchema, Static } from './json-schema.ts'
import type { ObjectMeta } from './object-meta.ts'
import {
  AddressFamily,
  ChecksumForm,
  Preemption,
  RouterStateName,
  UnansweredMillis,
  VirtualRouterID,
} from './virtual-ip.ts'

const address = <const Description extends string>(description: Description) =>
  ({ type: 'string', maxLength: 39, description }) as const

export const Unicast = {
  type: 'object',
  description: 'Where adverts go, and whose count; absent: to the group of VRRP, and of all who speak there.',
  required: ['source', 'peers', 'ttl', 'minTTL'],
  properties: {
    source: address("This node's own address that they come from."),
    peers: {
      type: 'array',
      description: 'The addresses of the others.',
      'x-kubernetes-list-type': 'atomic',
      items: address('An address.'),
    },
    ttl: { type: 'integer', minimum: 1, maximum: 255, description: 'TTL or Hop Limit of what is sent.' },
    minTTL: { type: 'integer', minimum: 1, maximum: 255, description: 'What arrives with less is refused.' },
    multicast: {
      type: 'boolean',
      description: 'To the group too, and from there: some of the others have not changed over yet.',
    },
  },
} as const satisfies JsonSchema
export type Unicast = Static<typeof Unicast>

/** One virtual router as its node's agent is told to run it: everything resolved, nothing defaulted. */
export const VirtualRouterSpec = {
  type: 'object',
  description: 'A virtual router that this node runs.',
  required: [
    'virtualIP',
    'family',
    'version',
    'virtualRouterID',
    'link',
    'priority',
    'advertisementInterval',
    'addresses',
    'preemption',
    'checksum',
  ],
  properties: {
    virtualIP: { type: 'string', description: 'The VirtualIP it serves.' },
    family: AddressFamily,
    version: { type: 'integer', enum: [2, 3], description: 'VRRP version.' },
    virtualRouterID: VirtualRouterID,
    link: { type: 'string', minLength: 1, maxLength: 15, description: 'The name of the link it runs on.' },
    priority: {
      type: 'integer',
      minimum: 1,
      maximum: 255,
      description: 'Its priority before the weights of checks.',
    },
    advertisementInterval: { type: 'string', maxLength: 16, description: 'A duration, e.g. 200ms.' },
    addresses: {
      type: 'array',
      minItems: 1,
      description: 'With prefix length, in the order they are advertised.',
      'x-kubernetes-list-type': 'atomic',
      items: { type: 'string', maxLength: 43, description: 'An address, e.g. 192.168.1.100/24.' },
    },
    addressOptions: AddressOptions,
    preemption: Preemption,
    group: {
      type: 'string',
      minLength: 1,
      maxLength: 273,
      description:
        'The virtual routers of this node that name the same group change state together. VirtualIP/NAME: the two families of one VirtualIP.',
    },
    checksum: ChecksumForm,
    unicast: Unicast,
    authentication: Authentication,
    checks: Checks,
    initial: {
      type: 'boolean',
      description: 'The VRID was just allocated and this node ranks first: it need not wait Active_Down_Interval.',
    },
  },
} as const satisfies JsonSchema
export type VirtualRouterSpec = Static<typeof VirtualRouterSpec>

/** A number this node was told to give up; nobody else gets it until its status confirmed (observedGeneration). */
export const ReleasedNumber = {
  type: 'object',
  description: 'A VRID and priority that this node was told to give up.',
  required: ['virtualIP', 'family', 'link', 'virtualRouterID', 'priority'],
  properties: {
    virtualIP: { type: 'string', description: 'The VirtualIP it served.' },
    family: AddressFamily,
    link: { type: 'string', description: 'The name of the link it ran on.' },
    virtualRouterID: VirtualRouterID,
    priority: { type: 'integer', minimum: 1, maximum: 255, description: 'The priority it had.' },
    byUnicast: { type: 'boolean', description: 'It believed its peers only.' },
    ended: { type: 'boolean', description: 'No node runs it any more: there is no successor to wait for.' },
  },
} as const satisfies JsonSchema
export type ReleasedNumber = Static<typeof ReleasedNumber>

// Lists of a VirtualIPNode are atomic: each has one writer, and a map's managed fields would more than double the object.

export const VirtualIPNodeSpec = {
  type: 'object',
  description: 'What this node is told to do. The controller writes it.',
  required: ['virtualRouters'],
  properties: {
    virtualRouters: {
      type: 'array',
      description: 'The virtual routers that this node runs.',
      items: VirtualRouterSpec,
      'x-kubernetes-list-type': 'atomic',
    },
    released: {
      type: 'array',
      description: 'Numbers to be given up, kept from others until the status confirms it (observedGeneration).',
      items: ReleasedNumber,
      'x-kubernetes-list-type': 'atomic',
    },
  },
} as const satisfies JsonSchema
export type VirtualIPNodeSpec = Static<typeof VirtualIPNodeSpec>

/** A link as the agent sees it; only those that have a subnet and could carry a virtual router. */
export const LinkStatus = {
  type: 'object',
  description: 'A link that could carry a virtual router.',
  required: ['name', 'carrier', 'subnets'],
  properties: {
    name: { type: 'string', description: 'The name of the link.' },
    mac: { type: 'string', description: 'Its MAC address.' },
    carrier: { type: 'boolean', description: 'Whether it is up and connected.' },
    subnets: {
      type: 'array',
      description: "The link's own addresses with their prefix lengths, not those held by kube-vrrp.",
      items: { type: 'string', description: 'An address with its prefix length.' },
      'x-kubernetes-list-type': 'atomic',
    },
    heard: {
      type: 'array',
      description: 'Virtual routers heard here that this node does not run.',
      'x-kubernetes-list-type': 'atomic',
      items: {
        type: 'object',
        description: 'A virtual router of others.',
        required: ['family', 'virtualRouterID', 'source'],
        properties: {
          family: AddressFamily,
          virtualRouterID: VirtualRouterID,
          source: { type: 'string', description: 'The address that sends its adverts.' },
        },
      },
    },
  },
} as const satisfies JsonSchema
export type LinkStatus = Static<typeof LinkStatus>

/** A takeover as the node tells it that became MASTER. */
export const Takeover = {
  type: 'object',
  description: 'How this node became MASTER the last time; absent while it never did since its agent started.',
  required: ['time', 'reason', 'message'],
  properties: {
    time: { type: 'string', format: 'date-time', description: "By the node's own clock." },
    reason: { type: 'string', description: 'Why, in one CamelCase word for programs.' },
    message: { type: 'string', description: 'Why, in a sentence for people.' },
    formerAddress: { type: 'string', description: 'Whose adverts it heard before.' },
    unansweredMillis: UnansweredMillis,
  },
} as const satisfies JsonSchema
export type Takeover = Static<typeof Takeover>

export const Observation = {
  type: 'object',
  description: 'Something that is wrong around this virtual router.',
  required: ['reason', 'message', 'since'],
  properties: {
    reason: { type: 'string', description: 'What, in one CamelCase word for programs.' },
    message: { type: 'string', description: 'What, and what to do about it, in a sentence for people.' },
    source: { type: 'string', description: 'Whom it was heard from: an IP address or, of ARP and ND, a MAC address.' },
    since: { type: 'string', format: 'date-time', description: "Since when, by the node's own clock." },
  },
} as const satisfies JsonSchema
export type Observation = Static<typeof Observation>

/** How many observations of a virtual router a status has at most. */
export const MOST_OBSERVATIONS = 8

export const VirtualRouterStatus = {
  type: 'object',
  description: 'What a virtual router on this node does.',
  required: ['virtualIP', 'family', 'link', 'virtualRouterID', 'priority', 'state', 'since', 'reason'],
  properties: {
    virtualIP: { type: 'string', description: 'The VirtualIP it serves.' },
    family: AddressFamily,
    link: { type: 'string', description: 'The name of the link it runs on.' },
    virtualRouterID: VirtualRouterID,
    priority: { type: 'integer', description: 'Effective: the weights of checks are in it.' },
    state: RouterStateName,
    since: { type: 'string', format: 'date-time', description: "By the node's own clock." },
    reason: { type: 'string', description: 'Why, in one CamelCase word for programs.' },
    message: { type: 'string', description: 'Why, in a sentence for people.' },
    primaryAddress: {
      type: 'string',
      description: 'What its adverts are sent from; in FAULT, what they were sent from.',
    },
    activeAddress: { type: 'string', description: 'Whose adverts this BACKUP hears.' },
    activePriority: { type: 'integer', description: 'The priority in those adverts.' },
    lastTakeover: Takeover,
    observations: {
      type: 'array',
      maxItems: MOST_OBSERVATIONS,
      'x-kubernetes-list-type': 'atomic',
      description: 'What this node hears, and should not; each goes some seconds after it is heard no more.',
      items: Observation,
    },
    checks: {
      type: 'array',
      description: 'The results of its checks.',
      'x-kubernetes-list-type': 'atomic',
      items: {
        type: 'object',
        description: 'The result of a check.',
        required: ['name', 'passing'],
        properties: {
          name: { type: 'string', description: 'The name of the check.' },
          passing: { type: 'boolean', description: 'Whether it passes, by its rise and fall.' },
          number: { type: 'integer', description: 'What a file with a number says.' },
          message: { type: 'string', description: 'What the last run said.' },
        },
      },
    },
  },
} as const satisfies JsonSchema
export type VirtualRouterStatus = Static<typeof VirtualRouterStatus>

/** A kind of check that an agent's settings must allow. */
export type CheckToAllow = 'Process' | 'Exec' | 'File' | 'Pods'

export const VirtualIPNodeStatus = {
  type: 'object',
  description: 'What this node does. Its agent writes it.',
  properties: {
    observedGeneration: { type: 'integer', description: 'The metadata.generation of the spec that the agent runs.' },
    agentVersion: { type: 'string', description: 'The version of the agent.' },
    checksAllowed: {
      type: 'array',
      description: "The kinds of checks that the agent's settings allow.",
      items: { type: 'string', enum: ['Process', 'Exec', 'File', 'Pods'], description: 'A kind of check.' },
      'x-kubernetes-list-type': 'atomic',
    },
    fileCheckFolders: {
      type: 'array',
      description: 'The folders below which file checks may read.',
      items: { type: 'string', description: 'An absolute path.' },
      'x-kubernetes-list-type': 'atomic',
    },
    podCheckNamespaces: {
      type: 'array',
      description: 'The namespaces whose pods checks may look at.',
      items: { type: 'string', description: 'A namespace; *: all.' },
      'x-kubernetes-list-type': 'atomic',
    },
    links: {
      type: 'array',
      description: 'The links that could carry a virtual router.',
      items: LinkStatus,
      'x-kubernetes-list-type': 'atomic',
    },
    virtualRouters: {
      type: 'array',
      description: 'The virtual routers that this node runs.',
      items: VirtualRouterStatus,
      'x-kubernetes-list-type': 'atomic',
    },
    conditions: Conditions,
  },
} as const satisfies JsonSchema
export type VirtualIPNodeStatus = Static<typeof VirtualIPNodeStatus>

export interface VirtualIPNode {
  readonly apiVersion: 'kube-vrrp.io/v1alpha1'
  readonly kind: 'VirtualIPNode'
  readonly metadata: ObjectMeta
  readonly spec: VirtualIPNodeSpec
  readonly status?: VirtualIPNodeStatus
}
