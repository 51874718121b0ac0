import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster, link } from './cluster.ts'

test('255 VirtualIPs on 50 nodes are planned in well under 100 ms: new, running, and with half of the nodes cordoned', () => {
  const cluster = Cluster.of(50, i => [
    link('eth0', `10.0.0.${i}/16`, `fe80::${i}/64`),
    link('cni0', `10.244.${i}.1/24`),
  ])
  for (let i = 0; i < 255; i++) cluster.apply(`vip${i}`, { addresses: [`10.0.1.${i}/16`] })
  // In ms of this thread's own CPU time: what else the machine does must not count.
  const best = () =>
    Math.min(
      ...Array.from({ length: 8 }, () => {
        const start = process.threadCpuUsage()
        cluster.plan()
        const { user, system } = process.threadCpuUsage(start)
        return (user + system) / 1000
      }),
    )
  const created = best()
  cluster.settle()
  const running = best()
  for (let i = 1; i <= 50; i += 2) cluster.change(`node${i}`, { unschedulable: true })
  const cordoned = best()
  assert.ok(Math.max(created, running, cordoned) < 100, `${created} ms, ${running} ms, ${cordoned} ms`)
})
