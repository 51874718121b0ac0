import { AddressOptions } from './address-options.ts'
import { Authentication } from './authentication.ts'
import { Checks } from './check.ts'
import { Conditions } from './conditions.ts'
import { duration } from './duration.ts'
import type { JsonSchema, Static } from './json-schema.ts'
import { labelSelector } from './label-selector.ts'
import type { ObjectMeta } from './object-meta.ts'
import { Transport } from './transport.ts'

export const Preemption = {
  type: 'object',
  description: 'What a node of higher priority does while a lower one holds the addresses.',
  required: ['mode'],
  properties: {
    mode: {
      type: 'string',
      enum: ['Always', 'Never'],
      description: 'Whether a node of higher priority takes the addresses back (default: Always).',
    },
    delay: duration(
      'How long a node of higher priority hears a lower one before it takes the addresses: at most 1000s (mode Always; default: 0s).',
    ),
  },
} as const satisfies JsonSchema

export const ChecksumForm = {
  type: 'string',
  enum: ['PseudoHeader', 'RFC9568'],
  description:
    'IPv4 checksum of version 3 adverts sent (both are accepted): with the pseudo-header, as keepalived and FRR demand, or as RFC 9568 says (default: PseudoHeader).',
} as const satisfies JsonSchema
export type ChecksumForm = Static<typeof ChecksumForm>

export const AddressFamily = {
  type: 'string',
  enum: ['IPv4', 'IPv6'],
  description: 'The family of its addresses.',
} as const satisfies JsonSchema

export const VirtualRouterID = {
  type: 'integer',
  minimum: 1,
  maximum: 255,
  description: 'VRID: the number of the virtual router on its link.',
} as const satisfies JsonSchema

export const VirtualIPSpec = {
  type: 'object',
  description: 'What you want.',
  required: ['addresses'],
  properties: {
    addresses: {
      type: 'array',
      minItems: 1,
      maxItems: 128,
      'x-kubernetes-list-type': 'atomic',
      description:
        'The addresses that one node at a time holds: IPv4 and IPv6, with a prefix length or without (then /32, /128). One virtual router per family.',
      items: { type: 'string', maxLength: 43, description: 'An address, e.g. 192.168.1.100/24.' },
    },
    addressOptions: AddressOptions,
    interface: {
      type: 'object',
      description:
        'The link that holds the addresses, by name or by subnet (default: the one whose subnet the addresses are in).',
      properties: {
        name: { type: 'string', minLength: 1, maxLength: 15, description: 'The link of this name.' },
        subnet: {
          type: 'string',
          maxLength: 43,
          description: 'The link that has an address in this subnet, e.g. 192.168.1.0/24.',
        },
      },
    },
    nodeSelector: labelSelector(
      'The nodes that may take part (default: every node with an agent). Without effect when priorities are given.',
    ),
    redundancy: {
      type: 'integer',
      minimum: 1,
      maximum: 16,
      description: 'How many nodes take part (default: 3). Without effect when priorities are given.',
    },
    preferredNodes: {
      type: 'array',
      maxItems: 16,
      'x-kubernetes-list-type': 'atomic',
      description: 'Nodes that should rank higher. Without effect when priorities are given.',
      items: {
        type: 'object',
        description: 'A preference for some nodes.',
        required: ['weight', 'preference'],
        properties: {
          weight: { type: 'integer', minimum: 1, maximum: 100, description: 'How much it counts.' },
          preference: labelSelector('Nodes with these labels rank higher by the weight.'),
        },
      },
    },
    virtualRouterID: {
      type: 'integer',
      minimum: 1,
      maximum: 255,
      description: 'VRID, unused by others on the link; allocated and shown in the status when absent.',
    },
    priorities: {
      type: 'array',
      minItems: 1,
      maxItems: 64,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['node'],
      description:
        'Exactly these nodes take part, with these priorities, whatever nodeSelector, redundancy and preferredNodes say; for those who come from keepalived. When absent, the nodes are picked and ranked for you.',
      items: {
        type: 'object',
        description: 'A node and its priority.',
        required: ['node', 'priority'],
        properties: {
          node: { type: 'string', minLength: 1, maxLength: 253, description: 'The name of the node.' },
          priority: {
            type: 'integer',
            minimum: 1,
            maximum: 255,
            description:
              'The highest that is well becomes MASTER. No two may be equal. 255: the owner, which takes the addresses at once and never yields.',
          },
        },
      },
    },
    advertisementInterval: duration(
      'Version 3: 10ms to 40.95s in steps of 10ms (default: 200ms). Version 2: 1s to 255s, whole seconds (default: 1s).',
    ),
    version: {
      type: 'integer',
      enum: [2, 3],
      description: 'VRRP version (default: 3). Version 2 is IPv4 only.',
    },
    transport: Transport,
    authentication: Authentication,
    preemption: Preemption,
    group: {
      type: 'string',
      minLength: 1,
      maxLength: 63,
      description:
        'VirtualIPs that name the same group change state together: one node at a time is MASTER of all, and a FAULT of one is a FAULT of all there. They share nodes and ranks.',
    },
    families: {
      type: 'string',
      enum: ['Together', 'Separate'],
      description:
        'Whether the IPv4 and the IPv6 virtual router change state together, so that one node holds all addresses, or each by itself (default: Together).',
    },
    checksum: ChecksumForm,
    checks: Checks,
  },
} as const satisfies JsonSchema
export type VirtualIPSpec = Static<typeof VirtualIPSpec>

/** What users see of a virtual router on a node. FAULT: it would take part but can't; the reason says why. */
export const RouterStateName = {
  type: 'string',
  enum: ['MASTER', 'BACKUP', 'FAULT', 'INITIALIZE'],
  description: 'MASTER holds the addresses, BACKUP stands by, FAULT would take part but cannot (the reason says why).',
} as const satisfies JsonSchema
export type RouterStateName = Static<typeof RouterStateName>

export const UnansweredMillis = {
  type: 'integer',
  minimum: 0,
  description:
    'How long at most nobody answered, in ms: since the last advert of the MASTER before; 0 where that one answered until the end; absent where it is not known.',
} as const satisfies JsonSchema

/** The MASTER of one family became another node. */
export const Failover = {
  type: 'object',
  description: 'The addresses of one family moved to another node.',
  required: ['time', 'family', 'from', 'to', 'reason'],
  properties: {
    time: { type: 'string', format: 'date-time', description: "When, by the new MASTER's own clock." },
    family: AddressFamily,
    from: {
      type: 'string',
      description: 'The node that was MASTER; the address of its adverts where that is no node that takes part.',
    },
    to: { type: 'string', description: 'The node that became MASTER.' },
    unansweredMillis: UnansweredMillis,
    reason: { type: 'string', description: 'Why, in one CamelCase word for programs.' },
    message: { type: 'string', description: 'Why, in a sentence for people.' },
  },
} as const satisfies JsonSchema
export type Failover = Static<typeof Failover>

/** How many failovers a status keeps. */
export const FAILOVERS_KEPT = 10

export const VirtualIPStatus = {
  type: 'object',
  description: 'What there is.',
  properties: {
    observedGeneration: { type: 'integer', description: 'The metadata.generation that this status was written for.' },
    virtualRouterID: { ...VirtualRouterID, description: 'The VRID given or allocated.' },
    master: { type: 'string', description: 'The node that holds the addresses; absent while none is known to.' },
    backups: { type: 'string', description: 'Healthy BACKUPs of those planned, e.g. 2/2.' },
    conditions: Conditions,
    nodes: {
      type: 'array',
      description: 'The nodes that take part, once for each family.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['node', 'family'],
      items: {
        type: 'object',
        description: 'What a node does.',
        required: ['node', 'family', 'state'],
        properties: {
          node: { type: 'string', description: 'The name of the node.' },
          family: AddressFamily,
          state: RouterStateName,
          priority: { type: 'integer', description: 'Effective: the weights of checks are in it.' },
          link: { type: 'string', description: 'The link it runs on.' },
          since: { type: 'string', format: 'date-time', description: "Since when, by the node's own clock." },
          lastTakeover: {
            type: 'string',
            format: 'date-time',
            description: "When it last became MASTER, by the node's own clock.",
          },
          reason: { type: 'string', description: 'Why, in one CamelCase word for programs.' },
          message: { type: 'string', description: 'Why, in a sentence for people.' },
        },
      },
    },
    failovers: {
      type: 'array',
      maxItems: FAILOVERS_KEPT,
      'x-kubernetes-list-type': 'atomic',
      description: 'The last failovers, newest first.',
      items: Failover,
    },
  },
} as const satisfies JsonSchema
export type VirtualIPStatus = Static<typeof VirtualIPStatus>

export interface VirtualIP {
  readonly apiVersion: 'kube-vrrp.io/v1alpha1'
  readonly kind: 'VirtualIP'
  readonly metadata: ObjectMeta
  readonly spec: VirtualIPSpec
  readonly status?: VirtualIPStatus
}
