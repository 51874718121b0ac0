import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { now, timeAsleep } from '../../src/linux/monotonic-clock.ts'

test('the clock counts milliseconds, with fractions, and never goes back', async () => {
  const before = now()
  await sleep(20)
  const readings = [before, now(), now(), now()]
  assert.deepEqual(
    readings,
    readings.toSorted((a, b) => a - b),
  )
  assert.ok(now() - before >= 19 && now() - before < 5000, `${now() - before}`)
  assert.ok(readings.some(reading => !Number.isInteger(reading)))
})

test('a machine that is awake was asleep equally long at any two moments', async () => {
  const before = timeAsleep()
  await sleep(50)
  assert.ok(Math.abs(timeAsleep() - before) < 1, `${timeAsleep() - before} ms`)
})
