/* What agents and controllers may do by deploy/install.yaml, and all that they may not, asked of the real API server with tokens as kubelets get them. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { API_VERSION, agentLeaseName, CONTROLLER_LEASE, PASSWORD_SECRET } from '../../src/api/names.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { openClient } from '../../src/kube/client.ts'
import { KubeError } from '../../src/kube/kube-error.ts'
import type { KubeObject } from '../../src/kube/kube-object.ts'
import { renewLease } from '../../src/kube/lease.ts'
import {
  EVENTS,
  LEASES,
  NODES,
  type ObjectRef,
  PODS,
  type Resource,
  SECRETS,
  VIRTUAL_IP_NODES,
  VIRTUAL_IPS,
} from '../../src/kube/resources.ts'
import { type Account, type ApiServer, startApiServer } from '../lab/api-server.ts'

const NAMESPACE = 'kube-vrrp'
const DIR = mkdtempSync(join(tmpdir(), 'kube-vrrp-rights-'))
const CONFIG_MAPS: Resource = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
const CLUSTER_ROLE_BINDINGS: Resource = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
}

/** What was tried, and the API server's words. */
type Refused = readonly [what: string, attempt: (client: KubeClient) => Promise<unknown>, words: RegExp]
type Allowed = readonly [what: string, attempt: (client: KubeClient) => Promise<unknown>]

let api: ApiServer
let agent: KubeClient
let controller: KubeClient

before(async () => {
  api = await startApiServer({ dir: DIR })
  for (const name of ['node1', 'node2']) {
    await api.createNode(name)
    await api.client.create(VIRTUAL_IP_NODES, virtualIPNode(name))
  }
  await api.client.create(VIRTUAL_IPS, virtualIP('web'))
  for (const name of [PASSWORD_SECRET, 'another']) await api.client.create(SECRETS, secret(name), NAMESPACE)
  await api.client.create(SECRETS, secret(PASSWORD_SECRET), 'default')
  await renewLease(api.client, agentLeaseName('node2'), 'node2', 10)
  agent = openClient({ kubeconfig: await api.kubeconfigOf('agent:node1'), namespace: NAMESPACE })
  controller = openClient({ kubeconfig: await api.kubeconfigOf('controller'), namespace: NAMESPACE })
  await policyIsInForce()
})

after(async () => {
  agent.close()
  controller.close()
  await api.close()
  rmSync(DIR, { recursive: true })
})

const NOT_IN_ROLE = /403 .* is forbidden: User "system:serviceaccount:kube-vrrp:kube-vrrp-(agent|controller)" cannot /

suite('an agent, by the token of its pod on node1, may', () => {
  const allowed: readonly Allowed[] = [
    ['read its own VirtualIPNode', client => client.get(node('node1'))],
    [
      'list VirtualIPNodes',
      client => client.list(VIRTUAL_IP_NODES, undefined, { fieldSelector: 'metadata.name=node1' }),
    ],
    ['watch VirtualIPNodes', client => watch(client, VIRTUAL_IP_NODES)],
    ['write the status of its own VirtualIPNode', report('node1')],
    ['create its own Lease', renew('node1')],
    ['renew its own Lease', renew('node1')],
    ['read the Secret with the passwords', client => client.get(secretRef(PASSWORD_SECRET))],
  ]
  for (const [what, attempt] of allowed) test(what, async () => void (await attempt(agent)))

  test('nothing else, as the API server lists it', async () => {
    assert.deepEqual(await rightsIn('agent:node1', NAMESPACE), [
      'create,patch coordination.k8s.io leases',
      'get  secrets kube-vrrp-passwords',
      'get,list,watch kube-vrrp.io virtualipnodes',
      'patch kube-vrrp.io virtualipnodes/status',
    ])
    assert.deepEqual(await rightsIn('agent:node1', 'kube-system'), [
      'get,list,watch kube-vrrp.io virtualipnodes',
      'patch kube-vrrp.io virtualipnodes/status',
    ])
  })
})

suite('an agent is refused', () => {
  const refused: readonly Refused[] = [
    ["another node's status", report('node2'), /an agent on node "node1" may write node1 only, not node2/],
    [
      "another node's Lease, to renew",
      renew('node2'),
      /an agent on node "node1" may write kube-vrrp-agent-node1 only, not kube-vrrp-agent-node2/,
    ],
    [
      "another node's Lease, to create",
      renew('node3'),
      /may write kube-vrrp-agent-node1 only, not kube-vrrp-agent-node3/,
    ],
    [
      "the controllers' Lease",
      client => renewLease(client, CONTROLLER_LEASE, 'node1', 10),
      /may write kube-vrrp-agent-node1 only, not kube-vrrp-controller/,
    ],
    [
      'a Lease whose name the API server makes up',
      client => client.create(LEASES, { ...lease(''), metadata: { generateName: agentLeaseName('node1') } }, NAMESPACE),
      /may write kube-vrrp-agent-node1 only/,
    ],
    ['its own Lease, to delete', client => client.delete(leaseRef('node1')), NOT_IN_ROLE],
    ['Leases, to read', client => client.list(LEASES, NAMESPACE), NOT_IN_ROLE],
    [
      'Leases of other namespaces',
      client => client.create(LEASES, lease(agentLeaseName('node1')), 'default'),
      NOT_IN_ROLE,
    ],
    ['the spec of its own VirtualIPNode', writeSpec('node1'), NOT_IN_ROLE],
    ["another node's spec", writeSpec('node2'), NOT_IN_ROLE],
    ['a VirtualIPNode, to create', client => client.create(VIRTUAL_IP_NODES, virtualIPNode('node3')), NOT_IN_ROLE],
    ['its own VirtualIPNode, to delete', client => client.delete(node('node1')), NOT_IN_ROLE],
    ['VirtualIPs, to read', client => client.list(VIRTUAL_IPS), NOT_IN_ROLE],
    ['a VirtualIP, to create', client => client.create(VIRTUAL_IPS, virtualIP('more')), NOT_IN_ROLE],
    ["a VirtualIP's spec", client => client.mergePatch(vip('web'), { spec: { redundancy: 1 } }), NOT_IN_ROLE],
    [
      "a VirtualIP's status",
      client => client.mergePatch(vip('web', 'status'), { status: { master: 'x' } }),
      NOT_IN_ROLE,
    ],
    ['events', client => client.create(EVENTS, event(), 'default'), NOT_IN_ROLE],
    ['events in its own namespace', client => client.create(EVENTS, event(), NAMESPACE), NOT_IN_ROLE],
    ['another Secret', client => client.get(secretRef('another')), NOT_IN_ROLE],
    ['a Secret of the same name elsewhere', client => client.get(secretRef(PASSWORD_SECRET, 'default')), NOT_IN_ROLE],
    ['Secrets, to list', client => client.list(SECRETS, NAMESPACE), NOT_IN_ROLE],
    [
      'the Secret with the passwords, to write',
      client => client.mergePatch(secretRef(PASSWORD_SECRET), {}),
      NOT_IN_ROLE,
    ],
    ['ConfigMaps', client => client.list(CONFIG_MAPS, NAMESPACE), NOT_IN_ROLE],
    ['Nodes', client => client.get({ resource: NODES, name: 'node1' }), NOT_IN_ROLE],
    ['pods', client => client.list(PODS, NAMESPACE), NOT_IN_ROLE],
  ]
  for (const [what, attempt, words] of refused) test(what, () => assert.rejects(attempt(agent), words))

  test('the spec, labels and finalizers of its own VirtualIPNode by way of its status', async () => {
    const before = await api.client.get<KubeObject & { spec: object }>(node('node1'))
    await agent.mergePatch(node('node1', 'status'), {
      metadata: { labels: { a: 'b' }, finalizers: ['a.example/b'], ownerReferences: [] },
      spec: { virtualRouters: [{ virtualIP: 'web' }] },
      status: { observedGeneration: 2 },
    })
    const { metadata, spec } = await api.client.get<KubeObject & { spec: object; metadata: Record<string, unknown> }>(
      node('node1'),
    )
    assert.deepEqual(spec, before.spec)
    assert.equal(metadata['labels'], undefined)
    assert.equal(metadata['finalizers'], undefined)
  })

  test('everything, with a token that names no node', async () => {
    const anywhere = openClient({ kubeconfig: await api.kubeconfigOf('agent'), namespace: NAMESPACE })
    const words = /this token is not bound to a pod on a node, so it is not known which node's agent this is/
    await assert.rejects(report('node1')(anywhere), words)
    await assert.rejects(renew('node1')(anywhere), words)
    anywhere.close()
  })
})

suite('whatever else an agent were allowed by a role, the policy refuses', () => {
  before(async () => {
    await api.client.create(CLUSTER_ROLE_BINDINGS, {
      apiVersion: CLUSTER_ROLE_BINDINGS.apiVersion,
      kind: CLUSTER_ROLE_BINDINGS.kind,
      metadata: { name: 'too-much' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'kube-vrrp-agent', namespace: NAMESPACE }],
    })
    await until('the role is in force', () => agent.list(SECRETS, 'default'))
  })
  after(() => api.client.delete({ resource: CLUSTER_ROLE_BINDINGS, name: 'too-much' }))

  const refused: readonly Refused[] = [
    ['the spec of its own VirtualIPNode', writeSpec('node1'), /an agent may not UPDATE virtualipnodes/],
    ['a VirtualIPNode, to create', client => client.create(VIRTUAL_IP_NODES, virtualIPNode('node1')), /may not CREATE/],
    [
      'its own VirtualIPNode, to delete',
      client => client.delete(node('node1')),
      /an agent may not DELETE virtualipnodes/,
    ],
    ["another node's status", report('node2'), /an agent on node "node1" may write node1 only, not node2/],
    [
      "a VirtualIP's spec",
      client => client.mergePatch(vip('web'), { spec: { redundancy: 1 } }),
      /may not UPDATE virtualips/,
    ],
    [
      "a VirtualIP's status",
      client => client.mergePatch(vip('web', 'status'), { status: { master: 'x' } }),
      /an agent may not UPDATE virtualips\/status/,
    ],
    ["another node's Lease", client => client.delete(leaseRef('node2')), /an agent may not DELETE leases/],
  ]
  for (const [what, attempt, words] of refused) test(what, () => assert.rejects(attempt(agent), words))

  test('and nobody else is refused anything by it', async () => {
    await writeSpec('node1')(api.client)
    await report('node2')(api.client)
    await renew('node2')(api.client)
  })
})

suite('the controller may', () => {
  const allowed: readonly Allowed[] = [
    ['list VirtualIPs', client => client.list(VIRTUAL_IPS)],
    ['watch VirtualIPs', client => watch(client, VIRTUAL_IPS)],
    [
      'write the status of VirtualIPs',
      client => client.mergePatch(vip('web', 'status'), { status: { master: 'node1' } }),
    ],
    ['list VirtualIPNodes', client => client.list(VIRTUAL_IP_NODES)],
    ['watch VirtualIPNodes', client => watch(client, VIRTUAL_IP_NODES)],
    ['read a VirtualIPNode', client => client.get(node('node1'))],
    ['create VirtualIPNodes', client => client.create(VIRTUAL_IP_NODES, virtualIPNode('node4'))],
    ['write the spec of VirtualIPNodes', writeSpec('node4')],
    ['delete VirtualIPNodes', client => client.delete(node('node4'))],
    ['list Nodes', client => client.list(NODES)],
    ['watch Nodes', client => watch(client, NODES)],
    ['list the pods of its namespace', client => client.list(PODS, NAMESPACE)],
    ['watch the pods of its namespace', client => watch(client, PODS, NAMESPACE)],
    ['list Leases', client => client.list(LEASES, NAMESPACE)],
    ['watch Leases', client => watch(client, LEASES, NAMESPACE)],
    ["read an agent's Lease", client => client.get(leaseRef('node2'))],
    ["delete an agent's Lease", client => client.delete(leaseRef('node2'))],
    ["create the leader's Lease", client => renewLease(client, CONTROLLER_LEASE, 'a', 10)],
    ["renew the leader's Lease", client => renewLease(client, CONTROLLER_LEASE, 'a', 10)],
    ['write events about VirtualIPs', client => client.create(EVENTS, event(), 'default')],
  ]
  for (const [what, attempt] of allowed) test(what, async () => void (await attempt(controller)))

  test('nothing else, as the API server lists it', async () => {
    const everywhere = [
      'create,delete,get,list,patch,watch kube-vrrp.io virtualipnodes',
      'list,watch  nodes',
      'list,watch kube-vrrp.io virtualips',
      'patch kube-vrrp.io virtualips/status',
    ]
    assert.deepEqual(await rightsIn('controller', NAMESPACE), [
      'create coordination.k8s.io leases',
      'create,delete,get,list,patch,watch kube-vrrp.io virtualipnodes',
      'delete,get,list,watch coordination.k8s.io leases',
      'list,watch  nodes',
      'list,watch  pods',
      'list,watch kube-vrrp.io virtualips',
      'patch coordination.k8s.io leases kube-vrrp-controller',
      'patch kube-vrrp.io virtualips/status',
    ])
    assert.deepEqual(await rightsIn('controller', 'default'), ['create events.k8s.io events', ...everywhere])
    assert.deepEqual(await rightsIn('controller', 'kube-system'), everywhere)
  })
})

suite('the controller is refused', () => {
  const node1: ObjectRef = { resource: NODES, name: 'node1' }
  const refused: readonly Refused[] = [
    ['the Secret with the passwords', client => client.get(secretRef(PASSWORD_SECRET)), NOT_IN_ROLE],
    ['Secrets, to list', client => client.list(SECRETS, NAMESPACE), NOT_IN_ROLE],
    ['a Node, to write', client => client.mergePatch(node1, { metadata: { labels: { a: 'b' } } }), NOT_IN_ROLE],
    ["a Node's status", client => client.mergePatch({ ...node1, subresource: 'status' }, { status: {} }), NOT_IN_ROLE],
    ['a Node, to delete', client => client.delete(node1), NOT_IN_ROLE],
    ['pods of other namespaces', client => client.list(PODS, 'default'), NOT_IN_ROLE],
    [
      'a pod, to delete',
      client => client.delete({ resource: PODS, name: 'token-node1', namespace: NAMESPACE }),
      NOT_IN_ROLE,
    ],
    ['a pod, to create', client => client.create(PODS, pod('more', 'node1'), NAMESPACE), NOT_IN_ROLE],
    ["an agent's Lease, to renew", client => client.mergePatch(leaseRef('node1'), { spec: {} }), NOT_IN_ROLE],
    ["a VirtualIP's spec", client => client.mergePatch(vip('web'), { spec: { redundancy: 1 } }), NOT_IN_ROLE],
    ['a VirtualIP, to create', client => client.create(VIRTUAL_IPS, virtualIP('more')), NOT_IN_ROLE],
    ['a VirtualIP, to delete', client => client.delete(vip('web')), NOT_IN_ROLE],
    ["a VirtualIPNode's status", report('node1'), NOT_IN_ROLE],
    ['events elsewhere', client => client.create(EVENTS, event(), 'kube-system'), NOT_IN_ROLE],
    ['ConfigMaps', client => client.list(CONFIG_MAPS, NAMESPACE), NOT_IN_ROLE],
  ]
  for (const [what, attempt, words] of refused) test(what, () => assert.rejects(attempt(controller), words))
})

// ---- what is tried

function report(name: string) {
  return (client: KubeClient) => client.mergePatch(node(name, 'status'), { status: { observedGeneration: 1 } })
}

function renew(name: string) {
  return (client: KubeClient) => renewLease(client, agentLeaseName(name), name, 10)
}

function writeSpec(name: string) {
  return (client: KubeClient) => client.mergePatch(node(name), { spec: { virtualRouters: [] } })
}

async function watch(client: KubeClient, resource: Resource, namespace?: string): Promise<void> {
  const ended = new AbortController()
  const response = await client.openWatch(resource, namespace, { watch: 'true' }, ended.signal)
  response.on('error', () => {})
  ended.abort()
}

/** `verbs group resource names`, of what a role gives it there; what everyone may (ask for its own rights) is left out. */
async function rightsIn(account: Account, namespace: string): Promise<string[]> {
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } }
  const kubeconfig = await api.kubeconfigOf(account)
  const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews'
  const answer = await api.kubectl(
    ['create', '--kubeconfig', kubeconfig, '--raw', path, '--filename=-'],
    JSON.stringify(review),
  )
  const { status } = JSON.parse(answer) as RulesReview
  return status.resourceRules
    .filter(({ apiGroups }) => !apiGroups.some(group => EVERYONES.has(group)))
    .map(({ verbs, apiGroups, resources, resourceNames = [] }) =>
      [verbs.toSorted(), apiGroups, resources, resourceNames]
        .map(words => words.join())
        .join(' ')
        .trimEnd(),
    )
    .sort()
}

const EVERYONES: ReadonlySet<string> = new Set(['authorization.k8s.io', 'authentication.k8s.io'])

interface RulesReview {
  readonly status: {
    readonly resourceRules: readonly {
      readonly verbs: readonly string[]
      readonly apiGroups: readonly string[]
      readonly resources: readonly string[]
      readonly resourceNames?: readonly string[]
    }[]
  }
}

// ---- objects

function node(name: string, subresource?: 'status'): ObjectRef {
  return { resource: VIRTUAL_IP_NODES, name, ...(subresource && { subresource }) }
}

function vip(name: string, subresource?: 'status'): ObjectRef {
  return { resource: VIRTUAL_IPS, name, ...(subresource && { subresource }) }
}

function leaseRef(name: string): ObjectRef {
  return { resource: LEASES, name: agentLeaseName(name), namespace: NAMESPACE }
}

function secretRef(name: string, namespace = NAMESPACE): ObjectRef {
  return { resource: SECRETS, name, namespace }
}

function virtualIPNode(name: string): object {
  return { apiVersion: API_VERSION, kind: 'VirtualIPNode', metadata: { name }, spec: { virtualRouters: [] } }
}

function virtualIP(name: string): object {
  return { apiVersion: API_VERSION, kind: 'VirtualIP', metadata: { name }, spec: { addresses: ['10.0.0.5'] } }
}

function secret(name: string): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { web: 'password' } }
}

function lease(name: string): object {
  return { apiVersion: LEASES.apiVersion, kind: 'Lease', metadata: { name }, spec: {} }
}

function pod(name: string, nodeName: string): object {
  const spec = { nodeName, containers: [{ name: 'agent', image: 'none' }] }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec }
}

let events = 0
function event(): object {
  return {
    apiVersion: EVENTS.apiVersion,
    kind: 'Event',
    metadata: { name: `web.${events++}` },
    eventTime: new Date().toISOString().replace('Z', '000Z'),
    reportingController: 'test',
    reportingInstance: 'test',
    action: 'Test',
    reason: 'Test',
    type: 'Normal',
    note: 'Test',
    regarding: { apiVersion: API_VERSION, kind: 'VirtualIP', name: 'web' },
  }
}

// ---- waiting

/** A policy is obeyed a moment after it was created. */
async function policyIsInForce(): Promise<void> {
  await until('the policy is in force', async () => {
    try {
      await report('node2')(agent)
    } catch (error) {
      if (error instanceof KubeError) return
      throw error
    }
    throw new Error('it is not')
  })
}

async function until(what: string, attempt: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    try {
      return void (await attempt())
    } catch (cause) {
      if (performance.now() > deadline) throw new Error(`It is not so that ${what}`, { cause })
      await sleep(50)
    }
  }
}
