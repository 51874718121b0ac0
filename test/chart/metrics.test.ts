/* What the alerts and the dashboard ask Prometheus for is what agents and controllers tell. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import type { Registry } from 'prom-client'
import { parse } from 'yaml'
import { dashboard } from '../../charts/dashboard.ts'
import { createAgentMetrics } from '../../src/telemetry/agent-metrics.ts'
import { createControllerMetrics } from '../../src/telemetry/controller-metrics.ts'

interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

const CHART = new URL('../../charts/kube-vrrp/', import.meta.url)
const alerts = (
  parse(readFileSync(new URL('files/alerts.yaml', CHART), 'utf8')) as { groups: { rules: Alert[] }[] }
).groups.flatMap(({ rules }) => rules)
const queries = [...JSON.stringify(dashboard()).matchAll(/"expr":"((?:[^"\\]|\\.)*)"/g)].map(
  ([, expr = '']) => JSON.parse(`"${expr}"`) as string,
)

/** What the PodMonitor adds. */
const TARGET = ['namespace', 'pod', 'node', 'app_kubernetes_io_component']

/** The labels of each metric there is. */
const METRICS = new Map(
  [
    createAgentMetrics({
      routers: () => [],
      refused: () => new Map(),
      addressesHeld: () => 0,
      fence: () => ({ isThere: true, lapses: 0 }),
      logLinesDropped: () => 7,
    }).registry,
    createControllerMetrics({ virtualIPs: () => [], leader: () => true, agents: () => ({ known: 0, stale: 0 }) })
      .registry,
  ].flatMap(labelsOf),
)

function labelsOf(registry: Registry): [string, readonly string[]][] {
  return registry.getMetricsAsArray().flatMap(metric => {
    const { name, type, labelNames } = metric as unknown as { name: string; type: string; labelNames: string[] }
    if (type !== 'histogram') return [[name, [...labelNames, ...TARGET]]]
    return [
      [`${name}_count`, [...labelNames, ...TARGET]],
      [`${name}_bucket`, [...labelNames, 'le', ...TARGET]],
    ]
  })
}

/** Every metric that is asked for, with the labels it is chosen by. */
function asked(expr: string): { metric: string; labels: readonly string[] }[] {
  return [...expr.matchAll(/\b((?:kube_vrrp|process|nodejs)_[a-z_]+)\b(?:\{([^}]*)\})?/g)].map(
    ([, metric = '', selector = '']) => ({
      metric,
      labels: [...selector.matchAll(/([a-z_]+)(?:=|!=|=~|!~)"/g)].map(([, label = '']) => label),
    }),
  )
}

function grouped(expr: string): readonly string[] {
  return [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/,\s*/))
}

function assertTold(expr: string): void {
  const found = asked(expr)
  assert.ok(found.length > 0, expr)
  for (const { metric, labels } of found) {
    const has = METRICS.get(metric)
    assert.ok(has, `there is no metric ${metric}`)
    for (const label of labels) assert.ok(has.includes(label), `${metric} has no label ${label}`)
  }
  for (const label of grouped(expr)) {
    for (const { metric } of found) assert.ok(METRICS.get(metric)?.includes(label), `${metric} has no label ${label}`)
  }
}

suite('the alert', () => {
  for (const { alert, expr, annotations, labels } of alerts) {
    test(`${alert} asks for what there is, in its own namespace, and names what it grouped by`, () => {
      assertTold(expr)
      for (const { labels } of asked(expr)) assert.ok(labels.includes('namespace'))
      assert.ok(grouped(expr).includes('namespace'))
      const text = `${annotations.summary} ${annotations.description}`
      for (const [, label = ''] of text.matchAll(/\$labels\.([a-z_]+)/g))
        assert.ok(grouped(expr).includes(label), label)
      assert.match(labels.severity, /^(critical|warning)$/)
      // What to do next.
      assert.match(annotations.description, /kubectl|protocol 112|CPU/)
    })
  }

  test('is there for every way in which addresses are lost', () => {
    const names = alerts.map(({ alert }) => alert)
    for (const name of [
      'NoMaster',
      'SplitBrain',
      'NotRedundant',
      'Late',
      'AgentSilent',
      'NoLeader',
      'Fault',
      'Disturbed',
      'NoFence',
    ]) {
      assert.ok(names.includes(`KubeVRRP${name}`), name)
    }
    assert.equal(new Set(names).size, names.length)
  })
})

test('every panel of the dashboard asks for what there is', () => {
  assert.ok(queries.length > 15)
  for (const query of queries) assertTold(query)
})
