import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { VirtualIPNode, VirtualRouterStatus } from '../../src/api/virtual-ip-node.ts'
import { ReportTimes } from '../../src/controller/report-times.ts'

function router(state: VirtualRouterStatus['state'], more: Partial<VirtualRouterStatus> = {}): VirtualRouterStatus {
  const numbers = { virtualRouterID: 1, priority: 100, link: 'eth0' }
  return {
    virtualIP: 'web',
    family: 'IPv4',
    ...numbers,
    state,
    since: '2026-01-01T00:00:00Z',
    reason: 'Startup',
    ...more,
  }
}

function reporting(...virtualRouters: VirtualRouterStatus[]): VirtualIPNode {
  return {
    apiVersion: 'kube-vrrp.io/v1alpha1',
    kind: 'VirtualIPNode',
    metadata: { name: 'node1' },
    spec: { virtualRouters: [] },
    status: { virtualRouters },
  }
}

suite('the time of a report', () => {
  test('is when its state first arrived, whatever else is reported later', () => {
    const times = new ReportTimes()
    times.observe('node1', reporting(router('BACKUP')), 1)
    times.observe('node1', reporting(router('MASTER')), 2)
    times.observe('node1', reporting(router('MASTER', { priority: 80, message: 'a check fails' })), 3)
    assert.equal(times.of('node1', router('MASTER'))?.at, 2)
  })

  test('is new when the state was left and entered again between two reports', () => {
    const times = new ReportTimes()
    times.observe('node1', reporting(router('MASTER')), 1)
    times.observe('node1', reporting(router('MASTER', { since: '2026-01-01T00:00:09Z' })), 2)
    assert.equal(times.of('node1', router('MASTER'))?.at, 2)
  })

  test('is new when it follows another', () => {
    const times = new ReportTimes()
    const follows = (activeAddress: string) => router('BACKUP', { activeAddress })
    times.observe('node1', reporting(follows('10.0.0.1')), 1)
    times.observe('node1', reporting(follows('10.0.0.1')), 2)
    assert.equal(times.of('node1', follows('10.0.0.1'))?.at, 1)
    times.observe('node1', reporting(follows('10.0.0.2')), 3)
    assert.equal(times.of('node1', follows('10.0.0.2'))?.at, 3)
  })

  test('is kept for each family and VirtualIP by itself', () => {
    const times = new ReportTimes()
    const six = router('BACKUP', { family: 'IPv6' })
    times.observe('node1', reporting(router('MASTER'), six), 1)
    times.observe('node1', reporting(router('MASTER'), { ...six, state: 'MASTER' }), 2)
    assert.equal(times.of('node1', router('MASTER'))?.at, 1)
    assert.equal(times.of('node1', six)?.at, 2)
    assert.equal(times.of('node1', router('MASTER', { virtualIP: 'other' })), undefined)
  })

  test('goes with the node', () => {
    const times = new ReportTimes()
    times.observe('node1', reporting(router('MASTER')), 1)
    times.observe('node1', undefined, 2)
    assert.equal(times.of('node1', router('MASTER')), undefined)
  })
})
