import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { KEYWORDS_WITHOUT_EQUAL, withoutEqual } from '../../src/keepalived/without-equal.ts'

const GUIDE = readFileSync(new URL('../../docs/from-keepalived.md', import.meta.url), 'utf8')

/** What is carried over, or made of its parts. */
const IMPORTED = [
  'interface virtual_router_id priority advert_int version vrrp_version authentication virtual_ipaddress nopreempt preempt',
  'preempt_delay accept v3_checksum_as_v2 unicast_peer unicast_src_ip unicast_ttl min_ttl track_src_ip check_unicast_src',
  'track_interface track_script track_file track_process vrrp_script vrrp_track_process vrrp_track_file include',
].flatMap(line => line.split(' '))

/** What keepalived.conf(5) has besides on the side of VRRP, by what they are called there. */
const GARP = ['garp_master_delay', 'garp_lower_prio_repeat', 'vrrp_garp_interval', 'vrrp_gna_interval', 'vrrp_min_garp']
const TOLD = ['enable_snmp_vrrp', 'snmp_socket', 'enable_dbus', 'notify_fifo', 'vrrp_notify_fifo', 'notify_fifo_script']

test('the guide has every keyword that is carried over, and every one that is not', () => {
  for (const keyword of [...IMPORTED, ...KEYWORDS_WITHOUT_EQUAL]) assert.ok(GUIDE.includes(`\`${keyword}\``), keyword)
})

test('of every keyword of VRRP it is said in particular why it is not carried over', () => {
  for (const keyword of [...KEYWORDS_WITHOUT_EQUAL, ...GARP, ...TOLD]) {
    assert.doesNotMatch(withoutEqual(keyword), /does not know it/, keyword)
  }
  assert.match(withoutEqual('bananas'), /does not know it/)
})
