import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAge } from '../../src/cli/age.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const AGES: [seconds: number, age: string][] = [
  [0, '0s'],
  [0.9, '0s'],
  [119, '119s'],
  [2 * MINUTE, '2m'],
  [3 * MINUTE + 20, '3m20s'],
  [10 * MINUTE + 59, '10m'],
  [179 * MINUTE, '179m'],
  [3 * HOUR, '3h'],
  [5 * HOUR + 7 * MINUTE, '5h7m'],
  [8 * HOUR + 59 * MINUTE, '8h'],
  [47 * HOUR, '47h'],
  [3 * DAY + 4 * HOUR, '3d4h'],
  [8 * DAY + 5 * HOUR, '8d'],
  [729 * DAY, '729d'],
  [3 * 365 * DAY + 10 * DAY, '3y10d'],
  [9 * 365 * DAY + 10 * DAY, '9y'],
]
for (const [seconds, age] of AGES) {
  test(`an age of ${seconds} s is ${age}, as kubectl shows it`, () => {
    assert.equal(formatAge(new Date(NOW - 1000 * seconds).toISOString(), NOW), age)
  })
}

test('a moment still to come, by a clock ahead of ours, is now', () => {
  assert.equal(formatAge('2026-03-01T12:00:30Z', NOW), '0s')
})

test('what is no moment has no age', () => {
  assert.equal(formatAge('yesterday', NOW), '-')
})
