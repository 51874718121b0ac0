import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import type { KubeClient } from '../../src/kube/client.ts'
import { KubeError } from '../../src/kube/kube-error.ts'
import { type ElectionTiming, runElection } from '../../src/kube/leader-election.ts'
import { type Lease, renewLease } from '../../src/kube/lease.ts'
import { until } from './faulty-server.ts'

/** Keeps Leases as the API server does; `cut` clients reach nothing. */
class LeaseStore {
  lease: Lease | undefined
  writes = 0
  attempts = 0
  /** How long a write takes. */
  takes = 0
  readonly cut = new Set<string>()
  #resourceVersion = 0

  client(identity: string): KubeClient {
    const reach = () => {
      this.attempts++
      if (this.cut.has(identity)) throw new KubeError('no answer', { reason: 'TimedOut' })
    }
    const store = (lease: Lease): Lease => {
      this.writes++
      clock += this.takes
      this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(++this.#resourceVersion) } }
      return this.lease
    }
    const refuse = (reason: string) => new KubeError(reason, { reason, status: 409 })
    const calls = {
      namespace: 'kube-vrrp',
      get: async () => {
        reach()
        if (!this.lease) throw refuse('NotFound')
        return this.lease
      },
      create: async (_: unknown, lease: Lease) => {
        reach()
        if (this.lease) throw refuse('AlreadyExists')
        return store(lease)
      },
      mergePatch: async (_: unknown, patch: Partial<Lease>) => {
        reach()
        if (!this.lease) throw refuse('NotFound')
        const wanted = patch.metadata?.resourceVersion
        if (wanted !== undefined && wanted !== this.lease.metadata.resourceVersion) throw refuse('Conflict')
        return store({ ...this.lease, spec: { ...this.lease.spec, ...patch.spec } })
      },
    }
    return calls as unknown as KubeClient
  }
}

const TIMING: ElectionTiming = { leaseDuration: 10_000, renewDeadline: 60_000, retryPeriod: 1 }

let store: LeaseStore
let story: string[]
let clock: number
let candidates: Map<string, { stop: AbortController; ended: Promise<void>; term?: AbortSignal }>

beforeEach(() => {
  store = new LeaseStore()
  story = []
  clock = 1000
  candidates = new Map()
})

afterEach(async () => {
  for (const { stop } of candidates.values()) stop.abort()
  await Promise.all([...candidates.values()].map(({ ended }) => ended))
})

function stand(identity: string, timing: Partial<ElectionTiming> = {}): void {
  const stop = new AbortController()
  const candidate: { stop: AbortController; ended: Promise<void>; term?: AbortSignal } = {
    stop,
    ended: Promise.resolve(),
  }
  candidates.set(identity, candidate)
  candidate.ended = runElection(
    {
      client: store.client(identity),
      name: 'leader',
      identity,
      timing: { ...TIMING, ...timing },
      now: () => clock,
      onElected: term => {
        candidate.term = term
        story.push(`${identity} leads`)
      },
      onLost: reason => story.push(`${identity} stops: ${reason}`),
    },
    stop.signal,
  )
}

async function stop(identity: string): Promise<void> {
  candidates.get(identity)?.stop.abort()
  await candidates.get(identity)?.ended
}

/** So many writes or reads later whatever was going to happen has happened. */
async function rounds(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setTimeout(resolve, 2))
}

suite('an election', { timeout: 60_000 }, () => {
  test('has one leader, who goes on renewing', async () => {
    stand('a')
    await until(() => story.length > 0)
    stand('b')
    const before = store.writes
    await until(() => store.writes > before + 5)
    assert.deepEqual(story, ['a leads'])
    assert.equal(store.lease?.spec?.holderIdentity, 'a')
    assert.equal(store.lease?.spec?.leaseDurationSeconds, 10)
  })

  test('gives the Lease to another only when it was not seen renewed for its duration, by the own clock', async () => {
    stand('a')
    await until(() => story.length > 0)
    store.cut.add('a')
    stand('b')
    await rounds(5)
    clock += 9999
    await rounds(10)
    assert.deepEqual(story, ['a leads'])
    clock += 1
    await until(() => story.length > 1)
    assert.deepEqual(story, ['a leads', 'b leads'])
    assert.equal(store.lease?.spec?.leaseTransitions, 1)
  })

  test('wall clocks do not count: a renewal from the far past keeps the Lease', async () => {
    stand('b')
    await until(() => story.length > 0)
    await stop('b')
    const spec = { holderIdentity: 'a', leaseDurationSeconds: 10, renewTime: '1970-01-01T00:00:00.000000Z' }
    store.lease = { metadata: { name: 'leader', resourceVersion: 'x' }, spec }
    stand('c')
    await rounds(10)
    assert.deepEqual(story, ['b leads', 'b stops: shutting down'])
  })

  test('wall clocks that step by a day, to and fro, change nothing but what the Lease says', async t => {
    stand('a')
    await until(() => story.length > 0)
    stand('b')
    t.mock.timers.enable({ apis: ['Date'] })
    for (const day of ['2031-01-02', '2031-01-01', '2030-12-31', '2031-01-02']) {
      t.mock.timers.setTime(Date.parse(day))
      const before = store.writes
      await until(() => store.writes > before + 3)
      assert.match(store.lease?.spec?.renewTime ?? '', new RegExp(day))
    }
    assert.deepEqual(story, ['a leads'])
  })

  test('a renewal that took as long as a term wins none', async () => {
    store.takes = 60_000
    stand('a')
    await until(() => store.writes > 3)
    assert.deepEqual(story, [])
    store.takes = 59_000
    await until(() => story.length > 0)
    assert.deepEqual(story, ['a leads'])
  })

  test('a leader that fails tries again before its term is over, more often than one that does not', async () => {
    stand('a', { retryPeriod: 40, renewDeadline: 10_000 })
    await until(() => story.length > 0)
    store.attempts = 0
    store.cut.add('a')
    await until(() => store.attempts > 8)
    store.cut.delete('a')
    const before = store.writes
    await until(() => store.writes > before)
    assert.deepEqual(story, ['a leads'])
  })

  test('a leader that can reach nobody stops before another begins', async () => {
    stand('a', { renewDeadline: 30 })
    await until(() => story.length > 0)
    const term = candidates.get('a')?.term
    store.cut.add('a')
    await until(() => term?.aborted === true)
    assert.deepEqual(story, ['a leads', 'a stops: the Lease could not be renewed for 30 ms'])
    store.cut.delete('a')
    await until(() => story.length > 2)
    assert.deepEqual(story.slice(2), ['a leads'])
    assert.notEqual(candidates.get('a')?.term, term)
  })

  test('a leader whose Lease another took stops at once', async () => {
    stand('a')
    await until(() => story.length > 0)
    store.lease = { metadata: { name: 'leader', resourceVersion: 'x' }, spec: { holderIdentity: 'b' } }
    await until(() => story.length > 1)
    assert.deepEqual(story, ['a leads', 'a stops: b leads'])
  })

  test('a leader whose Lease was deleted makes a new one', async () => {
    stand('a')
    await until(() => story.length > 0)
    store.lease = undefined
    await until(() => store.lease !== undefined)
    assert.deepEqual(story, ['a leads'])
  })

  test('a leader that ends gives the Lease up, and the next need not wait', async () => {
    stand('a')
    await until(() => story.length > 0)
    stand('b')
    await stop('a')
    await until(() => story.length > 2)
    assert.deepEqual(story, ['a leads', 'a stops: shutting down', 'b leads'])
  })

  test('a follower that ends leaves the Lease alone', async () => {
    stand('a', { retryPeriod: 10_000 })
    await until(() => story.length > 0)
    stand('b')
    await rounds(5)
    await stop('b')
    assert.equal(store.lease?.spec?.holderIdentity, 'a')
    assert.deepEqual(story, ['a leads'])
  })
})

suite("an agent's renewal", () => {
  test('creates the Lease, then says in one request that it is still here', async () => {
    const client = store.client('agent')
    const first = await renewLease(client, 'kube-vrrp-agent-node1', 'node1', 10)
    assert.equal(first.spec?.holderIdentity, 'node1')
    const before = store.writes
    const second = await renewLease(client, 'kube-vrrp-agent-node1', 'node1', 10)
    assert.equal(store.writes, before + 1)
    assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion)
    assert.match(second.spec?.renewTime ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  })

  test('fails where the API server can not be reached', async () => {
    store.cut.add('agent')
    await assert.rejects(renewLease(store.client('agent'), 'x', 'node1', 10), { reason: 'TimedOut' })
  })
})
