import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { API_VERSION } from '../../src/api/names.ts'
import type { VirtualIP, VirtualIPSpec, VirtualIPStatus } from '../../src/api/virtual-ip.ts'
import type { VirtualIPNode, VirtualIPNodeSpec, VirtualRouterStatus } from '../../src/api/virtual-ip-node.ts'
import type { AgentPod } from '../../src/controller/agent-pod.ts'
import type { AgentLife } from '../../src/controller/freshness.ts'
import { type Change, type Cluster, NODE_GONE_AFTER, reconcile } from '../../src/controller/reconcile.ts'
import type { PlanNode } from '../../src/plan/plan.ts'

const NOW = '2026-01-01T00:00:00Z'
const RENEWED: AgentLife = { fresh: true, leaseRenewedAt: 5000, leaseVersion: 5000 }

/** A cluster that can be carried on: `carryOut` does to it what the API server would do on our changes. */
class Model implements Cluster {
  readonly virtualIPs = new Map<string, VirtualIP>()
  readonly virtualIPNodes = new Map<string, VirtualIPNode>()
  readonly nodes = new Map<string, PlanNode>()
  readonly agents = new Map<string, AgentLife>()
  readonly agentPods = new Map<string, AgentPod>()
  readonly arrivals = new Map<string, { at: number; version: number }>()
  #version = 100

  readonly arrival = (node: string, { virtualIP }: VirtualRouterStatus) => this.arrivals.get(`${node}/${virtualIP}`)

  virtualIP(name: string, spec: VirtualIPSpec): void {
    const metadata = { name, generation: 1, resourceVersion: String(++this.#version), creationTimestamp: NOW }
    this.virtualIPs.set(name, { apiVersion: API_VERSION, kind: 'VirtualIP', metadata, spec })
  }

  /** A Node with a live agent that has reported its links, and confirmed what it was told. */
  node(name: string): void {
    this.nodes.set(name, { name, labels: {}, ready: true, unschedulable: false })
    this.agents.set(name, RENEWED)
    this.report(name, [])
  }

  report(name: string, virtualRouters: VirtualRouterStatus[], spec: VirtualIPNodeSpec = this.spec(name)): void {
    const generation = this.virtualIPNodes.get(name)?.metadata.generation ?? 1
    const links = [{ name: 'eth0', carrier: true, subnets: ['10.0.0.1/24'] }]
    const status = { observedGeneration: generation, links, virtualRouters }
    const metadata = { name, generation, resourceVersion: String(++this.#version) }
    this.virtualIPNodes.set(name, { apiVersion: API_VERSION, kind: 'VirtualIPNode', metadata, spec, status })
  }

  /** All that it was told, in that state. */
  reportAll(name: string, state: VirtualRouterStatus['state'], at: number): void {
    const reports = this.spec(name).virtualRouters.map(({ virtualIP, family, link, virtualRouterID, priority }) => {
      this.arrivals.set(`${name}/${virtualIP}`, { at, version: at })
      return { virtualIP, family, link, virtualRouterID, priority, state, since: NOW, reason: 'Test' }
    })
    this.report(name, reports)
  }

  spec(name: string): VirtualIPNodeSpec {
    return this.virtualIPNodes.get(name)?.spec ?? { virtualRouters: [] }
  }

  status(name: string): VirtualIPStatus {
    return this.virtualIPs.get(name)?.status ?? {}
  }

  /** What differs, done; again until nothing does. Gives the changes. */
  settle(at = 1000): Change[] {
    const all: Change[] = []
    for (let round = 0; round < 20; round++) {
      const { changes } = reconcile(this, NOW, at)
      if (changes.length === 0) return all
      for (const change of changes) this.#carryOut(change)
      all.push(...changes)
    }
    return assert.fail('It does not settle')
  }

  #carryOut(change: Change): void {
    switch (change.type) {
      case 'CreateNode': {
        const metadata = { name: change.name, generation: 1, resourceVersion: String(++this.#version) }
        const { spec } = change
        this.virtualIPNodes.set(change.name, { apiVersion: API_VERSION, kind: 'VirtualIPNode', metadata, spec })
        break
      }
      case 'SetSpec': {
        const { metadata } = change.node
        const generation = (metadata.generation ?? 0) + 1
        const resourceVersion = String(++this.#version)
        this.virtualIPNodes.set(metadata.name, {
          ...change.node,
          metadata: { ...metadata, generation, resourceVersion },
          spec: change.spec,
        })
        break
      }
      case 'SetStatus': {
        const { virtualIP, status } = change
        this.virtualIPs.set(virtualIP.metadata.name, { ...virtualIP, status })
        break
      }
      case 'DeleteNode':
        this.virtualIPNodes.delete(change.node.metadata.name)
        break
      case 'DeleteLease':
        this.agents.delete(change.name)
    }
  }
}

function cluster(...nodes: string[]): Model {
  const model = new Model()
  for (const name of nodes) model.node(name)
  return model
}

function words(changes: readonly Change[]): string[] {
  return changes.map(inWords)
}

function inWords(change: Change): string {
  switch (change.type) {
    case 'CreateNode':
    case 'DeleteLease':
      return `${change.type} ${change.name}`
    case 'SetSpec':
      return `SetSpec ${change.node.metadata.name}: ${change.spec.virtualRouters.map(({ virtualIP }) => virtualIP).join(' ')}`
    case 'DeleteNode':
      return `DeleteNode ${change.node.metadata.name}`
    case 'SetStatus':
      return `SetStatus ${change.virtualIP.metadata.name}`
  }
}

/** web on node1 (MASTER), node2 and node3. */
function serving(): Model {
  const model = cluster('node1', 'node2', 'node3')
  model.virtualIP('web', {
    addresses: ['10.0.0.100/24'],
    priorities: ['node1', 'node2', 'node3'].map((node, i) => ({ node, priority: 250 - 12 * i })),
  })
  model.settle()
  model.reportAll('node1', 'MASTER', 1000)
  model.reportAll('node2', 'BACKUP', 1000)
  model.reportAll('node3', 'BACKUP', 1000)
  model.settle()
  assert.equal(model.status('web').master, 'node1')
  return model
}

function conditionOf(model: Model, type: string) {
  return model.status('web').conditions?.find(condition => condition.type === type)
}

suite('what differs', () => {
  test('specs come first, then words about them; carried out, nothing is left', () => {
    const model = cluster('node1', 'node2')
    model.virtualIP('web', { addresses: ['10.0.0.100/24'] })
    const { changes } = reconcile(model, NOW, 0)
    assert.deepEqual(words(changes), ['SetSpec node1: web', 'SetSpec node2: web', 'SetStatus web'])
    model.settle()
    assert.deepEqual(reconcile(model, NOW, 0), { changes: [], contested: false, handingOver: false })
  })

  test('nothing, when the same is told again in another order of keys', () => {
    const model = serving()
    for (const [name, object] of model.virtualIPNodes) {
      const reversed = JSON.parse(JSON.stringify(object), (_, value) =>
        value && typeof value === 'object' && !Array.isArray(value)
          ? Object.fromEntries(Object.entries(value).reverse())
          : value,
      )
      model.virtualIPNodes.set(name, reversed)
    }
    assert.deepEqual(reconcile(model, NOW, 0).changes, [])
  })

  test('an agent gets its object when it lives, with a Node or without; a Node without an agent gets none', () => {
    const model = new Model()
    model.agents.set('alone', RENEWED)
    model.agents.set('gone', { fresh: false, staleSince: 0 })
    model.nodes.set('bare', { name: 'bare', labels: {}, ready: true, unschedulable: false })
    assert.deepEqual(words(model.settle()), ['CreateNode alone'])
  })

  test('an agent whose Node is missing takes part while it renews', () => {
    const model = cluster('node1', 'node2')
    model.nodes.delete('node2')
    model.virtualIP('web', { addresses: ['10.0.0.100/24'] })
    model.settle()
    assert.equal(model.spec('node2').virtualRouters.length, 1)
  })

  test('without any Node a silent agent keeps its place; among Nodes one that left loses it', () => {
    for (const [nodeless, expected] of [
      [true, 1],
      [false, 0],
    ] as const) {
      const model = cluster('node1', 'node2', 'node3')
      if (nodeless) model.nodes.clear()
      model.virtualIP('web', { addresses: ['10.0.0.100/24'] })
      model.settle()
      for (const node of ['node1', 'node2', 'node3'])
        model.reportAll(node, node === 'node1' ? 'MASTER' : 'BACKUP', 1000)
      model.settle()
      model.nodes.delete('node3')
      model.agents.set('node3', { fresh: false, staleSince: 0 })
      model.settle(1)
      assert.equal(model.spec('node3').virtualRouters.length, expected)
    }
  })

  test('a node that left the cluster: its Lease goes after ten minutes, then its object; without Nodes nobody ever left', () => {
    const model = cluster('node1', 'node2')
    model.nodes.delete('node2')
    model.agents.set('node2', { fresh: false, staleSince: 5000 })
    assert.deepEqual(words(model.settle(5000 + NODE_GONE_AFTER - 1)), [])
    assert.deepEqual(words(model.settle(5000 + NODE_GONE_AFTER)), ['DeleteLease node2', 'DeleteNode node2'])
    const nodeless = cluster('node1', 'node2')
    nodeless.nodes.clear()
    nodeless.agents.set('node2', { fresh: false, staleSince: 5000 })
    assert.deepEqual(words(nodeless.settle(5000 + NODE_GONE_AFTER)), [])
  })

  test('a node keeps its object while it is in the cluster, though its Lease is gone', () => {
    const model = cluster('node1', 'node2')
    model.agents.delete('node2')
    assert.deepEqual(words(model.settle()), [])
  })

  test('a deleted VirtualIP is taken from every node, also from one that is dead', () => {
    const model = serving()
    model.agents.set('node1', { fresh: false, staleSince: 0 })
    model.settle()
    model.virtualIPs.delete('web')
    model.settle()
    for (const node of ['node1', 'node2', 'node3']) assert.deepEqual(model.spec(node).virtualRouters, [])
  })

  test('a check that fails is in the status of its VirtualIP', () => {
    const model = serving()
    const [router] = model.virtualIPNodes.get('node2')?.status?.virtualRouters ?? []
    if (!router) return assert.fail('node2 reports nothing')
    model.report('node2', [
      { ...router, checks: [{ name: 'nginx', passing: false, message: 'No process nginx runs' }] },
    ])
    model.settle()
    const messages = model.status('web').nodes?.map(({ message }) => message)
    assert.deepEqual(messages, [undefined, 'Check nginx fails: No process nginx runs', undefined])
  })

  test('a spec that its agent has not confirmed is not taken for one that it runs', () => {
    const model = serving()
    const before = model.spec('node1').virtualRouters[0]?.virtualRouterID
    model.virtualIPs.delete('web')
    model.settle()
    model.virtualIP('next', { addresses: ['10.0.0.101/24'], virtualRouterID: before ?? 1 })
    model.settle()
    const ids = ['node1', 'node2', 'node3'].flatMap(node =>
      model.spec(node).virtualRouters.map(({ virtualRouterID }) => virtualRouterID),
    )
    assert.ok(!ids.includes(before ?? 1), 'nobody confirmed giving it up')
    for (const node of ['node1', 'node2', 'node3']) model.report(node, [])
    model.settle()
    assert.equal(model.spec('node1').virtualRouters[0]?.virtualRouterID, before)
  })
})

suite('an agent that is silent', () => {
  /** What the status of web says of node1, with these pods. */
  function said(model: Model, ...pods: AgentPod[]): string | undefined {
    model.agents.set('node1', { fresh: false, staleSince: 0 })
    for (const pod of pods) model.agentPods.set(pod.metadata.name, pod)
    model.settle()
    return model
      .status('web')
      .nodes?.find(({ node }) => node === 'node1')
      ?.message?.replace(/^.*Lease: /, '')
  }
  const on = (node: string, name: string, trouble?: string): AgentPod => ({
    metadata: { name },
    node,
    restarts: 0,
    ...(trouble !== undefined && { trouble }),
  })

  test('without a pod known: the node is down or cut off', () => {
    assert.equal(said(serving()), 'the node is down, or cut off from the API server')
  })

  test('with a kubelet that is silent, too: the node, whatever its pod was last', () => {
    const model = serving()
    model.nodes.set('node1', { name: 'node1', labels: {}, ready: false, unschedulable: false })
    assert.match(said(model, on('node1', 'a')) ?? '', /^its kubelet is silent as well: the node is down/)
  })

  test('whose Node is gone', () => {
    const model = serving()
    model.nodes.delete('node1')
    assert.match(said(model, on('node1', 'a')) ?? '', /^the Node was deleted from the cluster$/)
  })

  test('whose pod has trouble: what, also beside one that failed before', () => {
    assert.equal(said(serving(), on('node1', 'a', 'OOMKilled')), "the agent's pod a is OOMKilled")
    const pods = [on('node1', 'a', 'Evicted'), on('node1', 'b')]
    assert.match(said(serving(), ...pods) ?? '', /^the agent's pod b runs as far as its kubelet has said: /)
  })

  test('whose node has no pod while others have', () => {
    assert.match(said(serving(), on('node2', 'b')) ?? '', /^no agent's pod is on it: see the DaemonSet/)
  })
})

suite('who is MASTER', () => {
  test('a hand-over calls for another look when its time is up', () => {
    const model = serving()
    model.reportAll('node1', 'INITIALIZE', 6000)
    model.settle(6500)
    assert.equal(conditionOf(model, 'Ready')?.reason, 'HandingOver')
    assert.equal(reconcile(model, NOW, 6500).handingOver, true)
    model.settle(7000)
    assert.equal(conditionOf(model, 'Ready')?.reason, 'NoMaster')
    assert.equal(reconcile(model, NOW, 7000).handingOver, false)
  })

  test('a takeover: the newer claim counts, and two claims call for another look at the next renewals', () => {
    const model = serving()
    model.reportAll('node2', 'MASTER', 6000)
    assert.equal(reconcile(model, NOW, 0).contested, true)
    model.settle()
    assert.equal(model.status('web').master, 'node2')
    assert.equal(conditionOf(model, 'SplitBrain')?.status, 'False')
  })

  test('a claim of another family or VirtualIP contests nothing', () => {
    const model = cluster('node1', 'node2')
    model.virtualIP('one', { addresses: ['10.0.0.100/24'] })
    model.virtualIP('other', { addresses: ['10.0.0.101/24'] })
    model.settle()
    const router = {
      link: 'eth0',
      virtualRouterID: 1,
      priority: 100,
      state: 'MASTER',
      since: NOW,
      reason: 'Test',
    } as const
    model.report('node1', [
      { ...router, virtualIP: 'one', family: 'IPv4' },
      { ...router, virtualIP: 'other', family: 'IPv4', state: 'BACKUP' },
    ])
    model.report('node2', [
      { ...router, virtualIP: 'one', family: 'IPv6' },
      { ...router, virtualIP: 'other', family: 'IPv4' },
    ])
    assert.equal(reconcile(model, NOW, 0).contested, false)
  })

  test('a BACKUP that follows another than the MASTER calls for another look, and is told once both have renewed', () => {
    const model = serving()
    const told = (node: string, state: 'MASTER' | 'BACKUP', more: Partial<VirtualRouterStatus>) => {
      const [spec] = model.spec(node).virtualRouters
      assert.ok(spec)
      const { virtualIP, family, link, virtualRouterID, priority } = spec
      const router = { virtualIP, family, link, virtualRouterID, priority, state, since: NOW, reason: 'Test', ...more }
      model.arrivals.set(`${node}/web`, { at: 6000, version: 6000 })
      model.report(node, [router])
    }
    told('node1', 'MASTER', { primaryAddress: '10.0.0.1' })
    told('node2', 'BACKUP', { primaryAddress: '10.0.0.2', activeAddress: '10.0.0.1' })
    told('node3', 'BACKUP', { primaryAddress: '10.0.0.3', activeAddress: '10.0.0.1' })
    assert.equal(reconcile(model, NOW, 0).contested, false)
    told('node2', 'BACKUP', { primaryAddress: '10.0.0.2', activeAddress: '10.0.0.9' })
    assert.equal(reconcile(model, NOW, 0).contested, true)
    model.settle()
    assert.equal(conditionOf(model, 'Degraded')?.status, 'False')
    for (const node of ['node1', 'node2'])
      model.agents.set(node, { fresh: true, leaseRenewedAt: 6100, leaseVersion: 6100 })
    model.settle()
    assert.equal(conditionOf(model, 'Degraded')?.reason, 'ForeignRouter')
  })

  test('two claims are a split brain once both agents renewed after the later one', () => {
    const model = serving()
    model.reportAll('node2', 'MASTER', 6000)
    model.agents.set('node1', { fresh: true, leaseRenewedAt: 6100, leaseVersion: 6100 })
    model.settle()
    assert.equal(conditionOf(model, 'SplitBrain')?.status, 'False')
    model.agents.set('node2', { fresh: true, leaseRenewedAt: 6200, leaseVersion: 6200 })
    model.settle()
    assert.equal(conditionOf(model, 'SplitBrain')?.status, 'True')
  })

  test('a renewal from before the crash is no sign of life, though it is delivered after the new claim', () => {
    const model = serving()
    model.reportAll('node2', 'MASTER', 6000)
    model.agents.set('node1', { fresh: true, leaseRenewedAt: 6100, leaseVersion: 5500 })
    model.agents.set('node2', { fresh: true, leaseRenewedAt: 6200, leaseVersion: 6200 })
    model.settle()
    assert.equal(conditionOf(model, 'SplitBrain')?.status, 'False')
    assert.equal(model.status('web').master, 'node2')
  })

  test('a controller that starts knows by the order of writes whose claim is the newest, before anybody has renewed', () => {
    const model = serving()
    const known = (leaseVersion: number): AgentLife => ({ fresh: true, unjudged: true, leaseVersion })
    model.arrivals.set('node1/web', { at: 9000, version: 5000 })
    model.reportAll('node2', 'MASTER', 6000)
    model.arrivals.set('node2/web', { at: 9000, version: 6000 })
    model.agents.set('node1', known(5500))
    model.agents.set('node2', known(5900))
    model.settle()
    assert.equal(model.status('web').master, 'node1', 'nothing says that the later claim outlived its writer')
    model.agents.set('node2', known(6100))
    model.settle()
    assert.equal(model.status('web').master, 'node2')
    assert.equal(conditionOf(model, 'SplitBrain')?.status, 'False')
  })

  test('a MASTER that went silent is not one; nobody is told anything else for it', () => {
    const model = serving()
    const specs = ['node2', 'node3'].map(node => model.spec(node))
    model.agents.set('node1', { fresh: false, staleSince: 0, leaseRenewedAt: 5000 })
    model.settle()
    assert.equal(model.status('web').master, undefined)
    assert.equal(conditionOf(model, 'Ready')?.status, 'False')
    assert.deepEqual(
      ['node2', 'node3'].map(node => model.spec(node)),
      specs,
    )
  })
})
