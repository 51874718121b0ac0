import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAgentMetrics, type RouterSample } from '../../src/telemetry/agent-metrics.ts'
import { RouterCounters } from '../../src/telemetry/counters.ts'

const AT = new Date('2026-01-02T03:04:05Z')

/** An agent whose routers come and go as the test says. */
function agent(...routers: RouterSample[]) {
  const refused = new Map<string, number>()
  const { registry, observeLateness } = createAgentMetrics({
    routers: () => routers,
    refused: () => refused,
    addressesHeld: () => 2,
    fence: () => ({ isThere: true, lapses: 3 }),
    logLinesDropped: () => 7,
  })
  const lines = async (name: string) => {
    const all = (await registry.metrics()).split('\n')
    return all.filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  }
  return { routers, refused, registry, observeLateness, lines }
}

function router(virtualIP: string, state: RouterSample['state'], counters = new RouterCounters()): RouterSample {
  return { virtualIP, family: 'IPv4', virtualRouterID: 51, link: 'eth0', state, counters, observations: [] }
}

test('the state a router is in is 1 and its other states are 0', async () => {
  const { lines } = agent(router('web', 'MASTER'))
  const labels = 'virtual_ip="web",family="IPv4",vrid="51",link="eth0"'
  assert.deepEqual(await lines('kube_vrrp_router_state'), [
    `kube_vrrp_router_state{${labels},state="MASTER"} 1`,
    `kube_vrrp_router_state{${labels},state="BACKUP"} 0`,
    `kube_vrrp_router_state{${labels},state="FAULT"} 0`,
    `kube_vrrp_router_state{${labels},state="INITIALIZE"} 0`,
  ])
})

test("each of RFC 8347's counters of a virtual router is there under its Prometheus name", async () => {
  const counters = new RouterCounters()
  counters.sent(100)
  counters.sent(0)
  counters.advertisementsReceived += 3
  counters.transition('INITIALIZE', 'BACKUP', 'Startup', AT)
  counters.transition('BACKUP', 'MASTER', 'ActiveDown', AT)
  counters.observe({ type: 'IntervalMismatch' })
  counters.refused('Interval')
  counters.observe({ type: 'PriorityZeroReceived' })
  counters.refused('Type')
  counters.observe({ type: 'AddressListMismatch' })
  counters.refused('Length')
  counters.refused('AddressCount')
  counters.refused('Checksum')
  const { registry } = agent(router('web', 'MASTER', counters))
  const expected: [string, string, number][] = [
    ['master-transitions', 'kube_vrrp_master_transitions_total', 1],
    ['advertisement-rcvd', 'kube_vrrp_advertisements_received_total', 3],
    ['advertisement-sent', 'kube_vrrp_advertisements_sent_total', 2],
    ['interval-errors', 'kube_vrrp_interval_errors_total', 2],
    ['priority-zero-pkts-rcvd', 'kube_vrrp_priority_zero_packets_received_total', 1],
    ['priority-zero-pkts-sent', 'kube_vrrp_priority_zero_packets_sent_total', 1],
    ['invalid-type-pkts-rcvd', 'kube_vrrp_invalid_type_packets_received_total', 1],
    ['address-list-errors', 'kube_vrrp_address_list_errors_total', 1],
    ['packet-length-errors', 'kube_vrrp_packet_length_errors_total', 2],
  ]
  const text = await registry.metrics()
  for (const [rfcName, name, value] of expected) {
    assert.match(text, new RegExp(`# HELP ${name} .*\\(RFC 8347: ${rfcName}\\)`))
    assert.ok(text.includes(`${name}{virtual_ip="web",family="IPv4"} ${value}\n`), name)
  }
})

test("RFC 8347's global counters are the refusals by reason, and 0 before the first", async () => {
  const { registry, refused, lines } = agent()
  refused.set('TTL', 4).set('Checksum', 3).set('Authentication', 2)
  const text = await registry.metrics()
  for (const [rfcName, name, value] of [
    ['checksum-errors', 'kube_vrrp_checksum_errors_total', 3],
    ['version-errors', 'kube_vrrp_version_errors_total', 0],
    ['vrid-errors', 'kube_vrrp_vrid_errors_total', 0],
    ['ip-ttl-errors', 'kube_vrrp_ip_ttl_errors_total', 4],
  ] as const) {
    assert.match(text, new RegExp(`# HELP ${name} .*\\(RFC 8347: ${rfcName}\\)`))
    assert.deepEqual(await lines(name), [`${name} ${value}`])
  }
  assert.deepEqual(await lines('kube_vrrp_packets_refused_total'), [
    'kube_vrrp_packets_refused_total{reason="TTL"} 4',
    'kube_vrrp_packets_refused_total{reason="Checksum"} 3',
    'kube_vrrp_packets_refused_total{reason="Authentication"} 2',
  ])
})

test('what is observed around a virtual router is told by reason, with from how many, while it is there', async () => {
  const observations = [{ reason: 'TTLMismatch' }, { reason: 'OtherMaster' }, { reason: 'TTLMismatch' }]
  const { lines, routers } = agent({ ...router('web', 'MASTER'), observations }, router('db', 'BACKUP'))
  assert.deepEqual(await lines('kube_vrrp_observations'), [
    'kube_vrrp_observations{virtual_ip="web",family="IPv4",reason="TTLMismatch"} 2',
    'kube_vrrp_observations{virtual_ip="web",family="IPv4",reason="OtherMaster"} 1',
  ])
  routers[0] = router('web', 'MASTER')
  assert.deepEqual(await lines('kube_vrrp_observations'), [])
})

test('transitions are counted by where to and why, and only those to or from MASTER are a failover', async () => {
  const counters = new RouterCounters()
  const { lines } = agent(router('web', 'BACKUP', counters))
  counters.transition('INITIALIZE', 'BACKUP', 'Startup', AT)
  assert.deepEqual(await lines('kube_vrrp_last_failover_timestamp_seconds'), [])
  counters.transition('BACKUP', 'MASTER', 'ActiveDown', AT)
  counters.transition('MASTER', 'BACKUP', 'Preempted', new Date(AT.getTime() + 1500))
  counters.transition('BACKUP', 'MASTER', 'ActiveDown', new Date(AT.getTime() + 2500))
  assert.deepEqual(await lines('kube_vrrp_transitions_total'), [
    'kube_vrrp_transitions_total{virtual_ip="web",family="IPv4",to="BACKUP",reason="Startup"} 1',
    'kube_vrrp_transitions_total{virtual_ip="web",family="IPv4",to="MASTER",reason="ActiveDown"} 2',
    'kube_vrrp_transitions_total{virtual_ip="web",family="IPv4",to="BACKUP",reason="Preempted"} 1',
  ])
  assert.deepEqual(await lines('kube_vrrp_last_failover_timestamp_seconds'), [
    `kube_vrrp_last_failover_timestamp_seconds{virtual_ip="web",family="IPv4"} ${AT.getTime() / 1000 + 2.5}`,
  ])
})

test('every series of a VirtualIP goes with it, and those of the others stay', async () => {
  const { routers, registry } = agent(router('web', 'MASTER'), router('db', 'BACKUP'))
  for (const { counters } of routers) counters.transition('BACKUP', 'MASTER', 'ActiveDown', AT)
  assert.match(await registry.metrics(), /virtual_ip="web"/)
  routers.shift()
  const text = await registry.metrics()
  assert.doesNotMatch(text, /virtual_ip="web"/)
  assert.match(text, /kube_vrrp_transitions_total\{virtual_ip="db"/)
})

test('what a living VirtualIP counted stays when its VRID and link change', async () => {
  const counters = new RouterCounters()
  counters.transition('BACKUP', 'MASTER', 'ActiveDown', AT)
  const { routers, lines } = agent(router('web', 'MASTER', counters))
  routers[0] = { ...router('web', 'INITIALIZE', counters), virtualRouterID: 7, link: 'eth1' }
  assert.deepEqual(await lines('kube_vrrp_transitions_total'), [
    'kube_vrrp_transitions_total{virtual_ip="web",family="IPv4",to="MASTER",reason="ActiveDown"} 1',
  ])
  const states = await lines('kube_vrrp_router_state')
  assert.equal(states.length, 4)
  assert.ok(states.every(line => line.includes('vrid="7",link="eth1"')))
})

test('lateness falls into buckets from 0.1 ms to 5 s', async () => {
  const { observeLateness, lines } = agent()
  for (const seconds of [0, 0.0003, 0.25, 60]) observeLateness(seconds)
  const buckets = await lines('kube_vrrp_loop_lateness_seconds_bucket')
  const count = (bound: string) => buckets.find(line => line.includes(`{le="${bound}"}`))?.split(' ')[1]
  assert.deepEqual(['0.0001', '0.0005', '0.2', '0.5', '5', '+Inf'].map(count), ['1', '2', '2', '3', '3', '4'])
})

test('addresses held and the process itself are there', async () => {
  const { registry, lines } = agent()
  assert.deepEqual(await lines('kube_vrrp_addresses_held'), ['kube_vrrp_addresses_held 2'])
  assert.deepEqual(await lines('kube_vrrp_fence'), ['kube_vrrp_fence 1'])
  assert.deepEqual(await lines('kube_vrrp_fence_lapses_total'), ['kube_vrrp_fence_lapses_total 3'])
  assert.deepEqual(await lines('kube_vrrp_log_lines_dropped_total'), ['kube_vrrp_log_lines_dropped_total 7'])
  const text = await registry.metrics()
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_open_fds']) {
    assert.match(text, new RegExp(`^${name} [0-9.]*[1-9]`, 'm'))
  }
  assert.ok(text.includes(`nodejs_version_info{version="${process.version}"} 1`))
  const [start] = await lines('process_start_time_seconds')
  assert.ok(Math.abs(Number(start?.split(' ')[1]) - (Date.now() / 1000 - process.uptime())) < 5)
})
