import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingCapabilities } from '../../src/linux/capabilities.ts'

test('what an agent lacks is told by name', () => {
  assert.deepEqual(missingCapabilities('CapEff:\t000001ffffffffff\n'), [])
  assert.deepEqual(missingCapabilities('CapEff:\t0000000000003000\n'), [])
  assert.deepEqual(missingCapabilities('CapEff:\t0000000000001000\n'), ['CAP_NET_RAW'])
  assert.deepEqual(missingCapabilities('CapEff:\t0000000000000000\n'), ['CAP_NET_ADMIN', 'CAP_NET_RAW'])
})
