import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterLimit } from '../../src/checks/time-limit.ts'

/** This process does not run for so many milliseconds. */
function starve(millis: number): void {
  const end = performance.now() + millis
  while (performance.now() < end);
}

test('a limit is reached after its time, and once', async () => {
  const begun = performance.now()
  const reached: number[] = []
  afterLimit(100, () => reached.push(performance.now() - begun))
  await sleep(400)
  assert.equal(reached.length, 1)
  assert.ok((reached[0] ?? 0) >= 95, `${reached[0]} ms`)
})

test('a limit that is cancelled is not reached, also not when its time is over', async () => {
  let reached = false
  const cancel = afterLimit(50, () => {
    reached = true
  })
  await sleep(20)
  cancel()
  await sleep(100)
  assert.equal(reached, false)
})

test('time in which this process does not run hardly counts', async () => {
  let reached = false
  const cancel = afterLimit(200, () => {
    reached = true
  })
  starve(500)
  await sleep(20)
  assert.equal(reached, false)
  cancel()
})
