import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { describeFileErrors, parseVirtualIPFile } from '../../src/api/virtual-ip-file.ts'
import { acceptable, refusals } from './refusals.ts'

const GOOD = `# The virtual IP of the guide.
apiVersion: v1
kind: Secret
metadata: {name: web-password, namespace: kube-vrrp}
data:
  other: ZnJvbSBkYXRh
  password: b2xk
stringData:
  password: SecretKey123
---
apiVersion: kube-vrrp.io/v1alpha1
kind: VirtualIP
metadata:
  name: web
spec:
  addresses: [192.168.1.100/24]
  version: 2
  authentication: {type: PASS, secretRef: {name: web-password}}
---
---
apiVersion: v1
kind: Node
metadata: {name: node1, labels: {role: edge}, uid: 4f2d}
spec: {unschedulable: true, podCIDR: 10.244.0.0/24}
status: {}
---
apiVersion: v1
kind: Node
metadata: {name: node2}
`

function errorsOf(text: string): string {
  const parsed = parseVirtualIPFile(text)
  return Array.isArray(parsed) ? describeFileErrors('virtualips.yaml', parsed) : ''
}

test('a stream of VirtualIPs, Secrets and Nodes is what the agent needs', () => {
  const file = parseVirtualIPFile(GOOD)
  assert.ok(!Array.isArray(file), JSON.stringify(file))
  assert.deepEqual(
    file.virtualIPs.map(({ metadata, spec }) => [metadata.name, spec.addresses]),
    [['web', ['192.168.1.100/24']]],
  )
  const { password, other } = file.secrets.get('web-password') ?? {}
  assert.equal(new TextDecoder().decode(password), 'SecretKey123')
  assert.equal(new TextDecoder().decode(other), 'from data')
  assert.deepEqual(file.nodes, [
    { name: 'node1', labels: { role: 'edge' }, unschedulable: true },
    { name: 'node2', labels: {}, unschedulable: false },
  ])
})

const VIP = 'apiVersion: kube-vrrp.io/v1alpha1\nkind: VirtualIP\nmetadata: {name: web}\n'
const NODE = '---\napiVersion: v1\nkind: Node\nmetadata: {name: node1}\n'
const KINDS = 'VirtualIP (kube-vrrp.io/v1alpha1), Secret (v1) or Node (v1)'

const table: readonly [what: string, text: string, errors: string][] = [
  ['an empty file', '', 'virtualips.yaml:1: there is no VirtualIP in it: add one'],
  [
    'a file cut off after its first document',
    'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n',
    'virtualips.yaml:1: there is no VirtualIP in it: add one',
  ],
  ['a key twice', `${VIP}kind: VirtualIP\n`, 'virtualips.yaml:4: Map keys must be unique'],
  ['keys that are maps of maps', '? '.repeat(400), 'virtualips.yaml:1: a key must be a string, not a list or a map'],
  [
    'more levels than any parser goes down',
    '['.repeat(5000),
    'virtualips.yaml:1: some of it is nested thousands of levels deep: a VirtualIP has about ten',
  ],
  ['a tab', `${VIP}spec:\n\taddresses: []\n`, 'virtualips.yaml:5: Tabs are not allowed as indentation'],
  [
    'a list that does not end',
    `${VIP}spec: {addresses: [10.0.0.5\n`,
    'virtualips.yaml:5: Flow sequence in block collection must be sufficiently indented and end with a ]\nvirtualips.yaml:5: Flow map in block collection must be sufficiently indented and end with a }',
  ],
  [
    'an alias of nothing',
    `${VIP}spec: *none\n`,
    'virtualips.yaml:1: Unresolved alias (the anchor must be set before the alias): none',
  ],
  [
    'a kind that is not for files',
    `${VIP}spec: {addresses: [10.0.0.5]}\n${NODE}---\napiVersion: apps/v1\nkind: Deployment\n`,
    `virtualips.yaml:11: kind: Unsupported value: "Deployment": a document here is a ${KINDS}`,
  ],
  ['a document that is none', '- 1\n', `virtualips.yaml:1: kind: Required value: a document here is a ${KINDS}`],
  [
    'errors on several lines, in their order',
    `${VIP}spec:\n  addresses:\n  - 10.0.0.5\n  - 10.0.0.300\n  virtualRouterID: 256\n  redundency: 2\n${NODE.replace('}', ', labels: {rack: 7}}')}`,
    [
      'virtualips.yaml:7: spec.addresses[1]: Invalid value: "10.0.0.300": must be an IPv4 or IPv6 address, with a prefix length (IPv4: 1 to 32, IPv6: 1 to 128) or without, e.g. 192.168.1.100/24',
      'virtualips.yaml:8: spec.virtualRouterID: Invalid value: 256: should be less than or equal to 255',
      'virtualips.yaml:9: spec.redundency: unknown field',
      'virtualips.yaml:13: metadata.labels.rack: Invalid value: 7: must be of type string',
    ].join('\n'),
  ],
  [
    'nobody who takes part',
    `${VIP}spec:\n  addresses: [10.0.0.5]\n`,
    'virtualips.yaml:4: spec.priorities: Required value: which nodes take part? Add priorities, e.g. [{node: node1, priority: 200}, {node: node2, priority: 100}], or a Node document (apiVersion: v1, kind: Node) for each',
  ],
  [
    'two VirtualIPs of one name',
    `${VIP}spec: {addresses: [10.0.0.5]}\n---\n${VIP}spec: {addresses: [10.0.0.6]}\n${NODE}`,
    'virtualips.yaml:8: metadata.name: Invalid value: "web": there is a VirtualIP of this name already (line 3): rename or remove one',
  ],
  [
    'a Secret that is not there',
    `${VIP}spec:\n  addresses: [10.0.0.5]\n  version: 2\n  authentication:\n    type: PASS\n    secretRef: {name: web, key: pass}\n${NODE}`,
    'virtualips.yaml:9: spec.authentication.secretRef.name: Invalid value: "web": no such Secret in this file: add apiVersion: v1, kind: Secret, metadata: {name: web}, stringData: {pass: …}',
  ],
  [
    'a Secret without the key',
    `${VIP}spec:\n  addresses: [10.0.0.5]\n  version: 2\n  authentication:\n    type: PASS\n    secretRef:\n      name: web\n      key: constructor\n${NODE}---\napiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData: {password: x}\n`,
    'virtualips.yaml:11: spec.authentication.secretRef.key: Invalid value: "constructor": the Secret "web" has no such key: add stringData: {constructor: …} to it',
  ],
  [
    'a Secret without one of the keys to sign with, and with another of the wrong length',
    `${VIP}spec:\n  addresses: [10.0.0.5]\n  authentication:\n    type: HMAC\n    secretRef: {name: web}\n    hmac:\n      activeKey: 1\n      keys:\n      - id: 1\n        key: one\n      - id: 2\n        key: two\n${NODE}---\napiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData: {one: ${'x'.repeat(31)}}\n`,
    'virtualips.yaml:13: spec.authentication.hmac.keys[0].key: Invalid value: "one": has 31 bytes in the Secret "web", a key of HMAC must have 32 to 64\nvirtualips.yaml:15: spec.authentication.hmac.keys[1].key: Invalid value: "two": the Secret "web" has no such key: add stringData: {two: …} to it',
  ],
  [
    'keys to sign with whose Secret is not there',
    `${VIP}spec:\n  addresses: [10.0.0.5]\n  authentication:\n    type: HMAC\n    secretRef: {name: web}\n    hmac: {activeKey: 1, keys: [{id: 1, key: one}, {id: 2, key: two}]}\n${NODE}`,
    'virtualips.yaml:8: spec.authentication.secretRef.name: Invalid value: "web": no such Secret in this file: add apiVersion: v1, kind: Secret, metadata: {name: web}, stringData: {one: …, two: …}',
  ],
  [
    'a Secret with an error is told once',
    `${VIP}spec:\n  addresses: [10.0.0.5]\n  version: 2\n  authentication: {type: PASS, secretRef: {name: web}}\n${NODE}---\napiVersion: v1\nkind: Secret\nmetadata: {name: web}\ndata:\n  password: "%%%"\n`,
    'virtualips.yaml:17: data.password: Invalid value: must be base64 (plain text belongs under stringData)',
  ],
  [
    'a Secret of another version and a Node without a name',
    `${VIP}spec: {addresses: [10.0.0.5]}\n---\napiVersion: v2\nkind: Secret\nmetadata: {name: web}\n---\napiVersion: v1\nkind: Node\nmetadata: {}\n`,
    'virtualips.yaml:6: apiVersion: Unsupported value: "v2": supported values: "v1"\nvirtualips.yaml:12: metadata.name: Required value',
  ],
]

for (const [what, text, errors] of table) {
  test(`${what}: each error has its line and a sentence`, () => {
    assert.equal(errorsOf(text), errors)
  })
}

test('an error in what an anchor shares is told where it stands', () => {
  const text = `${VIP}spec:
  addresses: [10.0.0.5]
  preferredNodes:
  - weight: 1
    preference: &racks
      matchExpressions:
      - {key: rack, operator: In}
  nodeSelector: *racks
`
  const sentence = 'Invalid value: must have at least one value for the operators In and NotIn'
  assert.deepEqual(errorsOf(`${text}${NODE}`).split('\n'), [
    `virtualips.yaml:10: spec.nodeSelector.matchExpressions[0].values: ${sentence}`,
    `virtualips.yaml:10: spec.preferredNodes[0].preference.matchExpressions[0].values: ${sentence}`,
  ])
})

test('file mode refuses what the CRD refuses, with a line', () => {
  for (const { what, spec, path, sentence } of refusals) {
    const text = `${VIP}${stringify({ spec })}${NODE}`
    const errors = errorsOf(text)
    assert.match(errors, /^virtualips\.yaml:[0-9]+: /, what)
    assert.ok(errors.includes(`: ${path}: `) && errors.endsWith(sentence), `${what}: ${errors}`)
  }
})

test('file mode has no pods to look at, and says so with a line', () => {
  const checks = [
    { name: 'web', tcp: { port: 80 } },
    { name: 'app', pods: { namespace: 'web', selector: {} } },
  ]
  const errors = errorsOf(`${VIP}${stringify({ spec: { addresses: ['10.0.0.5'], checks } })}${NODE}`)
  assert.equal(
    errors,
    'virtualips.yaml:12: spec.checks[1].pods: Invalid value: needs a cluster, whose API server says which pods are Ready: use http, tcp or process',
  )
})

test('file mode takes what the CRD takes', () => {
  const secret =
    '---\napiVersion: v1\nkind: Secret\nmetadata: {name: web-password}\nstringData: {password: x, web-1: 0123456789abcdef0123456789abcdef, web-2: 0123456789abcdef0123456789abcdef}\n'
  for (const { what, spec } of acceptable) {
    assert.equal(errorsOf(`${VIP}${stringify({ spec })}${NODE}${secret}`), '', what)
  }
})

test('no text makes it throw, and every error has a line of the text', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '---\n',
      '- ',
      '{',
      '}',
      '[',
      '*a',
      '&a ',
      ': ',
      '\n',
      '  ',
      '"',
      '!!binary ',
      'kind: Secret\n',
      '<<: *a\n',
    ),
    fc.constantFrom('apiVersion: v1\n', 'metadata:\n  name: a\n', 'spec:\n', VIP, NODE, 'data: 7\n', 'null'),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
      const text = pieces.join('')
      const parsed = parseVirtualIPFile(text)
      if (!Array.isArray(parsed)) return
      const lines = text.split(/\r\n|\n|\r/).length
      assert.ok(parsed.length > 0 && parsed.every(({ line }) => line >= 1 && line <= lines))
    }),
  )
})
