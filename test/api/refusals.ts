/** A spec that must be refused, and where with which sentence: by the API server and by file mode. */
export interface Refusal {
  readonly what: string
  readonly spec: unknown
  readonly path: string
  readonly sentence: string
}

const address = ['192.168.1.100/24']
const check = { name: 'nginx', process: { name: 'nginx' } }
const secretRef = { name: 'web-password' }

const NO_ADDRESS =
  'must be an IPv4 or IPv6 address, with a prefix length (IPv4: 1 to 32, IPv6: 1 to 128) or without, e.g. 192.168.1.100/24'
const NO_HOST = 'must be an address that a host can hold: not loopback, multicast, unspecified or broadcast'
const NETWORK = 'is the network itself: give the address to hold in it, e.g. 192.168.1.100/24, not 192.168.1.0/24'
const TWICE = 'must name each address once (also when the prefix lengths differ): remove the second'
const NO_GROUP = 'must be lower-case letters, digits and dashes, with a letter or digit at both ends, e.g. edge'
const NO_DURATION = 'must be a duration in whole milliseconds, such as 200ms, 1.5s or 1m30s'
const INTERVAL_3 = 'must be 10ms to 40.95s in steps of 10ms (version 3), e.g. 200ms'
const INTERVAL_2 = 'must be 1s to 255s in whole seconds, which is all that version 2 can say, e.g. 1s; or use version 3'
const NO_LINK = 'must be the name of a link as `ip link` shows it: no slash, colon or space'
const ONE_KIND = 'must have exactly one of process, exec, http, tcp, link, file, route and pods'
const NO_FILE = 'must be the absolute path of a file, without . and .. in it and no slash at its end, e.g. /run/load'
const NO_NETWORK = 'must be a network such as 10.0.0.0/8 or 2001:db8::/32; 0.0.0.0/0 and ::/0 are the default routes'
const NO_PEER = 'must be an IPv4 or IPv6 address, or a DNS name such as localhost'
const NO_IP = 'must be an IPv4 or IPv6 address, without a prefix length'
const NO_PATH = 'must begin with / and have no spaces; what is not ASCII is written as %XX'
const NO_NAME = 'must be the name of a header, such as Host: no spaces, colons or other separators'
const NO_STATUS = 'must be a status code of 200 to 599 or a range, e.g. 200 or 200-299'
const caBundle = 'my own\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
const ofThree = { http: { port: 80 }, tcp: { port: 80 }, exec: { command: ['true'] } }
const NO_SUBNET = 'must be a subnet such as 192.168.1.0/24 or 2001:db8::/64'

const keys = [{ id: 1, key: 'web-1' }]
const ACTIVE_KEY = 'must be the ID of one of the keys; with more than one it must be given'

const hmac = (fields: object, path: string, sentence: string): Refusal =>
  spec(
    `HMAC with ${JSON.stringify(fields)}`,
    { authentication: { type: 'HMAC', secretRef, hmac: fields } },
    `spec.authentication.hmac${path}`,
    sentence,
  )

const addresses = (text: string, sentence: string): Refusal => ({
  what: `the address "${text}"`,
  spec: { addresses: [...address, text] },
  path: 'spec.addresses[1]',
  sentence,
})

const interval = (text: string, sentence: string, version?: 2 | 3): Refusal => ({
  what: `the interval "${text}"${version === undefined ? '' : ` with version ${version}`}`,
  spec: { addresses: address, advertisementInterval: text, ...(version === undefined ? {} : { version }) },
  path: 'spec.advertisementInterval',
  sentence,
})

const spec = (what: string, fields: object, path: string, sentence: string): Refusal => ({
  what,
  spec: { addresses: address, ...fields },
  path,
  sentence,
})

const checks = (what: string, fields: object, path: string, sentence: string): Refusal =>
  spec(what, { checks: [{ ...check, ...fields }] }, `spec.checks[0]${path}`, sentence)

const http = (fields: object, path: string, sentence: string): Refusal =>
  spec(
    `an http check with ${JSON.stringify(fields)}`,
    { checks: [{ name: 'web', http: { port: 80, ...fields } }] },
    `spec.checks[0].http${path}`,
    sentence,
  )

const tcp = (fields: object, path: string, sentence: string): Refusal =>
  spec(
    `a tcp check with ${JSON.stringify(fields)}`,
    { checks: [{ name: 'web', tcp: { port: 80, ...fields } }] },
    `spec.checks[0].tcp${path}`,
    sentence,
  )

const link = (name: string, sentence: string): Refusal =>
  spec(
    `a link check of "${name}"`,
    { checks: [{ name: 'uplink', link: { name } }] },
    'spec.checks[0].link.name',
    sentence,
  )

const file = (fields: object, path: string, sentence: string): Refusal =>
  spec(
    `a file check with ${JSON.stringify(fields)}`,
    { checks: [{ name: 'load', file: fields }] },
    `spec.checks[0].file${path}`,
    sentence,
  )

const route = (fields: object, path: string, sentence: string): Refusal =>
  spec(
    `a route check with ${JSON.stringify(fields)}`,
    { checks: [{ name: 'uplink', route: fields }] },
    `spec.checks[0].route${path}`,
    sentence,
  )

const pods = (fields: object, path: string, sentence: string): Refusal =>
  spec(
    `a pods check with ${JSON.stringify(fields)}`,
    { checks: [{ name: 'app', pods: fields }] },
    `spec.checks[0].pods${path}`,
    sentence,
  )

const unicast = (
  { addresses = address, ...fields }: { addresses?: string[]; [field: string]: unknown },
  path: string,
  sentence: string,
): Refusal =>
  spec(
    `unicast with ${JSON.stringify(fields)}`,
    { addresses, transport: { mode: 'Unicast', ...fields } },
    `spec.transport${path}`,
    sentence,
  )

const option = (fields: object, path: string, sentence: string): Refusal =>
  spec(
    `the address option ${JSON.stringify(fields)}`,
    {
      addresses: ['192.168.1.100/24', '2001:DB8::100/64'],
      addressOptions: [{ address: '192.168.1.100', ...fields }],
    },
    `spec.addressOptions${path}`,
    sentence,
  )

export const refusals: readonly Refusal[] = [
  { what: 'no addresses', spec: {}, path: 'spec.addresses', sentence: 'Required value' },
  {
    what: 'an empty list of addresses',
    spec: { addresses: [] },
    path: 'spec.addresses',
    sentence: 'should have at least 1 items',
  },
  {
    what: '129 addresses',
    spec: { addresses: Array.from({ length: 129 }, (_, i) => `10.0.1.${i + 1}`) },
    path: 'spec.addresses',
    sentence: 'Too many: 129: must have at most 128 items',
  },
  {
    what: 'null as an address',
    spec: { addresses: [null] },
    path: 'spec.addresses[0]',
    sentence: 'must be of type string',
  },
  addresses('10.0.0.300', NO_ADDRESS),
  addresses('web.example.com', NO_ADDRESS),
  addresses('', NO_ADDRESS),
  addresses('10.0.0.5/33', NO_ADDRESS),
  addresses('10.0.0.5/0', NO_ADDRESS),
  addresses('10.0.0.5/', NO_ADDRESS),
  addresses('10.0.0.5/024', NO_ADDRESS),
  addresses('010.0.0.5', NO_ADDRESS),
  addresses('2001:db8::5/129', NO_ADDRESS),
  addresses('2001:db8::5/0', NO_ADDRESS),
  addresses('fe80::1%eth0', NO_ADDRESS),
  addresses('::ffff:10.0.0.5', NO_ADDRESS),
  addresses('64:ff9b::10.0.0.5', NO_ADDRESS),
  addresses('127.0.0.1', NO_HOST),
  addresses('::1', NO_HOST),
  addresses('224.0.0.18', NO_HOST),
  addresses('ff02::12/128', NO_HOST),
  addresses('0.0.0.0', NO_HOST),
  addresses('::', NO_HOST),
  addresses('255.255.255.255', NO_HOST),
  addresses('10.0.0.0/24', NETWORK),
  addresses('2001:db8::/64', NETWORK),
  {
    what: 'an address twice',
    spec: { addresses: ['10.0.0.5', '10.0.0.5/24'] },
    path: 'spec.addresses',
    sentence: TWICE,
  },
  {
    what: 'an IPv6 address twice, written differently',
    spec: { addresses: ['2001:db8::5/64', '2001:DB8:0::5/64'] },
    path: 'spec.addresses',
    sentence: TWICE,
  },
  ...['192.168.1.100/24', '2001:DB8::100', '2001:db8:0::100', 'web', '192.168.1.0100'].map(address =>
    option(
      { address },
      '[0].address',
      'must be an IP address in its shortest form, without a prefix length, e.g. 192.168.1.100 or 2001:db8::100',
    ),
  ),
  option(
    { address: '192.168.1.101', advertised: false },
    '',
    'must each name one of the addresses: add the address there, or remove the option',
  ),
  spec(
    'no address that is advertised',
    { addressOptions: [{ address: '192.168.1.100', advertised: false }] },
    'spec.addressOptions',
    'must leave at least one address advertised: an advert without an address is none',
  ),
  spec(
    'two options of an address',
    { addressOptions: [{ address: '192.168.1.100', label: '1' }, { address: '192.168.1.100' }] },
    'spec.addressOptions[1]',
    'Duplicate value: {"address":"192.168.1.100"}',
  ),
  option({ deprecated: true }, '[0].deprecated', 'must be absent for IPv4: only an IPv6 address has it'),
  ...[{ scope: 'Link' }, { label: '1' }].map(fields =>
    option(
      { address: '2001:db8::100', ...fields },
      `[0].${Object.keys(fields).join()}`,
      'must be absent for IPv6: only an IPv4 address has it',
    ),
  ),
  option({ scope: 'Site' }, '[0].scope', 'Unsupported value: "Site": supported values: "Global", "Link", "Host"'),
  option({ link: 'eth1/2' }, '[0].link', NO_LINK),
  option({ link: 'abcdefghijklmnop' }, '[0].link', 'Too long: may not be more than 15 bytes'),
  ...['eth0:1', 'a b', 'ä'].map(label =>
    option(
      { label },
      '[0].label',
      "must be letters, digits, dots, dashes and underscores: the link's name and a colon come before it",
    ),
  ),
  option({ label: 'a-label-of-14-' }, '[0].label', 'Too long: may not be more than 13 bytes'),
  spec(
    'an IPv6 address that version 2 would advertise, beside one that it would not',
    {
      version: 2,
      addresses: [...address, '2001:db8::1', '2001:db8::2'],
      addressOptions: [{ address: '2001:db8::2', advertised: false }, { address: '192.168.1.100' }],
    },
    'spec.addresses',
    'must be IPv4 with version 2: use version 3, or hold the IPv6 addresses with advertised: false in addressOptions',
  ),
  spec(
    'an interface by name and by subnet',
    { interface: { name: 'eth0', subnet: '192.168.1.0/24' } },
    'spec.interface',
    'must have a name or a subnet, not both: remove one',
  ),
  spec('an interface with a slash', { interface: { name: 'eth0/1' } }, 'spec.interface.name', NO_LINK),
  spec('an interface with a space', { interface: { name: 'eth 0' } }, 'spec.interface.name', NO_LINK),
  spec('an interface ".."', { interface: { name: '..' } }, 'spec.interface.name', NO_LINK),
  spec(
    'an interface name of 16 characters',
    { interface: { name: 'abcdefghijklmnop' } },
    'spec.interface.name',
    'Too long: may not be more than 15 bytes',
  ),
  spec(
    'an empty interface name',
    { interface: { name: '' } },
    'spec.interface.name',
    'should be at least 1 chars long',
  ),
  spec(
    'a subnet without a prefix length',
    { interface: { subnet: '192.168.1.0' } },
    'spec.interface.subnet',
    NO_SUBNET,
  ),
  spec('a subnet of length 0', { interface: { subnet: '0.0.0.0/0' } }, 'spec.interface.subnet', NO_SUBNET),
  spec('VRID 0', { virtualRouterID: 0 }, 'spec.virtualRouterID', 'should be greater than or equal to 1'),
  spec('VRID 256', { virtualRouterID: 256 }, 'spec.virtualRouterID', 'should be less than or equal to 255'),
  spec('redundancy 0', { redundancy: 0 }, 'spec.redundancy', 'should be greater than or equal to 1'),
  spec('redundancy "three"', { redundancy: 'three' }, 'spec.redundancy', 'must be of type integer'),
  spec('redundancy 1.5', { redundancy: 1.5 }, 'spec.redundancy', 'must be of type integer'),
  spec('version 4', { version: 4 }, 'spec.version', 'Unsupported value: 4: supported values: "2", "3"'),
  interval('0s', INTERVAL_3),
  interval('0ms', INTERVAL_3, 3),
  interval('5ms', INTERVAL_3),
  interval('15ms', INTERVAL_3),
  interval('1.005s', INTERVAL_3),
  interval('40960ms', INTERVAL_3),
  interval('1h', INTERVAL_3),
  interval('200ms', INTERVAL_2, 2),
  interval('1.5s', INTERVAL_2, 2),
  interval('0s', INTERVAL_2, 2),
  interval('256s', INTERVAL_2, 2),
  interval('1h', INTERVAL_2, 2),
  interval('fast', NO_DURATION),
  interval('1', NO_DURATION),
  interval('-1s', NO_DURATION),
  interval('10.5ms', NO_DURATION),
  interval('1s 5ms', NO_DURATION),
  interval('', NO_DURATION, 2),
  interval('9999999h', NO_DURATION),
  spec(
    'IPv6 with version 2',
    { version: 2, addresses: [...address, '2001:db8::5'] },
    'spec.addresses',
    'must be IPv4 with version 2: use version 3, or hold the IPv6 addresses with advertised: false in addressOptions',
  ),
  ...[{}, { version: 3 }].map(version =>
    spec(
      `PASS with ${JSON.stringify(version)}`,
      { ...version, authentication: { type: 'PASS', secretRef } },
      'spec.authentication',
      'of type PASS needs version 2: set version to 2, or use type HMAC',
    ),
  ),
  spec(
    'authentication AH',
    { version: 2, authentication: { type: 'AH', secretRef } },
    'spec.authentication.type',
    'Unsupported value: "AH": supported values: "PASS", "HMAC"',
  ),
  spec(
    'PASS without a Secret',
    { version: 2, authentication: { type: 'PASS' } },
    'spec.authentication.secretRef',
    'Required value',
  ),
  ...[
    { type: 'HMAC', secretRef },
    { type: 'PASS', secretRef, hmac: { keys: [{ id: 1, key: 'web-1' }] } },
  ].map(authentication =>
    spec(
      `${authentication.type} with ${Object.keys(authentication).join(' and ')}`,
      { version: 2, authentication },
      'spec.authentication.hmac',
      'belongs to type HMAC, which needs it: hmac: {keys: [{id: 1, key: …}]}, with the name of a key in the Secret',
    ),
  ),
  spec(
    'HMAC with a key of its secretRef',
    { authentication: { type: 'HMAC', secretRef: { ...secretRef, key: 'web-1' }, hmac: { keys } } },
    'spec.authentication.secretRef',
    'must have no key with type HMAC: hmac.keys says which there are',
  ),
  hmac({ keys: [] }, '.keys', 'should have at least 1 items'),
  hmac({ keys: [{ id: 256, key: 'web-1' }] }, '.keys[0].id', 'should be less than or equal to 255'),
  hmac({ keys: [...keys, { id: 1, key: 'web-2' }], activeKey: 1 }, '.keys[1]', 'Duplicate value: {"id":1}'),
  hmac({ keys: [...keys, { id: 2, key: 'web-2' }] }, '.activeKey', ACTIVE_KEY),
  hmac({ keys, activeKey: 2 }, '.activeKey', ACTIVE_KEY),
  hmac(
    { keys, mode: 'Off' },
    '.mode',
    'Unsupported value: "Off": supported values: "Enforce", "Permissive", "ReceiveOnly"',
  ),
  hmac({ keys, timeWindow: 'long' }, '.timeWindow', NO_DURATION),
  hmac({ keys, timeWindow: '900ms' }, '.timeWindow', 'must be 1s to 1h'),
  spec('transport without a mode', { transport: {} }, 'spec.transport.mode', 'Required value'),
  spec(
    'transport Broadcast',
    { transport: { mode: 'Broadcast' } },
    'spec.transport.mode',
    'Unsupported value: "Broadcast": supported values: "Multicast", "Unicast"',
  ),
  ...Object.entries({ peers: [{ address: '192.168.1.2' }], ttl: 64, minTTL: 254 }).map(([field, value]) =>
    spec(
      `${field} with mode Multicast`,
      { transport: { mode: 'Multicast', [field]: value } },
      `spec.transport.${field}`,
      `needs mode Unicast: with Multicast it says nothing, so remove ${field}`,
    ),
  ),
  unicast({ ttl: 0 }, '.ttl', 'should be greater than or equal to 1'),
  unicast({ minTTL: 256 }, '.minTTL', 'should be less than or equal to 255'),
  unicast({ peers: [] }, '.peers', 'must name a peer; leave peers out, and they are the other nodes that take part'),
  unicast({ peers: [{ node: 'node1' }] }, '.peers[0].address', 'Required value'),
  unicast({ peers: [{ node: '', address: '192.168.1.2' }] }, '.peers[0].node', 'should be at least 1 chars long'),
  ...['node2', '192.168.1.2/24', '192.168.1', '::ffff:192.168.1.2', 'fe80::1%eth0', ''].map(address =>
    unicast({ peers: [{ address }] }, '.peers[0].address', NO_IP),
  ),
  ...['127.0.0.1', '0.0.0.0', '224.0.0.18', '255.255.255.255', '::', '::1', 'ff02::12'].map(address =>
    unicast(
      { addresses: ['192.168.1.100', '2001:db8::100'], peers: [{ address }] },
      '.peers[0].address',
      'must be an address that a host can hold: not loopback, multicast, unspecified or broadcast',
    ),
  ),
  unicast(
    { peers: [{ address: '192.168.1.2' }, { node: 'node2', address: '192.168.1.2' }] },
    '.peers',
    'must name each address once: remove the second',
  ),
  unicast(
    {
      addresses: ['2001:db8::100'],
      peers: [{ address: '2001:db8::2' }, { address: '2001:DB8:0::2' }],
    },
    '.peers',
    'must name each address once: remove the second',
  ),
  unicast(
    {
      peers: [
        { node: 'node2', address: '192.168.1.2' },
        { node: 'node2', address: '192.168.1.3' },
      ],
    },
    '.peers',
    'must give a node one address of each family: remove the second',
  ),
  unicast(
    { peers: [{ address: '192.168.1.100' }] },
    '',
    "must not have one of spec.addresses among its peers, which moves: give the nodes' own addresses",
  ),
  unicast(
    { peers: [{ address: '192.168.1.2' }, { address: '2001:db8::2' }] },
    '',
    'must have peers of the families of spec.addresses only: nothing would be sent to the others',
  ),
  spec(
    'two equal priorities',
    {
      priorities: [
        { node: 'node1', priority: 100 },
        { node: 'node2', priority: 100 },
      ],
    },
    'spec.priorities',
    'must have a different priority for each node: with equal ones nodes take the addresses from each other',
  ),
  spec(
    'a node with two priorities',
    {
      priorities: [
        { node: 'node1', priority: 100 },
        { node: 'node1', priority: 90 },
      ],
    },
    'spec.priorities[1]',
    'Duplicate value: {"node":"node1"}',
  ),
  spec('no priorities in the list', { priorities: [] }, 'spec.priorities', 'should have at least 1 items'),
  spec(
    'priority 0',
    { priorities: [{ node: 'node1', priority: 0 }] },
    'spec.priorities[0].priority',
    'should be greater than or equal to 1',
  ),
  spec(
    'priority 256',
    { priorities: [{ node: 'node1', priority: 256 }] },
    'spec.priorities[0].priority',
    'should be less than or equal to 255',
  ),
  spec(
    'a delay with preemption Never',
    { preemption: { mode: 'Never', delay: '10s' } },
    'spec.preemption.delay',
    'needs mode Always: with Never nothing is preempted, so remove delay',
  ),
  spec(
    'a preemption delay of 1001s',
    { preemption: { mode: 'Always', delay: '1001s' } },
    'spec.preemption.delay',
    'must be at most 1000s',
  ),
  spec(
    'a preemption delay "later"',
    { preemption: { mode: 'Always', delay: 'later' } },
    'spec.preemption.delay',
    NO_DURATION,
  ),
  spec('a group with a name in capitals', { group: 'Edge' }, 'spec.group', NO_GROUP),
  spec('a group with a dash at its end', { group: 'edge-' }, 'spec.group', NO_GROUP),
  spec('a group without a name', { group: '' }, 'spec.group', 'should be at least 1 chars long'),
  spec('families of another kind', { families: 'Apart' }, 'spec.families', 'supported values: "Together", "Separate"'),
  spec(
    'families that are Separate in a group',
    { group: 'edge', families: 'Separate' },
    'spec.families',
    'must not be Separate with a group, whose virtual routers all change state together: remove one of the two',
  ),
  spec('preemption without a mode', { preemption: {} }, 'spec.preemption.mode', 'Required value'),
  checks('a check of two kinds, http and process', { http: { port: 80 } }, '', ONE_KIND),
  checks('a check of two kinds', { exec: { command: ['true'] } }, '', ONE_KIND),
  spec('a check of no kind', { checks: [{ name: 'nginx' }] }, 'spec.checks[0]', ONE_KIND),
  spec('a check of three kinds', { checks: [{ name: 'nginx', ...ofThree }] }, 'spec.checks[0]', ONE_KIND),
  ...['web_1', '10.0.0.300', '10.0.0.5/24', '::ffff:10.0.0.5', 'fe80::1%eth0', 'a..b', 'localhost.', '*', '-a'].flatMap(
    host => [http({ host }, '.host', NO_PEER), tcp({ host }, '.host', NO_PEER)],
  ),
  http({ host: '' }, '.host', 'should be at least 1 chars long'),
  http({ port: undefined }, '.port', 'Required value'),
  http({ port: 0 }, '.port', 'should be greater than or equal to 1'),
  http({ port: 65536 }, '.port', 'should be less than or equal to 65535'),
  http({ port: 'https' }, '.port', 'must be of type integer'),
  tcp({ port: undefined }, '.port', 'Required value'),
  tcp({ port: 65536 }, '.port', 'should be less than or equal to 65535'),
  http({ scheme: 'https' }, '.scheme', 'Unsupported value: "https": supported values: "HTTP", "HTTPS"'),
  ...['', 'healthz', '/a b', '/é', '/a\nb'].map(path => http({ path }, '.path', NO_PATH)),
  ...['Host:', 'X Y', 'Ünï'].map(name => http({ httpHeaders: [{ name, value: '' }] }, '.httpHeaders[0].name', NO_NAME)),
  ...['a\r\nX: b', 'é', '\u0001'].map(value =>
    http({ httpHeaders: [{ name: 'Host', value }] }, '.httpHeaders[0].value', 'must be printable ASCII in one line'),
  ),
  http({ httpHeaders: [{ name: 'Host' }] }, '.httpHeaders[0].value', 'Required value'),
  ...['', '99', '600', '2xx', '200-', '-299', '200-600', '1000'].map(code =>
    http({ expectedStatus: [code] }, '.expectedStatus[0]', NO_STATUS),
  ),
  http({ expectedStatus: [200] }, '.expectedStatus[0]', 'must be of type string'),
  http({ expectedStatus: [] }, '.expectedStatus', 'should have at least 1 items'),
  http(
    { expectedStatus: ['200', '299-200'] },
    '.expectedStatus[1]',
    'must be a range whose first code is not above its last, e.g. 200-299',
  ),
  http(
    { scheme: 'HTTPS', caBundle: 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t' },
    '.caBundle',
    'must be certificates in PEM (not in base64 once more), each beginning with -----BEGIN CERTIFICATE-----',
  ),
  http(
    { scheme: 'HTTPS', caBundle, insecureSkipVerify: true },
    '.caBundle',
    'must be absent where insecureSkipVerify is true, which takes any certificate: remove one of the two',
  ),
  ...[{ caBundle }, { scheme: 'HTTP', caBundle }, { insecureSkipVerify: true }].map(fields =>
    http(fields, '.scheme', 'must be HTTPS with caBundle or insecureSkipVerify, which say what certificates will do'),
  ),
  checks(
    'a check of weight 0',
    { weight: 0 },
    '.weight',
    'must not be 0, which changes nothing: remove weight, and a failing check is a FAULT',
  ),
  checks('a check of weight -254', { weight: -254 }, '.weight', 'should be greater than or equal to -253'),
  checks('a check every 10ms', { interval: '10ms' }, '.interval', 'must be 100ms to 1h'),
  checks('a check every 2h', { interval: '2h' }, '.interval', 'must be 100ms to 1h'),
  checks('a check every now and then', { interval: 'sometimes' }, '.interval', NO_DURATION),
  checks('a check with a timeout of 0s', { timeout: '0s' }, '.timeout', 'must be 100ms to 1h'),
  checks('a check that begins after 2h', { initialDelay: '2h' }, '.initialDelay', 'must be at most 1h'),
  checks('a check that begins later', { initialDelay: 'later' }, '.initialDelay', NO_DURATION),
  checks('inverse "yes"', { inverse: 'yes' }, '.inverse', 'must be of type boolean'),
  link('eth0/1', NO_LINK),
  link('..', NO_LINK),
  link('', 'should be at least 1 chars long'),
  link('abcdefghijklmnop', 'Too long: may not be more than 15 bytes'),
  ...['load', '/', '/run/', '/run//load', '/run/../load', '/..', '/run/./load', '/run/lo\nad'].map(path =>
    file({ path }, '.path', NO_FILE),
  ),
  file({}, '.path', 'Required value'),
  file(
    { path: '/run/load', reads: 'Text' },
    '.reads',
    'Unsupported value: "Text": supported values: "Number", "Existence"',
  ),
  ...['10.0.0.0', '10.0.0.1/8', '0.0.0.0', 'default', '10.0.0.0/33', '2001:db8::1/64', '::ffff:10.0.0.0/104', ''].map(
    destination => route({ destination }, '.destination', NO_NETWORK),
  ),
  route({}, '.destination', 'Required value'),
  route({ destination: '0.0.0.0/0', link: 'eth 0' }, '.link', NO_LINK),
  route({ destination: '0.0.0.0/0', gateway: 'router' }, '.gateway', 'must be an IPv4 or IPv6 address'),
  route({ destination: '0.0.0.0/0', gateway: '10.0.0.1/24' }, '.gateway', 'must be an IPv4 or IPv6 address'),
  route({ destination: '0.0.0.0/0', gateway: 'fe80::1' }, '.gateway', 'must be of the same family as destination'),
  route({ destination: '::/0', gateway: '10.0.0.1' }, '.gateway', 'must be of the same family as destination'),
  pods({ selector: {} }, '.namespace', 'Required value'),
  pods({ namespace: 'web' }, '.selector', 'Required value'),
  pods(
    { namespace: 'Web', selector: {} },
    '.namespace',
    'must be the name of a namespace: lower-case letters, digits and dashes',
  ),
  pods(
    { namespace: 'web', selector: { matchExpressions: [{ key: 'app', operator: 'In' }] } },
    '.selector.matchExpressions[0].values',
    'must have at least one value for the operators In and NotIn',
  ),
  checks('a check with fall 0', { fall: 0 }, '.fall', 'should be greater than or equal to 1'),
  spec(
    'a check without a command',
    { checks: [{ name: 'script', exec: { command: [] } }] },
    'spec.checks[0].exec.command',
    'should have at least 1 items',
  ),
  spec('two checks of one name', { checks: [check, check] }, 'spec.checks[1]', 'Duplicate value: {"name":"nginx"}'),
  spec(
    'the operator In without values',
    { nodeSelector: { matchExpressions: [{ key: 'rack', operator: 'In' }] } },
    'spec.nodeSelector.matchExpressions[0].values',
    'must have at least one value for the operators In and NotIn',
  ),
  spec(
    'the operator Exists with values',
    {
      preferredNodes: [
        { weight: 1, preference: { matchExpressions: [{ key: 'rack', operator: 'Exists', values: ['a'] }] } },
      ],
    },
    'spec.preferredNodes[0].preference.matchExpressions[0].values',
    'must be absent for the operators Exists and DoesNotExist',
  ),
  spec(
    'a label that is a number',
    { nodeSelector: { matchLabels: { rack: 1 } } },
    'spec.nodeSelector.matchLabels.rack',
    'must be of type string',
  ),
]

/** Specs that must be accepted, and stored as they are: no defaults are filled in. */
export const acceptable: readonly { readonly what: string; readonly spec: Readonly<Record<string, unknown>> }[] = [
  { what: 'an address alone', spec: { addresses: ['192.168.1.100'] } },
  { what: 'both families', spec: { addresses: ['192.168.1.100/24', '2001:db8::100/64', 'fe80::100'] } },
  { what: 'the ends of a point-to-point link', spec: { addresses: ['10.0.0.0/31', '2001:db8::/127', '10.0.0.9/32'] } },
  {
    what: 'very many addresses, with an option each',
    spec: {
      addresses: Array.from(
        { length: 128 },
        (_, i) => `2001:db8:ffff:ffff:ffff:ffff:ffff:${(i + 4096).toString(16)}/128`,
      ),
      addressOptions: Array.from({ length: 128 }, (_, i) => ({
        address: `2001:db8:ffff:ffff:ffff:ffff:ffff:${(i + 4096).toString(16)}`,
        advertised: i < 90,
      })),
    },
  },
  {
    what: 'addresses held in every way',
    spec: {
      addresses: ['192.168.1.100/24', '192.168.1.101', '192.168.1.102', '2001:DB8::100/64', '2001:db8::101'],
      version: 2,
      addressOptions: [
        { address: '192.168.1.100' },
        { address: '192.168.1.101', advertised: true, label: 'a-13.bytes_1', scope: 'Global' },
        { address: '192.168.1.102', advertised: false, link: 'eth1', label: '1', scope: 'Host' },
        { address: '2001:db8::100', advertised: false, deprecated: true },
        { address: '2001:db8::101', advertised: false, link: 'eth1', deprecated: false },
      ],
    },
  },
  { what: 'an IPv4 link-local address', spec: { addresses: ['169.254.7.7/16'] } },
  { what: 'the subnet of another size', spec: { addresses: address, interface: { subnet: '192.168.0.0/16' } } },
  { what: 'an empty interface', spec: { addresses: address, interface: {} } },
  { what: 'the shortest interval', spec: { addresses: address, advertisementInterval: '10ms' } },
  { what: 'the longest interval', spec: { addresses: address, advertisementInterval: '40.95s' } },
  { what: 'the interval 2.01s', spec: { addresses: address, advertisementInterval: '2.01s' } },
  { what: 'the interval 1s500ms', spec: { addresses: address, advertisementInterval: '1s500ms', version: 3 } },
  {
    what: 'the longest interval of version 2',
    spec: { addresses: address, advertisementInterval: '4m15s', version: 2 },
  },
  {
    what: 'what comes from keepalived',
    spec: {
      addresses: address,
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      version: 2,
      advertisementInterval: '1s',
      authentication: { type: 'PASS', secretRef },
      priorities: [
        { node: 'node1', priority: 100 },
        { node: 'node2', priority: 90 },
      ],
      preemption: { mode: 'Always', delay: '1000s' },
      checks: [{ ...check, interval: '2s', fall: 2, rise: 2, weight: -20 }],
    },
  },
  {
    what: 'signed adverts, while their key changes',
    spec: {
      addresses: address,
      authentication: {
        type: 'HMAC',
        secretRef,
        hmac: { keys: [...keys, { id: 255, key: 'web-2' }], activeKey: 255, mode: 'Permissive', timeWindow: '1h' },
      },
    },
  },
  {
    what: 'signed adverts of version 2',
    spec: { addresses: address, version: 2, authentication: { type: 'HMAC', secretRef, hmac: { keys } } },
  },
  {
    what: 'links, files and routes to be looked at',
    spec: {
      addresses: address,
      checks: [
        { name: 'a', link: { name: 'eth1' }, initialDelay: '0s', inverse: false },
        { name: 'b', file: { path: '/run/..load/.x' }, initialDelay: '1h', inverse: true, weight: -253 },
        { name: 'c', file: { path: '/load', reads: 'Existence' } },
        { name: 'd', route: { destination: '0.0.0.0/0', link: 'eth0', gateway: '192.168.1.1' } },
        { name: 'e', route: { destination: '::/0', gateway: 'fe80::1' } },
        { name: 'f', route: { destination: '2001:DB8::/32' } },
      ],
    },
  },
  {
    what: 'unicast to peers that are found',
    spec: { addresses: address, transport: { mode: 'Unicast' } },
  },
  { what: 'multicast', spec: { addresses: address, transport: { mode: 'Multicast' } } },
  {
    what: 'unicast to peers that are given',
    spec: {
      addresses: ['192.168.1.100/24', '2001:db8::100/64'],
      transport: {
        mode: 'Unicast',
        peers: [
          { node: 'node1', address: '192.168.1.1' },
          { node: 'node1', address: 'fe80::1' },
          { node: 'node2', address: '192.168.1.2' },
          { address: '10.0.0.7' },
          { address: '2001:DB8::7' },
        ],
        ttl: 64,
        minTTL: 1,
      },
    },
  },
  {
    what: 'everything a cluster can say',
    spec: {
      addresses: address,
      nodeSelector: {
        matchLabels: { role: 'edge' },
        matchExpressions: [
          { key: 'rack', operator: 'In', values: ['a', 'b'] },
          { key: 'spot', operator: 'DoesNotExist' },
        ],
      },
      redundancy: 2,
      preferredNodes: [{ weight: 50, preference: { matchLabels: { rack: 'a' } } }],
      preemption: { mode: 'Never' },
      checksum: 'RFC9568',
      checks: [
        { name: 'script', exec: { command: ['/usr/local/bin/healthy', '--quick'] }, timeout: '500ms', weight: 20 },
      ],
    },
  },
  {
    what: 'checks over the network',
    spec: {
      addresses: address,
      checks: [
        { name: 'shortest', http: { port: 1 } },
        {
          name: 'everything',
          http: {
            scheme: 'HTTPS',
            host: '2001:db8::7',
            port: 65535,
            path: '/live%20z?verbose&exclude=etcd#',
            httpHeaders: [
              { name: 'Host', value: 'web.example.com' },
              { name: 'X-Check', value: '' },
              { name: 'x-check', value: 'tab\tand "space"' },
            ],
            expectedStatus: ['200', '300-399', '599'],
            caBundle,
            insecureSkipVerify: false,
          },
        },
        { name: 'any-certificate', http: { scheme: 'HTTPS', port: 443, insecureSkipVerify: true } },
        { name: 'plain', http: { scheme: 'HTTP', port: 80, insecureSkipVerify: false } },
        ...['localhost', '1a', 'node-1.rack2.Example.com', '10.0.0.5', '::1'].map(host => ({
          name: host,
          tcp: { host, port: 6443 },
        })),
      ],
    },
  },
]
