import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PACE, ReadingPace } from '../../src/agent/reading-pace.ts'

describe('the pace of reading', () => {
  test('a packet that comes alone is read at once', () => {
    const pace = new ReadingPace()
    for (const at of [0, PACE, 100, 100 + PACE]) {
      assert.equal(pace.readsNow(at), true)
      pace.read(at, 1)
    }
  })

  test('one that follows too soon is not', () => {
    const pace = new ReadingPace()
    pace.read(100, 1)
    assert.equal(pace.readsNow(100 + PACE - 0.1), false)
  })

  test('the pace goes on while every time there are packets, and ends when there are none', () => {
    const pace = new ReadingPace()
    pace.read(100, 1)
    pace.readsNow(101)
    for (const [at, packets, goesOn] of [
      [105, 3, true],
      [110, 1, true],
      [115, 0, false],
    ] as const) {
      pace.read(at, packets)
      assert.equal(pace.goesOn(), goesOn, `at ${at}`)
    }
    assert.equal(pace.readsNow(116), true)
  })

  test('packets that were read for a deadline in between count', () => {
    const pace = new ReadingPace()
    pace.readsNow(100)
    pace.read(105, 1)
    pace.goesOn()
    pace.read(107, 2)
    pace.read(110, 0)
    assert.equal(pace.goesOn(), true)
    pace.read(115, 0)
    assert.equal(pace.goesOn(), false)
  })

  test('a reading for a deadline that finds nothing does not make the next packet wait', () => {
    const pace = new ReadingPace()
    pace.read(100, 0)
    assert.equal(pace.readsNow(101), true)
  })
})
