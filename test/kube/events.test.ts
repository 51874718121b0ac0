import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import type { KubeClient } from '../../src/kube/client.ts'
import { type EventRecorder, type KubeEvent, openEventRecorder } from '../../src/kube/events.ts'
import { VIRTUAL_IPS } from '../../src/kube/resources.ts'
import { FaultyServer } from './faulty-server.ts'

let server: FaultyServer
let client: KubeClient
let ending: AbortController
let dropped: string[]
let clock: number
let recorder: EventRecorder

beforeEach(async () => {
  server = new FaultyServer()
  await server.open()
  client = server.client()
  ending = new AbortController()
  dropped = []
  clock = 0
  recorder = openEventRecorder({
    client,
    component: 'kube-vrrp-controller',
    instance: 'controller-0',
    signal: ending.signal,
    now: () => clock,
    onDropped: (event, why) => dropped.push(`${event.note}: ${why}`),
  })
})

afterEach(async () => {
  client.close()
  await server.shut()
})

function event(name: string, note: string): KubeEvent {
  const regarding = { resource: VIRTUAL_IPS, metadata: { name, uid: `uid-${name}` } }
  return { regarding, type: 'Normal', reason: 'BecameMaster', action: 'Transition', note }
}

suite('an event recorder', { timeout: 60_000 }, () => {
  test('writes events of cluster-scoped objects in the namespace default, in order, each with a name of its own', async () => {
    for (let i = 0; i < 3; i++) recorder.record(event('web', `note ${i}`))
    await recorder.drained()
    assert.deepEqual(server.requests, Array(3).fill('POST /apis/events.k8s.io/v1/namespaces/default/events'))
    const bodies = server.bodies as { metadata: { name: string }; note: string; regarding: object; eventTime: string }[]
    assert.deepEqual(
      bodies.map(body => body.note),
      ['note 0', 'note 1', 'note 2'],
    )
    assert.equal(new Set(bodies.map(body => body.metadata.name)).size, 3)
    assert.deepEqual(bodies[0]?.regarding, {
      apiVersion: 'kube-vrrp.io/v1alpha1',
      kind: 'VirtualIP',
      name: 'web',
      uid: 'uid-web',
    })
    assert.match(bodies[0]?.eventTime ?? '', /\.\d{6}Z$/)
  })

  test('tries again while the API server has trouble, without losing the order', async () => {
    server.writeFaults.push({ type: 'Status', status: 503 }, { type: 'Cut' })
    recorder.record(event('web', 'first'))
    recorder.record(event('web', 'second'))
    await recorder.drained()
    const notes = (server.bodies as { note: string }[]).map(body => body.note)
    assert.deepEqual(notes, ['first', 'first', 'first', 'second'])
    assert.deepEqual(dropped, [])
  })

  test('drops what is refused, and goes on', async () => {
    server.writeFaults.push({ type: 'Status', status: 403, reason: 'Forbidden' })
    recorder.record(event('web', 'first'))
    recorder.record(event('web', 'second'))
    await recorder.drained()
    assert.equal(server.requests.length, 2)
    assert.match(dropped[0] ?? '', /first: Cannot create Event: 403/)
  })

  test('a flapping object gets 40 events and then one every 6 s, without a word less about the others', async () => {
    for (let i = 0; i < 60; i++) recorder.record(event('flapping', `note ${i}`))
    recorder.record(event('quiet', 'other'))
    assert.equal(dropped.length, 20)
    clock += 6000
    recorder.record(event('flapping', 'later'))
    recorder.record(event('flapping', 'too soon'))
    await recorder.drained()
    assert.equal(server.requests.length, 42)
    assert.deepEqual(dropped.slice(20), ['too soon: too many events for this object'])
  })

  test('ten more are kept for what is wrong', async () => {
    for (let i = 0; i < 60; i++) recorder.record(event('flapping', `note ${i}`))
    for (let i = 0; i < 12; i++) recorder.record({ ...event('flapping', `wrong ${i}`), type: 'Warning' })
    await recorder.drained()
    assert.deepEqual(
      dropped.slice(20).map(text => text.split(':')[0]),
      ['wrong 10', 'wrong 11'],
    )
  })

  test('an object that was made anew under the same name begins anew', async () => {
    for (let i = 0; i < 60; i++) recorder.record(event('web', `note ${i}`))
    const regarding = { resource: VIRTUAL_IPS, metadata: { name: 'web', uid: 'another' } }
    recorder.record({ ...event('web', 'new'), regarding })
    await recorder.drained()
    assert.equal(server.requests.length, 41)
  })

  test('cuts a note that the API server would refuse', async () => {
    recorder.record(event('web', 'x'.repeat(5000)))
    await recorder.drained()
    assert.equal((server.bodies[0] as { note: string }).note.length, 1024)
  })

  test('does not keep a process from ending when the API server is gone', async () => {
    await server.shut()
    ending.abort()
    for (let i = 0; i < 20; i++) recorder.record(event('web', `note ${i}`))
    await recorder.drained()
    assert.equal(dropped.length, 20)
    await server.listen()
  })
})
