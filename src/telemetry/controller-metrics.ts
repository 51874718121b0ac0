import { Counter, Histogram, Registry } from 'prom-client'
import { addProcessMetrics } from './process-metrics.ts'
import { readGauge } from './read-at-scrape.ts'

/** What the controller's gauges are read from, at each scrape. */
export interface ControllerMetricsSource {
  virtualIPs(): Iterable<{ readonly conditions: readonly { readonly type: string; readonly status: string }[] }>
  leader(): boolean
  /** Agents whose Lease was seen at least once, and those of them that were not seen renewing it for too long. */
  agents(): { readonly known: number; readonly stale: number }
}

export interface ControllerMetrics {
  readonly registry: Registry
  /** One reconciliation has ended. */
  observeReconcile(seconds: number, succeeded: boolean): void
}

/** 1 ms to 10 s */
const RECONCILE_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

export function createControllerMetrics(source: ControllerMetricsSource): ControllerMetrics {
  const registry = new Registry()
  const registers = [registry]
  readGauge(
    registry,
    {
      name: 'kube_vrrp_virtualips',
      help: 'VirtualIPs by the status of each condition.',
      labelNames: ['condition', 'status'],
    },
    () => byCondition(source.virtualIPs()),
  )
  readGauge(registry, { name: 'kube_vrrp_leader', help: '1 while this replica is the leader, else 0.' }, () =>
    one(source.leader() ? 1 : 0),
  )
  readGauge(registry, { name: 'kube_vrrp_agents', help: 'Agents that were seen renewing their Lease.' }, () =>
    one(source.agents().known),
  )
  readGauge(
    registry,
    { name: 'kube_vrrp_agents_stale', help: 'Agents that were not seen renewing their Lease for too long.' },
    () => one(source.agents().stale),
  )
  const reconciles = new Counter({ name: 'kube_vrrp_reconciles_total', help: 'Reconciliations ended.', registers })
  const errors = new Counter({
    name: 'kube_vrrp_reconcile_errors_total',
    help: 'Reconciliations that failed and are retried.',
    registers,
  })
  const duration = new Histogram({
    name: 'kube_vrrp_reconcile_duration_seconds',
    help: 'How long a reconciliation takes.',
    buckets: RECONCILE_BUCKETS,
    registers,
  })
  addProcessMetrics(registry)
  return {
    registry,
    observeReconcile: (seconds, succeeded) => {
      reconciles.inc()
      if (!succeeded) errors.inc()
      duration.observe(seconds)
    },
  }
}

function byCondition(virtualIPs: ReturnType<ControllerMetricsSource['virtualIPs']>) {
  const counts = new Map<string, { labels: { condition: string; status: string }; value: number }>()
  for (const { conditions } of virtualIPs) {
    for (const { type, status } of conditions) {
      const key = `${type}=${status}`
      const sample = counts.get(key) ?? { labels: { condition: type, status }, value: 0 }
      sample.value++
      counts.set(key, sample)
    }
  }
  return [...counts.values()]
}

function one(value: number) {
  return [{ labels: {}, value }]
}
