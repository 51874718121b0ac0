import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../lab/random.ts'
import { KINDS, type Scheduled, schedule } from './schedule.ts'

const FIELD = { nodes: 4, virtualIPs: 3 }

test('the same seed gives the same faults, another one others', () => {
  const of = (seed: number) => JSON.stringify(schedule(FIELD, 60, seeded(seed)))
  assert.equal(of(1), of(1))
  assert.notEqual(of(1), of(2))
})

test('every kind of fault happens in two minutes, ten in half of one, and all of them end in time', () => {
  fc.assert(
    fc.property(fc.integer(), seed => {
      const faults = schedule(FIELD, 120, seeded(seed))
      assert.deepEqual(new Set(faults.map(({ fault }) => fault.kind)), new Set(KINDS))
      assert.ok(faults.every(({ at, fault }) => at + fault.lasts <= 120_000))
      assert.ok(faults.filter(({ at }) => at < 30_000).length >= 10)
    }),
    { numRuns: 200 },
  )
})

test('at most two nodes are not well at a time, none twice at once, and one thing at a time separates them', () => {
  fc.assert(
    fc.property(fc.integer(), seed => {
      const faults = schedule(FIELD, 120, seeded(seed))
      for (const { at } of faults) {
        const during = faults.filter(other => other.at <= at && at < other.at + other.fault.lasts)
        const nodes = during.flatMap(({ fault }) => ('node' in fault && fault.kind !== 'priority' ? [fault.node] : []))
        assert.ok(nodes.length <= 2)
        assert.equal(new Set(nodes).size, nodes.length)
        assert.ok(during.filter(separates).length <= 1)
      }
    }),
    { numRuns: 200 },
  )
})

function separates({ fault: { kind } }: Scheduled): boolean {
  return /cut|mute|deaf|loss|partition/.test(kind)
}
