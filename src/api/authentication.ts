import { duration } from './duration.ts'
import type { JsonSchema, Static } from './json-schema.ts'

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
