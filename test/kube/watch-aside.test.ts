/* A watch by another thread: the newest state of each object, and little of a storm. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { KubeError } from '../../src/kube/kube-error.ts'
import { VIRTUAL_IP_NODES } from '../../src/kube/resources.ts'
import { watchAside } from '../../src/kube/watch-aside.ts'
import { watchCalmly } from '../../src/kube/watch-calmly.ts'
import { FaultyServer, THINGS, type Thing, until } from './faulty-server.ts'

const STORM = fileURLToPath(new URL('../lab/watch-storm.ts', import.meta.url))

describe('a watch by another thread', () => {
  let server: FaultyServer
  let folder: string
  let ending: AbortController
  let told: string[]
  beforeEach(async () => {
    server = new FaultyServer()
    await server.open()
    folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-'))
    ending = new AbortController()
    told = []
  })
  afterEach(async () => {
    ending.abort()
    await server.shut()
    rmSync(folder, { recursive: true })
  })

  test('tells what is there, then that this was all, then what changes and goes', async () => {
    server.put('a', 1)
    const { cache } = watch()
    await until(() => told.includes('connected') && server.watching === 1)
    server.put('a', 2)
    await until(() => told.includes('a 2'))
    server.put('b', 1)
    server.remove('a')
    await until(() => told.includes('a gone'))
    assert.deepEqual(told, ['a 1', 'synced', 'connected', 'a 2', 'b 1', 'a gone'])
    assert.deepEqual([...cache.keys()], ['b'])
  })

  test('tells of a thousand changes the last, and only few before', async () => {
    server.put('a', 0)
    const watched = watch()
    await until(() => told.includes('connected') && server.watching === 1)
    for (let i = 1; i <= 1000; i++) server.put('a', i)
    await until(() => told.includes('a 1000'))
    assert.equal(watched.cache.get('a')?.value, 1000)
    const changes = told.filter(line => line.startsWith('a '))
    assert.ok(changes.length < 100, `${changes.length} were told`)
  })

  test('tells no more before what it told was taken: who stood still has no heap of old news to read', async t => {
    const file = join(folder, 'spec.json')
    writeFileSync(file, JSON.stringify({ virtualRouters: [] }))
    const flags = ['--disable-warning=ExperimentalWarning', STORM]
    const storm = spawn(process.execPath, [...flags, '127.0.0.1', '0', 'node1', file, '200'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => storm.kill('SIGKILL'))
    const [port] = await once(storm.stdout, 'data')
    watch(VIRTUAL_IP_NODES, `http://127.0.0.1:${String(port).trim()}/`)
    const changes = () => told.filter(line => line.startsWith('node1')).length
    await until(() => changes() > 2)
    standStill(1500)
    const before = changes()
    await nextTurn()
    await nextTurn()
    assert.ok(changes() - before <= 2, `${changes() - before} at once`)
    await until(() => changes() > before + 2)
  })

  test('tells why it is cut off, and is heard again', async () => {
    server.listFaults.push({ type: 'Status', status: 403, reason: 'Forbidden' })
    server.put('a', 1)
    const watched = watch()
    await until(() => told.includes('synced'))
    assert.equal(told[0], 'disconnected Forbidden 403')
    assert.equal(watched.synced, true)
    await until(() => watched.connected && server.watching === 1)
    server.cutWatches()
    await until(() => told.filter(line => line === 'connected').length === 2)
  })

  test('is silent once it has ended', async () => {
    server.put('a', 1)
    watch()
    await until(() => told.includes('connected') && server.watching === 1)
    ending.abort()
    await until(() => server.watching === 0)
    assert.equal(told.at(-1), 'connected')
  })

  test('of a watch begins with a storm, and takes up what that watch knew', async () => {
    server.put('a', 0)
    server.put('gone', 0)
    const watched = watchCalmly<Thing>({ ...settings(), client: server.client() })
    await until(() => told.includes('connected') && server.watching === 1)
    for (let i = 1; i <= 50; i++) server.put('a', i)
    await until(() => told.includes('a 50'))
    const lists = () => server.requests.filter(request => request === 'list').length
    assert.equal(lists(), 1, 'fifty changes are no storm')
    for (let i = 51; i <= 200; i++) server.put('a', i)
    server.remove('gone')
    await until(() => told.includes('gone gone') && watched.cache.get('a')?.value === 200)
    await until(() => server.watching === 1 && watched.connected)
    assert.equal(lists(), 2)
    for (let i = 201; i <= 1200; i++) server.put('a', i)
    await until(() => told.includes('a 1200'))
    const since = told.slice(told.indexOf('gone gone'))
    assert.ok(since.length < 100, `${since.length} were told`)
    assert.deepEqual([...watched.cache.keys()], ['a'])
    assert.equal(watched.synced, true)
  })

  function watch(resource = THINGS, url = server.url) {
    return watchAside<Thing>(settings(resource, url))
  }

  function settings(resource = THINGS, url = server.url) {
    const kubeconfig = join(folder, 'config')
    const config = {
      clusters: [{ name: 'test', cluster: { server: url } }],
      users: [{ name: 'test', user: { token: 'none' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    }
    writeFileSync(kubeconfig, JSON.stringify(config))
    return {
      kubeconfig,
      resource,
      signal: ending.signal,
      onChange: (name: string, current: Thing | undefined) => told.push(`${name} ${current?.value ?? 'gone'}`),
      onSynced: () => told.push('synced'),
      onConnected: () => told.push('connected'),
      onDisconnected: ({ reason, status }: KubeError) => told.push(`disconnected ${reason} ${status ?? ''}`.trim()),
    }
  }
})

/** This thread, as one that is starved or stopped. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
