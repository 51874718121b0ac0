import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster, eth0, link, print, sentence } from './cluster.ts'

test('an address belongs to the first VirtualIP that asks for it; the second is refused', () => {
  const cluster = Cluster.of(2)
    .apply('first', { addresses: ['192.168.1.100/24'] })
    .apply('second', { addresses: ['192.168.1.50/24', '192.168.1.100'] })
    .apply('third', { addresses: ['192.168.1.50/24'] })
  assert.equal(
    print(cluster.settle()),
    'first node1=250 node2=238\nsecond AddressInUse\nthird node2=250 node1=238',
    'one that is refused holds back none of its addresses',
  )
  assert.equal(
    sentence(cluster.plan(), 'second'),
    'AddressInUse: 192.168.1.50 belongs to VirtualIP third and 192.168.1.100 belongs to VirtualIP first: remove it here or there',
  )
})

test('created in the same second, the name decides', () => {
  const cluster = Cluster.of(1)
  for (const name of ['b', 'a']) cluster.apply(name, { addresses: ['192.168.1.100/24'] })
  for (const [name, virtualIP] of cluster.virtualIPs) {
    const metadata = { name, creationTimestamp: '2026-01-01T00:00:00Z' }
    cluster.virtualIPs.set(name, { ...virtualIP, metadata })
  }
  assert.equal(print(cluster.plan()), 'a node1=250\nb AddressInUse')
})

test('a VirtualIP that holds an address keeps it, also against an older one that asks later', () => {
  const cluster = Cluster.of(2)
    .apply('old', { addresses: ['192.168.1.50/24'] })
    .apply('young', { addresses: ['192.168.1.100/24'] })
  cluster.settle()
  cluster.apply('old', { addresses: ['192.168.1.50/24', '192.168.1.100/24'] })
  assert.equal(print(cluster.settle()), 'old AddressInUse node1=250 node2=238\nyoung node2=250 node1=238')
})

test('a bad edit takes nothing away: what was accepted last goes on, and the sentence says so', () => {
  const cluster = Cluster.of(2)
    .apply('first', { addresses: ['192.168.1.100/24'] })
    .apply('second', { addresses: ['192.168.1.101/24'] })
  cluster.settle()
  const running = cluster.agent('node1').spec
  cluster.apply('second', { addresses: ['192.168.1.100/24'] })
  assert.equal(
    sentence(cluster.settle(), 'second'),
    'AddressInUse: 192.168.1.100 belongs to VirtualIP first: remove it here or there. Until then the last accepted spec goes on, on node2 and node1',
  )
  assert.deepEqual(cluster.agent('node1').spec, running)
  cluster.apply('third', { addresses: ['192.168.1.101/24'] })
  assert.equal(
    sentence(cluster.settle(), 'third'),
    'AddressInUse: 192.168.1.101 belongs to VirtualIP second: remove it here or there',
    'it still holds its old address',
  )
  cluster.apply('second', { addresses: ['192.168.1.102/24'] })
  assert.equal(
    print(cluster.settle()),
    'first node1=250 node2=238\nsecond node2=250 node1=238\nthird node1=250 node2=238',
  )
})

test('an address that goes on after a bad edit is kept, also from an older VirtualIP that asks for it', () => {
  const edits = {
    'a taken address': { addresses: ['192.168.1.60/24'] },
    'no node': { addresses: ['192.168.1.61/24'], nodeSelector: { matchLabels: { no: 'node' } } },
  }
  for (const [what, edit] of Object.entries(edits)) {
    const cluster = Cluster.of(1)
      .apply('first', { addresses: ['192.168.1.60/24'] })
      .apply('older', { addresses: ['192.168.1.50/24'] })
      .apply('edited', { addresses: ['192.168.1.101/24'] })
    cluster.settle()
    cluster.apply('edited', edit).apply('older', { addresses: ['192.168.1.101/24'] })
    const printed = print(cluster.settle())
    assert.match(printed, /^first node1=250\nolder AddressInUse node1=250\nedited \w+ node1=250$/, what)
  }
})

test('what went on before does not go on where its address was given up and has gone to another', () => {
  const cluster = Cluster.of(1)
    .apply('a', { addresses: ['192.168.1.60/24'] })
    .apply('b', { addresses: ['192.168.1.61/24'] })
    .apply('late', { addresses: ['192.168.1.101/24'] })
  cluster.settle()
  cluster.apply('a', { addresses: ['192.168.1.50/24'] })
  cluster.apply('b', { addresses: ['192.168.1.101/24'] })
  cluster.apply('late', { addresses: ['192.168.1.50/24'] })
  assert.equal(print(cluster.settle()), 'a node1=250\nb node1=250\nlate AddressInUse')
})

test('an address that a VirtualIP gave up can go to another, also an older one', () => {
  const cluster = Cluster.of(2)
    .apply('old', { addresses: ['192.168.1.50/24'] })
    .apply('young', { addresses: ['192.168.1.100/24'] })
  cluster.settle()
  cluster.apply('young', { addresses: ['192.168.1.101/24'] })
  cluster.apply('old', { addresses: ['192.168.1.100/24'] })
  assert.equal(print(cluster.settle()), 'old node1=250 node2=238\nyoung node2=250 node1=238')
})

test('an address goes to the next when its VirtualIP is being deleted', () => {
  const cluster = Cluster.of(1)
    .apply('first', { addresses: ['192.168.1.100/24'] })
    .apply('second', { addresses: ['192.168.1.100/24'] })
  cluster.settle()
  const first = cluster.virtualIPs.get('first')
  const metadata = {
    name: 'first',
    creationTimestamp: '2026-01-01T00:00:00Z',
    deletionTimestamp: '2026-01-02T00:00:00Z',
  }
  if (first) cluster.virtualIPs.set('first', { ...first, metadata })
  assert.match(print(cluster.settle()), /^second node1=250$/)
})

test("a node's own address on the segment is refused; the same address on another segment is not", () => {
  const cluster = Cluster.of(2, i => [eth0(i), link('docker0', '172.17.0.1/16')])
    .apply('taken', { addresses: ['192.168.1.2/24'] })
    .apply('elsewhere', { addresses: ['172.17.0.1'], interface: { subnet: '192.168.1.0/24' } })
  assert.equal(print(cluster.plan()), 'taken AddressInUse\nelsewhere node1=250 node2=238')
  assert.equal(
    sentence(cluster.plan(), 'taken'),
    'AddressInUse: 192.168.1.2 is the own address of node2 (eth0): choose an address that nobody has',
  )
})

test('a link-local address may be used once on every segment', () => {
  const cluster = Cluster.of(2, i => [eth0(i), link('eth1', `2001:db8:1::${i}/64`, `fe80::${i}/64`)])
    .apply('one', { addresses: ['fe80::100/64', '2001:db8::100/64'] })
    .apply('other', { addresses: ['fe80::100/64', '2001:db8:1::100/64'] })
    .apply('again', { addresses: ['fe80::100/64', '2001:db8:1::101/64'] })
  assert.equal(print(cluster.settle()), 'one node1=250 node2=238\nother node2=250 node1=238\nagain AddressInUse')
  assert.equal(
    sentence(cluster.plan(), 'again'),
    'AddressInUse: fe80::100 belongs to VirtualIP other: remove it here or there',
  )
})
