import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseVirtualIPNodeSpec } from '../../src/api/parse.ts'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { Cluster, eth0, link, sentence } from './cluster.ts'

/** What node1 is told: family, link and addresses of each virtual router. */
function told(spec: Partial<VirtualIPSpec>, cluster = Cluster.of(2)): string[] {
  const { nodes } = cluster.apply('web', spec).settle()
  const node = nodes.get('node1') ?? assert.fail()
  assert.deepEqual(parseVirtualIPNodeSpec(node), node)
  return node.virtualRouters.map(({ family, link, addresses, addressOptions = [] }) =>
    [family, link, ...addresses, ...addressOptions.map(option => JSON.stringify(option))].join(' '),
  )
}

test('each virtual router is told of the options of its own addresses; those not advertised come last', () => {
  const addressOptions = [
    { address: '2001:db8::100', advertised: false, deprecated: true },
    { address: '192.168.1.100', label: '1' },
  ]
  const addresses = ['192.168.1.100/24', '2001:db8::100/64', '2001:db8::101/64', 'fe80::100/64']
  assert.deepEqual(told({ addresses, addressOptions }), [
    'IPv4 eth0 192.168.1.100/24 {"address":"192.168.1.100","label":"1"}',
    'IPv6 eth0 fe80::100/64 2001:db8::101/64 2001:db8::100/64 {"address":"2001:db8::100","advertised":false,"deprecated":true}',
  ])
})

test('a family of which nothing is advertised has no virtual router: the other holds its addresses', () => {
  const addressOptions = [{ address: '2001:db8::100', advertised: false }]
  const addresses = ['2001:db8::100/64', '192.168.1.100/24']
  assert.deepEqual(told({ addresses, addressOptions, version: 2 }), [
    'IPv4 eth0 192.168.1.100/24 2001:db8::100/64 {"address":"2001:db8::100","advertised":false}',
  ])
})

test('only advertised addresses without a link of their own say which link adverts go over', () => {
  const cluster = Cluster.of(2, i => [link('eth9', `10.9.0.${i}/16`), eth0(i)])
  const addresses = ['192.168.1.100/24', '10.9.0.100/24', '172.16.0.100/24']
  const addressOptions = [
    { address: '10.9.0.100', link: 'eth9' },
    { address: '172.16.0.100', advertised: false },
  ]
  assert.deepEqual(told({ addresses, addressOptions }, cluster), [
    'IPv4 eth0 192.168.1.100/24 10.9.0.100/24 172.16.0.100/24 {"address":"10.9.0.100","link":"eth9"} {"address":"172.16.0.100","advertised":false}',
  ])
})

test('where each has a link of its own, the link of the adverts must be given', () => {
  const spec = { addresses: ['192.168.1.100/24'], addressOptions: [{ address: '192.168.1.100', link: 'eth9' }] }
  assert.equal(
    sentence(Cluster.of(1).apply('web', spec).plan(), 'web'),
    'Invalid: Each IPv4 address that is advertised has a link of its own, so nothing says which link adverts go over: give interface.name or interface.subnet',
  )
  assert.deepEqual(told({ ...spec, interface: { name: 'eth0' } }), [
    'IPv4 eth0 192.168.1.100/24 {"address":"192.168.1.100","link":"eth9"}',
  ])
})

test('an address that is not advertised, or is on another link, belongs to one VirtualIP as others do', () => {
  const cluster = Cluster.of(2, i => [eth0(i), link('eth9', `10.9.0.${i}/24`)])
    .apply('first', {
      addresses: ['192.168.1.100/24', '2001:db8::100/64', '10.9.0.100/24'],
      addressOptions: [
        { address: '2001:db8::100', advertised: false },
        { address: '10.9.0.100', link: 'eth9' },
      ],
    })
    .apply('second', { addresses: ['2001:db8::100/64'] })
    .apply('third', { addresses: ['10.9.0.100/24'] })
    .apply('fourth', {
      addresses: ['192.168.1.104/24', '10.9.0.2/24'],
      addressOptions: [{ address: '10.9.0.2', link: 'eth9', advertised: false }],
    })
  const planned = cluster.settle()
  assert.match(sentence(planned, 'first'), /^Accepted: /)
  for (const [name, address] of [
    ['second', '2001:db8::100'],
    ['third', '10.9.0.100'],
  ] as const) {
    assert.equal(
      sentence(planned, name),
      `AddressInUse: ${address} belongs to VirtualIP first: remove it here or there`,
    )
  }
  assert.equal(
    sentence(planned, 'fourth'),
    'AddressInUse: 10.9.0.2 is the own address of node2 (eth9): choose an address that nobody has',
  )
})
