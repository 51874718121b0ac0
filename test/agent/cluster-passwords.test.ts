import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { missingSecrets, namedPasswords, readPasswords } from '../../src/agent/cluster-passwords.ts'
import type { Passwords } from '../../src/agent/passwords.ts'
import type { VirtualRouterSpec } from '../../src/api/virtual-ip-node.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { KubeError } from '../../src/kube/kube-error.ts'

const NOTHING: Passwords = { known: {}, forbidden: {} }

/** A router that signs with these keys of the Secret vrrp. */
function router(...keys: string[]): VirtualRouterSpec {
  const hmac = { keys: keys.map((key, i) => ({ id: i + 1, key })) }
  return { authentication: { type: 'HMAC', secretRef: { name: 'vrrp' }, hmac } } as unknown as VirtualRouterSpec
}

/** What is known, and which of it the Secret has no longer, after it was read with these keys in it, or this error. */
async function read(routers: readonly VirtualRouterSpec[], had: Passwords, secret: readonly string[] | KubeError) {
  const get = () => {
    if (secret instanceof KubeError) return Promise.reject(secret)
    return Promise.resolve({ data: Object.fromEntries(secret.map(key => [key, Buffer.from(key).toString('base64')])) })
  }
  const client = { namespace: 'kube-vrrp', get } as unknown as KubeClient
  const passwords = await readPasswords(client, routers, had, () => undefined)
  return { passwords, known: Object.keys(passwords.known).sort(), removed: passwords.removed ?? [] }
}

describe('a key that is taken out of the Secret', () => {
  test('goes on where a router names it, and it is said that it is gone, until it is there again', async () => {
    const before = await read([router('one', 'two')], NOTHING, ['one', 'two', 'other'])
    assert.deepEqual(before.removed, [])
    const after = await read([router('one', 'two')], before.passwords, ['two'])
    assert.deepEqual(after.known, ['vrrp/one', 'vrrp/two'])
    assert.deepEqual(after.removed, ['vrrp/one'])
    assert.deepEqual(missingSecrets([router('one', 'two')], after.passwords), [])
    assert.deepEqual((await read([router('one', 'two')], after.passwords, ['one', 'two'])).removed, [])
  })

  test('is forgotten where no router names it', async () => {
    const before = await read([router('one', 'two')], NOTHING, ['one', 'two'])
    const after = await read([router('two')], before.passwords, ['two'])
    assert.deepEqual([after.known, after.removed], [['vrrp/two'], []])
  })

  test('is gone with the whole Secret, and stays so while the API server is away', async () => {
    const before = await read([router('one')], NOTHING, ['one'])
    const deleted = await read([router('one')], before.passwords, error('NotFound', 404))
    assert.deepEqual([deleted.known, deleted.removed], [['vrrp/one'], ['vrrp/one']])
    const away = await read([router('one')], deleted.passwords, error('ConnectionRefused'))
    assert.deepEqual([away.known, away.removed], [['vrrp/one'], ['vrrp/one']])
  })
})

test('what is only not to be read just now is not gone', async () => {
  const before = await read([router('one')], NOTHING, ['one'])
  const away = await read([router('one')], before.passwords, error('ConnectionRefused'))
  assert.deepEqual([away.known, away.removed], [['vrrp/one'], []])
})

test('only what a router names is kept', async () => {
  const { passwords } = await read([router('one')], NOTHING, ['one', 'other'])
  assert.deepEqual(Object.keys(namedPasswords([router('one')], passwords.known)), ['vrrp/one'])
  assert.deepEqual(namedPasswords([], passwords.known), {})
})

function error(reason: string, status?: number): KubeError {
  return new KubeError(reason, { reason, ...(status !== undefined && { status }) })
}
