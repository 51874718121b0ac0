/* What monitoring and people on the node see of an agent. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { VirtualIPStatus } from '../../src/api/virtual-ip.ts'
import { comesTo, says } from '../lab/agent-view.ts'
import { type AgentDaemon, eventually, startAgent } from '../lab/daemons.ts'
import { type LabNode, type Lan, openLan } from '../lab/lan.ts'
import { priorities, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const KUBE_VRRP = fileURLToPath(new URL('../../bin/kube-vrrp', import.meta.url))

describe('an agent that is MASTER for one VirtualIP of two families', () => {
  let lan: Lan
  let node1: LabNode
  let node2: LabNode
  let agent: AgentDaemon
  let other: AgentDaemon
  before(async () => {
    // The bridge has an address: scrapers are elsewhere.
    lan = openLan({ bridge: 'br-metrics', addresses: ['10.6.0.254/24'] })
    node1 = lan.addNode({ name: 'metrics1', addresses: ['10.6.0.1/24', 'fd06::1/64'] })
    node2 = lan.addNode({ name: 'metrics2', addresses: ['10.6.0.2/24', 'fd06::2/64'] })
    agent = startAgent(node1, { file: file(51) })
    await comesTo(agent, 'MASTER')
    await comesTo(agent, 'MASTER', { family: 'IPv6' })
    other = startAgent(node2, { file: file(51) })
    await comesTo(other, 'BACKUP')
    await comesTo(other, 'BACKUP', { family: 'IPv6' })
  })
  after(() => lan.close())

  test('serves the state of each virtual router, with its VRID and link', async () => {
    const series = await scrape(node1)
    const labels = (family: string, state: string) =>
      `kube_vrrp_router_state{virtual_ip="web",family="${family}",vrid="51",link="eth0",state="${state}"}`
    for (const family of ['IPv4', 'IPv6']) {
      const values = ['MASTER', 'BACKUP', 'FAULT', 'INITIALIZE'].map(state => series.get(labels(family, state)))
      assert.deepEqual(values, [1, 0, 0, 0], family)
    }
    const there = await scrape(node2)
    assert.deepEqual(
      ['MASTER', 'BACKUP'].map(state => there.get(labels('IPv4', state))),
      [0, 1],
    )
  })

  test('counts its transitions by reason, its adverts and addresses, and says when it became MASTER', async () => {
    const of = (name: string, more = '') => `kube_vrrp_${name}{virtual_ip="web",family="IPv4"${more}}`
    const received = async () => (await scrape(node2)).get(of('advertisements_received_total')) ?? 0
    await eventually('node2 has heard node1', async () => (await received()) > 0, { daemons: [agent, other] })
    const [series, there] = [await scrape(node1), await scrape(node2)]
    assert.equal(series.get(of('transitions_total', ',to="MASTER",reason="ActiveDown"')), 1)
    assert.equal(series.get(of('transitions_total', ',to="BACKUP",reason="Startup"')), 1)
    assert.equal(series.get(of('master_transitions_total')), 1)
    assert.ok((series.get(of('advertisements_sent_total')) ?? 0) > 0)
    assert.equal(series.get('kube_vrrp_addresses_held'), 2)
    assert.equal(there.get('kube_vrrp_addresses_held'), 0)
    const failover = series.get(of('last_failover_timestamp_seconds')) ?? 0
    assert.ok(Math.abs(failover - Date.now() / 1000) < 600)
    assert.equal(there.get(of('last_failover_timestamp_seconds')), undefined)
    assert.ok((series.get('kube_vrrp_loop_lateness_seconds_count') ?? 0) > 0)
    for (const name of ['checksum', 'version', 'vrid', 'ip_ttl'])
      assert.equal(series.get(`kube_vrrp_${name}_errors_total`), 0)
  })

  test('is alive and ready', async () => {
    for (const path of ['healthz', 'readyz']) {
      const response = await fetch(`http://10.6.0.1:9180/${path}`)
      assert.deepEqual([response.status, (await response.text()).trim()], [200, 'ok'])
    }
  })

  test('answers `kube-vrrp status` on its node, in a table, one in full, and as JSON', async () => {
    const table = await status([])
    assert.match(table, /^NAME +ADDRESS .*\nweb +10\.6\.0\.100.* metrics1 /)
    assert.match(await status(['web']), /fd06::100/)
    const [entry, ...more] = JSON.parse(await status(['-o', 'json'])) as { name: string; status: VirtualIPStatus }[]
    assert.equal(more.length, 0)
    assert.equal(entry?.name, 'web')
    assert.equal(entry.status.master, 'metrics1')
    assert.deepEqual(
      entry.status.nodes?.map(({ node, family, state }) => [node, family, state]),
      [
        ['metrics1', 'IPv4', 'MASTER'],
        ['metrics1', 'IPv6', 'MASTER'],
      ],
    )
    await assert.rejects(status(['nothing']), { code: 1, stderr: 'There is no VirtualIP nothing\n' })
  })

  test('counts the adverts that it refuses, and hears a virtual router that it does not run', async () => {
    // An advert of the right VRID with a wrong checksum, and one of another VRID.
    const wrong = '31,51,50,1,0,100,1,1,10,6,0,100'
    send(node2, wrong)
    await eventually('it is counted', async () => (await scrape(node1)).get('kube_vrrp_checksum_errors_total') === 1)
    const series = await scrape(node1)
    assert.equal(series.get('kube_vrrp_packets_refused_total{reason="Checksum"}'), 1)
    await says(agent, /web: an advert from 10\.6\.0\.2 is refused: Checksum: /)
    writeFileSync(other.file, file(99))
    await says(agent, 'VRID 99 (IPv4) is run on eth0 by 10.6.0.2, and not by this agent')
  })

  test('keeps no series of a VirtualIP that is gone from its file', async () => {
    const gone = (await scrape(node1))
      .keys()
      .filter(key => key.includes('virtual_ip="web"'))
      .toArray()
    assert.ok(gone.length > 20)
    writeFileSync(agent.file, file(52, 'db'))
    await comesTo(agent, 'MASTER', { virtualIP: 'db' })
    const series = [...(await scrape(node1)).keys()]
    assert.deepEqual(
      series.filter(key => key.includes('virtual_ip="web"')),
      [],
    )
    assert.ok(series.some(key => key.includes('virtual_ip="db"') && key.includes('vrid="52"')))
  })

  async function status(args: readonly string[]): Promise<string> {
    const flags = ['--node', 'metrics1', '--state-dir', agent.stateDir]
    const { stdout } = await promisify(execFile)(KUBE_VRRP, ['status', ...args, ...flags], {
      env: { PATH: process.env['PATH'], HOME: '/run' },
    })
    return stdout
  }
})

/** Series as they are written, with their values. */
async function scrape(node: LabNode): Promise<Map<string, number>> {
  const [address = ''] = node.addresses[0]?.split('/') ?? []
  const text = await (await fetch(`http://${address}:9180/metrics`)).text()
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

/** Bytes in decimal, from the node to VRRP's group. */
function send(node: LabNode, bytes: string): void {
  const libc = fileURLToPath(new URL('../../src/linux/vrrp-socket.ts', import.meta.url))
  const address = fileURLToPath(new URL('../../src/lib/ip-address.ts', import.meta.url))
  const script = `
    const { openVrrpSocket } = await import('${libc}')
    const { ipAddress } = await import('${address}')
    const index = Number((await import('node:fs')).readFileSync('/sys/class/net/eth0/ifindex', 'utf8'))
    const socket = openVrrpSocket({ family: 'IPv4', link: { index, name: 'eth0' }, source: ipAddress('10.6.0.2'), onReadable() {}, onRefused() {} })
    socket.send(Uint8Array.of(0x${bytes}))
    socket.close()`
  node.run('node', '--input-type=module', '-e', script)
}

function file(virtualRouterID: number, name = 'web'): string {
  return stream(
    virtualIP(name, {
      addresses: ['10.6.0.100/24', 'fd06::100/64'],
      virtualRouterID,
      priorities: priorities({ metrics1: 200, metrics2: 100 }),
      advertisementInterval: '500ms',
    }),
  )
}
