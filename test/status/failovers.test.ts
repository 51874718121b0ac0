import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAILOVERS_KEPT, type Failover, type VirtualIPStatus } from '../../src/api/virtual-ip.ts'
import type { Takeover } from '../../src/api/virtual-ip-node.ts'
import { failoverSentence, failoversOf } from '../../src/status/failovers.ts'
import type { RouterReport } from '../../src/status/mastership.ts'
import type { Row } from '../../src/status/rows.ts'

/** `node2 MASTER`, from 10.0.0.2; its takeover at that second, after hearing that node's adverts. */
function report(text: string, second?: number, former?: string, more: Partial<Takeover> = {}): RouterReport {
  const [node = '', state, family = 'IPv4'] = text.split(' ')
  return {
    node,
    family: family as 'IPv4',
    state: state as 'MASTER',
    priority: 100,
    link: 'eth0',
    since: at(0),
    reason: 'Test',
    checks: [],
    primaryAddress: `10.0.0.${node.slice(4)}`,
    reportedAt: 0,
    fresh: true,
    ...(second === undefined ? {} : { lastTakeover: takeover(second, former, more) }),
  }
}

function takeover(second: number, former: string | undefined, more: Partial<Takeover>): Takeover {
  const formerAddress = former === undefined ? {} : { formerAddress: former }
  return { time: at(second), reason: 'ActiveDown', message: 'no advert', ...formerAddress, ...more }
}

function at(second: number): string {
  return new Date(1000 * second).toISOString()
}

/** As a status shows the reports. */
function rowsOf(reports: readonly RouterReport[]): Row[] {
  return reports.map(({ node, family, state, priority, link, reason, lastTakeover }) => {
    const time = lastTakeover ? { lastTakeover: lastTakeover.time } : {}
    return { node, family, state, priority, link, reason, ...time }
  })
}

/** The status after each of these reports, one after the other. */
function after(...steps: RouterReport[][]): VirtualIPStatus & { failovers: Failover[] } {
  let status: VirtualIPStatus & { failovers: Failover[] } = { failovers: [] }
  for (const reports of steps) {
    const rows = rowsOf(reports)
    status = { nodes: rows.map(row => ({ ...row })), failovers: failoversOf(rows, reports, status) }
  }
  return status
}

/** `node1 node2 3`: from, to and when. */
function told({ failovers }: { failovers: Failover[] }): string[] {
  return failovers.map(({ from, to, time }) => `${from} ${to} ${Date.parse(time) / 1000}`)
}

const FIRST = [report('node1 MASTER', 1), report('node2 BACKUP')]
const MOVED = [report('node1 FAULT', 1), report('node2 MASTER', 2, '10.0.0.1', { unansweredMillis: 605 })]
const BACK = [
  report('node1 MASTER', 3, '10.0.0.2', { reason: 'Preempted', unansweredMillis: 0 }),
  report('node2 BACKUP', 2, '10.0.0.1'),
]

test('a failover is kept with who, when, why and how long nobody answered; newest first', () => {
  assert.deepEqual(after(FIRST, MOVED, BACK).failovers, [
    {
      time: at(3),
      family: 'IPv4',
      from: 'node2',
      to: 'node1',
      unansweredMillis: 0,
      reason: 'Preempted',
      message: 'no advert',
    },
    {
      time: at(2),
      family: 'IPv4',
      from: 'node1',
      to: 'node2',
      unansweredMillis: 605,
      reason: 'ActiveDown',
      message: 'no advert',
    },
  ])
})

test('the first MASTER is no failover, nor one that comes back to itself', () => {
  assert.deepEqual(told(after(FIRST)), [])
  assert.deepEqual(told(after(FIRST, [report('node1 MASTER', 5)])), [])
})

test('the same reports again add nothing, also when a report was away in between', () => {
  const row = { ...after(FIRST, MOVED), failovers: [] }
  assert.deepEqual(failoversOf(rowsOf(MOVED), MOVED, row), [], 'known by its row alone')
  assert.deepEqual(told(after(FIRST, MOVED, MOVED, MOVED)), ['node1 node2 2'])
  assert.deepEqual(told(after(FIRST, MOVED, [report('node1 FAULT', 1)], MOVED)), ['node1 node2 2'])
})

test('of what happened while no controller ran, each node still tells its last takeover', () => {
  assert.deepEqual(told(after(FIRST, BACK)), ['node2 node1 3', 'node1 node2 2'])
})

test('a node whose clock is a day behind is listed all the same, and never twice', () => {
  const late = [report('node1 FAULT', 3), report('node2 MASTER', -86_400, '10.0.0.1')]
  assert.deepEqual(told(after(FIRST, MOVED, BACK, late, late)), [
    'node1 node2 -86400',
    'node2 node1 3',
    'node1 node2 2',
  ])
})

test(`no more than ${FAILOVERS_KEPT} are kept, and one that fell off does not come back`, () => {
  const third = report('node3 BACKUP', 1, '10.0.0.1')
  const steps = Array.from({ length: 24 }, (_, i) => [
    report('node1 MASTER', 2 + i - (i % 2), '10.0.0.2'),
    report('node2 MASTER', 2 + i - ((i + 1) % 2), '10.0.0.1'),
    third,
  ])
  const { failovers } = after([third], ...steps)
  assert.equal(failovers.length, FAILOVERS_KEPT)
  assert.deepEqual(
    failovers.filter(({ to }) => to === 'node3'),
    [],
  )
})

test('each family moves by itself', () => {
  const both = [...FIRST, report('node1 MASTER IPv6', 1), report('node2 BACKUP IPv6')]
  const moved = [...FIRST, report('node1 BACKUP IPv6', 1), report('node2 MASTER IPv6', 2, '10.0.0.1')]
  assert.deepEqual(
    after(both, moved).failovers.map(({ family, from, to }) => [family, from, to]),
    [['IPv6', 'node1', 'node2']],
  )
})

test('where the new MASTER heard nobody, the one before is whom the status had, or whose agent died as MASTER', () => {
  assert.deepEqual(told(after(FIRST, [report('node1 BACKUP', 1), report('node2 MASTER', 2)])), ['node1 node2 2'])
  const dead = { ...report('node1 MASTER', 1), fresh: false }
  const unknown = { failovers: [], nodes: [] }
  const reports = [dead, report('node2 MASTER', 2)]
  assert.deepEqual(told({ failovers: failoversOf(rowsOf(reports).slice(1), reports, unknown) }), ['node1 node2 2'])
})

test('a router that is no node of ours is named by its address, and how it leaves is not known', () => {
  const [failover] = after([
    report('node1 MASTER', 1, '10.0.0.99', { reason: 'PriorityZeroReceived', unansweredMillis: 0 }),
  ]).failovers
  assert.equal(failover?.from, '10.0.0.99')
  assert.equal(failover?.unansweredMillis, undefined)
})

test('it is told in a sentence', () => {
  const failover = { time: at(2), family: 'IPv4', from: 'node1', to: 'node2', reason: 'ActiveDown' } as const
  assert.equal(failoverSentence(failover), 'IPv4 moved from node1 to node2: ActiveDown')
  assert.equal(
    failoverSentence({ ...failover, unansweredMillis: 0, message: 'so it is' }),
    'IPv4 moved from node1 to node2, answered all the time: ActiveDown: so it is',
  )
  assert.match(failoverSentence({ ...failover, unansweredMillis: 605 }), /, unanswered for at most 0\.605 s: /)
})
