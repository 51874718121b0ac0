import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createControllerMetrics } from '../../src/telemetry/controller-metrics.ts'

const ready = {
  conditions: [
    { type: 'Accepted', status: 'True' },
    { type: 'Ready', status: 'True' },
  ],
}
const refused = { conditions: [{ type: 'Accepted', status: 'False' }] }

test('VirtualIPs are counted by each condition and its status, and a condition nobody has any more goes', async () => {
  const virtualIPs = [ready, ready, refused]
  const { registry } = createControllerMetrics({
    virtualIPs: () => virtualIPs,
    leader: () => true,
    agents: () => ({ known: 3, stale: 1 }),
  })
  const text = await registry.metrics()
  assert.ok(text.includes('kube_vrrp_virtualips{condition="Accepted",status="True"} 2\n'))
  assert.ok(text.includes('kube_vrrp_virtualips{condition="Accepted",status="False"} 1\n'))
  assert.ok(text.includes('kube_vrrp_virtualips{condition="Ready",status="True"} 2\n'))
  assert.ok(text.includes('kube_vrrp_leader 1\n'))
  assert.ok(text.includes('kube_vrrp_agents 3\n'))
  assert.ok(text.includes('kube_vrrp_agents_stale 1\n'))
  virtualIPs.pop()
  assert.doesNotMatch(await registry.metrics(), /status="False"/)
})

test('reconciliations are counted, failed ones once more, and timed', async () => {
  const { registry, observeReconcile } = createControllerMetrics({
    virtualIPs: () => [],
    leader: () => false,
    agents: () => ({ known: 0, stale: 0 }),
  })
  observeReconcile(0.004, true)
  observeReconcile(0.3, false)
  const text = await registry.metrics()
  assert.ok(text.includes('kube_vrrp_reconciles_total 2\n'))
  assert.ok(text.includes('kube_vrrp_reconcile_errors_total 1\n'))
  assert.ok(text.includes('kube_vrrp_reconcile_duration_seconds_bucket{le="0.005"} 1\n'))
  assert.ok(text.includes('kube_vrrp_reconcile_duration_seconds_count 2\n'))
  assert.ok(text.includes('kube_vrrp_leader 0\n'))
})
