import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeFieldErrors, parseVirtualIP, parseVirtualIPNodeSpec } from '../../src/api/parse.ts'
import { acceptable, refusals } from './refusals.ts'

const virtualIP = (spec: unknown) => ({
  apiVersion: 'kube-vrrp.io/v1alpha1',
  kind: 'VirtualIP',
  metadata: { name: 'web' },
  spec,
})

function errorsOf(value: unknown): string[] {
  const parsed = parseVirtualIP(value)
  return Array.isArray(parsed) ? parsed.map(({ path, message }) => `${path}: ${message}`) : []
}

for (const { what, spec, path, sentence } of refusals) {
  test(`${what} is refused at ${path}, and nothing else is`, () => {
    const errors = errorsOf(virtualIP(spec))
    assert.equal(errors.length, 1, errors.join('\n'))
    const [error = ''] = errors
    assert.ok(error.startsWith(`${path}: `) && error.endsWith(sentence), error)
  })
}

for (const { what, spec } of acceptable) {
  test(`${what}: accepted as it is`, () => {
    assert.deepEqual(parseVirtualIP(virtualIP(spec)), virtualIP(spec))
  })
}

test('all errors are told, each with its path and the value that is refused', () => {
  const errors = parseVirtualIP({
    apiVersion: 'kube-vrrp.io/v1',
    kind: 'VirtualIP',
    metadata: { name: 'Web_1' },
    spec: { addresses: ['10.0.0.300', '127.0.0.1'], advertisementInterval: '5ms', virtualRouterID: 0, adresses: [] },
  })
  assert.ok(Array.isArray(errors))
  assert.deepEqual(describeFieldErrors(errors).split('; '), [
    'apiVersion: Unsupported value: "kube-vrrp.io/v1": supported values: "kube-vrrp.io/v1alpha1"',
    'spec.virtualRouterID: Invalid value: 0: should be greater than or equal to 1',
    'spec.adresses: unknown field',
    'metadata.name: Invalid value: "Web_1": must be lower case letters, digits, "-" and ".", with a letter or digit at both ends',
    'spec.addresses[0]: Invalid value: "10.0.0.300": must be an IPv4 or IPv6 address, with a prefix length (IPv4: 1 to 32, IPv6: 1 to 128) or without, e.g. 192.168.1.100/24',
    'spec.addresses[1]: Invalid value: "127.0.0.1": must be an address that a host can hold: not loopback, multicast, unspecified or broadcast',
  ])
})

test('what is no object at all is refused', () => {
  for (const value of [undefined, null, 7, 'VirtualIP', []]) {
    assert.deepEqual(errorsOf(value), [
      `: Invalid value: ${value === undefined || (typeof value === 'object' && value) ? '' : `${JSON.stringify(value)}: `}must be of type object`,
    ])
  }
  assert.deepEqual(errorsOf({}), [
    'apiVersion: Required value',
    'kind: Required value',
    'metadata: Required value',
    'spec: Required value',
  ])
})

test('a field that is null is absent, as for the API server', () => {
  assert.deepEqual(
    parseVirtualIP(virtualIP({ addresses: ['10.0.0.5'], interface: null })),
    virtualIP({ addresses: ['10.0.0.5'] }),
  )
})

test('metadata that the API server adds is kept', () => {
  const value = {
    ...virtualIP({ addresses: ['10.0.0.5'] }),
    metadata: { name: 'web', uid: 'u', generation: 3, managedFields: [{ manager: 'kubectl' }], labels: { a: 'b' } },
  }
  assert.deepEqual(parseVirtualIP(value), value)
})

test('a status that cannot be read is left out, one that can is kept', () => {
  const good = { virtualRouterID: 51, master: 'node1', later: 'from a newer version' }
  assert.deepEqual(parseVirtualIP({ ...virtualIP({ addresses: ['10.0.0.5'] }), status: good }), {
    ...virtualIP({ addresses: ['10.0.0.5'] }),
    status: good,
  })
  const parsed = parseVirtualIP({ ...virtualIP({ addresses: ['10.0.0.5'] }), status: { virtualRouterID: 'x' } })
  assert.deepEqual(parsed, virtualIP({ addresses: ['10.0.0.5'] }))
})

const router = {
  virtualIP: 'web',
  family: 'IPv4',
  version: 3,
  virtualRouterID: 51,
  link: 'eth0',
  priority: 250,
  advertisementInterval: '200ms',
  addresses: ['192.168.1.100/24'],
  preemption: { mode: 'Always' },
  checksum: 'PseudoHeader',
}

test("a node's spec is taken with fields that a newer controller adds", () => {
  const spec = { virtualRouters: [{ ...router, group: 'later' }], later: true }
  assert.deepEqual(parseVirtualIPNodeSpec(spec), spec)
})

const nodeRefusals: readonly [what: string, fields: object, error: string][] = [
  [
    'an address without its prefix length',
    { addresses: ['192.168.1.100'] },
    'addresses: Invalid value: must be addresses, each with its prefix length',
  ],
  [
    'an address of the other family',
    { addresses: ['2001:db8::5/64'] },
    'addresses: Invalid value: must be of its family where they are advertised',
  ],
  [
    'an interval that its version cannot say',
    { version: 2 },
    'advertisementInterval: Invalid value: "200ms": must be what its version can say: 10ms to 40.95s in steps of 10ms, with version 2 whole seconds to 255s',
  ],
  [
    'version 2 with IPv6',
    { version: 2, family: 'IPv6', advertisementInterval: '1s', addresses: ['2001:db8::5/64'] },
    'version: Invalid value: 2: must be 3 for IPv6',
  ],
  [
    'a password with version 3',
    { authentication: { type: 'PASS', secretRef: { name: 'web' } } },
    'authentication: Invalid value: of type PASS needs version 2',
  ],
  [
    'a check of no kind',
    { checks: [{ name: 'nginx' }] },
    'checks[0]: Invalid value: must have exactly one of process, exec, http, tcp, link, file, route and pods',
  ],
  ['no link', { link: undefined }, 'link: Required value'],
  ['priority 0', { priority: 0 }, 'priority: Invalid value: 0: should be greater than or equal to 1'],
]

for (const [what, fields, error] of nodeRefusals) {
  test(`a node's spec with ${what} is refused`, () => {
    const parsed = parseVirtualIPNodeSpec({ virtualRouters: [{ ...router, ...fields }] })
    assert.ok(Array.isArray(parsed))
    assert.equal(describeFieldErrors(parsed), `spec.virtualRouters[0].${error}`)
  })
}

test('a virtual router of a VirtualIP twice in one family is refused', () => {
  const parsed = parseVirtualIPNodeSpec({ virtualRouters: [router, { ...router, virtualRouterID: 52 }] })
  assert.ok(Array.isArray(parsed))
  assert.equal(
    describeFieldErrors(parsed),
    'spec.virtualRouters: Invalid value: must have each VirtualIP once per family',
  )
})
