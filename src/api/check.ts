import { duration } from './duration.ts'
import type { JsonSchema, Static } from './json-schema.ts'
import { labelSelector } from './label-selector.ts'

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
