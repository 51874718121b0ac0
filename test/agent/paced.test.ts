import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Paced } from '../../src/agent/paced.ts'
import { FakeClock } from '../checks/fake-clock.ts'

test('what is asked for is done at once, and then once for all that ask within the pace', async () => {
  const clock = new FakeClock()
  const done: number[] = []
  const paced = new Paced(clock, 50, () => done.push(clock.now()))
  paced.ask()
  paced.ask()
  paced.ask()
  await clock.runUntil(160)
  paced.ask()
  assert.deepEqual(done, [0, 50, 160])
})

test('what is owed is done when it must be, and nothing where nothing is', async () => {
  const clock = new FakeClock()
  let done = 0
  const paced = new Paced(clock, 50, () => done++)
  paced.flush()
  assert.equal(done, 0)
  paced.ask()
  paced.ask()
  paced.flush()
  await clock.runUntil(1000)
  assert.equal(done, 2)
})
