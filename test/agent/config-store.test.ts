import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { ConfigStore } from '../../src/agent/config-store.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const CONFIG = { generation: 3, spec: { virtualRouters: [] }, secrets: { 'vrrp/password': 'U2VjcmV0S2V5MTIz' } }

test('what was written is read by the next agent, and only by its user', () => {
  const own = join(folder, 'node1')
  new ConfigStore(own).write(CONFIG)
  assert.deepEqual(new ConfigStore(own).read(), CONFIG)
  assert.equal(statSync(own).mode & 0o777, 0o700)
  assert.equal(statSync(join(own, 'spec.json')).mode & 0o777, 0o600)
})

test('the passwords that version 0.1.0 had kept are known still', () => {
  const { secrets, ...rest } = CONFIG
  writeFileSync(join(folder, 'spec.json'), JSON.stringify({ ...rest, passwords: { 'vrrp/password': 'SecretKey123' } }))
  assert.deepEqual(new ConfigStore(folder).read(), { ...rest, secrets })
})

test('what others could read before is closed to them', () => {
  const own = join(folder, 'node1')
  mkdirSync(own)
  chmodSync(own, 0o755)
  writeFileSync(join(own, 'spec.json.new'), 'left behind', { mode: 0o644 })
  new ConfigStore(own).write(CONFIG)
  assert.equal(statSync(own).mode & 0o777, 0o700)
  assert.equal(statSync(join(own, 'spec.json')).mode & 0o777, 0o600)
})

test('a folder that is open to others and can not be closed is refused with a sentence', () => {
  // The kernel lets nobody change this one's mode.
  assert.throws(() => new ConfigStore('/proc/self'), {
    message:
      'Cannot close the state folder /proc/self to other users: EPERM (it must belong to the user that the agent runs as)',
  })
})

test('a folder without a spec has none', () => {
  assert.equal(new ConfigStore(join(folder, 'node1')).read(), undefined)
})

test('a spec cut short is named and left out', () => {
  writeFileSync(join(folder, 'spec.json'), '{"generation": 3,')
  assert.throws(() => new ConfigStore(folder).read(), {
    message: `The last spec in ${join(folder, 'spec.json')} is no JSON and is left out`,
  })
})

test('a state folder that cannot be made says which flag chooses another', () => {
  writeFileSync(join(folder, 'file'), '')
  assert.throws(() => new ConfigStore(join(folder, 'file', 'node1')), {
    message: `Cannot make the state folder ${join(folder, 'file', 'node1')}: ENOTDIR (choose another with --state-dir)`,
  })
})
