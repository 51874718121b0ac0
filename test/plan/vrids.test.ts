import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Plan } from '../../src/plan/plan.ts'
import { Cluster, eth0, link, print, sentence } from './cluster.ts'

function vrids(planned: Plan): { [name: string]: number | undefined; moving?: number; there?: number } {
  return Object.fromEntries([...planned.virtualIPs].map(([name, { virtualRouterID }]) => [name, virtualRouterID]))
}

test('a VRID is allocated from a start that depends on the name, and kept', () => {
  const cluster = Cluster.of(2).apply('web').apply('db')
  const allocated = vrids(cluster.settle())
  assert.deepEqual(allocated, { web: 56, db: 254 })
  assert.deepEqual(vrids(cluster.settle()), allocated)
})

test('on one segment every VirtualIP has a VRID of its own, on different segments they may share one', () => {
  const cluster = Cluster.of(2, i => [eth0(i), link('eth1', `10.0.0.${i}/24`)])
  cluster.apply('a', { virtualRouterID: 7 }).apply('b', { addresses: ['10.0.0.100/24'], virtualRouterID: 7 })
  assert.deepEqual(vrids(cluster.plan()), { a: 7, b: 7 })
  assert.match(print(cluster.plan()), /^a node1=250.*\nb node2=250/)
})

test('subnets that overlap on any node are one segment', () => {
  const cluster = new Cluster()
    .join('node1', {}, [link('eth0', '192.168.1.1/24', '10.0.0.1/24')])
    .join('node2', {}, [link('eth0', '10.0.0.2/16')])
  cluster
    .apply('a', { virtualRouterID: 7, nodeSelector: {}, addresses: ['192.168.1.100/24'] })
    .apply('b', { virtualRouterID: 7, addresses: ['10.0.9.100/16'] })
  assert.equal(print(cluster.plan()), 'a node1=250\nb VirtualRouterIDInUse')
})

test('a VRID given by the user is taken from nobody: the second VirtualIP is refused, the first goes on', () => {
  const cluster = Cluster.of(2).apply('first', { virtualRouterID: 51 }).apply('second', { virtualRouterID: 51 })
  assert.equal(print(cluster.settle()), 'first node1=250 node2=238\nsecond VirtualRouterIDInUse')
  assert.equal(
    sentence(cluster.plan(), 'second'),
    'VirtualRouterIDInUse: VRID 51 belongs to VirtualIP first on this segment: give another, or leave it out and one is allocated',
  )
})

test('an older VirtualIP that asks for a VRID in use is the second all the same', () => {
  const cluster = Cluster.of(2).apply('old').apply('young', { virtualRouterID: 51 })
  cluster.settle()
  const ranks = 'node1=250 node2=238'
  cluster.apply('old', { virtualRouterID: 51, addresses: ['192.168.1.100/24'] })
  assert.equal(print(cluster.settle()), `old VirtualRouterIDInUse ${ranks}\nyoung node2=250 node1=238`)
})

test('a VRID given by the user comes before those allocated in the same plan', () => {
  const cluster = Cluster.of(2).apply('web').apply('second', { virtualRouterID: 56 })
  assert.deepEqual(vrids(cluster.plan()), { web: 57, second: 56 })
})

test('a VRID that was heard from others is not allocated, but kept, and used where the user says so', () => {
  const heard = (id: number) => [{ family: 'IPv4' as const, virtualRouterID: id, source: '192.168.1.77' }]
  const cluster = Cluster.of(2, i => [{ ...eth0(i), heard: i === 2 ? heard(56) : [] }])
  cluster.apply('web')
  assert.deepEqual(vrids(cluster.settle()), { web: 57 })
  cluster.agent('node1').links = [{ ...eth0(1), heard: heard(57) }]
  cluster.agent('node1').report()
  assert.deepEqual(vrids(cluster.settle()), { web: 57 })
  cluster.apply('given', { virtualRouterID: 56 })
  assert.deepEqual(vrids(cluster.settle()), { web: 57, given: 56 })
})

test('the VRID in the status is taken up again where no node runs it', () => {
  const cluster = Cluster.of(2).apply('web')
  const web = cluster.virtualIPs.get('web')
  if (web) cluster.virtualIPs.set('web', { ...web, status: { virtualRouterID: 99 } })
  assert.deepEqual(vrids(cluster.plan()), { web: 99 })
})

test('a VRID of a deleted VirtualIP waits until every node has confirmed giving it up', () => {
  const cluster = Cluster.of(3).apply('web', { virtualRouterID: 51 })
  cluster.settle()
  cluster.agent('node3').alive = false
  cluster.virtualIPs.delete('web')
  cluster.apply('next', { virtualRouterID: 51 })
  assert.equal(print(cluster.settle()), 'next VirtualRouterIDInUse')
  assert.equal(
    sentence(cluster.plan(), 'next'),
    'VirtualRouterIDInUse: VRID 51 may still be run for VirtualIP web by node3, which has not confirmed giving it up: bring its agent back, delete its Node if it is gone for good, or give another VRID',
  )
  cluster.agent('node3').receive()
  cluster.agent('node3').report()
  assert.equal(print(cluster.settle()), 'next node1=250 node2=238')
})

test('a VRID that an agent reports and that nobody told it (now) is in use', () => {
  const cluster = Cluster.of(2).apply('web')
  cluster.settle()
  cluster.virtualIPs.clear()
  const agent = cluster.agent('node1')
  agent.spec = undefined
  cluster.apply('other', { virtualRouterID: 56 })
  assert.equal(print(cluster.plan()), 'other VirtualRouterIDInUse')
})

test('when all 255 VRIDs of a segment are used, the next VirtualIP is refused', () => {
  const cluster = Cluster.of(1, () => [link('eth0', '10.0.0.1/16')])
  for (let i = 1; i <= 256; i++) cluster.apply(`vip${i}`, { addresses: [`10.0.1.${i - 1}/16`] })
  const planned = cluster.settle()
  assert.equal(new Set(Object.values(vrids(planned))).size, 256, '255 VRIDs and one without')
  assert.equal(planned.virtualIPs.get('vip256')?.virtualRouterID, undefined)
  assert.equal(
    sentence(planned, 'vip256'),
    'VirtualRouterIDsExhausted: All 255 VRIDs are in use on 10.0.0.0/16: put several addresses into one VirtualIP, or delete one',
  )
})

test('a VirtualIP whose address moves to another segment keeps its VRID only where that is free', () => {
  const cluster = Cluster.of(2, i => [eth0(i), link('eth1', `10.0.0.${i}/24`)])
  cluster
    .apply('moving')
    .apply('there', { addresses: ['10.0.0.100/24'], virtualRouterID: vrids(cluster.plan()).moving ?? 0 })
  const before = vrids(cluster.settle())
  assert.equal(before.moving, before.there)
  cluster.apply('moving', { addresses: ['10.0.0.101/24'] })
  const after = vrids(cluster.settle())
  assert.equal(after.there, before.there)
  assert.notEqual(after.moving, after.there)
})
