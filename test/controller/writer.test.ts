import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { API_VERSION } from '../../src/api/names.ts'
import type { VirtualIP } from '../../src/api/virtual-ip.ts'
import type { VirtualIPNode } from '../../src/api/virtual-ip-node.ts'
import type { Change } from '../../src/controller/reconcile.ts'
import { openWriter, type Writer } from '../../src/controller/writer.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { KubeError } from '../../src/kube/kube-error.ts'
import { type ObjectRef, objectPath } from '../../src/kube/resources.ts'
import { until } from '../kube/faulty-server.ts'

/** What was sent, as `PATCH path body`; each answer may be replaced by an error. */
let sent: string[]
/** The object as the API server has it. */
let now: VirtualIPNode
let failures: KubeError[]
let story: string[]
let writer: Writer
let running: Promise<void>

const client = {
  namespace: 'kube-vrrp',
  create: async (_: unknown, object: { metadata: object }) => answer('POST', 'VirtualIPNode', object),
  mergePatch: async (ref: ObjectRef, patch: object) => answer('PATCH', objectPath(ref), patch),
  get: async () => now,
  delete: async (ref: ObjectRef, preconditions: object) => answer('DELETE', objectPath(ref), preconditions),
} as unknown as KubeClient

async function answer(method: string, path: string, body: object): Promise<object> {
  sent.push(`${method} ${path.replace('/apis/kube-vrrp.io/v1alpha1/', '')} ${JSON.stringify(body)}`)
  await new Promise(setImmediate)
  const failure = failures.shift()
  if (failure) throw failure
  return { metadata: { name: 'node1', resourceVersion: '8' } }
}

beforeEach(() => {
  sent = []
  now = node('8', 2)
  failures = []
  story = []
  const say = (level: string) => (message: string) => story.push(`${level}: ${message}`)
  writer = openWriter({
    client,
    logger: { warn: say('warn'), error: say('error') } as never,
    onWritten: change => story.push(`written ${change.type}`),
    onOutdated: () => story.push('outdated'),
    onFailed: () => story.push('failed'),
  })
  running = writer.run()
})

afterEach(async () => {
  writer.close()
  await running
})

function spec(priority: number) {
  const router = { virtualIP: 'web', family: 'IPv4', version: 3, virtualRouterID: 1, link: 'eth0', priority }
  return {
    virtualRouters: [{ ...router, advertisementInterval: '1s', addresses: ['10.0.0.1/24'] }],
  } as unknown as VirtualIPNode['spec']
}

function node(resourceVersion: string, generation = 1): VirtualIPNode {
  const metadata = { name: 'node1', resourceVersion, generation }
  const released = [{ virtualIP: 'web', family: 'IPv4' as const, link: 'eth0', virtualRouterID: 1, priority: 1 }]
  return { apiVersion: API_VERSION, kind: 'VirtualIPNode', metadata, spec: { virtualRouters: [], released } }
}

function setSpec(priority: number, resourceVersion = '7'): Change {
  return { type: 'SetSpec', node: node(resourceVersion), spec: spec(priority) }
}

function setStatus(name: string): Change {
  const metadata = { name, resourceVersion: '7' }
  const virtualIP: VirtualIP = {
    apiVersion: API_VERSION,
    kind: 'VirtualIP',
    metadata,
    spec: { addresses: [] },
    status: { master: 'node1', backups: '0/0' },
  }
  return { type: 'SetStatus', virtualIP, status: { backups: '1/1' } }
}

suite('the writer', { timeout: 30_000 }, () => {
  test('writes on top of what was seen, and takes away what is gone', async () => {
    writer.submit([setSpec(100), setStatus('web')])
    await until(() => writer.idle)
    assert.deepEqual(sent, [
      `PATCH virtualipnodes/node1 {"metadata":{"resourceVersion":"7"},"spec":{"released":null,"virtualRouters":${JSON.stringify(spec(100).virtualRouters)}}}`,
      'PATCH virtualips/web/status {"metadata":{"resourceVersion":"7"},"status":{"master":null,"backups":"1/1"}}',
    ])
    assert.deepEqual(story, ['written SetSpec', 'written SetStatus'])
  })

  test('creates, and deletes only what was seen', async () => {
    writer.submit([
      { type: 'CreateNode', name: 'node2', spec: { virtualRouters: [] } },
      { type: 'DeleteNode', node: node('7') },
      { type: 'DeleteLease', name: 'node3' },
    ])
    await until(() => writer.idle)
    assert.match(
      sent[0] ?? '',
      /^POST VirtualIPNode .*"metadata":\{"name":"node2"\},"spec":\{"virtualRouters":\[\]\}\}$/,
    )
    assert.equal(sent[1], 'DELETE virtualipnodes/node1 {"resourceVersion":"7"}')
    assert.match(sent[2] ?? '', /^DELETE .*\/namespaces\/kube-vrrp\/leases\/kube-vrrp-agent-node3/)
  })

  for (const reason of ['Conflict', 'NotFound', 'AlreadyExists']) {
    test(`${reason}: what was decided is outdated; it is decided again, not tried again`, async () => {
      failures.push(new KubeError(reason, { reason, status: 409 }))
      writer.submit([setSpec(100)])
      await until(() => story.length > 0)
      assert.deepEqual(story, ['outdated'])
      assert.equal(writer.idle, true)
    })
  }

  test('a report that came between is no Conflict: the spec is still the one that was seen', async () => {
    now = node('8')
    failures.push(new KubeError('Conflict', { reason: 'Conflict', status: 409 }))
    writer.submit([setSpec(100)])
    await until(() => writer.idle)
    assert.match(sent[1] ?? '', /^PATCH virtualipnodes\/node1 \{"metadata":\{"resourceVersion":"8"\}/)
    assert.deepEqual(story, ['written SetSpec'])
  })

  test('is telling while a spec is on its way, but not while one has failed or a status is written', async () => {
    assert.equal(writer.telling, false)
    failures.push(new KubeError('no', { reason: 'Unreachable' }))
    writer.submit([setSpec(100)])
    assert.equal(writer.telling, true)
    await until(() => story.includes('failed'))
    assert.equal(writer.telling, false)
    await until(() => writer.idle)
    writer.submit([setStatus('web')])
    assert.equal(writer.telling, false)
    await until(() => writer.idle)
  })

  test('tries again what failed, and says why once', async () => {
    for (let i = 0; i < 2; i++) failures.push(new KubeError('Cannot patch it: ECONNREFUSED', { reason: 'Unreachable' }))
    writer.submit([setSpec(100)])
    await until(() => writer.idle)
    assert.equal(sent.length, 3)
    assert.deepEqual(story, [
      'warn: Cannot patch it: ECONNREFUSED; trying again',
      'failed',
      'failed',
      'written SetSpec',
    ])
  })

  test('what failed and is no longer wanted is not written', async () => {
    failures.push(new KubeError('no', { reason: 'Unreachable' }))
    writer.submit([setSpec(100)])
    await until(() => story.includes('failed'))
    writer.submit([])
    await new Promise(resolve => setTimeout(resolve, 150))
    assert.equal(sent.length, 1)
  })

  test('of what failed, the newest decision is written', async () => {
    failures.push(new KubeError('no', { reason: 'Unreachable' }))
    writer.submit([setSpec(100)])
    await until(() => story.includes('failed'))
    writer.submit([setSpec(90, '9')])
    await until(() => writer.idle)
    assert.match(sent[1] ?? '', /"resourceVersion":"9".*"priority":90/)
    assert.equal(sent.length, 2)
  })

  test('what is decided while a write is under way follows it', async () => {
    writer.submit([setSpec(100)])
    // The answer takes longer than any number of microtasks.
    while (sent.length === 0) await undefined
    writer.submit([setSpec(90, '8')])
    await until(() => writer.idle)
    assert.equal(sent.length, 2)
    assert.match(sent[1] ?? '', /"resourceVersion":"8".*"priority":90/)
    assert.deepEqual(story, ['written SetSpec', 'written SetSpec'])
  })

  test('does not write the same thing for ever where the API server keeps something else', async () => {
    writer.submit([setSpec(100)])
    await until(() => writer.idle)
    writer.submit([setSpec(100, '8')])
    await until(() => story.length > 1)
    assert.equal(sent.length, 1)
    assert.match(story[1] ?? '', /^error: The API server keeps VirtualIPNode node1 otherwise/)
    writer.submit([setSpec(100, '9')])
    await until(() => writer.idle)
    assert.equal(sent.length, 2, 'someone else changed it: written again')
  })
})
