import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { kubeSource } from '../../src/cli/kube-source.ts'
import type { StatusEntry } from '../../src/cli/status-source.ts'
import { FaultyServer, until } from '../kube/faulty-server.ts'

function virtualIP(name: string, resourceVersion: number, master?: string) {
  const status = master === undefined ? {} : { status: { master } }
  return {
    metadata: { name, resourceVersion: String(resourceVersion) },
    spec: { addresses: ['10.0.0.1/24'] },
    ...status,
  }
}

async function open(t: TestContext) {
  const server = new FaultyServer()
  await server.open()
  const client = server.client()
  const said: string[] = []
  t.after(async () => {
    client.close()
    await server.shut()
  })
  return { server, said, source: kubeSource(client, sentence => said.push(sentence)) }
}

test('it lists every VirtualIP by name, with its addresses and its status if it has one', async t => {
  const { server, source } = await open(t)
  server.things.set('web', virtualIP('web', 2, 'node1'))
  server.things.set('db', virtualIP('db', 3))
  assert.deepEqual(await source.list(), [
    { name: 'db', addresses: ['10.0.0.1/24'], status: {} },
    { name: 'web', addresses: ['10.0.0.1/24'], status: { master: 'node1' } },
  ])
  assert.equal(server.urls[0]?.pathname, '/apis/kube-vrrp.io/v1alpha1/virtualips')
})

test('a watch tells the whole list at first and at every change, and says once that it broke', {
  timeout: 30_000,
}, async t => {
  const { server, said, source } = await open(t)
  server.things.set('web', virtualIP('web', 2, 'node1'))
  const ending = new AbortController()
  const heard: string[] = []
  const onChange = (entries: readonly StatusEntry[]) => {
    heard.push(entries.map(({ name, status }) => `${name}=${status.master}`).join())
  }
  const watching = source.watch(onChange, ending.signal)
  await until(() => server.watching === 1)
  server.send({ type: 'MODIFIED', object: virtualIP('web', 11, 'node2') })
  server.send({ type: 'ADDED', object: virtualIP('db', 12, 'node1') })
  await until(() => heard.length === 3)
  server.watchFaults.push({ type: 'Cut' }, { type: 'Cut' })
  server.cutWatches()
  await until(() => server.watching === 1)
  server.send({ type: 'DELETED', object: virtualIP('web', 13) })
  await until(() => heard.length === 4)
  ending.abort()
  await watching
  assert.deepEqual(heard, ['web=node1', 'web=node2', 'db=node1,web=node2', 'db=node1'])
  assert.equal(said.length, 1)
  assert.match(said[0] ?? '', /^Cannot watch virtualips: .*; trying again$/)
})
