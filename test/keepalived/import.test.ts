import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { parseVirtualIP } from '../../src/api/parse.ts'
import type { VirtualIP } from '../../src/api/virtual-ip.ts'
import { parseVirtualIPFile } from '../../src/api/virtual-ip-file.ts'
import { type Imported, importKeepalived } from '../../src/keepalived/import.ts'
import { formatNote } from '../../src/keepalived/note.ts'

const seed = (name: string) => readFileSync(new URL(`seed/${name}`, import.meta.url), 'utf8')

/** Files of node1, node2 … */
function imported(...texts: string[]): Imported {
  return importKeepalived(texts.map((text, i) => ({ node: `node${i + 1}`, file: `node${i + 1}.conf`, text })))
}

function virtualIPs({ documents }: Imported): VirtualIP[] {
  return documents.flatMap(document => (document.kind === 'VirtualIP' ? [document] : []))
}

function notes({ notes }: Imported): string[] {
  return notes.map(formatNote)
}

/** An instance as everybody writes it, with `lines` in it. */
const instance = (lines = '', options: { name?: string; vrid?: number; address?: string; link?: string } = {}) => {
  const { name = 'VI_1', vrid = 51, address = '10.0.0.5/24', link = 'eth0' } = options
  return `vrrp_instance ${name} {
  interface ${link}
  virtual_router_id ${vrid}
  virtual_ipaddress {
    ${address}
  }
  ${lines}
}
`
}

test('the passwords of all VirtualIPs are keys of one Secret, the one that agents may read', () => {
  const pass = (password: string) => `authentication {\nauth_type PASS\nauth_pass ${password}\n}`
  const text = [
    instance(pass('one'), { name: 'A' }),
    instance('', { name: 'B', vrid: 52, address: '10.0.0.6/24' }),
    instance(pass('two'), { name: 'C', vrid: 53, address: '10.0.0.7/24' }),
  ].join('')
  const { documents } = imported(text)
  assert.deepEqual(
    documents.map(({ kind, metadata }) => [kind, metadata.name]),
    [
      ['Secret', 'kube-vrrp-passwords'],
      ['VirtualIP', 'a'],
      ['VirtualIP', 'b'],
      ['VirtualIP', 'c'],
    ],
  )
  const [secret] = documents
  assert.deepEqual(secret && 'stringData' in secret && secret.stringData, { a: 'one', c: 'two' })
})

test("the guide's two files are one VirtualIP and its Secret", () => {
  const result = imported(seed('node1.conf'), seed('node2.conf'))
  assert.deepEqual(result.documents, [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'kube-vrrp-passwords', namespace: 'kube-vrrp' },
      stringData: { 'vi-1': 'SecretKey123' },
    },
    {
      apiVersion: 'kube-vrrp.io/v1alpha1',
      kind: 'VirtualIP',
      metadata: { name: 'vi-1' },
      spec: {
        addresses: ['192.168.1.100/24'],
        interface: { name: 'eth0' },
        virtualRouterID: 51,
        version: 2,
        advertisementInterval: '1s',
        authentication: { type: 'PASS', secretRef: { name: 'kube-vrrp-passwords', key: 'vi-1' } },
        priorities: [
          { node: 'node1', priority: 100 },
          { node: 'node2', priority: 90 },
        ],
        checks: [{ name: 'check_nginx', process: { name: 'nginx' }, interval: '2s', fall: 2, rise: 2, weight: -20 }],
      },
    },
  ])
  assert.deepEqual(notes(result), [
    "node1.conf:2: router_id: not needed: kube-vrrp goes by the node's name",
    'node1.conf:5: script: pgrep also finds longer names; the check looks for processes named exactly "nginx"',
    'node1.conf:12: state: not needed: the node of the highest priority becomes MASTER',
    'node1.conf:19: auth_pass: only the first 8 bytes go into adverts, as with keepalived',
    "node2.conf:2: router_id: not needed: kube-vrrp goes by the node's name",
    'node2.conf:5: script: pgrep also finds longer names; the check looks for processes named exactly "nginx"',
    'node2.conf:12: state: not needed: the node of the highest priority becomes MASTER',
    'node2.conf:19: auth_pass: only the first 8 bytes go into adverts, as with keepalived',
  ])
})

test('what is imported is what file mode takes', () => {
  const { documents } = imported(seed('node1.conf'), seed('node2.conf'))
  const file = parseVirtualIPFile(documents.map(document => stringify(document)).join('---\n'))
  assert.ok(!Array.isArray(file), JSON.stringify(file))
  assert.deepEqual(file.virtualIPs, virtualIPs({ documents, notes: [] }))
  const { 'vi-1': password } = file.secrets.get('kube-vrrp-passwords') ?? {}
  assert.equal(new TextDecoder().decode(password), 'SecretKey123')
})

/** What each line becomes: fields of the spec of node1 (priority 100) and node2 (the default, 100, hence 99), and notes. */
type Line = [
  what: string,
  node1: string,
  node2: string,
  spec: { readonly [field: string]: unknown; readonly priorities?: [string, number][] },
  notes: string[],
]
const lines: readonly Line[] = [
  [
    'an interval of version 3',
    'version 3\nadvert_int 0.1',
    'version 3\nadvert_int 0.1',
    { version: 3, advertisementInterval: '100ms' },
    [],
  ],
  [
    'an interval that version 2 cannot say',
    'advert_int 1.5',
    'advert_int 1.5',
    { advertisementInterval: '2s' },
    ['node1.conf:7: advert_int: version 2 cannot say 1.5 s: 2s is taken, as by keepalived'],
  ],
  [
    'an interval beyond version 3',
    'version 3\nadvert_int 41',
    'version 3\nadvert_int 41',
    { version: 3, advertisementInterval: '40.95s' },
    ['node1.conf:8: advert_int: version 3 cannot say 41 s: 40.95s is taken, as by keepalived'],
  ],
  [
    'intervals that differ',
    'advert_int 2',
    '',
    { advertisementInterval: '2s' },
    ['node2.conf:1: advert_int: 1 s is not that of node1 (2 s): they do not hear each other; that of node1 is taken'],
  ],
  [
    'versions that differ',
    'version 3',
    '',
    { version: 3 },
    ['node2.conf:1: version: 2 is not that of node1 (3): they do not hear each other; that of node1 is taken'],
  ],
  ['nopreempt', 'nopreempt', 'nopreempt', { preemption: { mode: 'Never' } }, []],
  ['preempt_delay', 'preempt_delay 7.5', 'preempt_delay 7.5', { preemption: { mode: 'Always', delay: '7.5s' } }, []],
  ['what is the default anyway', 'preempt\naccept', 'preempt_delay 0', {}, []],
  [
    'nopreempt on the node of the highest priority only',
    'nopreempt\npriority 200',
    '',
    {
      preemption: { mode: 'Never' },
      priorities: [
        ['node1', 200],
        ['node2', 100],
      ],
    },
    ['node2.conf:1: preempt_delay: differs from that of node1, which has the highest priority: that of node1 is taken'],
  ],
  [
    'nopreempt and preempt_delay that have no effect',
    'state MASTER\npriority 200\nnopreempt\npreempt_delay 5',
    '',
    {
      priorities: [
        ['node1', 200],
        ['node2', 100],
      ],
    },
    [
      'node1.conf:7: state: not needed: the node of the highest priority becomes MASTER',
      'node1.conf:9: nopreempt: has no effect with state MASTER, as in keepalived: left out',
      'node1.conf:10: preempt_delay: has no effect with state MASTER, as in keepalived: left out',
    ],
  ],
  [
    'state MASTER without a priority',
    'state MASTER',
    'state BACKUP',
    {
      priorities: [
        ['node1', 255],
        ['node2', 100],
      ],
    },
    [
      'node1.conf:1: priority: not given with state MASTER: 255, the owner, as keepalived has it',
      'node1.conf:7: state: not needed: the node of the highest priority becomes MASTER',
      'node2.conf:7: state: not needed: the node of the highest priority becomes MASTER',
    ],
  ],
  [
    'state MASTER on the wrong node',
    'priority 200',
    'state MASTER\npriority 90',
    {
      priorities: [
        ['node1', 200],
        ['node2', 90],
      ],
    },
    ['node2.conf:7: state: not needed: the node of the highest priority becomes MASTER, which is node1, not node2'],
  ],
  [
    'passwords that differ',
    'authentication {\nauth_type PASS\nauth_pass one\n}',
    'authentication {\nauth_type PASS\nauth_pass two\n}',
    { authentication: { type: 'PASS', secretRef: { name: 'kube-vrrp-passwords', key: 'vi-1' } } },
    ['node2.conf:9: auth_pass: is not that of node1: they do not hear each other; that of node1 is taken'],
  ],
  [
    'a password on one node only',
    'authentication {\nauth_type PASS\nauth_pass one\n}',
    '',
    { authentication: { type: 'PASS', secretRef: { name: 'kube-vrrp-passwords', key: 'vi-1' } } },
    ['node2.conf:1: auth_pass: is not that of node1: they do not hear each other; that of node1 is taken'],
  ],
  [
    'a password in version 3',
    'version 3\nauthentication {\nauth_type PASS\nauth_pass one\n}',
    'version 3\nauthentication {\nauth_type PASS\nauth_pass one\n}',
    { version: 3 },
    [
      'node1.conf:10: auth_pass: version 3 has no authentication: left out, as by keepalived',
      'node2.conf:10: auth_pass: version 3 has no authentication: left out, as by keepalived',
    ],
  ],
  [
    'adverts that keepalived signs',
    'auth_hmac {\nkey 1 0123456789abcdef\nactive_key 1\n}',
    '',
    {},
    [
      'node1.conf:7: auth_hmac: not carried over: write spec.authentication with type HMAC, and put each key into the Secret under the same ID (docs/authentication.md)',
    ],
  ],
  [
    'authentication AH',
    'authentication {\nauth_type AH\nauth_pass one\n}',
    '',
    {},
    ['node1.conf:8: auth_type: "AH" has no equal: adverts carry no authentication'],
  ],
  [
    'authentication by halves',
    'authentication {\nauth_type PASS\n}',
    'authentication {\nauth_pass one\n}',
    {},
    [
      'node1.conf:8: auth_type: there is no auth_pass: adverts carry no authentication, as with keepalived',
      'node2.conf:8: auth_pass: there is no auth_type: adverts carry no authentication, as with keepalived',
    ],
  ],
  [
    'the checksum of RFC 9568',
    'version 3\nv3_checksum_as_v2',
    'version 3\nv3_checksum_as_v2',
    { version: 3, checksum: 'RFC9568' },
    [],
  ],
  [
    'what has no equal',
    'garp_master_delay 1\nnotify /bin/true\nbananas 7',
    '',
    {},
    [
      'node1.conf:7: garp_master_delay: no equal: kube-vrrp announces addresses by its own timing',
      'node1.conf:8: notify: a setting of the agent, for all VirtualIPs: kube-vrrp agent --notify PROGRAM runs it with the same arguments',
      'node1.conf:9: bananas: not carried over: kube-vrrp has no equal, or does not know it',
    ],
  ],
  [
    'unicast, where each says its own address',
    'unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.2\n10.0.9.9\n}\nunicast_ttl 64\ncheck_unicast_src\ntrack_src_ip',
    'unicast_src_ip 10.0.0.2\nunicast_peer {\n10.0.0.1\n10.0.9.9\n}\nunicast_ttl 64',
    {
      transport: {
        mode: 'Unicast',
        peers: [
          { node: 'node1', address: '10.0.0.1' },
          { node: 'node2', address: '10.0.0.2' },
          { address: '10.0.9.9' },
        ],
        ttl: 64,
      },
    },
    [],
  ],
  [
    'unicast, where only the others say what address it is',
    'unicast_peer {\n10.0.0.2 min_ttl 250\n}',
    'unicast_peer {\n10.0.0.1 min_ttl 254 max_ttl 255\n}',
    {
      transport: {
        mode: 'Unicast',
        peers: [
          { node: 'node1', address: '10.0.0.1' },
          { node: 'node2', address: '10.0.0.2' },
        ],
        minTTL: 250,
      },
    },
    [
      'node2.conf:8: max_ttl: no equal: adverts of a peer are believed from however near they come',
      'node2.conf:8: min_ttl: there is one for all peers, not one for each: the lowest, 250, is taken',
    ],
  ],
  [
    'unicast, where nobody says whose address is whose',
    'unicast_peer {\n10.0.0.2\n10.0.0.3\n}',
    'unicast_src_ip 10.0.0.4\nunicast_peer {\n10.0.0.2 min_ttl 9\n10.0.0.3\n}',
    {
      transport: {
        mode: 'Unicast',
        peers: [{ node: 'node2', address: '10.0.0.4' }, { address: '10.0.0.2' }, { address: '10.0.0.3' }],
      },
    },
    [
      'node1.conf:8: unicast_peer: has no unicast_src_ip, and which address is that of node1 the other files do not tell: name the node at its address in spec.transport.peers',
      'node1.conf:8: unicast_peer: lacks 10.0.0.4 of node2: it does not send to it, and now does',
      'node2.conf:9: min_ttl: there is one for all peers, not one for each: not every peer has one, so none is checked',
    ],
  ],
  [
    'unicast on one node only',
    'unicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.2\n}',
    'unicast_src_ip 10.0.0.2\nunicast_ttl 9',
    {
      transport: {
        mode: 'Unicast',
        peers: [
          { node: 'node1', address: '10.0.0.1' },
          { node: 'node2', address: '10.0.0.2' },
        ],
      },
    },
    [
      'node2.conf:1: unicast_peer: multicast, but node1 speaks unicast: they do not hear each other; that of node1 is taken',
      'node2.conf:7: unicast_src_ip: has no effect without unicast_peer, as in keepalived',
      'node2.conf:8: unicast_ttl: has no effect without unicast_peer, as in keepalived',
    ],
  ],
  [
    'unicast to nobody, or to what is no address',
    'unicast_peer {\n}',
    'unicast_peer {\nfd00::1\nnode1\n}\nold_unicast_checksum\nunicast_fault_no_peer',
    {},
    [
      'node1.conf:7: unicast_peer: names no peer: adverts go by multicast, as with keepalived',
      'node2.conf:7: unicast_peer: names no peer: adverts go by multicast, as with keepalived',
      'node2.conf:8: unicast_peer: "fd00::1" is no address that it could be sent to: left out',
      'node2.conf:9: unicast_peer: "node1" is no address that it could be sent to: left out',
      'node2.conf:11: old_unicast_checksum: no equal: keepalived 1.3.6 and older is not understood by unicast',
      'node2.conf:12: unicast_fault_no_peer: not needed: what speaks unicast never falls back to multicast',
    ],
  ],
  [
    'options of addresses',
    'virtual_ipaddress {\n10.0.0.6 dev eth0 label eth0:1 brd 10.0.0.255\n10.0.0.7 dev eth1 noprefixroute\n}',
    'virtual_ipaddress {\n10.0.0.6\n10.0.0.7 dev eth1\n}',
    {
      addresses: ['10.0.0.5/24', '10.0.0.6', '10.0.0.7'],
      addressOptions: [
        { address: '10.0.0.6', label: '1' },
        { address: '10.0.0.7', link: 'eth1' },
      ],
    },
    [
      'node1.conf:8: brd: not needed: the node has that of its own address in the subnet',
      'node1.conf:9: noprefixroute: not needed: no address brings a route along',
      'node2.conf:8: virtual_ipaddress: 10.0.0.6 is held otherwise on node1: as there',
    ],
  ],
  [
    'labels and scopes that there are not',
    'virtual_ipaddress {\n10.0.0.6 label web scope site\n10.0.0.7 dev eth1 label eth0:1 scope link\n10.0.0.8 label eth0 scope host\n}',
    'virtual_ipaddress {\n10.0.0.6\n10.0.0.7 dev eth1 scope link\n10.0.0.8 scope host\n}',
    {
      addresses: ['10.0.0.5/24', '10.0.0.6', '10.0.0.7', '10.0.0.8'],
      addressOptions: [
        { address: '10.0.0.7', link: 'eth1', scope: 'Link' },
        { address: '10.0.0.8', scope: 'Host' },
      ],
    },
    [
      'node1.conf:8: label: "web" is not the name of the link, a colon and a word: the address gets no label',
      'node1.conf:8: scope: "site" is not global, link or host: the address gets scope global',
      'node1.conf:9: label: "eth0:1" is not the name of the link, a colon and a word: the address gets no label',
    ],
  ],
  [
    'addresses that are not advertised',
    'virtual_ipaddress_excluded {\n10.0.0.6/24\nfd00::1 preferred_lft forever\nfd00::2/64 dev eth1 preferred_lft 0\nfd00::3 preferred_lft 0 label eth0:1\n10.0.0.5 preferred_lft 0\nweb\n}',
    'virtual_ipaddress_excluded {\n10.0.0.6/24\nfd00::1 preferred_lft 100\nfd00::3\n}',
    {
      addresses: ['10.0.0.5/24', '10.0.0.6/24', 'fd00::1', 'fd00::2/64', 'fd00::3'],
      addressOptions: [
        { address: '10.0.0.6', advertised: false },
        { address: 'fd00::1', deprecated: false, advertised: false },
        { address: 'fd00::2', link: 'eth1', deprecated: true, advertised: false },
        { address: 'fd00::3', advertised: false },
      ],
    },
    [
      'node1.conf:11: label: no equal: an IPv6 address has none of its own',
      'node1.conf:12: virtual_ipaddress_excluded: "10.0.0.5" is there already: left out',
      'node1.conf:13: virtual_ipaddress_excluded: "web" is no address: left out',
      'node2.conf:1: virtual_ipaddress: lacks fd00::2/64, which node1 has: now held here too',
    ],
  ],
  [
    'an address that is not advertised, and that no VirtualIP may have',
    'virtual_ipaddress_excluded {\n10.0.0.0/24\n}',
    'virtual_ipaddress_excluded {\n10.0.0.0/24\n}',
    {},
    [
      'node1.conf:8: virtual_ipaddress: Invalid value: "10.0.0.0/24": is the network itself: give the address to hold in it, e.g. 192.168.1.100/24, not 192.168.1.0/24: left out',
    ],
  ],
  [
    'addresses that differ',
    'virtual_ipaddress {\n10.0.0.6\n}',
    'virtual_ipaddress {\n10.0.0.7\n}',
    { addresses: ['10.0.0.5/24', '10.0.0.6'] },
    [
      'node2.conf:1: virtual_ipaddress: lacks 10.0.0.6, which node1 has: now held here too',
      'node2.conf:8: virtual_ipaddress: 10.0.0.7 is not there on node1: left out',
    ],
  ],
  [
    'addresses that are none, of another family, twice there, or impossible',
    'virtual_ipaddress {\nfoo\nfd00::5\n10.0.0.5\n10.0.0.0/24\n}',
    '',
    {},
    [
      'node1.conf:8: virtual_ipaddress: "foo" is no address: left out',
      'node1.conf:9: virtual_ipaddress: "fd00::5" is of another family than "10.0.0.5/24": left out, as by keepalived',
      'node1.conf:10: virtual_ipaddress: "10.0.0.5" is there already: left out',
      'node1.conf:11: virtual_ipaddress: Invalid value: "10.0.0.0/24": is the network itself: give the address to hold in it, e.g. 192.168.1.100/24, not 192.168.1.0/24: left out',
      'node2.conf:1: virtual_ipaddress: lacks 10.0.0.0/24, which node1 has: now held here too',
    ],
  ],
  [
    'a value that is not possible, and one said twice',
    'priority 300\nadvert_int 2\nadvert_int 3',
    'advert_int 3',
    { advertisementInterval: '3s' },
    [
      'node1.conf:7: priority: "300" is not possible here: read as if it were not there',
      'node1.conf:8: advert_int: said again further on, which counts',
    ],
  ],
  [
    'what keepalived works out first',
    '@node1 priority 7\ninclude /etc/more.conf\n$INTERVAL=3\nadvert_int $INTERVAL',
    '@^node1 advert_int 3\n@main nopreempt',
    {
      advertisementInterval: '3s',
      priorities: [
        ['node1', 7],
        ['node2', 100],
      ],
    },
    [
      'node1.conf:8: include: there is no /etc/more.conf here: left out; copy it to where this file would find it, and import again',
      'node2.conf:8: @main: none of the nodes here is called "main" (node1, node2); if one of them is, say so: --config-id NODE=main',
    ],
  ],
]

const EQUAL_PRIORITIES =
  /priority: 100 is that of node1 too, so that nodes take the addresses from each other: 99 is taken/

for (const [what, node1, node2, { priorities, ...spec }, said] of lines) {
  test(`${what}: carried over or said`, () => {
    const result = imported(instance(node1), instance(node2))
    const [virtualIP] = virtualIPs(result)
    const ranks = priorities ?? [
      ['node1', 100],
      ['node2', 99],
    ]
    assert.deepEqual(virtualIP?.spec, {
      addresses: ['10.0.0.5/24'],
      interface: { name: 'eth0' },
      virtualRouterID: 51,
      version: 2,
      advertisementInterval: '1s',
      priorities: ranks.map(([node, priority]) => ({ node, priority })),
      ...spec,
    })
    const [other, equal] = [
      notes(result).filter(note => !EQUAL_PRIORITIES.test(note)),
      notes(result).filter(note => EQUAL_PRIORITIES.test(note)),
    ]
    assert.deepEqual(other, said)
    assert.equal(equal.length, priorities ? 0 : 1)
  })
}

const script = (name: string, inner: string) => `vrrp_script ${name} {\n${inner}\n}\n`
const tracking = (...names: string[]) => instance(`priority 100\ntrack_script {\n${names.join('\n')}\n}`)

const scripts: readonly [what: string, text: string, checks: object[] | undefined, notes: string[]][] = [
  ['pgrep -x', script('a', 'script "pgrep -x nginx"') + tracking('a'), [{ name: 'a', process: { name: 'nginx' } }], []],
  [
    'pidof',
    script('a', 'script "/bin/pidof haproxy"') + tracking('a'),
    [{ name: 'a', process: { name: 'haproxy' } }],
    [],
  ],
  [
    'killall -0',
    script('a', 'script "killall -0 haproxy"') + tracking('a'),
    [{ name: 'a', process: { name: 'haproxy' } }],
    [],
  ],
  [
    'a pgrep for more than a name',
    script('a', 'script "/usr/bin/pgrep -f nginx:.master"') + tracking('a'),
    [{ name: 'a', exec: { command: ['/usr/bin/pgrep', '-f', 'nginx:.master'] } }],
    [],
  ],
  [
    'a command with quoted arguments',
    script('a', `script "/bin/sh -c 'exit 0; # no comment'"`) + tracking('a'),
    [{ name: 'a', exec: { command: ['/bin/sh', '-c', 'exit 0; # no comment'] } }],
    [],
  ],
  [
    'a command in single quotes',
    script('a', `script '/bin/echo x y'`) + tracking('a'),
    [{ name: 'a', exec: { command: ['/bin/echo', 'x', 'y'] } }],
    [],
  ],
  [
    'arguments out of quotes',
    script('a', 'script /bin/echo x') + tracking('a'),
    [{ name: 'a', exec: { command: ['/bin/echo'] } }],
    ['node1.conf:2: script: "x" is ignored, as by keepalived: a command with arguments must be in quotes'],
  ],
  [
    'what would need a shell',
    script('a', 'script "/bin/true && /bin/false"') + tracking('a'),
    [{ name: 'a', exec: { command: ['/bin/true', '&&', '/bin/false'] } }],
    ['node1.conf:2: script: "&&" is only an argument: neither keepalived nor the check runs a shell'],
  ],
  [
    'interval, timeout, fall, rise and a weight of its own where it is tracked',
    script('a', 'script "/c"\ninterval 1.5\ntimeout 3\nfall 4\nrise 5\nweight 6') + tracking('a weight -7'),
    [{ name: 'a', exec: { command: ['/c'] }, interval: '1.5s', timeout: '3s', fall: 4, rise: 5, weight: -7 }],
    [],
  ],
  [
    'weights the other way round',
    script('a', 'script "/a"\nweight 5 reverse') +
      script('b', 'script "/b"\nweight 6 reverse') +
      script('c', 'script "/c"\nweight 0 reverse') +
      tracking('a', 'b weight -7 noreverse', 'c'),
    [
      { name: 'a', exec: { command: ['/a'] }, inverse: true, weight: -5 },
      { name: 'b', exec: { command: ['/b'] }, weight: -7 },
      { name: 'c', exec: { command: ['/c'] }, inverse: true },
    ],
    [],
  ],
  ['weight 0', script('a', 'script "/c"\nweight 0') + tracking('a'), [{ name: 'a', exec: { command: ['/c'] } }], []],
  [
    'what a check has no equal for',
    script('a', 'script "/c"\nuser nobody\ninit_fail\nweight -300') + tracking('a weight 5 upwards'),
    [{ name: 'a', exec: { command: ['/c'] } }],
    [
      'node1.conf:3: user: no equal: the check runs as the user of the agent',
      'node1.conf:4: init_fail: no equal: a check counts after its first runs, by rise and fall',
      'node1.conf:5: weight: "-300" is not possible here: read as if it were not there',
      'node1.conf:15: a: "weight 5 upwards" has no equal: ignored',
    ],
  ],
  [
    'checks that cannot be',
    script('b', 'script "</dev/tcp/10.0.0.1/80"') + tracking('b', 'c'),
    undefined,
    [
      'node1.conf:1: vrrp_script: has no name or no command that could be run: left out',
      'node1.conf:2: script: "</dev/tcp/10.0.0.1/80" is not possible here: read as if it were not there',
      'node1.conf:12: track_script: there is no vrrp_script "b" to carry over: left out',
      'node1.conf:13: track_script: there is no vrrp_script "c" to carry over: left out',
    ],
  ],
  [
    'a script that nobody tracks',
    script('a', 'script "/c"') + instance('priority 100'),
    undefined,
    ['node1.conf:1: vrrp_script: no instance tracks "a": left out'],
  ],
]

for (const [what, text, checks, said] of scripts) {
  test(`${what}: a check, or said why not`, () => {
    const result = imported(text)
    assert.deepEqual(virtualIPs(result)[0]?.spec.checks, checks)
    assert.deepEqual(notes(result), said)
  })
}

test('tracked links are link checks, but for the own one', () => {
  const entries = [
    'eth1',
    'eth2 weight -20',
    'eth3 weight 20',
    'eth4 weight 20 reverse',
    'eth6 weight 0 reverse',
    'eth0',
    'eth0 weight 5',
    'a/b',
    'eth5 odd',
  ]
  const result = imported(instance(`track_interface {\n${entries.join('\n')}\n}`))
  assert.deepEqual(virtualIPs(result)[0]?.spec.checks, [
    { name: 'link-eth1', link: { name: 'eth1' } },
    { name: 'link-eth2', link: { name: 'eth2' }, weight: -20 },
    { name: 'link-eth3', link: { name: 'eth3' }, weight: 20 },
    { name: 'link-eth4', link: { name: 'eth4' }, inverse: true, weight: -20 },
    { name: 'link-eth6', link: { name: 'eth6' }, inverse: true },
    { name: 'link-eth5', link: { name: 'eth5' } },
  ])
  assert.deepEqual(notes(result), [
    'node1.conf:13: track_interface: not needed: the link of the virtual router itself is a FAULT while it is down',
    'node1.conf:14: track_interface: no equal for its weight: the link of the virtual router itself is a FAULT while it is down',
    'node1.conf:15: track_interface: "a/b" is no name of a link: left out',
    'node1.conf:16: eth5: "odd" has no equal: ignored',
  ])
})

test('tracked processes are process checks', () => {
  const text =
    'vrrp_track_process web {\nprocess /usr/sbin/nginx\nquorum 2\n}\n' +
    'vrrp_track_process lb {\nprocess haproxy\nweight 10\n}\n' +
    'vrrp_track_process idle {\nprocess idle\n}\n' +
    'vrrp_track_process odd {\nprocess "a b"\n}\n' +
    instance('track_process {\nweb\nlb weight 20 reverse\nodd\n}')
  const result = imported(text)
  assert.deepEqual(virtualIPs(result)[0]?.spec.checks, [
    { name: 'process-web', process: { name: 'nginx' } },
    { name: 'process-lb', process: { name: 'haproxy' }, inverse: true, weight: -20 },
  ])
  assert.deepEqual(notes(result), [
    'node1.conf:3: quorum: no equal: a process check passes while one of them runs',
    'node1.conf:9: vrrp_track_process: no instance tracks "idle": left out',
    'node1.conf:12: vrrp_track_process: has no name or no process that is only a name: left out',
    'node1.conf:13: process: "a b" is not possible here: read as if it were not there',
    'node1.conf:24: track_process: there is no vrrp_track_process "odd" to carry over: left out',
  ])
})

test('tracked files are file checks whose number times the weight counts', () => {
  const block = (name: string, lines: string) => `vrrp_track_file ${name} {\n${lines}\n}\n`
  const files =
    block('load', 'file "/run/load"') +
    block('slow', 'file /run/slow\nweight -2') +
    block('back', 'file /run/back\nweight 3 reverse') +
    block('zero', 'file /run/zero\nweight 0\ninit_file 0') +
    block('idle', 'file /run/idle') +
    block('odd', 'file run/odd') +
    block('up', 'file /run/up\nweight 0 reverse')
  const entries = ['load', 'slow weight 5', 'back', 'zero', 'odd', 'up']
  const result = imported(files + instance(`track_file {\n${entries.join('\n')}\n}`))
  assert.deepEqual(virtualIPs(result)[0]?.spec.checks, [
    { name: 'file-load', file: { path: '/run/load' }, weight: 1 },
    { name: 'file-slow', file: { path: '/run/slow' }, weight: 5 },
    { name: 'file-back', file: { path: '/run/back' }, weight: -3 },
    { name: 'file-zero', file: { path: '/run/zero' } },
    { name: 'file-up', file: { path: '/run/up' }, inverse: true },
  ])
  assert.deepEqual(notes(result), [
    'node1.conf:15: init_file: no equal: no file is made; while it is absent nothing is added to the priority',
    'node1.conf:17: vrrp_track_file: no instance tracks "idle": left out',
    'node1.conf:20: vrrp_track_file: has no name or no file with an absolute path: left out',
    'node1.conf:21: file: "run/odd" is not possible here: read as if it were not there',
    'node1.conf:37: track_file: "zero": while the file is absent or has no number in it the check fails; for keepalived that is 0',
    'node1.conf:38: track_file: there is no vrrp_track_file "odd" to carry over: left out',
    'node1.conf:39: track_file: "up": while the file is absent or has no number in it the check fails; for keepalived that is 0',
  ])
})

test('a check of one node counts on all, and differences between nodes are told', () => {
  const result = imported(
    script('a', 'script "/c"') + script('b', 'script "/d"\nfall 2') + tracking('a', 'b'),
    script('b', 'script "/d"\nfall 3') + tracking('b').replace('100', '90'),
  )
  assert.deepEqual(virtualIPs(result)[0]?.spec.checks, [
    { name: 'a', exec: { command: ['/c'] } },
    { name: 'b', exec: { command: ['/d'] }, fall: 2 },
  ])
  assert.deepEqual(notes(result), [
    'node2.conf:1: vrrp_script: "b" differs from that of node1: that of node1 is taken',
    'node2.conf:5: track_script: "a" is tracked on node1 only: now here too',
  ])
})

test('links of different names are found by their subnet', () => {
  const result = imported(instance('priority 2'), instance('priority 1', { link: 'ens3' }))
  assert.deepEqual(virtualIPs(result)[0]?.spec.interface, { subnet: '10.0.0.0/24' })
  assert.deepEqual(notes(result), [
    'node2.conf:2: interface: is not that of node1 (eth0): the link is found by its subnet, 10.0.0.0/24',
  ])
  const host = imported(
    instance('priority 2', { address: '10.0.0.5' }),
    instance('priority 1', { link: 'ens3', address: '10.0.0.5' }),
  )
  assert.equal(virtualIPs(host)[0]?.spec.interface, undefined)
  assert.match(notes(host).join(), /each node takes the link whose subnet holds the address/)
})

test('several instances are several VirtualIPs, each of one family', () => {
  const text = [
    instance('priority 2'),
    instance('priority 2', { name: 'VI_1', vrid: 52, address: '10.0.0.6/24' }),
    instance('priority 2', { name: 'Größe 6', vrid: 51, address: 'fd00::5/64' }),
    instance('priority 2', { name: '__', vrid: 53, address: '10.0.0.7' }),
  ].join('')
  const result = imported(text.replace('VI_1 {', 'VI_1{'), text.replaceAll('priority 2', 'priority 1'))
  assert.deepEqual(
    virtualIPs(result).map(({ metadata, spec }) => [
      metadata.name,
      spec.version,
      spec.virtualRouterID,
      spec.addresses[0],
    ]),
    [
      ['vi-1', 2, 51, '10.0.0.5/24'],
      ['vi-1-2', 2, 52, '10.0.0.6/24'],
      ['gr-e', 3, 51, 'fd00::5/64'],
      ['vrid-53', 2, 53, '10.0.0.7'],
    ],
  )
  assert.ok(virtualIPs(result).every(({ spec }) => spec.priorities?.length === 2))
})

test('one VRID on two links of a node is two virtual routers', () => {
  const text = instance('priority 2') + instance('priority 2', { name: 'VI_2', address: '10.1.0.5/24', link: 'eth1' })
  const result = imported(text, text.replaceAll('priority 2', 'priority 1'))
  assert.deepEqual(
    virtualIPs(result).map(({ spec }) => [spec.interface, spec.priorities?.length]),
    [
      [{ name: 'eth0' }, 2],
      [{ name: 'eth1' }, 2],
    ],
  )
  const twice = imported(instance('priority 2') + instance('priority 2', { name: 'VI_2', address: '10.0.0.6/24' }))
  assert.deepEqual(notes(twice), ['node1.conf:9: vrrp_instance: "VI_2" has the VRID and link of "VI_1": left out'])
})

test('a VRID that differs by mistake is told', () => {
  const result = imported(instance('priority 2'), instance('priority 1', { vrid: 52 }))
  assert.deepEqual(notes(result), [
    'node2.conf:3: virtual_router_id: 52 on node2, but 51 on node1 for the same address: they are no pair, and both take it; give them one number',
  ])
})

test('vrrp_version counts where an instance has none, and IPv6 is always version 3', () => {
  const globals = 'global_defs {\n vrrp_version 3\n}\n'
  const version = (text: string) => virtualIPs(imported(text))[0]?.spec.version
  assert.equal(version(globals + instance()), 3)
  assert.equal(version(globals + instance('version 2')), 2)
  assert.equal(version(instance('', { address: 'fd00::5' })), 3)
  assert.match(
    notes(imported(instance('version 2', { address: 'fd00::5' }))).join(),
    /version 2 has no IPv6: version 3 is used/,
  )
})

test('an instance that is not complete is left out, with the reason', () => {
  const result = imported('vrrp_instance A {\n interface eth0\n}\nvrrp_instance B {\n virtual_router_id 0\n}\n')
  assert.deepEqual(result.documents, [])
  assert.deepEqual(notes(result), [
    'node1.conf:1: vrrp_instance: "A" has no virtual_router_id and no virtual_ipaddress: left out',
    'node1.conf:4: vrrp_instance: "B" has no virtual_router_id and no virtual_ipaddress: left out',
    'node1.conf:5: virtual_router_id: "0" is not possible here: read as if it were not there',
  ])
})

test('nodes that share a file and its includes take their own lines, and what is said of it is said once', () => {
  const text =
    'include common.conf\n$PRIORITY=90\n@main $PRIORITY=200\n' +
    'vrrp_instance VI_1 {\n virtual_router_id 51\n priority $PRIORITY\n include addresses\n}\n'
  const included: Record<string, string> = {
    'etc/common.conf': 'global_defs {\n router_id x\n vrrp_version 3\n}',
    'etc/addresses': 'interface eth0\nvirtual_ipaddress {\n 192.0.2.5/24 brd +\n}',
  }
  const files = [
    { node: 'a.example.org', file: 'etc/k.conf', text, configID: 'main' },
    { node: 'b.example.org', file: 'etc/k.conf', text },
  ]
  const result = importKeepalived(files, path => [{ path, text: included[path] ?? assert.fail(path) }])
  const [{ spec } = assert.fail()] = virtualIPs(result)
  assert.deepEqual(
    [spec.version, spec.addresses, spec.priorities],
    [
      3,
      ['192.0.2.5/24'],
      [
        { node: 'a.example.org', priority: 200 },
        { node: 'b.example.org', priority: 90 },
      ],
    ],
  )
  assert.deepEqual(notes(result), [
    "etc/common.conf:2: router_id: not needed: kube-vrrp goes by the node's name",
    'etc/k.conf:2: $PRIORITY: nothing uses this value: left out',
    'etc/addresses:3: brd: not needed: the node has that of its own address in the subnet',
  ])
})

test('a node that Kubernetes could not name is renamed, and told', () => {
  const { documents, notes } = importKeepalived([{ node: 'Node_1', file: 'a.conf', text: instance() }])
  assert.deepEqual(documents[0]?.kind === 'VirtualIP' && documents[0].spec.priorities, [
    { node: 'node-1', priority: 100 },
  ])
  assert.deepEqual(notes.map(formatNote), [
    'a.conf:1: node: "Node_1" is no name for a node in Kubernetes: called "node-1"',
  ])
})

const NO_EQUAL = [
  'router_id x',
  'smtp_alert',
  'notify "/a b"',
  'virtual_routes {\nx\n}',
  'use_vmac',
  '$X=7',
  '~SEQ(a, 1, 2)',
  'strange',
]

test('whatever the files hold, nothing throws, nothing is dropped silently, and all that is imported is accepted', () => {
  const number = fc.integer({ min: -1, max: 300 })
  const line = fc.oneof(
    fc.constantFrom(...NO_EQUAL),
    fc
      .tuple(fc.constantFrom('priority', 'advert_int', 'version', 'virtual_router_id', 'preempt_delay'), number)
      .map(parts => parts.join(' ')),
    fc.constantFrom('state MASTER', 'nopreempt', 'interface eth1', 'authentication {\nauth_type PASS\nauth_pass x\n}'),
    fc.tuple(number, number).map(([a, b]) => `virtual_ipaddress {\n10.0.${a}.${b}/24\n}`),
  )
  const file = fc
    .array(fc.array(line, { maxLength: 8 }), { maxLength: 3 })
    .map(instances =>
      instances.map((lines, i) => instance(lines.join('\n'), { vrid: 51 + i, address: `10.0.0.${5 + i}` })).join(''),
    )
  fc.assert(
    fc.property(file, file, (first, second) => {
      const result = imported(first, second)
      for (const document of virtualIPs(result)) assert.deepEqual(parseVirtualIP(document), document)
      for (const [i, text] of [first, second].entries()) {
        for (const [n, row] of text.split('\n').entries()) {
          if (!NO_EQUAL.some(lines => lines.split('\n')[0] === row)) continue
          assert.ok(
            result.notes.some(({ file, line }) => file === `node${i + 1}.conf` && line === n + 1),
            `${n + 1}: ${row}`,
          )
        }
      }
    }),
  )
})

const insideAndOutside = (group: string, priority = 150) =>
  [
    `vrrp_sync_group ${group}`,
    instance(`priority ${priority}`, { name: 'Outside' }),
    instance(`priority ${priority}`, { name: 'Inside', vrid: 52, address: '10.1.0.5/24', link: 'eth1' }),
  ].join('\n')

test('the instances of a sync group are VirtualIPs of one group', () => {
  const result = imported(
    insideAndOutside('VG_1 {\n group {\n Outside\n Inside\n }\n}'),
    insideAndOutside('VG_1 { group { Outside Inside } }', 100),
  )
  assert.deepEqual(
    virtualIPs(result).map(({ metadata, spec }) => [metadata.name, spec.group]),
    [
      ['outside', 'vg-1'],
      ['inside', 'vg-1'],
    ],
  )
  assert.deepEqual(notes(result), [])
})

test('what is odd about a sync group is said, and the rest is carried over', () => {
  const result = imported(
    insideAndOutside(
      'VG {\n group {\n Outside\n Inside\n Beside\n }\n notify /etc/keepalived/n.sh\n track_interface {\n eth2\n }\n}',
    ),
    insideAndOutside('Other {\n group {\n Outside\n Inside\n }\n sync_group_tracking_weight\n}', 100),
    insideAndOutside('One {\n group {\n Outside\n }\n}', 50),
  )
  assert.deepEqual(
    virtualIPs(result).map(({ spec }) => spec.group),
    ['vg', 'vg'],
  )
  assert.deepEqual(notes(result), [
    'node1.conf:5: vrrp_sync_group: there is no vrrp_instance "Beside": left out',
    'node1.conf:7: notify: a setting of the agent, for all VirtualIPs: kube-vrrp agent --notify PROGRAM runs it with the same arguments',
    'node1.conf:8: track_interface: no equal in a group: track it in one of its instances, which counts for all of them',
    'node2.conf:1: vrrp_sync_group: "Outside" is in the group "VG" on node1, in "Other" here: "VG" is taken',
    'node2.conf:1: vrrp_sync_group: "Inside" is in the group "VG" on node1, in "Other" here: "VG" is taken',
    'node3.conf:1: vrrp_sync_group: has no name, or fewer than two instances: left out',
    'node3.conf:6: vrrp_sync_group: "Outside" is in the group "VG" on node1, in none here: "VG" is taken',
    'node3.conf:15: vrrp_sync_group: "Inside" is in the group "VG" on node1, in none here: "VG" is taken',
  ])
})

test('a weight in a sync group, which keepalived leaves out, is told of', () => {
  const tracking = `vrrp_script well {\n script /bin/true\n weight -20\n}\nvrrp_sync_group G { group { A B } }
${instance('track_script {\n well\n }', { name: 'A' })}${instance('', { name: 'B', vrid: 52, address: '10.0.0.6/24' })}`
  const sentence =
    'keepalived leaves out what its instances track with a weight, for they are in a group; here it weighs on all of them'
  assert.deepEqual(notes(imported(tracking)), [`node1.conf:5: vrrp_sync_group: ${sentence}`])
  const weighing = tracking.replace('group { A B }', 'group { A B } sync_group_tracking_weight')
  assert.deepEqual(notes(imported(weighing)), [])
})

test('instances that rank nodes otherwise are in no group, for the plan would refuse it', () => {
  const text = (outside: number, inside: number) =>
    [
      'vrrp_sync_group G { group { Outside Inside } }',
      instance(`priority ${outside}`, { name: 'Outside' }),
      instance(`priority ${inside}`, { name: 'Inside', vrid: 52, address: '10.1.0.5/24', link: 'eth1' }),
    ].join('\n')
  const result = imported(text(200, 100), text(100, 200))
  assert.deepEqual(
    virtualIPs(result).map(({ spec }) => spec.group),
    ['g', undefined],
  )
  assert.deepEqual(notes(result), [
    'node1.conf:1: vrrp_sync_group: "Inside" has other nodes than "Outside", or ranks them otherwise: it is in no group; give them priorities of the same order, and the group "g"',
  ])
})
