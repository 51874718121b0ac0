import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClusterReports, type Report } from '../../src/agent/cluster-reports.ts'
import { API_VERSION } from '../../src/api/names.ts'
import type { VirtualIPNode, VirtualIPNodeStatus } from '../../src/api/virtual-ip-node.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { KubeError } from '../../src/kube/kube-error.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { until } from '../kube/faulty-server.ts'

/** What an API server has of one node, and what it was asked: `status 7`, `Lease`. */
class Kept {
  readonly asked: string[] = []
  readonly errors: KubeError[] = []
  readonly renewals: string[] = []
  /** What writes of a status wait for. */
  held: Promise<void> | undefined
  node: VirtualIPNode = {
    apiVersion: API_VERSION,
    kind: 'VirtualIPNode',
    metadata: { name: 'node1', resourceVersion: '1', generation: 1 },
    spec: { virtualRouters: [] },
  }

  readonly client = {
    namespace: 'kube-vrrp',
    mergePatch: async (
      ref: { subresource?: string },
      patch: { status: VirtualIPNodeStatus; spec: { renewTime: string } },
    ) => {
      this.asked.push(ref.subresource ? `status ${patch.status.observedGeneration}` : 'Lease')
      if (ref.subresource) await this.held
      const error = this.errors.shift()
      if (error) throw error
      if (ref.subresource) this.write(patch.status)
      else this.renewals.push(patch.spec.renewTime)
      return this.node
    },
  } as unknown as KubeClient

  /** As another client would. */
  write(status: VirtualIPNodeStatus): void {
    const resourceVersion = String(Number(this.node.metadata.resourceVersion) + 1)
    this.node = { ...this.node, metadata: { ...this.node.metadata, resourceVersion }, status }
  }
}

const report = (running: number): Report => ({
  running,
  accepted: { type: 'Accepted', status: 'True', reason: 'Accepted', message: `Generation ${running} runs` },
  routers: [],
  links: [],
})

let kept: Kept
let troubles: string[]
let reports: ClusterReports
let wakeUp: () => void

beforeEach(() => {
  kept = new Kept()
  troubles = []
  wakeUp = () => {}
  reports = new ClusterReports({
    client: kept.client,
    node: 'node1',
    version: 'test',
    checksAllowed: [],
    fileCheckFolders: [],
    podCheckNamespaces: [],
    logger: createLogger({ level: 'fatal', destination: { write: () => {} } }),
    onTrouble: sentence => troubles.push(sentence),
    lookForSleep: () => wakeUp(),
    current: () => kept.node,
  })
})
afterEach(() => reports.close())

suite('what a node reports', { timeout: 30_000 }, () => {
  test('is written once, and vouched for by the Lease after it', async () => {
    await reports.report(report(7))
    await reports.report(report(7))
    await reports.renew()
    assert.deepEqual(kept.asked, ['status 7', 'Lease'])
  })

  test('is not vouched for as long as it could not be written', async () => {
    kept.errors.push(new KubeError('away', { reason: 'Unreachable' }))
    await reports.report(report(7))
    await reports.renew()
    await reports.renew()
    assert.deepEqual(kept.asked, ['status 7'])
    await until(() => kept.asked.length === 3)
    assert.deepEqual(kept.asked, ['status 7', 'status 7', 'Lease'])
    assert.deepEqual(troubles, ['away'])
  })

  test('is not vouched for while it is on its way either', async () => {
    await reports.report(report(6))
    const { promise, resolve } = Promise.withResolvers<void>()
    kept.held = promise
    const reported = reports.report(report(7))
    await reports.renew()
    assert.deepEqual(kept.asked, ['status 6', 'status 7'])
    resolve()
    await reported
    await until(() => kept.asked.length === 3)
    assert.deepEqual(kept.asked, ['status 6', 'status 7', 'Lease'])
  })

  test('is not vouched for by an agent that slept, and finds out that it is otherwise', async () => {
    await reports.report(report(6))
    wakeUp = () => void reports.report(report(7))
    await reports.renew()
    await until(() => kept.asked.length === 3)
    assert.deepEqual(kept.asked, ['status 6', 'status 7', 'Lease'])
  })

  test('is not tried again once all is closed, though it was on its way', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    kept.held = promise
    kept.errors.push(new KubeError('closed', { reason: 'Unreachable' }))
    const reported = reports.report(report(7))
    reports.close()
    resolve()
    await reported
    await sleep(700)
    assert.deepEqual(kept.asked, ['status 7'])
  })

  test('waits as long as it is asked to, with reports and renewals alike', async () => {
    kept.errors.push(new KubeError('busy', { reason: 'TooManyRequests', status: 429, retryAfter: 1000 }))
    const began = performance.now()
    await reports.report(report(7))
    while (kept.asked.length === 1) {
      await reports.renew()
      await reports.report(report(8))
      await sleep(20)
    }
    assert.ok(performance.now() - began >= 999)
    assert.deepEqual(kept.asked.slice(0, 2), ['status 7', 'status 8'])
  })

  test('is written again where an old request of ours, or anybody else, has overwritten it; and not where only the spec has changed', async () => {
    await reports.report(report(7))
    reports.seen({ ...kept.node, metadata: { ...kept.node.metadata, resourceVersion: '3' } })
    kept.write({ observedGeneration: 6 } as VirtualIPNodeStatus)
    reports.seen(kept.node)
    await until(() => kept.asked.length === 2)
    assert.equal(kept.node.status?.observedGeneration, 7)
    reports.seen(kept.node)
    await sleep(1500)
    assert.deepEqual(kept.asked, ['status 7', 'status 7'])
  })

  test('goes on while the wall clock steps by a day, to and fro', async t => {
    await reports.report(report(7))
    t.mock.timers.enable({ apis: ['Date'] })
    for (const day of ['2031-01-02', '2031-01-01', '2031-01-02']) {
      t.mock.timers.setTime(Date.parse(day))
      await reports.renew()
    }
    assert.deepEqual(
      kept.renewals.map(time => time.slice(0, 10)),
      ['2031-01-02', '2031-01-01', '2031-01-02'],
    )
    await reports.report(report(8))
    assert.deepEqual(kept.asked, ['status 7', 'Lease', 'Lease', 'Lease', 'status 8'])
  })
})
