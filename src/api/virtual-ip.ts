import { AddressOptions } from './address-options.ts'
import { Conditions } from './conditions.ts'
import type { JsonSchema, Static } from './json-schema.ts'
import type { ObjectMeta } from './object-meta.ts'

const duration = <const Description extends string>(description: Description) =>
  ({ type: 'string', maxLength: 16, description }) as const

const labelSelector = <const Description extends string>(description: Description, what: 'node' | 'pod' = 'node') =>
  ({
    type: 'object',
    description,
    properties: {
      matchLabels: {
        type: 'object',
        description: `Labels that the ${what} must have, with these values.`,
        maxProperties: 64,
        additionalProperties: { type: 'string', maxLength: 63, description: 'The value of the label.' },
      },
      matchExpressions: {
        type: 'array',
        description: `Conditions on the labels of the ${what}; all must hold.`,
        maxItems: 16,
        'x-kubernetes-list-type': 'atomic',
        items: {
          type: 'object',
          description: 'One condition on a label.',
          required: ['key', 'operator'],
          properties: {
            key: { type: 'string', minLength: 1, maxLength: 317, description: 'The name of the label.' },
            operator: {
              type: 'string',
              enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'],
              description: 'How the label is compared with the values.',
            },
            values: {
              type: 'array',
              description: 'What In and NotIn compare with; Exists and DoesNotExist have none.',
              maxItems: 64,
              'x-kubernetes-list-type': 'atomic',
              items: { type: 'string', maxLength: 63, description: 'A value of the label.' },
            },
          },
        },
      },
    },
  }) as const

export const SecretReference = {
  type: 'object',
  description: 'Where the password is, or the keys are.',
  required: ['name'],
  properties: {
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 253,
      description:
        'The Secret, in the namespace of kube-vrrp, that agents may read: kube-vrrp-passwords unless the chart says otherwise (file mode: any in the same file).',
    },
    key: {
      type: 'string',
      minLength: 1,
      maxLength: 253,
      description: 'The key in its data (type PASS; default: password).',
    },
  },
} as const satisfies JsonSchema

export const HMACMode = {
  type: 'string',
  enum: ['Enforce', 'Permissive', 'ReceiveOnly'],
  description:
    'Enforce: adverts are signed, and others are believed only if they are. Permissive: they are signed, and believed in any case. ReceiveOnly: they are not signed, and believed in any case. What Enforce would refuse is shown meanwhile (default: Enforce).',
} as const satisfies JsonSchema
export type HMACMode = Static<typeof HMACMode>

export const HMACAuthentication = {
  type: 'object',
  description: 'How adverts are signed and believed: as with auth_hmac of keepalived 2.4.2 and later.',
  required: ['keys'],
  properties: {
    keys: {
      type: 'array',
      minItems: 1,
      maxItems: 4,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['id'],
      description: 'The keys that adverts may be signed with: more than one while keys change.',
      items: {
        type: 'object',
        description: 'A key.',
        required: ['id', 'key'],
        properties: {
          id: {
            type: 'integer',
            minimum: 0,
            maximum: 255,
            description: 'Its number in adverts, the same on all nodes.',
          },
          key: {
            type: 'string',
            minLength: 1,
            maxLength: 253,
            description: "The key in the Secret's data that holds it: 32 to 64 bytes.",
          },
        },
      },
    },
    activeKey: {
      type: 'integer',
      minimum: 0,
      maximum: 255,
      description: 'The ID of the key to sign with (required where there is more than one).',
    },
    mode: HMACMode,
    timeWindow: duration(
      "How far a sender's clock may be from a receiver's, 1s to 1h (default: 3 times the advertisementInterval, at least 5s).",
    ),
  },
} as const satisfies JsonSchema
export type HMACAuthentication = Static<typeof HMACAuthentication>

export const Authentication = {
  type: 'object',
  description: 'What adverts carry to be believed.',
  required: ['type', 'secretRef'],
  properties: {
    type: {
      type: 'string',
      enum: ['PASS', 'HMAC'],
      description:
        'PASS: 8 bytes in the clear (version 2 only); it keeps misconfigured routers apart, not attackers. HMAC: adverts are signed, and none is believed twice.',
    },
    secretRef: SecretReference,
    hmac: HMACAuthentication,
  },
} as const satisfies JsonSchema
export type Authentication = Static<typeof Authentication>

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

const hops = <const Description extends string>(description: Description) =>
  ({ type: 'integer', minimum: 1, maximum: 255, description }) as const

export const Transport = {
  type: 'object',
  description: 'How adverts go from node to node.',
  required: ['mode'],
  properties: {
    mode: {
      type: 'string',
      enum: ['Multicast', 'Unicast'],
      description:
        'Multicast: to all on the link, as RFC 9568 has it. Unicast: to each of the others, where a network lets no multicast through (default: Multicast).',
    },
    peers: {
      type: 'array',
      maxItems: 32,
      'x-kubernetes-list-type': 'atomic',
      description:
        'Addresses to add to those that the agents report: of routers that are no nodes here, such as keepalived, and of nodes whose address is to be another (in file mode: of every node). Only adverts of peers are believed (mode Unicast; default: the other nodes that take part).',
      items: {
        type: 'object',
        description: 'A router.',
        required: ['address'],
        properties: {
          address: {
            type: 'string',
            maxLength: 39,
            description: 'The address that it sends from and is sent to, e.g. 192.168.1.12.',
          },
          node: {
            type: 'string',
            minLength: 1,
            maxLength: 253,
            description: 'The name of the node whose address it is; absent: no node of these.',
          },
        },
      },
    },
    ttl: hops("IPv4's TTL and IPv6's Hop Limit of what is sent (mode Unicast; default: 255)."),
    minTTL: hops(
      'Adverts that arrive with less are refused (mode Unicast; default: the ttl where no peers are given and all nodes are on one segment, so that what came through a router is refused; else 1).',
    ),
  },
} as const satisfies JsonSchema
export type Transport = Static<typeof Transport>

const host = {
  type: 'string',
  minLength: 1,
  maxLength: 253,
  description: 'An address or a DNS name (default: 127.0.0.1, the node itself).',
} as const

export const HttpCheck = {
  type: 'object',
  description: 'Passes when a GET is answered with an expected status. Redirects are not followed.',
  required: ['port'],
  properties: {
    scheme: { type: 'string', enum: ['HTTP', 'HTTPS'], description: 'How it is asked (default: HTTP).' },
    host,
    port: { type: 'integer', minimum: 1, maximum: 65535, description: 'The port that is asked.' },
    path: { type: 'string', maxLength: 2048, description: 'What is asked for, e.g. /healthz (default: /).' },
    httpHeaders: {
      type: 'array',
      maxItems: 16,
      'x-kubernetes-list-type': 'atomic',
      description: 'What is sent along, e.g. Host; a name may be there more than once.',
      items: {
        type: 'object',
        description: 'A header.',
        required: ['name', 'value'],
        properties: {
          name: { type: 'string', minLength: 1, maxLength: 128, description: 'Its name.' },
          value: {
            type: 'string',
            maxLength: 1024,
            description: 'Its value; whoever may read the VirtualIP reads it.',
          },
        },
      },
    },
    expectedStatus: {
      type: 'array',
      minItems: 1,
      maxItems: 16,
      'x-kubernetes-list-type': 'atomic',
      description: 'The status codes that pass (default: "200-399").',
      items: { type: 'string', maxLength: 7, description: 'A code or a range, e.g. "200" or "200-299".' },
    },
    caBundle: {
      type: 'string',
      maxLength: 16384,
      description:
        "Certificates in PEM that the server's must come from (default: the public authorities that Node.js knows). It must be for the name in the header Host, else for the host.",
    },
    insecureSkipVerify: {
      type: 'boolean',
      description: 'Whether any certificate will do (default: false).',
    },
  },
} as const satisfies JsonSchema
export type HttpCheck = Static<typeof HttpCheck>

export const TcpCheck = {
  type: 'object',
  description: 'Passes when a TCP connection opens.',
  required: ['port'],
  properties: {
    host,
    port: { type: 'integer', minimum: 1, maximum: 65535, description: 'The port that is connected to.' },
  },
} as const satisfies JsonSchema
export type TcpCheck = Static<typeof TcpCheck>

export const LinkCheck = {
  type: 'object',
  description: 'Passes while a link of the node is up and has carrier; a change is noticed at once.',
  required: ['name'],
  properties: {
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 15,
      description: "The link of this name. The virtual router's own link needs no check.",
    },
  },
} as const satisfies JsonSchema
export type LinkCheck = Static<typeof LinkCheck>

export const FileCheck = {
  type: 'object',
  description: 'Passes as a file of the node says.',
  required: ['path'],
  properties: {
    path: {
      type: 'string',
      minLength: 1,
      maxLength: 1024,
      description:
        "The file's absolute path. In a cluster: in a folder that the agents may read (the chart's value agent.fileCheckFolders).",
    },
    reads: {
      type: 'string',
      enum: ['Number', 'Existence'],
      description:
        'Number: the whole number in its first line; without a weight it passes while that is 0, with one the number times the weight is added to the priority, and -254 or less is a FAULT. Existence: passes while it is there, whatever is in it (default: Number).',
    },
  },
} as const satisfies JsonSchema
export type FileCheck = Static<typeof FileCheck>

export const RouteCheck = {
  type: 'object',
  description: "Passes while the node's main routing table has a route to exactly this network.",
  required: ['destination'],
  properties: {
    destination: {
      type: 'string',
      maxLength: 43,
      description: 'The network, e.g. 10.0.0.0/8; 0.0.0.0/0 and ::/0 are the default routes.',
    },
    link: {
      type: 'string',
      minLength: 1,
      maxLength: 15,
      description: 'The link that it must lead over (default: any).',
    },
    gateway: {
      type: 'string',
      maxLength: 39,
      description: 'The address that it must lead by (default: any, or none).',
    },
  },
} as const satisfies JsonSchema
export type RouteCheck = Static<typeof RouteCheck>

export const PodsCheck = {
  type: 'object',
  description:
    'Passes while a pod on the node is Ready; a change is noticed at once. While the API server is not heard, what it said last counts.',
  required: ['namespace', 'selector'],
  properties: {
    namespace: {
      type: 'string',
      minLength: 1,
      maxLength: 63,
      description:
        "The pod's namespace: one whose pods the agents may read (the chart's value agent.podCheckNamespaces).",
    },
    selector: labelSelector('Which pods: one of them must be Ready. Empty: any.', 'pod'),
  },
} as const satisfies JsonSchema
export type PodsCheck = Static<typeof PodsCheck>

export const Check = {
  type: 'object',
  description: 'Something that must be well on a node: a failing check lowers the priority there, or is a FAULT.',
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 63, description: 'Unique in this VirtualIP.' },
    process: {
      type: 'object',
      description: 'Passes while a process runs.',
      required: ['name'],
      properties: {
        name: {
          type: 'string',
          minLength: 1,
          maxLength: 255,
          description: 'The name of the process (as pgrep NAME, exact).',
        },
      },
    },
    exec: {
      type: 'object',
      description: 'Passes when a command succeeds.',
      required: ['command'],
      properties: {
        command: {
          type: 'array',
          minItems: 1,
          maxItems: 64,
          'x-kubernetes-list-type': 'atomic',
          description: 'Program and arguments; passes on exit status 0. No shell.',
          items: { type: 'string', maxLength: 4096, description: 'The program, or one argument.' },
        },
      },
    },
    http: HttpCheck,
    tcp: TcpCheck,
    link: LinkCheck,
    file: FileCheck,
    route: RouteCheck,
    pods: PodsCheck,
    initialDelay: duration(
      'Time before the first run, at most 1h (default: 0s); a virtual router waits for the first result.',
    ),
    interval: duration('Time from one run to the next, 100ms to 1h (default: 1s).'),
    timeout: duration(
      'A run that takes longer is ended and counts as failed, 100ms to 1h (default: the interval). Runs never overlap.',
    ),
    fall: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      description: 'Failures in a row until the check fails (default: 1).',
    },
    rise: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      description: 'Passes in a row until it passes again (default: 1).',
    },
    inverse: {
      type: 'boolean',
      description:
        'Whether it passes when it would fail, and fails when it would pass (default: false). What could not be found out fails either way.',
    },
    weight: {
      type: 'integer',
      minimum: -253,
      maximum: 253,
      description:
        'Negative: added to the priority while the check fails. Positive: added while it passes. Absent: a failing check is a FAULT. Of a file with a number: added as often as that says.',
    },
  },
} as const satisfies JsonSchema
export type Check = Static<typeof Check>

/** One of each name. */
export const Checks = {
  type: 'array',
  description: 'What must be well on a node for it to hold the addresses.',
  maxItems: 16,
  items: Check,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name'],
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
