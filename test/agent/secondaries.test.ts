import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endangered } from '../../src/agent/secondaries.ts'
import { parsePrefix } from '../../src/lib/ip-address.ts'
import type { Link, LinkAddress } from '../../src/linux/links.ts'

const [OURS, SECONDARY] = [200, 0x01]

function address(text: string, flags = 0, protocol?: number): LinkAddress {
  return { prefix: parsePrefix(text) ?? assert.fail(), protocol, scope: 0, flags }
}

function told(addresses: readonly LinkAddress[], sysctls: Readonly<Record<string, string>> = {}): string[] {
  const mac = new Uint8Array(6)
  const state = { up: true, carrier: true, loopback: false, noArp: false }
  const link: Link = { index: 2, name: 'eth0', mac, mtu: 1500, ...state, addresses }
  const isOurs = (_: Link, { protocol }: LinkAddress) => protocol === OURS
  return endangered([link], isOurs, name => sysctls[name] ?? '0')
}

const first = address('10.0.0.100/24', 0, OURS)
const second = address('10.0.0.7/24', SECONDARY)

test('who has an address that the kernel would delete with one of ours is told, and what to do', () => {
  assert.deepEqual(told([first, second]), [
    "10.0.0.7/24 on eth0 goes when 10.0.0.100/24 is released, for the kernel has it as secondary to that: give the VirtualIP's address prefix length 32, or set the sysctl net.ipv4.conf.eth0.promote_secondaries to 1",
  ])
})

test('nothing is told where the kernel promotes secondaries', () => {
  for (const name of ['all', 'eth0']) {
    assert.deepEqual(told([first, second], { [`net/ipv4/conf/${name}/promote_secondaries`]: '1' }), [])
  }
})

test('nothing is told where none is secondary to one of ours', () => {
  for (const addresses of [
    [address('10.0.0.7/24'), address('10.0.0.100/24', SECONDARY, OURS)],
    [address('10.0.0.1/24'), second, address('10.0.0.100/24', SECONDARY, OURS)],
    [first, address('10.0.0.101/24', SECONDARY, OURS)],
    [address('10.0.0.100/32', 0, OURS), second],
    [address('10.0.1.100/24', 0, OURS), second],
    [address('fd00::100/64', 0, OURS), address('fd00::7/64', SECONDARY)],
  ]) {
    assert.deepEqual(told(addresses), [])
  }
})
