import Type, { type Static } from 'typebox'
import { Condition } from './conditions.ts'
import type { ObjectMeta } from './object-meta.ts'

const Duration = (description: string) =>
  Type.String({ description, pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$', maxLength: 32 })

const LabelSelector = (description: string) =>
  Type.Object(
    {
      matchLabels: Type.Optional(Type.Record(Type.String(), Type.String())),
      matchExpressions: Type.Optional(
        Type.Array(
          Type.Object({
            key: Type.String(),
            operator: Type.Enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
            values: Type.Optional(Type.Array(Type.String())),
          }),
        ),
      ),
    },
    { description },
  )

export const SecretReference = Type.Object({
  name: Type.String({
    description: 'A Secret in the namespace of kube-vrrp (file mode: in the same file).',
    minLength: 1,
    maxLength: 253,
  }),
  key: Type.Optional(
    Type.String({ description: 'The key in its data (default: password).', minLength: 1, maxLength: 253 }),
  ),
})

export const Authentication = Type.Object({
  type: Type.Enum(['PASS'], {
    description: 'PASS: 8 bytes in the clear (version 2 only); it keeps misconfigured routers apart, not attackers.',
  }),
  secretRef: SecretReference,
})

export const Preemption = Type.Object({
  mode: Type.Enum(['Always', 'Never'], {
    description: 'Whether a node of higher priority takes the address back (default: Always).',
  }),
  delay: Type.Optional(
    Duration(
      'How long a node of higher priority hears a lower one before it takes the address (mode Always; default: 0s).',
    ),
  ),
})

export const Check = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 63, description: 'Unique in this VirtualIP.' }),
  process: Type.Optional(
    Type.Object({
      name: Type.String({
        minLength: 1,
        maxLength: 255,
        description: 'Passes while a process of this name runs (as pgrep NAME, exact).',
      }),
    }),
  ),
  exec: Type.Optional(
    Type.Object({
      command: Type.Array(Type.String(), {
        minItems: 1,
        maxItems: 64,
        description: 'Program and arguments; passes on exit status 0. No shell.',
      }),
    }),
  ),
  interval: Type.Optional(Duration('Time from one run to the next (default: 1s).')),
  timeout: Type.Optional(Duration('A run that takes longer is ended and counts as failed (default: the interval).')),
  fall: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, description: 'Failures in a row until the check fails (default: 1).' }),
  ),
  rise: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, description: 'Passes in a row until it passes again (default: 1).' }),
  ),
  weight: Type.Optional(
    Type.Integer({
      minimum: -253,
      maximum: 253,
      description:
        'Negative: added to the priority while the check fails. Positive: added while it passes. Absent: a failing check is a FAULT.',
    }),
  ),
})
export type Check = Static<typeof Check>

export const ChecksumForm = Type.Enum(['PseudoHeader', 'RFC9568'], {
  description:
    'IPv4 checksum of version 3 adverts sent (both are accepted): with the pseudo-header, as keepalived and FRR demand, or as RFC 9568 says (default: PseudoHeader).',
})
export type ChecksumForm = Static<typeof ChecksumForm>

export const AddressFamily = Type.Enum(['IPv4', 'IPv6'])
export const VirtualRouterID = Type.Integer({ minimum: 1, maximum: 255 })

export const VirtualIPSpec = Type.Object({
  addresses: Type.Array(Type.String({ maxLength: 43 }), {
    minItems: 1,
    maxItems: 64,
    description:
      'IPv4 and IPv6 addresses, with a prefix length or without (then /32, /128). One virtual router per family.',
  }),
  interface: Type.Optional(
    Type.Object({
      name: Type.Optional(Type.String({ minLength: 1, maxLength: 15, description: 'The link of this name.' })),
      subnet: Type.Optional(
        Type.String({ maxLength: 43, description: 'The link that has an address in this subnet.' }),
      ),
    }),
  ),
  nodeSelector: Type.Optional(LabelSelector('The nodes that may take part (default: every node with an agent).')),
  redundancy: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 16, description: 'How many nodes take part (default: 3).' }),
  ),
  preferredNodes: Type.Optional(
    Type.Array(
      Type.Object({
        weight: Type.Integer({ minimum: 1, maximum: 100 }),
        preference: LabelSelector('Nodes with these labels rank higher by the weight.'),
      }),
      { maxItems: 16 },
    ),
  ),
  virtualRouterID: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 255, description: 'VRID; allocated and shown in the status when absent.' }),
  ),
  priorities: Type.Optional(
    Type.Array(
      Type.Object({
        node: Type.String({ minLength: 1, maxLength: 253 }),
        priority: Type.Integer({ minimum: 1, maximum: 255 }),
      }),
      {
        minItems: 1,
        maxItems: 64,
        description: 'Fixed members and priorities, for those who come from keepalived; else the plan ranks.',
      },
    ),
  ),
  advertisementInterval: Type.Optional(
    Duration('Version 3: 10ms to 40.95s (default: 200ms). Version 2: 1s to 255s, whole seconds (default: 1s).'),
  ),
  version: Type.Optional(Type.Enum([2, 3], { description: 'VRRP version (default: 3). Version 2 is IPv4 only.' })),
  authentication: Type.Optional(Authentication),
  preemption: Type.Optional(Preemption),
  checksum: Type.Optional(ChecksumForm),
  checks: Type.Optional(Type.Array(Check, { maxItems: 16 })),
})
export type VirtualIPSpec = Static<typeof VirtualIPSpec>

/** What users see of a virtual router on a node. FAULT: it would take part but can't; the reason says why. */
export const RouterStateName = Type.Enum(['MASTER', 'BACKUP', 'FAULT', 'INITIALIZE'])
export type RouterStateName = Static<typeof RouterStateName>

export const VirtualIPStatus = Type.Object({
  observedGeneration: Type.Optional(Type.Integer()),
  virtualRouterID: Type.Optional(VirtualRouterID),
  master: Type.Optional(
    Type.String({ description: 'The node that holds the addresses; absent while none is known to.' }),
  ),
  backups: Type.Optional(Type.String({ description: 'Healthy BACKUPs of those planned, e.g. 2/2.' })),
  conditions: Type.Optional(Type.Array(Condition)),
  nodes: Type.Optional(
    Type.Array(
      Type.Object({
        node: Type.String(),
        family: AddressFamily,
        state: RouterStateName,
        priority: Type.Optional(Type.Integer()),
        link: Type.Optional(Type.String()),
        since: Type.Optional(Type.String({ format: 'date-time' })),
        reason: Type.Optional(Type.String()),
        message: Type.Optional(Type.String()),
      }),
    ),
  ),
})
export type VirtualIPStatus = Static<typeof VirtualIPStatus>

export interface VirtualIP {
  readonly apiVersion: 'kube-vrrp.io/v1alpha1'
  readonly kind: 'VirtualIP'
  readonly metadata: ObjectMeta
  readonly spec: VirtualIPSpec
  readonly status?: VirtualIPStatus
}
