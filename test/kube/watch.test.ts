import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '../../src/kube/client.ts'
import type { KubeError } from '../../src/kube/kube-error.ts'
import { type ResourceWatch, type WatchTiming, watchResource } from '../../src/kube/watch.ts'
import { FaultyServer, THINGS, type Thing, until } from './faulty-server.ts'

const QUICK: WatchTiming = { lifetime: 600_000, stall: 60_000, relist: 600_000, firstRetry: 1, lastRetry: 10 }

let server: FaultyServer
let client: KubeClient
let ending: AbortController
let story: string[]
let errors: KubeError[]
let watch: ResourceWatch<Thing>

beforeEach(async () => {
  server = new FaultyServer()
  await server.open()
  client = server.client()
  ending = new AbortController()
  story = []
  errors = []
})

afterEach(async () => {
  ending.abort()
  client.close()
  await watch.ended
  await server.shut()
})

function start(
  timing: Partial<WatchTiming> = {},
  options: { fieldSelector?: string; labelSelector?: string; client?: KubeClient } = {},
): void {
  watch = watchResource<Thing>({
    client,
    resource: THINGS,
    signal: ending.signal,
    timing: { ...QUICK, ...timing },
    ...options,
    onChange: (name, current, previous) => story.push(`${name}: ${previous?.value} -> ${current?.value}`),
    onSynced: () => story.push('synced'),
    onConnected: () => story.push('connected'),
    onDisconnected: error => {
      errors.push(error)
      if (story.at(-1) !== 'disconnected') story.push('disconnected')
    },
  })
}

suite('a watch', { timeout: 60_000 }, () => {
  test('lists, then follows the changes from there', async () => {
    server.put('a', 1)
    start()
    await until(() => watch.connected && server.watching === 1)
    server.put('a', 2)
    server.put('b', 3)
    server.remove('a')
    await until(() => story.length === 6)
    assert.deepEqual(story, [
      'a: undefined -> 1',
      'synced',
      'connected',
      'a: 1 -> 2',
      'b: undefined -> 3',
      'a: 2 -> undefined',
    ])
    assert.deepEqual(server.requests, ['list', 'watch 11'])
    assert.deepEqual([...watch.cache.keys()], ['b'])
    assert.equal(watch.connected, true)
  })

  test('asks for some objects only by selectors, with bookmarks', async () => {
    start({}, { fieldSelector: 'metadata.name=node1', labelSelector: 'a=b' })
    await until(() => watch.connected && server.watching === 1)
    const [list, watching] = server.urls
    assert.equal(list?.searchParams.get('fieldSelector'), 'metadata.name=node1')
    assert.equal(watching?.searchParams.get('fieldSelector'), 'metadata.name=node1')
    for (const url of [list, watching]) assert.equal(url?.searchParams.get('labelSelector'), 'a=b')
    assert.equal(watching?.searchParams.get('allowWatchBookmarks'), 'true')
  })

  test('hands out objects that nobody can change', async () => {
    server.put('a', 1)
    start()
    await until(() => watch.synced)
    const object = watch.cache.get('a')
    assert.ok(object)
    assert.ok(Object.isFrozen(object) && Object.isFrozen(object.metadata))
  })

  test('goes on from the last bookmark after the server ended it in good order, and counts that as no interruption', async () => {
    server.put('a', 1)
    start()
    await until(() => watch.connected && server.watching === 1)
    server.bookmark(50)
    server.endWatches()
    await until(() => server.requests.length === 3)
    assert.deepEqual(server.requests, ['list', 'watch 11', 'watch 50'])
    assert.deepEqual(story, ['a: undefined -> 1', 'synced', 'connected'])
  })

  test('takes a connection without a byte for dead, and goes on where it was', async () => {
    server.put('a', 1)
    start({ stall: 50 })
    await until(() => story.length >= 5)
    assert.equal(errors[0]?.reason, 'Stalled')
    assert.equal(server.requests.filter(request => request === 'list').length, 1)
    assert.deepEqual(story.slice(1, 5), ['synced', 'connected', 'disconnected', 'connected'])
  })

  test('does not take one for dead on which bytes keep coming', async () => {
    start({ stall: 1000 })
    await until(() => watch.connected && server.watching === 1)
    for (let i = 0; i < 16; i++) {
      server.bookmark(100 + i)
      await sleep(100)
    }
    assert.deepEqual(story, ['synced', 'connected'])
  })

  test('gives up a half-open connection that never answers', async () => {
    server.watchFaults.push({ type: 'Silence' })
    client.close()
    client = server.client(200)
    start({}, { client })
    await until(() => watch.connected)
    assert.equal(errors[0]?.reason, 'TimedOut')
    assert.deepEqual(story, ['synced', 'disconnected', 'connected'])
  })

  test('gives up a list that never answers', async () => {
    server.listFaults.push({ type: 'Silence' })
    client.close()
    client = server.client(200)
    start({}, { client })
    await until(() => watch.connected)
    assert.equal(errors[0]?.reason, 'TimedOut')
    assert.deepEqual(server.requests.slice(0, 2), ['list', 'list'])
  })

  for (const [name, fault] of [
    ['a watch refused with 410', () => server.watchFaults.push({ type: 'Status', status: 410, reason: 'Expired' })],
    ['an ERROR event', () => server.watchFaults.push({ type: 'Body', text: ERROR_EVENT })],
    ['a line that is not JSON', () => server.watchFaults.push({ type: 'Body', text: '{"type":"ADDED","obj\n' })],
    ['a line that is no event', () => server.watchFaults.push({ type: 'Body', text: '{"hello":"world"}\n' })],
    ['a line that is null', () => server.watchFaults.push({ type: 'Body', text: 'null\n' })],
    ['an ERROR without anything', () => server.watchFaults.push({ type: 'Body', text: '{"type":"ERROR"}\n' })],
    [
      'a bookmark without anything',
      () => server.watchFaults.push({ type: 'Body', text: '{"type":"BOOKMARK","object":{}}\n' }),
    ],
    ['a line without an end', () => server.watchFaults.push({ type: 'Body', text: 'x'.repeat(9 << 20) })],
    [
      'an event of an unknown type',
      () => server.watchFaults.push({ type: 'Body', text: '{"type":"X","object":{}}\n' }),
    ],
  ] as const) {
    test(`after ${name}: lists anew and finds what it missed`, async () => {
      server.put('a', 1)
      server.put('b', 1)
      start()
      await until(() => watch.connected && server.watching === 1)
      server.unheard(() => {
        server.remove('a')
        server.put('b', 2)
      })
      fault()
      server.cutWatches()
      await until(() => server.requests.filter(request => request === 'list').length === 2 && watch.connected)
      assert.deepEqual(
        [...watch.cache.values()].map(thing => thing.value),
        [2],
      )
      assert.deepEqual(story.slice(-3), ['b: 1 -> 2', 'a: 1 -> undefined', 'connected'])
    })
  }

  test('is not kept waiting by an API server that is back and has forgotten, however long it was away', async () => {
    start({ lastRetry: 60_000 })
    await until(() => watch.connected && server.watching === 1)
    for (let i = 0; i < 9; i++) server.watchFaults.push({ type: 'Status', status: 500, reason: 'InternalError' })
    for (let i = 0; i < 3; i++) server.watchFaults.push({ type: 'Status', status: 410, reason: 'Expired' })
    server.cutWatches()
    await until(() => errors.at(-1)?.status === 410)
    // As if the server had failed thrice more: 2.6 s at least.
    const since = performance.now()
    await until(() => watch.connected && server.watching === 1)
    assert.ok(performance.now() - since < 2000)
    assert.equal(errors.filter(({ status }) => status === 410).length, 3)
  })

  test('an ERROR event without a code is not swallowed either', async () => {
    server.watchFaults.push({ type: 'Body', text: '{"type":"ERROR","object":{"message":"etcd is gone"}}\n' })
    start()
    await until(() => watch.connected && server.watching === 1)
    assert.match(errors[0]?.message ?? '', /etcd is gone/)
    assert.deepEqual(server.requests, ['list', 'watch 10', 'list', 'watch 10'])
  })

  test('does not apply the half line of a connection that was cut, and gets it again', async () => {
    start()
    await until(() => watch.connected && server.watching === 1)
    const thing = { metadata: { name: 'a', resourceVersion: '11' }, value: 1 }
    server.sendText(JSON.stringify({ type: 'ADDED', object: thing }).slice(0, -3))
    server.cutWatches()
    await until(() => watch.connected && server.watching === 1)
    assert.equal(watch.cache.size, 0)
    server.send({ type: 'ADDED', object: thing })
    await until(() => watch.cache.size === 1)
    assert.deepEqual(server.requests, ['list', 'watch 10', 'watch 10'])
  })

  test('puts together lines that arrive in pieces', async () => {
    start()
    await until(() => watch.connected && server.watching === 1)
    const events = ['ä', 'b'].map((name, i) => ({
      type: 'ADDED',
      object: { metadata: { name, resourceVersion: `${11 + i}` } },
    }))
    const bytes = Buffer.from(events.map(event => `${JSON.stringify(event)}\n`).join(''))
    for (const byte of bytes) {
      server.sendBytes(Buffer.of(byte))
      await new Promise(setImmediate)
    }
    await until(() => watch.cache.size === 2)
    assert.deepEqual([...watch.cache.keys()], ['ä', 'b'])
  })

  test('leaves a server alone that asks for it (429 with Retry-After)', async () => {
    server.listFaults.push({ type: 'Status', status: 429, reason: 'TooManyRequests', retryAfter: 1 })
    const before = performance.now()
    start()
    await until(() => watch.connected && server.watching === 1)
    assert.ok(performance.now() - before >= 999)
    assert.deepEqual(server.requests, ['list', 'list', 'watch 10'])
  })

  test('a watch refused with 429 goes on where it was: no list for a server that is busy', async () => {
    server.watchFaults.push({ type: 'Status', status: 429, reason: 'TooManyRequests', retryAfter: 0 })
    start()
    await until(() => watch.connected && server.watching === 1)
    assert.deepEqual(server.requests, ['list', 'watch 10', 'watch 10'])
  })

  test('survives a server that is gone and comes back, and notices what happened meanwhile', async () => {
    server.put('a', 1)
    start()
    await until(() => watch.connected && server.watching === 1)
    await server.shut()
    await until(() => errors.some(error => /ECONNREFUSED/.test(error.message)))
    assert.equal(watch.connected, false)
    assert.equal(watch.cache.get('a')?.value, 1)
    await server.listen()
    await until(() => watch.connected && server.watching === 1)
    server.put('a', 2)
    await until(() => watch.cache.get('a')?.value === 2)
    assert.deepEqual(story, ['a: undefined -> 1', 'synced', 'connected', 'disconnected', 'connected', 'a: 1 -> 2'])
  })

  test('waits longer and longer for a server that ends every watch at once', async () => {
    for (let i = 0; i < 4; i++) server.watchFaults.push({ type: 'Body', text: '' })
    start({ firstRetry: 4, lastRetry: 64 })
    const before = performance.now()
    await until(() => watch.connected && server.watching === 1)
    assert.ok(performance.now() - before >= 2 + 4 + 8 + 16)
    assert.deepEqual(server.requests, ['list', ...Array(5).fill('watch 10')])
    assert.match(errors[0]?.message ?? '', /ended at once/)
  })

  test('also where each of them said something, but takes that for no interruption', async () => {
    for (let i = 0; i < 4; i++) server.watchFaults.push({ type: 'Body', text: BOOKMARK })
    start({ firstRetry: 4, lastRetry: 64 })
    const before = performance.now()
    await until(() => watch.connected && server.watching === 1)
    assert.ok(performance.now() - before >= 2 + 4 + 8 + 16)
    assert.deepEqual(story, ['synced', 'connected'])
  })

  test('is asked for again after 6 or 7 s, and for dead where nothing is said for longer, unless it is told otherwise', async () => {
    watch = watchResource<Thing>({ client, resource: THINGS, signal: ending.signal })
    await until(() => server.watching === 1)
    const seconds = Number(server.urls.at(-1)?.searchParams.get('timeoutSeconds'))
    assert.ok(seconds >= 6 && seconds <= 7, String(seconds))
  })

  test('what can not be read is no object of this kind: it lists anew', async () => {
    server.put('a', 1)
    let refusals = 2
    watch = watchResource<Thing>({
      client,
      resource: THINGS,
      signal: ending.signal,
      timing: QUICK,
      read: object => {
        if (refusals-- > 0) throw new TypeError('Cannot read properties of undefined')
        return object as Thing
      },
      onDisconnected: error => errors.push(error),
    })
    await until(() => watch.synced)
    assert.deepEqual(
      errors.map(({ reason }) => reason),
      ['Garbled', 'Garbled'],
    )
  })

  test('lists anew every so often, finds a lost event, and says nothing of what did not change', async () => {
    server.put('a', 1)
    server.put('b', 1)
    start({ relist: 10 })
    await until(() => watch.connected && server.watching === 1)
    server.unheard(() => server.put('a', 2))
    await until(() => {
      server.bookmark(60)
      server.endWatches()
      return watch.cache.get('a')?.value === 2
    })
    assert.deepEqual(story, ['a: undefined -> 1', 'b: undefined -> 1', 'synced', 'connected', 'a: 1 -> 2'])
  })

  test('knows the answer to a write of ours before the watch tells, and is not set back by an older event', async () => {
    server.put('a', 1)
    start()
    await until(() => watch.connected && server.watching === 1)
    watch.note({ metadata: { name: 'a', resourceVersion: '13' }, value: 3 })
    assert.equal(watch.cache.get('a')?.value, 3)
    server.put('a', 2)
    server.put('a', 3)
    server.put('a', 4)
    await until(() => watch.cache.get('a')?.value === 4)
    assert.deepEqual(story.slice(3), ['a: 1 -> 3', 'a: 3 -> 4'])
  })

  test('an answer that comes after the watch told more is ignored: a deleted object does not rise again', async () => {
    server.put('a', 1)
    start()
    await until(() => watch.connected && server.watching === 1)
    const answer = server.put('a', 2)
    server.remove('a')
    await until(() => watch.cache.size === 0)
    watch.note(structuredClone(answer))
    assert.equal(watch.cache.size, 0)
  })

  test('keeps only what `read` keeps, and nobody sees managedFields', async () => {
    server.things.set('a', {
      metadata: { name: 'a', resourceVersion: '5', managedFields: [] } as Thing['metadata'],
      value: 7,
    })
    start()
    await until(() => watch.synced)
    assert.deepEqual(watch.cache.get('a'), { metadata: { name: 'a', resourceVersion: '5' }, value: 7 })
  })

  test('ends when told to, also while it waits, and leaves no connection open', async () => {
    server.listFaults.push({ type: 'Status', status: 503, retryAfter: 3600 })
    start()
    await until(() => errors.length === 1)
    ending.abort()
    await watch.ended
    client.close()
    await until(() => server.connections === 0)
  })

  test('a mistake in a callback is not taken for the network: it ends the watch', async () => {
    server.put('a', 1)
    watch = watchResource<Thing>({
      client,
      resource: THINGS,
      signal: ending.signal,
      onChange: () => {
        throw new TypeError('a mistake')
      },
    })
    const { ended } = watch
    watch = { ...watch, ended: Promise.resolve() }
    await assert.rejects(ended, /a mistake/)
  })
})

const BOOKMARK = '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"10"}}}\n'
const ERROR_EVENT = '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n'
