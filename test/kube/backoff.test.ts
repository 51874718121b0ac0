import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { retryDelay } from '../../src/kube/backoff.ts'
import { KubeError } from '../../src/kube/kube-error.ts'

const delays = (retryAfter: number | undefined, failures: number) =>
  Array.from({ length: 200 }, () => retryDelay(new KubeError('no', { reason: 'No', retryAfter }), failures, 100, 1000))

suite('the delay after a failure', () => {
  for (const [retryAfter, failures, from, to] of [
    [undefined, 0, 50, 100],
    [undefined, 1, 100, 200],
    [undefined, 20, 500, 1000],
    [2000, 0, 2000, 2500],
    [50, 20, 500, 1000],
    [3_600_000, 0, 5000, 6250],
  ] as const) {
    test(`number ${failures}, with Retry-After ${retryAfter}: ${from} to ${to} ms, and everyone another`, () => {
      const all = delays(retryAfter, failures)
      for (const delay of all) assert.ok(delay >= from && delay <= to, String(delay))
      assert.ok(new Set(all).size > 100)
    })
  }
})
