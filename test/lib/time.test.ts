import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration, parseDuration } from '../../src/lib/time.ts'

for (const [text, millis] of [
  ['200ms', 200],
  ['1s', 1000],
  ['1.5s', 1500],
  ['40.95s', 40_950],
  ['2.01s', 2010],
  ['1m30s', 90_000],
  ['2h', 7_200_000],
  ['0s', 0],
] as const) {
  test(`${text} is ${millis} ms`, () => assert.equal(parseDuration(text), millis))
}

for (const text of ['', '5', 's', '1 s', '-1s', '1s 2s', '1d', '1.s', '1e3ms']) {
  test(`"${text}" is no duration`, () => assert.equal(parseDuration(text), undefined))
}

test('durations are printed in the unit people would use', () => {
  assert.deepEqual([10, 200, 1000, 1500, 609.375].map(formatDuration), ['10ms', '200ms', '1s', '1.5s', '609.375ms'])
})
