import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CheckResult, repeat, type Schedule } from '../../src/checks/repeat.ts'
import type { Outcome, Run } from '../../src/checks/run.ts'
import { FakeClock, settled } from './fake-clock.ts'

const PASSED: Outcome = { passed: true }
const FAILED: Outcome = { passed: false, message: 'exit status 1' }

/** Runs that begin when the schedule says and end when the test says. */
function story(schedule: Partial<Schedule> = {}, clock = new FakeClock(), immediate?: Outcome) {
  const begun: number[] = []
  const results: CheckResult[] = []
  const runs: { outcome: (outcome: Outcome) => void; end: () => void; signal: AbortSignal }[] = []
  const start = (signal: AbortSignal): Run => {
    begun.push(clock.now())
    const outcome = Promise.withResolvers<Outcome>()
    const ended = Promise.withResolvers<void>()
    if (immediate) {
      outcome.resolve(immediate)
      ended.resolve()
    }
    runs.push({ outcome: outcome.resolve, end: ended.resolve, signal })
    return { outcome: outcome.promise, ended: ended.promise }
  }
  const whole = { interval: 1000, phase: 0, firstAfter: 0, rise: 1, fall: 1, ...schedule }
  const { close } = repeat(start, whole, result => results.push(result), clock)
  const finish = async (outcome: Outcome) => {
    const run = runs.at(-1)
    run?.outcome(outcome)
    run?.end()
    await settled()
  }
  return { clock, begun, results, runs, finish, close }
}

test('runs begin at their phase of the interval, the first one sooner', async () => {
  const { clock, begun, finish } = story({ phase: 300, firstAfter: 50 }, new FakeClock(10_100))
  for (let time = 10_100; time <= 13_000; time += 50) {
    await clock.runUntil(time)
    await finish(PASSED)
  }
  assert.deepEqual(begun, [10_150, 10_300, 11_300, 12_300])
})

test('the first verdict and every change of it are told, and nothing between', async () => {
  const { clock, results, finish } = story()
  for (const outcome of [PASSED, PASSED, FAILED, FAILED, PASSED]) {
    await clock.runUntil(clock.now() + 1000)
    await finish(outcome)
  }
  assert.deepEqual(results, [{ passing: true }, { passing: false, message: 'exit status 1' }, { passing: true }])
})

test('rise and fall hold a verdict back', async () => {
  const { clock, results, finish } = story({ fall: 2, rise: 2 })
  for (const outcome of [PASSED, FAILED, PASSED, FAILED, FAILED, PASSED, PASSED]) {
    await clock.runUntil(clock.now() + 1000)
    await finish(outcome)
  }
  assert.deepEqual(
    results.map(({ passing }) => passing),
    [true, false, true],
  )
})

test('a run that is under way when the next is due goes on, and the next is left out', async () => {
  const { clock, begun, results, finish } = story()
  await clock.runUntil(2500)
  assert.deepEqual(begun, [0])
  assert.deepEqual(results, [])
  await finish(PASSED)
  await clock.runUntil(3500)
  assert.deepEqual(begun, [0, 3000])
})

test('a run that does not end after its time limit counts as a failure each time the next is due', async () => {
  const { clock, begun, results, runs, finish } = story({ fall: 3 })
  await clock.runUntil(0)
  await finish(PASSED)
  await clock.runUntil(1000)
  runs[1]?.outcome({ passed: false, message: 'took longer than 1s' })
  await settled()
  await clock.runUntil(2500)
  assert.deepEqual(results, [{ passing: true }])
  await clock.runUntil(3000)
  assert.deepEqual(results.slice(1), [
    { passing: false, message: 'The run before it, past its time limit, has not ended' },
  ])
  assert.deepEqual(begun, [0, 1000])
  runs[1]?.end()
  await settled()
  await clock.runUntil(4000)
  assert.deepEqual(begun, [0, 1000, 4000])
})

test('after a sleep there is one run, not one for every interval missed', async () => {
  const { clock, begun } = story({}, new FakeClock(), PASSED)
  await clock.runUntil(500)
  clock.sleepUntil(10_500)
  await clock.runUntil(12_500)
  assert.deepEqual(begun, [0, 10_500, 11_000, 12_000])
})

test('closed, it begins no run, aborts the one under way and tells nothing more', async () => {
  const { clock, begun, results, runs, finish, close } = story()
  await clock.runUntil(500)
  close()
  assert.equal(runs[0]?.signal.aborted, true)
  await finish(FAILED)
  await clock.runUntil(5000)
  assert.deepEqual(begun, [0])
  assert.deepEqual(results, [])
})
