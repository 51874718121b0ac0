import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missing, nextOf } from './choice.ts'
import { OURS_200, type Peer, THEIRS_200 } from './peer.ts'
import type { Row } from './row.ts'
import { Findings } from './tally.ts'

const ROWS = [
  row('kill', [
    [OURS_200, 10],
    [THEIRS_200, 5],
  ]),
  row('freeze', [[OURS_200, 10]]),
]

test('the first of the table comes first, while there is nothing of any', () => {
  assert.deepEqual(named(nextOf(ROWS, [])), ['kill', OURS_200.name])
})

test('that of which there is the smallest share comes next, over all parts, whatever failed among it', () => {
  const [first, second] = [new Findings(), new Findings()]
  for (let i = 0; i < 3; i++) first.add(ROWS[0] as Row, OURS_200, {})
  for (let i = 0; i < 2; i++) second.add(ROWS[0] as Row, THEIRS_200, {})
  assert.deepEqual(named(nextOf(ROWS, [first, second])), ['freeze', OURS_200.name])
  for (let i = 0; i < 4; i++) second.fail(ROWS[1] as Row, OURS_200)
  assert.deepEqual(named(nextOf(ROWS, [first, second])), ['kill', OURS_200.name])
  second.add(ROWS[0] as Row, OURS_200, {})
  second.add(ROWS[0] as Row, OURS_200, {})
  assert.deepEqual(named(nextOf(ROWS, [first, second])), ['kill', THEIRS_200.name])
  assert.deepEqual(
    missing(ROWS, [first, second]).map(({ row, peer, events }) => [row.name, peer.name, events]),
    [
      ['kill', OURS_200.name, 5],
      ['kill', THEIRS_200.name, 3],
      ['freeze', OURS_200.name, 6],
    ],
  )
})

test('there is nothing to choose where no row is wanted', () => {
  assert.equal(nextOf([], []), undefined)
})

function named(choice: { row: Row; peer: Peer } | undefined): (string | undefined)[] {
  return [choice?.row.name, choice?.peer.name]
}

function row(name: string, wanted: readonly (readonly [Peer, number])[]): Row {
  return { name, title: name, text: '', figures: [], wanted: new Map(wanted), batch: 1, run: async () => {} }
}
