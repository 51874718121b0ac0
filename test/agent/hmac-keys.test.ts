import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { HmacKeys } from '../../src/agent/hmac-authentication.ts'
import { hmacKeys } from '../../src/agent/hmac-keys.ts'

const SECRET: Readonly<Record<string, Uint8Array>> = {
  'vrrp/one': new Uint8Array(32).fill(1),
  'vrrp/two': new Uint8Array(64).fill(2),
  'vrrp/short': new Uint8Array(31),
  'vrrp/long': new Uint8Array(65),
}
const HAD: HmacKeys = {
  mode: 'Enforce',
  keys: new Map([[1, new Uint8Array(48).fill(3)]]),
  activeKey: 1,
  timeWindow: 5000,
}

/** `1:one 2:two, signed with 1`, and what is wrong. Keys are named by the number their bytes have. */
function taken(
  keys: Readonly<Record<number, string>>,
  activeKey: number,
  had?: HmacKeys,
  known = SECRET,
  forbidden = {},
  removed: readonly string[] = [],
) {
  const wanted = Object.entries(keys).map(([id, key]) => ({ id: Number(id), key }))
  const hmac = { keys: wanted, activeKey, mode: 'Permissive', timeWindow: '6s' } as const
  const result = hmacKeys({ type: 'HMAC', secretRef: { name: 'vrrp' }, hmac }, { known, forbidden, removed }, had)
  if ('fault' in result) return `FAULT ${result.fault.reason}: ${result.fault.message}`
  const { mode, timeWindow } = result.keys
  assert.deepEqual([mode, timeWindow], ['Permissive', 6000])
  const has = Array.from(result.keys.keys, ([id, bytes]) => `${id}:${bytes[0]}`).join(' ')
  const trouble = result.trouble ? `; ${result.trouble.reason}: ${result.trouble.message}` : ''
  return `${has}, signed with ${result.keys.activeKey}${trouble}`
}

const LENGTH = 'a key of HMAC must have 32 to 64 (openssl rand -hex 32 makes one; mind a newline at its end)'

describe('the keys of a virtual router', () => {
  test('are those of the Secret', () => {
    assert.equal(taken({ 1: 'one' }, 1), '1:1, signed with 1')
    assert.equal(taken({ 1: 'one', 2: 'two' }, 2), '1:1 2:2, signed with 2')
  })

  test('are a FAULT where there is none to sign with', () => {
    assert.equal(taken({ 1: 'one' }, 1, undefined, {}), 'FAULT SecretMissing: Secret vrrp with a key one was not found')
    assert.equal(taken({ 1: 'none' }, 1), 'FAULT SecretMissing: Secret vrrp has no key none')
    assert.equal(taken({ 1: 'short' }, 1), `FAULT SecretInvalid: Key short of Secret vrrp has 31 bytes, ${LENGTH}`)
    assert.equal(taken({ 1: 'long' }, 1), `FAULT SecretInvalid: Key long of Secret vrrp has 65 bytes, ${LENGTH}`)
    assert.equal(taken({ 1: 'one' }, 1, undefined, {}, { vrrp: 'No.' }), 'FAULT SecretForbidden: No.')
    assert.equal(taken({ 1: 'none', 2: 'two' }, 1), 'FAULT SecretMissing: Secret vrrp has no key none')
  })

  test('are as good as they were where one that is only to be believed is missing, or of a wrong length', () => {
    assert.equal(taken({ 1: 'one', 2: 'none' }, 1), '1:1, signed with 1; SecretMissing: Secret vrrp has no key none')
    assert.match(
      taken({ 1: 'one', 2: 'short' }, 1),
      /^1:1, signed with 1; SecretInvalid: Key short of Secret vrrp has 31 bytes/,
    )
  })

  test('stay what they were where the Secret has one of a wrong length now', () => {
    assert.match(taken({ 1: 'short' }, 1, HAD), /^1:3, signed with 1; SecretInvalid/)
    assert.match(taken({ 1: 'short', 2: 'two' }, 2, HAD), /^1:3 2:2, signed with 2; SecretInvalid/)
  })

  test('go on where the Secret has them no longer, or may not be read any more, and it is said', () => {
    assert.equal(
      taken({ 1: 'one' }, 1, HAD, SECRET, {}, ['vrrp/one', 'vrrp/two']),
      '1:1, signed with 1; SecretMissing: Secret vrrp no longer has a key one',
    )
    assert.equal(taken({ 1: 'one' }, 1, HAD, SECRET, { vrrp: 'No.' }), '1:1, signed with 1; SecretForbidden: No.')
  })

  test('stay what they were where the one to sign with now is not there yet', () => {
    assert.match(
      taken({ 1: 'one', 2: 'none' }, 2, HAD),
      /^1:1, signed with 1; SecretMissing: Secret vrrp has no key none/,
    )
    assert.match(taken({ 2: 'none' }, 2, HAD), /^1:3, signed with 1; SecretMissing/)
  })
})
