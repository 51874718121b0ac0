import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { Freshness, type Renewal, STALE_AFTER } from '../../src/controller/freshness.ts'

let version = 0
function renewal(time: string): Renewal {
  return { time, version: ++version }
}

/** Asked every half second while somebody is in doubt, an API server answers at once and has nothing new. Gives who was found stale, and when. */
function ask(freshness: Freshness, from: number, until: number): [number, string][] {
  const found: [number, string][] = []
  for (let now = from; now <= until; now += 500) {
    if (freshness.inDoubt(now)) found.push(...freshness.answered(now, now).map((node): [number, string] => [now, node]))
  }
  return found
}

suite("an agent's freshness", () => {
  test('lasts 10 s from the last renewal seen, by our clock and nobody else’s', () => {
    const freshness = new Freshness()
    freshness.observe('node1', renewal('1970-01-01T00:00:00Z'), 1000, false)
    assert.deepEqual(freshness.agents().get('node1'), { fresh: true, leaseRenewedAt: 1000, leaseVersion: version })
    assert.equal(freshness.inDoubt(4999), false)
    assert.deepEqual(ask(freshness, 5000, 99_000), [[11_000, 'node1']])
    assert.partialDeepStrictEqual(freshness.agents().get('node1'), {
      fresh: false,
      leaseRenewedAt: 1000,
      staleSince: 11_000,
    })
    assert.equal(freshness.inDoubt(99_000), false)
  })

  test('comes back with the next renewal, and that is news', () => {
    const freshness = new Freshness()
    assert.equal(freshness.observe('node1', renewal('a'), 0, false), 'News')
    assert.equal(freshness.observe('node1', renewal('b'), 3000, false), 'Renewal')
    assert.equal(ask(freshness, 7000, 20_000).length, 1)
    assert.equal(freshness.observe('node1', renewal('c'), 60_000, false), 'News')
    assert.deepEqual(freshness.agents().get('node1'), { fresh: true, leaseRenewedAt: 60_000, leaseVersion: version })
  })

  test('goes on while the wall clock that renewals are written by steps by a day, to and fro', () => {
    const freshness = new Freshness()
    freshness.observe('node1', renewal('2031-01-02T00:00:00Z'), 0, false)
    for (const [i, day] of ['01', '02', '03', '02'].entries()) {
      assert.equal(freshness.observe('node1', renewal(`2031-01-${day}T00:00:0${i}Z`), 3000 * (i + 1), false), 'Renewal')
    }
    assert.equal(freshness.inDoubt(15_000), false)
  })

  test('is not renewed by a change of the Lease that is no renewal', () => {
    const freshness = new Freshness()
    freshness.observe('node1', renewal('a'), 0, false)
    assert.equal(freshness.observe('node1', renewal('a'), 3000, false), 'Nothing')
    assert.deepEqual(ask(freshness, 4000, 20_000), [[10_000, 'node1']])
  })

  test('is not lost because the watch stalled: the API server, asked, has a newer renewal', () => {
    const freshness = new Freshness()
    freshness.observe('node1', renewal('a'), 0, false)
    for (let now = 4000; now < 60_000; now += 500) {
      freshness.observe('node1', renewal(`at ${now - (now % 3000)}`), now, false)
      assert.deepEqual(freshness.answered(now, now), [])
    }
    assert.equal(freshness.agents().get('node1')?.fresh, true)
  })

  test('is not lost because nobody could renew: after an outage, and after a silence, everyone has the time to', () => {
    for (const [outage, answered] of [
      ['refused', []],
      ['frozen, and thawed', [[8000, 60_000]]],
      [
        'slow',
        [
          [8000, 11_000],
          [11_000, 14_000],
          [14_000, 60_000],
        ],
      ],
    ] as const) {
      const freshness = new Freshness()
      freshness.observe('node1', renewal('a'), 0, false)
      assert.deepEqual(ask(freshness, 4000, 7500), [])
      for (const [askedAt, now] of answered) assert.deepEqual(freshness.answered(askedAt, now), [], outage)
      assert.deepEqual(ask(freshness, 60_000, 64_500), [], outage)
      assert.deepEqual(ask(freshness, 65_000, 90_000), [[65_000, 'node1']], outage)
    }
  })

  test('of an agent known from before the start is open until it renews or has had the time to', () => {
    const freshness = new Freshness()
    assert.equal(freshness.settled, true)
    freshness.observe('node1', renewal('a'), 0, true)
    freshness.observe('node2', renewal('a'), 0, true)
    assert.equal(freshness.settled, false)
    assert.deepEqual(freshness.agents().get('node1'), { fresh: true, unjudged: true, leaseVersion: version - 1 })
    assert.equal(freshness.observe('node1', renewal('b'), 2000, false), 'News')
    assert.equal(freshness.settled, false)
    assert.deepEqual(ask(freshness, 0, 5000), [[5000, 'node2']])
    assert.equal(freshness.settled, true)
  })

  test('ends with its Lease', () => {
    const freshness = new Freshness()
    freshness.observe('node1', renewal('a'), 0, false)
    freshness.forget('node1')
    assert.deepEqual(ask(freshness, 4000, 20_000), [])
    assert.deepEqual(freshness.agents(), new Map())
  })

  test('property: who renews every 3 s while the API server answers is never stale, whatever outages there are', () => {
    const step = fc.record({
      lasts: fc.integer({ min: 0, max: 30_000 }),
      answers: fc.boolean(),
      latency: fc.integer({ min: 0, max: 1500 }),
      phase: fc.integer({ min: 0, max: 2999 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), steps => {
        const freshness = new Freshness()
        let now = 0
        let free = 0
        freshness.observe('node1', renewal('start'), now, true)
        for (const { lasts, answers, latency, phase } of steps) {
          for (const end = now + lasts; now < end; now += 100) {
            if (!answers) continue
            if ((now + phase) % 3000 < 100) freshness.observe('node1', renewal(`${now}`), now + latency, false)
            if (now < free || !freshness.inDoubt(now)) continue
            free = now + latency + 500
            assert.deepEqual(freshness.answered(now, now + latency), [])
          }
        }
      }),
    )
  })

  test('takes 10 s to be lost', () => assert.equal(STALE_AFTER, 10_000))
})
