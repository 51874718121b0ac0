import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownView } from '../../src/agent/own-view.ts'
import type { VirtualRouterStatus } from '../../src/api/virtual-ip-node.ts'

const backup: VirtualRouterStatus = {
  virtualIP: 'web',
  family: 'IPv4',
  link: 'eth0',
  virtualRouterID: 51,
  priority: 80,
  state: 'BACKUP',
  since: '2026-01-01T00:00:00Z',
  reason: 'HigherPriorityHeard',
  message: 'MASTER -> BACKUP: 10.0.0.2 ranks higher',
  activeAddress: '10.0.0.2',
}

test('an agent says which check fails where it only costs priority', () => {
  const checks = [{ name: 'livez', passing: false, message: 'GET /livez: 500' }]
  const [view] = ownView('node1', [], [{ ...backup, checks }], undefined)
  assert.equal(view?.status.master, '10.0.0.2')
  assert.deepEqual(view.status.nodes, [
    {
      node: 'node1',
      family: 'IPv4',
      link: 'eth0',
      priority: 80,
      state: 'BACKUP',
      since: '2026-01-01T00:00:00Z',
      reason: 'HigherPriorityHeard',
      message: 'MASTER -> BACKUP: 10.0.0.2 ranks higher. Check livez fails: GET /livez: 500',
    },
  ])
})
