import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReadingPace } from '../../src/agent/reading-pace.ts'

describe('the pace of reading', () => {
  test('a packet that comes alone is read at once', () => {
    const pace = new ReadingPace()
    for (const at of [0, 5, 100, 104]) {
      assert.equal(pace.readsNow(at), true)
      assert.equal(pace.read(at, 1), false)
      assert.equal(pace.next, undefined)
    }
  })

  test('one that follows too soon waits, but no longer than 4 ms after the one before', () => {
    const pace = new ReadingPace()
    pace.read(100, 1)
    assert.equal(pace.readsNow(101), false)
    assert.equal(pace.next, 104)
    assert.equal(pace.readsNow(103), false)
    assert.equal(pace.next, 104)
  })

  test('while packets come, they are read every 4 ms; when none came, sockets are polled again', () => {
    const pace = new ReadingPace()
    pace.read(100, 1)
    pace.readsNow(101)
    assert.equal(pace.read(104, 3), false)
    assert.equal(pace.next, 108)
    assert.equal(pace.read(108.5, 1), false)
    assert.equal(pace.next, 112.5)
    assert.equal(pace.read(112.5, 0), true)
    assert.equal(pace.next, undefined)
    assert.equal(pace.readsNow(113), true)
  })

  test('a reading for a deadline in between does not end the pace, and what it found counts', () => {
    const pace = new ReadingPace()
    pace.read(100, 1)
    pace.readsNow(101)
    assert.equal(pace.read(102, 2), false)
    assert.equal(pace.read(103, 0), false)
    assert.equal(pace.read(104, 0), false)
    assert.equal(pace.next, 108)
  })

  test('a reading for a deadline that finds nothing does not make the next packet wait', () => {
    const pace = new ReadingPace()
    pace.read(100, 0)
    assert.equal(pace.readsNow(101), true)
  })
})
