import type { JsonSchema, Static } from './json-schema.ts'

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
