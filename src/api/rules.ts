import { type Family, networkOf, type Prefix, parseIpAddress, parsePrefix, sameAddress } from '../lib/ip-address.ts'
import { type Millis, parseDuration } from '../lib/time.ts'
import { addressOptionRules } from './address-option-rules.ts'
import { isAdvertised } from './address-options.ts'
import type { Authentication, HMACAuthentication } from './authentication.ts'
import type { Check } from './check.ts'
import { httpRules, tcpRules } from './connection-rules.ts'
import { FILE_PATH, isFilePath } from './file-path.ts'
import { linkNameRule } from './link-name.ts'
import { isNamespace, NAMESPACE } from './names.ts'
import type { CelRule, Rule } from './rule.ts'
import type { Transport } from './transport.ts'
import type { VirtualIPSpec } from './virtual-ip.ts'
import type { VirtualRouterSpec } from './virtual-ip-node.ts'

const MAX_CHECK_INTERVAL = 3_600_000
const MAX_PREEMPTION_DELAY = 1_000_000
const MAX_TIME_WINDOW = 3_600_000

/** Whole milliseconds, and few enough (some 200 years) for CEL's duration(). */
const DURATION = '^([0-9]{1,6}(\\.[0-9]{1,3})?s|[0-9]{1,6}(ms|m|h))+$'
const isDurationCel = (text: string) => `${text}.matches('${DURATION.replaceAll('\\', '\\\\')}')`
const isDuration = (text: string) => new RegExp(DURATION).test(text)

/** In CEL: an address as lib/ip-address has it. An IPv6 address with its end written in decimal is none of ours. */
const isAddressCel = (text: string) =>
  `((isIP(${text}) || (isCIDR(${text}) && cidr(${text}).prefixLength() > 0)) && !${text}.matches(':.*\\\\.'))`
const addressCel = (text: string) => `(isCIDR(${text}) ? cidr(${text}).ip() : ip(${text}))`

function addressOf(text: string): Prefix | undefined {
  const prefix = parsePrefix(text)
  return prefix && prefix.length > 0 ? prefix : undefined
}

/** A rule about durations is silent where the text is none: that has a rule of its own. Rounded: 2.01 s is 2009.9999999999998 ms in floating point. */
function durationWithin(text: string | undefined, within: (length: Millis) => boolean): boolean {
  return text === undefined || !isDuration(text) || within(Math.round(parseDuration(text) ?? Number.NaN))
}

function durationRule(path: string): CelRule {
  return {
    path,
    cel: isDurationCel('self'),
    check: isDuration,
    message: 'must be a duration in whole milliseconds, such as 200ms, 1.5s or 1m30s',
  }
}

const addressRules: readonly CelRule[] = [
  {
    path: 'spec.addresses[*]',
    cel: isAddressCel('self'),
    check: (self: string) => addressOf(self) !== undefined,
    message:
      'must be an IPv4 or IPv6 address, with a prefix length (IPv4: 1 to 32, IPv6: 1 to 128) or without, e.g. 192.168.1.100/24',
  },
  {
    path: 'spec.addresses[*]',
    cel: `!${isAddressCel('self')} || ${addressCel('self')}.isGlobalUnicast() || ${addressCel('self')}.isLinkLocalUnicast()`,
    check: (self: string) => isHostAddress(addressOf(self)),
    message: 'must be an address that a host can hold: not loopback, multicast, unspecified or broadcast',
  },
  {
    path: 'spec.addresses[*]',
    cel: `!${isAddressCel('self')} || !isCIDR(self) || cidr(self).prefixLength() > (self.contains(':') ? 126 : 30) || !(cidr(self).masked().ip() in [cidr(self).ip()])`,
    check: (self: string) => !isNetworkItself(addressOf(self)),
    message: 'is the network itself: give the address to hold in it, e.g. 192.168.1.100/24, not 192.168.1.0/24',
  },
  {
    path: 'spec.addresses',
    cel: `self.all(a, !${isAddressCel('a')} || self.exists_one(b, ${isAddressCel('b')} && ${addressCel('b')} == ${addressCel('a')}))`,
    check: (self: string[]) => eachOnce(self.flatMap(text => addressOf(text)?.address.text ?? [])),
    message: 'must name each address once (also when the prefix lengths differ): remove the second',
  },
]

function isHostAddress(prefix: Prefix | undefined): boolean {
  if (!prefix) return true
  const { family, text, bytes } = prefix.address
  const first = bytes[0] ?? 0
  if (family === 'IPv6') return text !== '::' && text !== '::1' && first !== 0xff
  return text !== '0.0.0.0' && text !== '255.255.255.255' && first !== 127 && (first < 224 || first > 239)
}

function isNetworkItself(prefix: Prefix | undefined): boolean {
  if (!prefix || prefix.length > (prefix.address.family === 'IPv4' ? 30 : 126)) return false
  return sameAddress(networkOf(prefix).address, prefix.address)
}

const interfaceRules: readonly CelRule[] = [
  {
    path: 'spec.interface',
    cel: '!(has(self.name) && has(self.subnet))',
    check: (self: { name?: string; subnet?: string }) => self.name === undefined || self.subnet === undefined,
    message: 'must have a name or a subnet, not both: remove one',
  },
  linkNameRule('spec.interface.name'),
  {
    path: 'spec.interface.subnet',
    cel: "isCIDR(self) && cidr(self).prefixLength() > 0 && !self.matches(':.*\\\\.')",
    check: (self: string) => self.includes('/') && addressOf(self) !== undefined,
    message: 'must be a subnet such as 192.168.1.0/24 or 2001:db8::/64',
  },
]

const protocolRules: readonly CelRule[] = [
  durationRule('spec.advertisementInterval'),
  {
    path: 'spec',
    field: 'advertisementInterval',
    cel: `!has(self.advertisementInterval) || (has(self.version) && self.version == 2) || !${isDurationCel('self.advertisementInterval')} || (duration(self.advertisementInterval) >= duration('10ms') && duration(self.advertisementInterval) <= duration('40.95s') && duration(self.advertisementInterval).getMilliseconds() % 10 == 0)`,
    check: (self: VirtualIPSpec) => self.version === 2 || intervalFits(3, self.advertisementInterval),
    message: 'must be 10ms to 40.95s in steps of 10ms (version 3), e.g. 200ms',
  },
  {
    path: 'spec',
    field: 'advertisementInterval',
    cel: `!has(self.advertisementInterval) || !has(self.version) || self.version != 2 || !${isDurationCel('self.advertisementInterval')} || (duration(self.advertisementInterval) >= duration('1s') && duration(self.advertisementInterval) <= duration('255s') && duration(self.advertisementInterval).getMilliseconds() % 1000 == 0)`,
    check: (self: VirtualIPSpec) => self.version !== 2 || intervalFits(2, self.advertisementInterval),
    message: 'must be 1s to 255s in whole seconds, which is all that version 2 can say, e.g. 1s; or use version 3',
  },
  {
    path: 'spec',
    field: 'addresses',
    cel: "!has(self.version) || self.version != 2 || self.addresses.filter(a, a.contains(':')).size() <= (has(self.addressOptions) ? self.addressOptions.filter(o, o.address.contains(':') && has(o.advertised) && !o.advertised).size() : 0)",
    check: (self: VirtualIPSpec) => self.version !== 2 || !advertisesIPv6(self),
    message:
      'must be IPv4 with version 2: use version 3, or hold the IPv6 addresses with advertised: false in addressOptions',
  },
  {
    path: 'spec',
    field: 'authentication',
    cel: "!has(self.authentication) || self.authentication.type != 'PASS' || (has(self.version) && self.version == 2)",
    check: ({ authentication, version }: VirtualIPSpec) => authentication?.type !== 'PASS' || version === 2,
    message: 'of type PASS needs version 2: set version to 2, or use type HMAC',
  },
  ...authenticationRules('spec.authentication'),
]

function authenticationRules(path: string): readonly CelRule[] {
  return [
    {
      path,
      field: 'hmac',
      cel: "(self.type == 'HMAC') == has(self.hmac)",
      check: ({ type, hmac }: Authentication) => (type === 'HMAC') === (hmac !== undefined),
      message:
        'belongs to type HMAC, which needs it: hmac: {keys: [{id: 1, key: …}]}, with the name of a key in the Secret',
    },
    {
      path,
      field: 'secretRef',
      cel: "self.type != 'HMAC' || !has(self.secretRef.key)",
      check: ({ type, secretRef }: Authentication) => type !== 'HMAC' || secretRef.key === undefined,
      message: 'must have no key with type HMAC: hmac.keys says which there are',
    },
    {
      path: `${path}.hmac`,
      field: 'activeKey',
      cel: 'has(self.activeKey) ? self.keys.exists(k, k.id == self.activeKey) : self.keys.size() <= 1',
      check: ({ activeKey, keys }: HMACAuthentication) =>
        activeKey === undefined ? keys.length <= 1 : keys.some(({ id }) => id === activeKey),
      message: 'must be the ID of one of the keys; with more than one it must be given',
    },
    durationRule(`${path}.hmac.timeWindow`),
    {
      path: `${path}.hmac`,
      field: 'timeWindow',
      cel: `!has(self.timeWindow) || !${isDurationCel('self.timeWindow')} || (duration(self.timeWindow) >= duration('1s') && duration(self.timeWindow) <= duration('1h'))`,
      check: ({ timeWindow }: HMACAuthentication) =>
        durationWithin(timeWindow, length => length >= 1000 && length <= MAX_TIME_WINDOW),
      message: 'must be 1s to 1h',
    },
  ]
}

function advertisesIPv6({ addresses, addressOptions = [] }: VirtualIPSpec): boolean {
  const isIPv6 = (text: string) => text.includes(':')
  const silent = addressOptions.filter(({ address, advertised }) => isIPv6(address) && advertised === false)
  return addresses.filter(isIPv6).length > silent.length
}

/** What an advert can carry: version 3 in centiseconds, 12 bits; version 2 in seconds, 8 bits. */
function intervalFits(version: 2 | 3, text: string | undefined): boolean {
  const [step, most] = version === 3 ? [10, 40_950] : [1000, 255_000]
  return durationWithin(text, length => length >= step && length <= most && Number.isInteger(length / step))
}

type Peers = NonNullable<Transport['peers']>

const isIpCel = (text: string) => `(isIP(${text}) && !${text}.matches(':.*[.]'))`

function familyOf(text: string): Family | undefined {
  return parseIpAddress(text)?.family
}

const transportRules: readonly CelRule[] = [
  ...(['peers', 'ttl', 'minTTL'] as const).map(
    (field): CelRule => ({
      path: 'spec.transport',
      field,
      cel: `!has(self.${field}) || self.mode == 'Unicast'`,
      check: (self: Transport) => self[field] === undefined || self.mode === 'Unicast',
      message: `needs mode Unicast: with Multicast it says nothing, so remove ${field}`,
    }),
  ),
  {
    path: 'spec.transport.peers',
    cel: 'self.size() > 0',
    check: (self: Peers) => self.length > 0,
    message: 'must name a peer; leave peers out, and they are the other nodes that take part',
  },
  {
    path: 'spec.transport.peers[*].address',
    cel: isIpCel('self'),
    check: (self: string) => parseIpAddress(self) !== undefined,
    message: 'must be an IPv4 or IPv6 address, without a prefix length',
  },
  {
    path: 'spec.transport.peers[*].address',
    cel: `!${isIpCel('self')} || ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast()`,
    check: (self: string) => isHostAddress(addressOf(self)),
    message: 'must be an address that a host can hold: not loopback, multicast, unspecified or broadcast',
  },
  {
    path: 'spec.transport.peers',
    cel: `self.all(a, !${isIpCel('a.address')} || self.exists_one(b, ${isIpCel('b.address')} && ip(b.address) == ip(a.address)))`,
    check: (self: Peers) => eachOnce(self.flatMap(({ address }) => parseIpAddress(address)?.text ?? [])),
    message: 'must name each address once: remove the second',
  },
  {
    path: 'spec.transport.peers',
    cel: `self.all(a, !has(a.node) || !${isIpCel('a.address')} || self.exists_one(b, has(b.node) && b.node == a.node && ${isIpCel('b.address')} && ip(b.address).family() == ip(a.address).family()))`,
    check: (self: Peers) =>
      eachOnce(self.flatMap(({ node, address }) => (node && familyOf(address) ? `${node} ${familyOf(address)}` : []))),
    message: 'must give a node one address of each family: remove the second',
  },
  {
    path: 'spec',
    field: 'transport',
    cel: `!has(self.transport) || !has(self.transport.peers) || !self.addresses.exists(a, ${isAddressCel('a')} && self.transport.peers.exists(p, ${isIpCel('p.address')} && ip(p.address) == ${addressCel('a')}))`,
    check: ({ addresses, transport }: VirtualIPSpec) => {
      const held = new Set(addresses.map(text => addressOf(text)?.address.text))
      return !transport?.peers?.some(({ address }) => held.has(parseIpAddress(address)?.text ?? ''))
    },
    message: "must not have one of spec.addresses among its peers, which moves: give the nodes' own addresses",
  },
  {
    path: 'spec',
    field: 'transport',
    cel: `!has(self.transport) || !has(self.transport.peers) || self.transport.peers.all(p, !${isIpCel('p.address')} || self.addresses.exists(a, ${isAddressCel('a')} && ${addressCel('a')}.family() == ip(p.address).family()))`,
    check: ({ addresses, transport }: VirtualIPSpec) => {
      const families = new Set(addresses.map(text => addressOf(text)?.address.family))
      return !transport?.peers?.some(({ address }) => familyOf(address) && !families.has(familyOf(address)))
    },
    message: 'must have peers of the families of spec.addresses only: nothing would be sent to the others',
  },
]

const priorityRules: readonly CelRule[] = [
  {
    path: 'spec.priorities',
    cel: 'self.all(a, self.exists_one(b, b.priority == a.priority))',
    check: (self: { priority: number }[]) => eachOnce(self.map(({ priority }) => priority)),
    message: 'must have a different priority for each node: with equal ones nodes take the addresses from each other',
  },
]

function preemptionRules(path: string): readonly CelRule[] {
  return [
    durationRule(`${path}.delay`),
    {
      path,
      field: 'delay',
      cel: "!has(self.delay) || self.mode == 'Always'",
      check: (self: { mode: string; delay?: string }) => self.delay === undefined || self.mode === 'Always',
      message: 'needs mode Always: with Never nothing is preempted, so remove delay',
    },
    {
      path,
      field: 'delay',
      cel: `!has(self.delay) || !${isDurationCel('self.delay')} || duration(self.delay) <= duration('1000s')`,
      check: (self: { delay?: string }) => durationWithin(self.delay, length => length <= MAX_PREEMPTION_DELAY),
      message: 'must be at most 1000s',
    },
  ]
}

const GROUP = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'

const groupRules: readonly CelRule[] = [
  {
    path: 'spec.group',
    cel: `self.matches('${GROUP}')`,
    check: (self: string) => new RegExp(GROUP).test(self),
    message: 'must be lower-case letters, digits and dashes, with a letter or digit at both ends, e.g. edge',
  },
  {
    path: 'spec',
    field: 'families',
    cel: "!has(self.families) || self.families != 'Separate' || !has(self.group)",
    check: (self: VirtualIPSpec) => self.families !== 'Separate' || self.group === undefined,
    message:
      'must not be Separate with a group, whose virtual routers all change state together: remove one of the two',
  },
]

const CHECK_KINDS = ['process', 'exec', 'http', 'tcp', 'link', 'file', 'route', 'pods'] as const

function checkRules(path: string): readonly CelRule[] {
  return [
    {
      path,
      cel: `[${CHECK_KINDS.map(kind => `has(self.${kind})`).join(', ')}].exists_one(is, is)`,
      check: (self: Check) => CHECK_KINDS.filter(kind => self[kind] !== undefined).length === 1,
      message: `must have exactly one of ${CHECK_KINDS.slice(0, -1).join(', ')} and ${CHECK_KINDS.at(-1)}`,
    },
    {
      path,
      field: 'weight',
      cel: '!has(self.weight) || self.weight != 0',
      check: (self: Check) => self.weight !== 0,
      message: 'must not be 0, which changes nothing: remove weight, and a failing check is a FAULT',
    },
    ...(['interval', 'timeout'] as const).flatMap((field): CelRule[] => [
      durationRule(`${path}.${field}`),
      {
        path,
        field,
        cel: `!has(self.${field}) || !${isDurationCel(`self.${field}`)} || (duration(self.${field}) >= duration('100ms') && duration(self.${field}) <= duration('1h'))`,
        check: (self: Check) => durationWithin(self[field], length => length >= 100 && length <= MAX_CHECK_INTERVAL),
        message: 'must be 100ms to 1h',
      },
    ]),
    durationRule(`${path}.initialDelay`),
    {
      path,
      field: 'initialDelay',
      cel: `!has(self.initialDelay) || !${isDurationCel('self.initialDelay')} || duration(self.initialDelay) <= duration('1h')`,
      check: (self: Check) => durationWithin(self.initialDelay, length => length <= MAX_CHECK_INTERVAL),
      message: 'must be at most 1h',
    },
    ...httpRules(`${path}.http`),
    ...tcpRules(`${path}.tcp`),
    linkNameRule(`${path}.link.name`),
    filePathRule(`${path}.file.path`),
    ...routeRules(`${path}.route`),
    {
      path: `${path}.pods.namespace`,
      cel: `self.matches('${NAMESPACE}')`,
      check: isNamespace,
      message: 'must be the name of a namespace: lower-case letters, digits and dashes',
    },
    ...selectorRules(`${path}.pods.selector`),
  ]
}

function routeRules(path: string): readonly CelRule[] {
  const isNetwork = (text: string) => `(isCIDR(${text}) && !${text}.matches(':.*[.]'))`
  return [
    {
      path: `${path}.destination`,
      cel: `${isNetwork('self')} && cidr(self).masked().ip() == cidr(self).ip()`,
      check: (self: string) => networkIn(self) !== undefined,
      message: 'must be a network such as 10.0.0.0/8 or 2001:db8::/32; 0.0.0.0/0 and ::/0 are the default routes',
    },
    linkNameRule(`${path}.link`),
    {
      path: `${path}.gateway`,
      cel: "isIP(self) && !self.matches(':.*[.]')",
      check: (self: string) => parseIpAddress(self) !== undefined,
      message: 'must be an IPv4 or IPv6 address',
    },
    {
      path,
      field: 'gateway',
      cel: `!has(self.gateway) || !isIP(self.gateway) || !${isNetwork('self.destination')} || ip(self.gateway).family() == cidr(self.destination).ip().family()`,
      check: ({ gateway = '', destination }: { gateway?: string; destination: string }) => {
        const families = [parseIpAddress(gateway)?.family, networkIn(destination)?.address.family]
        return families.includes(undefined) || families[0] === families[1]
      },
      message: 'must be of the same family as destination',
    },
  ]
}

function networkIn(text: string): Prefix | undefined {
  const prefix = text.includes('/') ? parsePrefix(text) : undefined
  return prefix && sameAddress(networkOf(prefix).address, prefix.address) ? prefix : undefined
}

function filePathRule(path: string): CelRule {
  return {
    path,
    cel: `self.matches('${FILE_PATH.replaceAll('\\', '\\\\')}')`,
    check: isFilePath,
    message: 'must be the absolute path of a file, without . and .. in it and no slash at its end, e.g. /run/load',
  }
}

function selectorRules(path: string): readonly CelRule[] {
  return [
    {
      path: `${path}.matchExpressions[*]`,
      field: 'values',
      cel: "!(self.operator in ['In', 'NotIn']) || (has(self.values) && self.values.size() > 0)",
      check: (self: { operator: string; values?: string[] }) =>
        !['In', 'NotIn'].includes(self.operator) || (self.values ?? []).length > 0,
      message: 'must have at least one value for the operators In and NotIn',
    },
    {
      path: `${path}.matchExpressions[*]`,
      field: 'values',
      cel: "self.operator in ['In', 'NotIn'] || !has(self.values) || self.values.size() == 0",
      check: (self: { operator: string; values?: string[] }) =>
        ['In', 'NotIn'].includes(self.operator) || (self.values ?? []).length === 0,
      message: 'must be absent for the operators Exists and DoesNotExist',
    },
  ]
}

export const virtualIPRules: readonly CelRule[] = [
  ...addressRules,
  ...addressOptionRules('spec'),
  ...interfaceRules,
  ...selectorRules('spec.nodeSelector'),
  ...selectorRules('spec.preferredNodes[*].preference'),
  ...protocolRules,
  ...transportRules,
  ...priorityRules,
  ...preemptionRules('spec.preemption'),
  ...groupRules,
  ...checkRules('spec.checks[*]'),
]

const ROUTER = 'spec.virtualRouters[*]'

/** Not in the CRD: the controller is the only one to write this, and the agent checks it before it believes it. */
export const virtualIPNodeRules: readonly Rule[] = [
  {
    path: 'spec.virtualRouters',
    check: (self: readonly VirtualRouterSpec[]) =>
      new Set(self.map(({ virtualIP, family }) => `${virtualIP}/${family}`)).size === self.length,
    message: 'must have each VirtualIP once per family',
  },
  {
    path: ROUTER,
    field: 'addresses',
    check: (self: VirtualRouterSpec) =>
      self.addresses.every(text => text.includes('/') && addressOf(text) !== undefined),
    message: 'must be addresses, each with its prefix length',
  },
  {
    path: ROUTER,
    field: 'addresses',
    check: (self: VirtualRouterSpec) =>
      self.addresses.every(text => {
        const address = addressOf(text)?.address
        return !address || address.family === self.family || !isAdvertised(self, address)
      }),
    message: 'must be of its family where they are advertised',
  },
  ...addressOptionRules(ROUTER),
  {
    path: ROUTER,
    field: 'advertisementInterval',
    check: (self: VirtualRouterSpec) =>
      isDuration(self.advertisementInterval) && intervalFits(self.version === 2 ? 2 : 3, self.advertisementInterval),
    message: 'must be what its version can say: 10ms to 40.95s in steps of 10ms, with version 2 whole seconds to 255s',
  },
  {
    path: ROUTER,
    field: 'version',
    check: (self: VirtualRouterSpec) => self.version === 3 || self.family === 'IPv4',
    message: 'must be 3 for IPv6',
  },
  {
    path: ROUTER,
    field: 'authentication',
    check: ({ authentication, version }: VirtualRouterSpec) => authentication?.type !== 'PASS' || version === 2,
    message: 'of type PASS needs version 2',
  },
  ...authenticationRules(`${ROUTER}.authentication`),
  {
    path: ROUTER,
    field: 'unicast',
    check: ({ family, unicast }: VirtualRouterSpec) =>
      !unicast || [unicast.source, ...unicast.peers].every(text => familyOf(text) === family),
    message: 'must have addresses of its family, without prefix lengths',
  },
  ...preemptionRules(`${ROUTER}.preemption`),
  ...checkRules(`${ROUTER}.checks[*]`),
]

function eachOnce(values: readonly (string | number)[]): boolean {
  return new Set(values).size === values.length
}
