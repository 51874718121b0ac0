import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mastership, type RouterReport } from '../../src/status/mastership.ts'

const instant = fc.integer({ min: 0, max: 500 }).map(tenths => tenths * 100)
const reports = fc
  .uniqueArray(
    fc.record(
      {
        node: fc.constantFrom('node1', 'node2', 'node3', 'node4'),
        state: fc.constantFrom('MASTER' as const, 'MASTER' as const, 'BACKUP' as const, 'FAULT' as const),
        reportedAt: instant,
        leaseRenewedAt: instant,
        fresh: fc.boolean(),
        since: fc.constantFrom('2026-01-01T10:00:00Z', '2026-01-01T11:00:00Z'),
      },
      { requiredKeys: ['node', 'state', 'reportedAt', 'fresh', 'since'] },
    ),
    { selector: ({ node }) => node },
  )
  .map(all =>
    all.map(
      (report): RouterReport => ({
        ...report,
        family: 'IPv4',
        priority: 100,
        link: 'eth0',
        reason: 'Startup',
        checks: [],
      }),
    ),
  )

test('the MASTER is a living node that says so, and there is one whenever any living node says so', () => {
  fc.assert(
    fc.property(reports, fc.constantFrom(undefined, 'node1', 'node2'), (reports, previous) => {
      const claims = reports.filter(({ state, fresh }) => state === 'MASTER' && fresh)
      const { master } = mastership(reports, previous)
      assert.equal(master === undefined, claims.length === 0)
      assert.ok(!master || claims.includes(master))
    }),
  )
})

test('nobody who spoke more than a moment before another is MASTER', () => {
  fc.assert(
    fc.property(reports, fc.constantFrom(undefined, 'node1', 'node2'), (reports, previous) => {
      const { master } = mastership(reports, previous)
      if (!master) return
      const newer = reports.filter(({ state, fresh }) => state === 'MASTER' && fresh)
      assert.ok(newer.every(({ reportedAt }) => reportedAt <= master.reportedAt + 100))
    }),
  )
})

test('a node that renewed nothing since another became MASTER is never part of a split brain', () => {
  fc.assert(
    fc.property(reports, reports => {
      const { split } = mastership(reports, undefined)
      assert.notEqual(split.length, 1)
      for (const one of split) {
        assert.ok(one.fresh && one.state === 'MASTER')
        for (const other of split) assert.ok((one.leaseRenewedAt ?? -1) > other.reportedAt)
      }
    }),
  )
})

test('the order of the reports says nothing', () => {
  fc.assert(
    fc.property(reports, reports => {
      assert.deepEqual(mastership([...reports].reverse(), 'node1').master, mastership(reports, 'node1').master)
    }),
  )
})
