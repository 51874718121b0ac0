/* What pods checks see, and with what rights, asked of the real API server with an agent's token. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { ReadyPods } from '../../src/agent/ready-pods.ts'
import type { PodsCheck } from '../../src/api/check.ts'
import { startCheck } from '../../src/checks/check.ts'
import type { CheckResult } from '../../src/checks/repeat.ts'
import { PODS } from '../../src/kube/resources.ts'
import { render, valuesAt } from '../chart/render.ts'
import { surroundings } from '../checks/surroundings.ts'
import { type ApiServer, startApiServer } from '../lab/api-server.ts'

const DIR = mkdtempSync(join(tmpdir(), 'kube-vrrp-pods-'))
const NGINX: PodsCheck = { namespace: 'web', selector: { matchLabels: { app: 'nginx' } } }
let api: ApiServer
let kubeconfig: string

before(async () => {
  api = await startApiServer({ dir: DIR })
  kubeconfig = await api.kubeconfigOf('agent:node1')
  await api.createNode('node2')
  for (const namespace of ['web', 'db']) {
    await api.kubectl(['create', 'namespace', namespace])
    await api.kubectl(['create', 'serviceaccount', 'default', `--namespace=${namespace}`])
  }
})

after(async () => {
  await api.close()
  rmSync(DIR, { recursive: true })
})

/** A check on node1 and what it tells, in order; `next`: its next verdict. */
function watched(pods: PodsCheck, { namespaces = ['web'], timeout = '10s', inverse = false } = {}) {
  const told: CheckResult[] = []
  const ready = new ReadyPods({ node: 'node1', namespaces, kubeconfig })
  // Once an hour: what comes sooner comes from the watch.
  const check = { name: 'app', pods, interval: '1h', timeout, inverse }
  const { close } = startCheck(check, result => told.push(result), surroundings({ pods: ready }))
  return {
    async next(): Promise<CheckResult | undefined> {
      for (let i = 0; i < 1500 && told.length === 0; i++) await sleep(10)
      return told.shift()
    },
    told,
    close() {
      close()
      ready.close()
    },
  }
}

async function createPod(name: string, node: string, labels: object, namespace = 'web'): Promise<void> {
  const spec = { nodeName: node, containers: [{ name: 'none', image: 'none' }], terminationGracePeriodSeconds: 0 }
  await api.client.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec }, namespace)
}

async function setReady(name: string, status: 'True' | 'False', namespace = 'web'): Promise<void> {
  const ref = { resource: PODS, name, namespace, subresource: 'status' } as const
  await api.client.mergePatch(ref, { status: { conditions: [{ type: 'Ready', status }] } })
}

test('without the right a pods check fails, and says who refuses and what to set', async () => {
  const check = watched(NGINX)
  const { passing, message = '' } = (await check.next()) ?? {}
  assert.equal(passing, false)
  assert.match(
    message,
    /^It is not known what pods in web are Ready: .*403 .*cannot list resource "pods" in API group "" in the namespace "web"/,
  )
  check.close()
  const inverse = watched(NGINX, { inverse: true })
  assert.equal((await inverse.next())?.passing, false)
  inverse.close()
  const elsewhere = watched({ ...NGINX, namespace: 'kube-system' })
  assert.deepEqual(await elsewhere.next(), {
    passing: false,
    message: 'This agent may not look at pods in kube-system (--pod-check-namespaces)',
  })
  elsewhere.close()
})

test("by the chart's role a pod of this node that is Ready passes, and no other pod does", async () => {
  const rendered = await render(valuesAt({ 'agent.podCheckNamespaces': ['web'] }))
  const rights = rendered.filter(({ metadata }) => metadata.namespace === 'web')
  assert.deepEqual(
    rights.map(({ kind }) => kind),
    ['Role', 'RoleBinding'],
  )
  await api.kubectl(['apply', '--filename=-'], rights.map(object => stringify(object)).join('---\n'))
  for (const [name, node, labels] of [
    ['here', 'node1', { app: 'nginx' }],
    ['there', 'node2', { app: 'nginx' }],
    ['other', 'node1', { app: 'postgres' }],
  ] as const) {
    await createPod(name, node, labels)
  }
  await setReady('there', 'True')
  await setReady('other', 'True')
  const check = watched(NGINX)
  assert.deepEqual(await check.next(), {
    passing: false,
    message: 'No pod in web with app=nginx is Ready on this node',
  })
  await setReady('here', 'True')
  assert.deepEqual(await check.next(), { passing: true })
  await setReady('here', 'False')
  assert.equal((await check.next())?.passing, false)
  await setReady('here', 'True')
  assert.deepEqual(await check.next(), { passing: true })
  await createPod('second', 'node1', { app: 'nginx' })
  await setReady('second', 'True')
  await api.client.delete({ resource: PODS, name: 'here', namespace: 'web' })
  await api.client.delete({ resource: PODS, name: 'second', namespace: 'web' })
  assert.equal((await check.next())?.passing, false, 'when both are gone')
  assert.deepEqual(check.told, [])
  check.close()

  const db = watched({ ...NGINX, namespace: 'db' }, { namespaces: ['*'] })
  assert.match((await db.next())?.message ?? '', /cannot list resource "pods" in API group "" in the namespace "db"/)
  db.close()
})

test('what was said last counts while the API server is away; before it has said anything nothing is known', async () => {
  await createPod('stays', 'node1', { app: 'nginx' })
  await setReady('stays', 'True')
  const check = watched(NGINX)
  assert.deepEqual(await check.next(), { passing: true })
  await api.stop()
  const late = watched(NGINX, { timeout: '1s' })
  const { passing, message = '' } = (await late.next()) ?? {}
  assert.equal(passing, false)
  assert.match(message, /^It is not known what pods in web are Ready: Cannot .*(ECONNREFUSED|ECONNRESET)/)
  assert.deepEqual(check.told, [])
  await api.start()
  assert.deepEqual(await late.next(), { passing: true })
  await api.client.delete({ resource: PODS, name: 'stays', namespace: 'web' })
  assert.equal((await check.next())?.passing, false)
  check.close()
  late.close()
})
