import type { IpAddress } from '../lib/ip-address.ts'
import type { JsonSchema, Static } from './json-schema.ts'

export const AddressOption = {
  type: 'object',
  description: 'How one of the addresses is held.',
  required: ['address'],
  properties: {
    address: {
      type: 'string',
      minLength: 1,
      maxLength: 39,
      description: 'Which of the addresses, without its prefix length.',
    },
    advertised: {
      type: 'boolean',
      description:
        'Whether adverts list it; held and announced it is either way (default: true). A family of which none is advertised has no virtual router: its addresses move with those of the other.',
    },
    link: {
      type: 'string',
      minLength: 1,
      maxLength: 15,
      description:
        'The link that holds it, by name (default: the one that adverts go over). A node where that is missing, down or without carrier is in FAULT.',
    },
    deprecated: {
      type: 'boolean',
      description:
        "IPv6: whether it is deprecated (RFC 4862), so that it is no source of the node's own connections (default: true with prefix length 128, else false). IPv4 has no such thing: give it prefix length 32.",
    },
    scope: {
      type: 'string',
      enum: ['Global', 'Link', 'Host'],
      description:
        'IPv4: its scope, as `ip address` has it (default: Global). Link: no source of connections by way of a gateway; Host: no source at all. Addresses of one subnet on a link have one scope: give it prefix length 32.',
    },
    label: {
      type: 'string',
      minLength: 1,
      maxLength: 13,
      description: 'IPv4: its label is the name of its link, a colon and this, e.g. 1 for eth0:1; 15 bytes in all.',
    },
  },
} as const satisfies JsonSchema
export type AddressOption = Static<typeof AddressOption>

/** One of each address. */
export const AddressOptions = {
  type: 'array',
  description: 'How some of the addresses are held, where that is not as by default.',
  maxItems: 128,
  items: AddressOption,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['address'],
} as const satisfies JsonSchema

interface WithAddressOptions {
  readonly addressOptions?: readonly AddressOption[]
}

/** What is said of an address; what is not said is as by default. */
export function optionOf(
  { addressOptions = [] }: WithAddressOptions,
  { text }: IpAddress,
): Omit<AddressOption, 'address'> {
  return addressOptions.find(({ address }) => address === text) ?? {}
}

export function isAdvertised(spec: WithAddressOptions, address: IpAddress): boolean {
  return optionOf(spec, address).advertised ?? true
}
