import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSysctl } from '../../src/linux/sysctl.ts'

test('a setting is read by its name', () => {
  assert.equal(readSysctl('kernel.ostype'), 'Linux')
  assert.match(readSysctl('net.ipv4.ip_nonlocal_bind') ?? '', /^[01]$/)
})

test('a name with slashes may have dots within, as links do', () => {
  assert.equal(readSysctl('kernel/ostype'), 'Linux')
  assert.equal(readSysctl('net/ipv6/conf/eth0.5/forwarding'), undefined)
})

test('a setting that this kernel lacks is undefined', () => {
  assert.equal(readSysctl('net.ipv4.no_such_setting'), undefined)
})
