import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { Freshness, type Renewal, STALE_AFTER } from '../../src/controller/freshness.ts'

let version = 0
function renewal(time: string): Renewal {
  return { time, version: ++version }
}

suite("an agent's freshness", () => {
  test('lasts 10 s from the last renewal seen, by our clock and nobody else’s', () => {
    const freshness = new Freshness()
    freshness.observe('node1', renewal('1970-01-01T00:00:00Z'), 1000, false)
    assert.deepEqual(freshness.of('node1'), { fresh: true, leaseRenewedAt: 1000, leaseVersion: version })
    assert.deepEqual(freshness.suspects(10_999), [])
    assert.deepEqual(freshness.suspects(11_000), ['node1'])
    assert.equal(freshness.confirm('node1', renewal('1970-01-01T00:00:00Z'), 11_000), true)
    assert.partialDeepStrictEqual(freshness.of('node1'), { fresh: false, leaseRenewedAt: 1000, staleSince: 11_000 })
    assert.deepEqual(freshness.suspects(99_000), [])
  })

  test('comes back with the next renewal, and that is news', () => {
    const freshness = new Freshness()
    assert.equal(freshness.observe('node1', renewal('a'), 0, false), 'News')
    assert.equal(freshness.observe('node1', renewal('b'), 3000, false), 'Renewal')
    freshness.confirm('node1', renewal('b'), 13_000)
    assert.equal(freshness.observe('node1', renewal('c'), 60_000, false), 'News')
    assert.deepEqual(freshness.of('node1'), { fresh: true, leaseRenewedAt: 60_000, leaseVersion: version })
  })

  test('is not renewed by a change of the Lease that is no renewal', () => {
    const freshness = new Freshness()
    freshness.observe('node1', renewal('a'), 0, false)
    assert.equal(freshness.observe('node1', renewal('a'), 9000, false), 'Nothing')
    assert.deepEqual(freshness.suspects(10_000), ['node1'])
  })

  test('is not lost because the watch stalled: the API server has a newer renewal', () => {
    const freshness = new Freshness()
    freshness.observe('node1', renewal('a'), 0, false)
    assert.equal(freshness.confirm('node1', renewal('b'), 10_500), false)
    assert.deepEqual(freshness.of('node1'), { fresh: true, leaseRenewedAt: 10_500, leaseVersion: version })
    assert.equal(freshness.observe('node1', renewal('b'), 11_000, false), 'Nothing')
  })

  test('starts anew for everyone alive when the watch was interrupted; who was stale stays so', () => {
    const freshness = new Freshness()
    freshness.observe('dead', renewal('a'), 0, false)
    freshness.confirm('dead', renewal('a'), 10_000)
    freshness.observe('alive', renewal('a'), 9000, false)
    freshness.reconnected(60_000)
    assert.deepEqual(freshness.suspects(69_999), [])
    assert.deepEqual(freshness.suspects(70_000), ['alive'])
    assert.equal(freshness.of('dead')?.fresh, false)
  })

  test('is confirmed only when its time is up: a reconnection may have come between', () => {
    const freshness = new Freshness()
    freshness.observe('node1', renewal('a'), 0, false)
    freshness.reconnected(10_000)
    assert.equal(freshness.confirm('node1', renewal('a'), 10_001), false)
    assert.equal(freshness.of('node1')?.fresh, true)
  })

  test('of an agent known from before the start is open until it renews or its time is up', () => {
    const freshness = new Freshness()
    assert.equal(freshness.settled, true)
    freshness.observe('node1', renewal('a'), 0, true)
    freshness.observe('node2', renewal('a'), 0, true)
    assert.equal(freshness.settled, false)
    assert.deepEqual(freshness.of('node1'), { fresh: true })
    assert.equal(freshness.observe('node1', renewal('b'), 2000, false), 'News')
    assert.equal(freshness.settled, false)
    freshness.confirm('node2', renewal('a'), 10_000)
    assert.equal(freshness.settled, true)
  })

  test('ends with its Lease', () => {
    const freshness = new Freshness()
    freshness.observe('node1', renewal('a'), 0, false)
    freshness.forget('node1')
    assert.equal(freshness.of('node1'), undefined)
    assert.equal(freshness.confirm('node1', undefined, 20_000), false)
    assert.deepEqual(freshness.agents(), new Map())
  })

  test('property: who renews within every 10 s is never stale, whatever else happens', () => {
    const step = fc.record({
      gap: fc.double({ min: 0, max: STALE_AFTER - 1, noNaN: true }),
      interrupted: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), steps => {
        const freshness = new Freshness()
        let now = 0
        freshness.observe('node1', renewal('start'), now, false)
        for (const [i, { gap, interrupted }] of steps.entries()) {
          now += gap
          if (interrupted) freshness.reconnected(now)
          for (const suspect of freshness.suspects(now)) freshness.confirm(suspect, renewal(`${i - 1}`), now)
          assert.equal(freshness.of('node1')?.fresh, true)
          freshness.observe('node1', renewal(`${i}`), now, false)
        }
      }),
    )
  })
})
