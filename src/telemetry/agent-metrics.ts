import { Histogram, Registry } from 'prom-client'
import type { RouterCounters } from './counters.ts'
import { addProcessMetrics } from './process-metrics.ts'
import { type Description, readCounter, readGauge, type Sample } from './read-at-scrape.ts'

/** What an agent's metrics are read from, at each scrape. */
export interface AgentMetricsSource {
  /** Every virtual router this node was told to run, one of each VirtualIP and family. */
  routers(): Iterable<RouterSample>
  /** Packets refused so far by reason (wire's `DecodeReason`), whether or not they named a virtual router of this node. */
  refused(): ReadonlyMap<string, number>
  addressesHeld(): number
  /** Whether the kernel is told to be silent should the agent stop, and how often it was although the agent went on. */
  fence(): { readonly isThere: boolean; readonly lapses: number }
  /** Lines of its log that were left out, for nobody read those before. */
  logLinesDropped(): number
}

export interface RouterSample {
  readonly virtualIP: string
  readonly family: string
  /** 1..255 */
  readonly virtualRouterID: number
  readonly link: string
  readonly state: 'MASTER' | 'BACKUP' | 'FAULT' | 'INITIALIZE'
  readonly counters: RouterCounters
  /** What is wrong around it. */
  readonly observations: readonly { readonly reason: string }[]
}

export interface AgentMetrics {
  readonly registry: Registry
  /** How long after its deadline the loop woke, in seconds. */
  observeLateness(seconds: number): void
}

const STATES = ['MASTER', 'BACKUP', 'FAULT', 'INITIALIZE'] as const

/** 0.1 ms to 5 s */
const LATENESS_BUCKETS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

/** Per virtual router; the names in the help texts are RFC 8347's. */
const ROUTER_COUNTERS: readonly (readonly [keyof NumbersOf<RouterCounters>, string, string])[] = [
  ['advertisementsSent', 'kube_vrrp_advertisements_sent_total', 'Adverts sent (RFC 8347: advertisement-sent).'],
  [
    'advertisementsReceived',
    'kube_vrrp_advertisements_received_total',
    'Valid adverts received (RFC 8347: advertisement-rcvd).',
  ],
  [
    'masterTransitions',
    'kube_vrrp_master_transitions_total',
    'Times this node became MASTER (RFC 8347: master-transitions).',
  ],
  [
    'intervalErrors',
    'kube_vrrp_interval_errors_total',
    'Adverts whose interval is not the configured one (RFC 8347: interval-errors).',
  ],
  [
    'priorityZeroReceived',
    'kube_vrrp_priority_zero_packets_received_total',
    'Adverts of Priority 0 received: a MASTER left (RFC 8347: priority-zero-pkts-rcvd).',
  ],
  [
    'priorityZeroSent',
    'kube_vrrp_priority_zero_packets_sent_total',
    'Adverts of Priority 0 sent: this MASTER left (RFC 8347: priority-zero-pkts-sent).',
  ],
  [
    'invalidTypeReceived',
    'kube_vrrp_invalid_type_packets_received_total',
    'Packets whose Type is not ADVERTISEMENT (RFC 8347: invalid-type-pkts-rcvd).',
  ],
  [
    'addressListErrors',
    'kube_vrrp_address_list_errors_total',
    'Adverts whose addresses are not the configured ones (RFC 8347: address-list-errors).',
  ],
  [
    'packetLengthErrors',
    'kube_vrrp_packet_length_errors_total',
    'Packets whose length is not what they say (RFC 8347: packet-length-errors).',
  ],
]

/** Per node, whatever virtual router they meant: RFC 8347's global statistics, by the reason of the refusal. */
const GLOBAL_COUNTERS = [
  ['Checksum', 'kube_vrrp_checksum_errors_total', 'Packets with a wrong checksum (RFC 8347: checksum-errors).'],
  [
    'Version',
    'kube_vrrp_version_errors_total',
    'Packets of an unknown or another VRRP version (RFC 8347: version-errors).',
  ],
  ['VirtualRouterID', 'kube_vrrp_vrid_errors_total', 'Packets with an invalid VRID (RFC 8347: vrid-errors).'],
  ['TTL', 'kube_vrrp_ip_ttl_errors_total', 'Packets whose TTL or hop limit is not 255 (RFC 8347: ip-ttl-errors).'],
] as const

/** Everything is read from `source` at the scrape, so a series ends with its virtual router; only lateness is told, once a wake-up. */
export function createAgentMetrics(source: AgentMetricsSource): AgentMetrics {
  const registry = new Registry()
  // A registry renders in the order of registration: the first metric takes what the others show, so a scrape is of one moment.
  let routers: RouterSample[] = []
  readGauge(registry, ROUTER_STATE, () => {
    routers = [...source.routers()]
    return routers.flatMap(stateSamples)
  })
  readCounter(registry, TRANSITIONS, () => routers.flatMap(transitionSamples))
  for (const [counter, name, help] of ROUTER_COUNTERS) {
    readCounter(registry, ofRouter(name, help), () =>
      routers.map(router => ({ labels: routerLabels(router), value: router.counters[counter] })),
    )
  }
  readGauge(registry, OBSERVATIONS, () => routers.flatMap(observationSamples))
  readGauge(registry, LAST_FAILOVER, () => routers.flatMap(lastFailoverSample))
  readCounter(registry, PACKETS_REFUSED, () =>
    Array.from(source.refused(), ([reason, value]) => ({ labels: { reason }, value })),
  )
  for (const [reason, name, help] of GLOBAL_COUNTERS) {
    readCounter(registry, { name, help }, () => [{ labels: {}, value: source.refused().get(reason) ?? 0 }])
  }
  readGauge(registry, ADDRESSES_HELD, () => [{ labels: {}, value: source.addressesHeld() }])
  readGauge(registry, FENCE, () => [{ labels: {}, value: source.fence().isThere ? 1 : 0 }])
  readCounter(registry, FENCE_LAPSES, () => [{ labels: {}, value: source.fence().lapses }])
  readCounter(registry, LOG_LINES_DROPPED, () => [{ labels: {}, value: source.logLinesDropped() }])
  const lateness = new Histogram({
    name: 'kube_vrrp_loop_lateness_seconds',
    help: 'How long after its deadline the loop woke; late by an interval is late enough to lose the address.',
    buckets: LATENESS_BUCKETS,
    registers: [registry],
  })
  addProcessMetrics(registry)
  return { registry, observeLateness: seconds => lateness.observe(seconds) }
}

type NumbersOf<T> = { [K in keyof T as T[K] extends number ? K : never]: T[K] }
type RouterLabel = 'virtual_ip' | 'family'

const ROUTER_STATE: Description<RouterLabel | 'vrid' | 'link' | 'state'> = {
  name: 'kube_vrrp_router_state',
  help: 'The state of a virtual router on this node: 1 for the state it is in, 0 for the others.',
  labelNames: ['virtual_ip', 'family', 'vrid', 'link', 'state'],
}
const TRANSITIONS: Description<RouterLabel | 'to' | 'reason'> = {
  name: 'kube_vrrp_transitions_total',
  help: 'Changes of state of a virtual router on this node.',
  labelNames: ['virtual_ip', 'family', 'to', 'reason'],
}
const OBSERVATIONS: Description<RouterLabel | 'reason'> = {
  name: 'kube_vrrp_observations',
  help: 'What this node hears around a virtual router and should not: from how many senders, by reason; absent where there is nothing.',
  labelNames: ['virtual_ip', 'family', 'reason'],
}
const LAST_FAILOVER = ofRouter(
  'kube_vrrp_last_failover_timestamp_seconds',
  'When this node last became MASTER or ceased to be, in Unix time; absent where it never did.',
)
const PACKETS_REFUSED: Description<'reason'> = {
  name: 'kube_vrrp_packets_refused_total',
  help: 'VRRP packets that were received and refused.',
  labelNames: ['reason'],
}
const ADDRESSES_HELD: Description<never> = {
  name: 'kube_vrrp_addresses_held',
  help: 'Addresses that kube-vrrp holds on this node.',
}
const FENCE: Description<never> = {
  name: 'kube_vrrp_fence',
  help: 'Whether the kernel ceases to answer for held addresses should this agent stop (1), or has no nf_tables for it (0).',
}
const FENCE_LAPSES: Description<never> = {
  name: 'kube_vrrp_fence_lapses_total',
  help: 'Times that held addresses of a link were not answered for, for the loop came too late.',
}

const LOG_LINES_DROPPED: Description<never> = {
  name: 'kube_vrrp_log_lines_dropped_total',
  help: 'Lines of the log that were left out, for nobody read those before.',
}

function ofRouter(name: string, help: string): Description<RouterLabel> {
  return { name, help, labelNames: ['virtual_ip', 'family'] }
}

function routerLabels({ virtualIP, family }: RouterSample) {
  return { virtual_ip: virtualIP, family }
}

function stateSamples(router: RouterSample): Sample<RouterLabel | 'vrid' | 'link' | 'state'>[] {
  const labels = { ...routerLabels(router), vrid: router.virtualRouterID, link: router.link }
  return STATES.map(state => ({ labels: { ...labels, state }, value: state === router.state ? 1 : 0 }))
}

function observationSamples(router: RouterSample): Sample<RouterLabel | 'reason'>[] {
  return [...Map.groupBy(router.observations, ({ reason }) => reason)].map(([reason, { length }]) => ({
    labels: { ...routerLabels(router), reason },
    value: length,
  }))
}

function transitionSamples(router: RouterSample): Sample<RouterLabel | 'to' | 'reason'>[] {
  return Array.from(router.counters.transitions(), ({ to, reason, count }) => ({
    labels: { ...routerLabels(router), to, reason },
    value: count,
  }))
}

function lastFailoverSample(router: RouterSample): Sample<RouterLabel>[] {
  const { lastFailover } = router.counters
  return lastFailover === undefined ? [] : [{ labels: routerLabels(router), value: lastFailover }]
}
