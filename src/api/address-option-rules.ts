import { parseIpAddress, parsePrefix } from '../lib/ip-address.ts'
import type { AddressOption } from './address-options.ts'
import { linkNameRule } from './link-name.ts'
import type { CelRule } from './rule.ts'

const LABEL = '^[-._A-Za-z0-9]+$'
const FAMILY_OF_FIELD = { deprecated: 'IPv6', scope: 'IPv4', label: 'IPv4' } as const
const NO_ADVERT = 'has(o.advertised) && !o.advertised'

interface WithAddresses {
  readonly addresses: readonly string[]
  readonly addressOptions?: readonly AddressOption[]
}

/** `spec` has addresses and addressOptions. */
export function addressOptionRules(spec: string): readonly CelRule[] {
  const each = `${spec}.addressOptions[*]`
  return [
    {
      path: `${each}.address`,
      cel: "isIP(self) && (!self.contains(':') || ip.isCanonical(self))",
      check: (self: string) => parseIpAddress(self)?.text === self,
      message:
        'must be an IP address in its shortest form, without a prefix length, e.g. 192.168.1.100 or 2001:db8::100',
    },
    {
      path: spec,
      field: 'addressOptions',
      cel: '!has(self.addressOptions) || self.addressOptions.all(o, !isIP(o.address) || self.addresses.exists(a, isCIDR(a) ? cidr(a).ip() == ip(o.address) : isIP(a) && ip(a) == ip(o.address)))',
      check: ({ addresses, addressOptions = [] }: WithAddresses) => {
        const texts = new Set(addresses.map(text => parsePrefix(text)?.address.text))
        return addressOptions.every(({ address }) => parseIpAddress(address)?.text !== address || texts.has(address))
      },
      message: 'must each name one of the addresses: add the address there, or remove the option',
    },
    {
      path: spec,
      field: 'addressOptions',
      cel: `!has(self.addressOptions) || self.addressOptions.filter(o, ${NO_ADVERT}).size() < self.addresses.size()`,
      check: ({ addresses, addressOptions = [] }: WithAddresses) =>
        addressOptions.filter(({ advertised }) => advertised === false).length < addresses.length,
      message: 'must leave at least one address advertised: an advert without an address is none',
    },
    ...Object.entries(FAMILY_OF_FIELD).map(([field, family]): CelRule => {
      const isOther = (address: string) => address.includes(':') !== (family === 'IPv6')
      return {
        path: each,
        field,
        cel: `!has(self.${field}) || ${family === 'IPv6' ? '' : '!'}self.address.contains(':')`,
        check: (self: AddressOption) => self[field as keyof AddressOption] === undefined || !isOther(self.address),
        message: `must be absent for ${family === 'IPv6' ? 'IPv4' : 'IPv6'}: only an ${family} address has it`,
      }
    }),
    linkNameRule(`${each}.link`),
    {
      path: `${each}.label`,
      cel: `self.matches('${LABEL}')`,
      check: (self: string) => new RegExp(LABEL).test(self),
      message: "must be letters, digits, dots, dashes and underscores: the link's name and a colon come before it",
    },
  ]
}
