/** Grafana's dashboard, by its JSON model. */
export function dashboard(): object {
  return {
    uid: 'kube-vrrp',
    title: 'kube-vrrp',
    description: 'Who holds which address, since when and why, and how well the agents keep time.',
    tags: ['kube-vrrp'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: [DATASOURCE, variable('namespace'), variable('virtual_ip')] },
    panels: layOut([
      [
        count('VirtualIPs', conditions('Accepted', '.*'), 'green'),
        count('Not Ready', conditions('Ready', 'False|Unknown')),
        count('Without a BACKUP', conditions('Redundant', 'False')),
        count('Split brain', conditions('SplitBrain', 'True')),
        count('Disturbed', conditions('AddressConflict|Degraded', 'True')),
        count('Agents silent', `max(kube_vrrp_agents_stale${HERE})`),
        count('Controllers that lead', `sum(kube_vrrp_leader${HERE})`, 'green'),
      ],
      [whoHoldsWhat()],
      [masterOverTime()],
      [
        graph(
          'Transitions',
          `sum by (virtual_ip, family, to, reason) (increase(kube_vrrp_transitions_total${ITS}[$__rate_interval])) > 0`,
          '{{virtual_ip}} {{family}} → {{to}} ({{reason}})',
          { draw: 'bars' },
        ),
        graph(
          'Last failover (time since)',
          `time() - max by (virtual_ip, family) (kube_vrrp_last_failover_timestamp_seconds${ITS})`,
          '{{virtual_ip}} {{family}}',
          { unit: 's' },
        ),
      ],
      [
        graph(
          'Loop lateness, 99th percentile',
          `histogram_quantile(0.99, sum by (le, node) (rate(kube_vrrp_loop_lateness_seconds_bucket${HERE}[$__rate_interval])))`,
          '{{node}}',
          { unit: 's' },
        ),
        graph(
          'Wake-ups more than 0.1 s late',
          `sum by (node) (rate(kube_vrrp_loop_lateness_seconds_count${HERE}[$__rate_interval])) - sum by (node) (rate(kube_vrrp_loop_lateness_seconds_bucket{namespace=~"$namespace", le="0.1"}[$__rate_interval]))`,
          '{{node}}',
          { unit: 'ops' },
        ),
      ],
      [
        graph(
          'Adverts sent',
          `sum by (virtual_ip, family, node) (rate(kube_vrrp_advertisements_sent_total${ITS}[$__rate_interval])) > 0`,
          '{{virtual_ip}} {{family}} {{node}}',
          { unit: 'pps' },
        ),
        graph(
          'Adverts received',
          `sum by (virtual_ip, family, node) (rate(kube_vrrp_advertisements_received_total${ITS}[$__rate_interval])) > 0`,
          '{{virtual_ip}} {{family}} {{node}}',
          { unit: 'pps' },
        ),
        graph(
          'Packets refused',
          `sum by (node, reason) (rate(kube_vrrp_packets_refused_total${HERE}[$__rate_interval]))`,
          '{{node}}: {{reason}}',
          { unit: 'pps' },
        ),
      ],
      [
        graph('Addresses held', `sum by (node) (kube_vrrp_addresses_held${HERE})`, '{{node}}', { draw: 'stack' }),
        graph('Agents without a fence in their kernel', `sum by (node) (1 - kube_vrrp_fence${HERE})`, '{{node}}'),
        graph(
          'Lapses of the fence',
          `sum by (node) (increase(kube_vrrp_fence_lapses_total${HERE}[$__rate_interval]))`,
          '{{node}}',
        ),
      ],
      [
        graph(
          'Processor',
          `sum by (node, pod) (rate(process_cpu_seconds_total{namespace=~"$namespace", app_kubernetes_io_component=~"agent|controller"}[$__rate_interval]))`,
          '{{pod}} {{node}}',
          { unit: 'percentunit' },
        ),
        graph(
          'Memory',
          `sum by (node, pod) (process_resident_memory_bytes{namespace=~"$namespace", app_kubernetes_io_component=~"agent|controller"})`,
          '{{pod}} {{node}}',
          { unit: 'bytes' },
        ),
      ],
      [
        graph(
          'Reconciliations',
          `sum by (pod) (rate(kube_vrrp_reconciles_total${HERE}[$__rate_interval]))`,
          '{{pod}}',
          { unit: 'ops' },
        ),
        graph(
          'Reconciliations that failed',
          `sum by (pod) (rate(kube_vrrp_reconcile_errors_total${HERE}[$__rate_interval]))`,
          '{{pod}}',
          { unit: 'ops' },
        ),
        graph(
          'How long they take, 99th percentile',
          `histogram_quantile(0.99, sum by (le, pod) (rate(kube_vrrp_reconcile_duration_seconds_bucket${HERE}[$__rate_interval])))`,
          '{{pod}}',
          { unit: 's' },
        ),
      ],
    ]),
  }
}

const HERE = '{namespace=~"$namespace"}'
const ITS = '{namespace=~"$namespace", virtual_ip=~"$virtual_ip"}'
const SOURCE = { type: 'prometheus', uid: '$datasource' }

const DATASOURCE = { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' }

function variable(label: 'namespace' | 'virtual_ip'): object {
  const query = `label_values(kube_vrrp_router_state, ${label})`
  return {
    name: label,
    label: label === 'namespace' ? 'Namespace' : 'VirtualIP',
    type: 'query',
    datasource: SOURCE,
    query: { query, refId: label },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  }
}

/** Every controller counts them all. */
function conditions(condition: string, status: string): string {
  return `sum(max by (namespace, status) (kube_vrrp_virtualips{namespace=~"$namespace", condition="${condition}", status=~"${status}"})) or vector(0)`
}

interface Panel {
  readonly type: string
  readonly title: string
  readonly [field: string]: unknown
}

function target(expr: string, legendFormat = '', more: object = {}): object {
  return { refId: 'A', datasource: SOURCE, expr, legendFormat, ...more }
}

/** A number that is well when it is 0, or always where a colour is given. */
function count(title: string, expr: string, colour?: string): Panel {
  const steps =
    colour === undefined
      ? [
          { color: 'green', value: null },
          { color: 'red', value: 1 },
        ]
      : [{ color: colour, value: null }]
  return {
    type: 'stat',
    title,
    datasource: SOURCE,
    targets: [target(expr, '', { instant: true })],
    fieldConfig: { defaults: { thresholds: { mode: 'absolute', steps } }, overrides: [] },
    options: { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'value', graphMode: 'none' },
  }
}

function whoHoldsWhat(): Panel {
  const hidden = [
    'Time',
    'Value',
    '__name__',
    'job',
    'instance',
    'container',
    'endpoint',
    'namespace',
    'pod',
    'app_kubernetes_io_component',
  ]
  const order = ['virtual_ip', 'family', 'state', 'node', 'link', 'vrid']
  return {
    type: 'table',
    title: 'Who holds what',
    datasource: SOURCE,
    targets: [target(`kube_vrrp_router_state${ITS} == 1`, '', { instant: true, format: 'table' })],
    transformations: [
      {
        id: 'organize',
        options: {
          excludeByName: Object.fromEntries(hidden.map(name => [name, true])),
          indexByName: Object.fromEntries(order.map((name, i) => [name, i])),
          renameByName: {
            virtual_ip: 'VirtualIP',
            family: 'Family',
            state: 'State',
            node: 'Node',
            link: 'Link',
            vrid: 'VRID',
          },
        },
      },
      { id: 'sortBy', options: { sort: [{ field: 'VirtualIP' }] } },
    ],
    fieldConfig: {
      defaults: {},
      overrides: [
        {
          matcher: { id: 'byName', options: 'State' },
          properties: [
            { id: 'custom.cellOptions', value: { type: 'color-text' } },
            {
              id: 'mappings',
              value: [
                {
                  type: 'value',
                  options: coloured({ MASTER: 'green', BACKUP: 'blue', FAULT: 'red', INITIALIZE: 'yellow' }),
                },
              ],
            },
          ],
        },
      ],
    },
    options: { showHeader: true },
  }
}

function coloured(colours: Readonly<Record<string, string>>): object {
  return Object.fromEntries(Object.entries(colours).map(([text, color], index) => [text, { text, color, index }]))
}

function masterOverTime(): Panel {
  const mappings = [
    {
      type: 'value',
      options: { 0: { text: ' ', color: 'transparent', index: 0 }, 1: { text: 'MASTER', color: 'green', index: 1 } },
    },
  ]
  return {
    type: 'state-timeline',
    title: 'MASTER over time',
    datasource: SOURCE,
    targets: [
      target(
        `max by (virtual_ip, family, node) (kube_vrrp_router_state{namespace=~"$namespace", virtual_ip=~"$virtual_ip", state="MASTER"})`,
        '{{virtual_ip}} {{family}} {{node}}',
      ),
    ],
    fieldConfig: { defaults: { mappings, custom: { fillOpacity: 80, lineWidth: 0 } }, overrides: [] },
    options: { mergeValues: true, showValue: 'never', rowHeight: 0.9, legend: { showLegend: false } },
  }
}

function graph(
  title: string,
  expr: string,
  legend: string,
  { unit = 'short', draw = 'line' }: { unit?: string; draw?: 'line' | 'bars' | 'stack' } = {},
): Panel {
  const custom = {
    drawStyle: draw === 'bars' ? 'bars' : 'line',
    fillOpacity: draw === 'line' ? 5 : 60,
    stacking: { mode: draw === 'line' ? 'none' : 'normal' },
    showPoints: 'never',
  }
  return {
    type: 'timeseries',
    title,
    datasource: SOURCE,
    targets: [target(expr, legend)],
    fieldConfig: { defaults: { unit, min: 0, custom }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
  }
}

/** Side by side in each row, as wide as fits into Grafana's 24 columns. */
function layOut(rows: readonly (readonly Panel[])[]): object[] {
  let y = 0
  let id = 0
  return rows.flatMap(row => {
    const w = Math.floor(24 / row.length)
    const h = row[0]?.type === 'stat' ? 4 : 8
    const placed = row.map((panel, i) => ({ id: ++id, ...panel, gridPos: { x: i * w, y, w, h } }))
    y += h
    return placed
  })
}
