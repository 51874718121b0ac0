import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordedRun } from '../lab/ledger.ts'
import { pageOf } from './page.ts'
import { OURS_200, THEIRS_200 } from './peer.ts'
import { atMost, type Figures, type Row } from './row.ts'
import { Findings } from './tally.ts'

const KILL: Row = {
  name: 'kill',
  title: 'SIGKILL',
  text: 'To the whole daemon.',
  figures: [
    { name: 'two answerers', limits: [atMost(0)] },
    { name: 'transitions', unit: 'count' },
  ],
  wanted: new Map([
    [OURS_200, 4],
    [THEIRS_200, 4],
  ]),
  batch: 1,
  run: async () => {},
}

test('figures of all parts are put together, and what had no end is told apart', () => {
  const page = pageWith(
    part(
      'a1',
      [OURS_200, { 'two answerers': 0, transitions: 1 }],
      [THEIRS_200, { 'two answerers': undefined, transitions: 1 }],
    ),
    part(
      'b2',
      [OURS_200, { 'two answerers': 0, transitions: 2 }],
      [THEIRS_200, { 'two answerers': 12.34, transitions: 1 }],
    ),
  )
  assert.match(page, /^\| two answerers \| kube-vrrp, 200 ms \| 2 \| 0 \| 0 \| 0 \| {2}\|$/m)
  assert.match(page, /^\| {2}\| keepalived, 200 ms \| 2 \| 12.3 \| 12.3 \| 12.3 \| 1 \|$/m)
  assert.match(page, /^\| transitions \| kube-vrrp, 200 ms \| 2 \| 1 \| 2 \| 2 \| {2}\|$/m)
  assert.match(page, /`make failures ONLY=kill`/)
  assert.match(page, /on a1, b2: `make failures MINUTES=1`/)
})

test('what is wanted is reached, or said not to be', () => {
  const verdict = (page: string) => /^\| SIGKILL \| two answerers \| kube-vrrp, 200 ms \| (.*) \|$/m.exec(page)?.[1]
  const zero: Figures = { 'two answerers': 0 }
  assert.equal(verdict(pageWith(part('a1', [OURS_200, zero]))), '1 | 0 | max ≤ 0 | yes')
  assert.equal(
    verdict(pageWith(part('a1', [OURS_200, zero], [OURS_200, { 'two answerers': 10 }]))),
    '2 | 10.0 | max ≤ 0 | **no**',
  )
  assert.equal(
    verdict(pageWith(part('a1', [OURS_200, zero], [OURS_200, { 'two answerers': undefined }]))),
    '2 | 0, 1 without | max ≤ 0 | **no**',
  )
  assert.equal(
    verdict(pageWith(part('a1', [OURS_200, zero], [OURS_200, 'failed']))),
    '1 | 0, 1 without | max ≤ 0 | **no**',
  )
})

test('of keepalived nothing is wanted', () => {
  assert.doesNotMatch(pageWith(part('a1', [THEIRS_200, { 'two answerers': 10 }])), /max ≤ 0/)
})

test('other long runs are added up, whatever they count', () => {
  const parts = [part('c3'), part('c3')].map(each => ({
    ...each,
    command: 'make fuzz',
    counts: { packets: 1_000_000 },
    samples: { 'heap, MiB': [4, 5] },
  }))
  const page = pageOf([], [], [{ name: 'fuzz', parts }], '')
  assert.match(page, /^### fuzz$/m)
  assert.match(page, /^\| packets \| 2,000,000 \|$/m)
  assert.match(page, /^\| heap, MiB \| 4 \| 4.0 \| 5.0 \| 5.0 \|$/m)
})

function pageWith(...parts: readonly RecordedRun[]): string {
  return pageOf([KILL], parts, [], '')
}

function part(commit: string, ...events: readonly (readonly [typeof OURS_200, Figures | 'failed'])[]): RecordedRun {
  const findings = new Findings()
  for (const [peer, figures] of events) {
    if (figures === 'failed') findings.fail(KILL, peer)
    else findings.add(KILL, peer, figures)
  }
  const { counts, samples } = findings
  return { at: '2026-11-22T17:00:00.000Z', commit, command: 'make failures MINUTES=1', seconds: 60, counts, samples }
}
