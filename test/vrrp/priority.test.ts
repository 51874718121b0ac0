import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CheckResult, effectivePriority } from '../../src/vrrp/priority.ts'

const passing = (weight?: number): CheckResult => ({ passing: true, ...(weight === undefined ? {} : { weight }) })
const failing = (weight?: number): CheckResult => ({ passing: false, ...(weight === undefined ? {} : { weight }) })

const rows: readonly [sentence: string, base: number, results: readonly CheckResult[], expected: number | 'FAULT'][] = [
  ['without checks the priority is the base', 100, [], 100],
  ['a passing check with a negative weight changes nothing', 100, [passing(-20)], 100],
  ["the seed's check: 100 becomes 80 while nginx is down", 100, [failing(-20)], 80],
  ['a positive weight counts while its check passes', 100, [passing(30)], 130],
  ['a positive weight does not count while its check fails', 100, [failing(30)], 100],
  ['weights add up', 100, [failing(-20), failing(-5), passing(7), passing(-50)], 82],
  ['a weight of 0 changes nothing, either way', 100, [failing(0), passing(0)], 100],
  ['the sum stays above 0, which would mean leaving', 10, [failing(-253)], 1],
  ['the sum stays below 255, which would mean owning', 250, [passing(253)], 254],
  ['only the whole sum is limited, not its parts', 250, [passing(100), failing(-120)], 230],
  ['a failing check without weight is a FAULT', 100, [passing(), failing()], 'FAULT'],
  ['a passing check without weight changes nothing', 100, [passing()], 100],
  ['a FAULT is not outweighed', 100, [failing(), passing(253)], 'FAULT'],
  ['weights leave an owner the owner', 255, [failing(-20), passing(20)], 255],
  ['an owner with a failing check without weight is a FAULT', 255, [failing()], 'FAULT'],
]

for (const [sentence, base, results, expected] of rows) {
  test(sentence, () => assert.equal(effectivePriority(base, results), expected))
}
