import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { judge, type RiseFall, UNKNOWN } from '../../src/checks/rise-fall.ts'

/** `+` a pass, `-` a failure; the verdicts after each, in the same letters. */
function verdicts(results: string, riseFall: RiseFall): string {
  let verdict = UNKNOWN
  return Array.from(results, result => {
    verdict = judge(verdict, result === '+', riseFall)
    return verdict.passing ? '+' : '-'
  }).join('')
}

test('nothing is known before the first result', () => {
  assert.equal(UNKNOWN.passing, undefined)
})

const STORIES: [what: string, riseFall: RiseFall, results: string, verdicts: string][] = [
  ['the first result decides at once, whatever rise and fall', { rise: 3, fall: 3 }, '+', '+'],
  ['also when it is a failure', { rise: 3, fall: 3 }, '-', '-'],
  ['by default every result decides', { rise: 1, fall: 1 }, '+-+-', '+-+-'],
  ['fall failures in a row make it fail', { rise: 1, fall: 3 }, '+---+', '+++-+'],
  ['rise passes in a row make it pass again', { rise: 2, fall: 1 }, '-++', '--+'],
  ['a pass between failures starts their count anew', { rise: 2, fall: 2 }, '+-+-+--', '++++++-'],
  ["the seed's fall 2, rise 2", { rise: 2, fall: 2 }, '++--+-++', '+++----+'],
]
for (const [what, riseFall, results, expected] of STORIES) {
  test(what, () => assert.equal(verdicts(results, riseFall), expected))
}

test('a verdict changes only after as many results in a row as rise or fall say', () => {
  const count = fc.integer({ min: 1, max: 5 })
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1 }), count, count, (results, rise, fall) => {
      let verdict = UNKNOWN
      results.forEach((passed, i) => {
        const before = verdict.passing
        verdict = judge(verdict, passed, { rise, fall })
        if (before === undefined || before === verdict.passing) return
        const needed = passed ? rise : fall
        assert.ok(results.slice(Math.max(0, i + 1 - needed), i + 1).every(result => result === passed))
        assert.ok(i >= needed)
      })
    }),
  )
})
