import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elapsed, isAfter, nextSequence, sequenceAt } from '../../src/vrrp/sequence.ts'

const NOW = 1_800_000_000_000
const WINDOW = 5000

test('a sequence is a time: 32 bits of seconds, 16 of fractions, 16 that count', () => {
  assert.equal(sequenceAt(0x68000000 * 1000 + 500), 0x6800000080000000n)
  assert.equal(sequenceAt(1), 65n << 16n)
})

test('sequences have an order and a distance, also where the 32 bits of seconds begin anew', () => {
  const last = sequenceAt(0xffffffff * 1000)
  const first = sequenceAt(0x100000001 * 1000)
  assert.equal(first, 1n << 32n)
  assert.ok(isAfter(first, last))
  assert.ok(!isAfter(last, first))
  assert.ok(!isAfter(first, first))
  assert.equal(elapsed(first, last), 2000)
  assert.equal(elapsed(last, first), -2000)
})

test('a sequence to sign with is now, and after all that were given before', () => {
  const first = nextSequence(undefined, NOW, WINDOW)
  assert.equal(first, sequenceAt(NOW))
  const second = nextSequence(first, NOW, WINDOW)
  assert.equal(second, first + 1n)
  assert.equal(nextSequence(second, NOW + 10, WINDOW), sequenceAt(NOW + 10))
})

test('more are given within a moment than its 16 bits can count', () => {
  const full = sequenceAt(NOW) | 0xffffn
  assert.ok(isAfter(nextSequence(full, NOW, WINDOW), full))
})

test('a clock that is set back within the window is waited for, one that is set back further is followed', () => {
  const last = sequenceAt(NOW)
  assert.equal(nextSequence(last, NOW - WINDOW, WINDOW), last + 1n)
  assert.equal(nextSequence(last, NOW - WINDOW - 1, WINDOW), sequenceAt(NOW - WINDOW - 1))
})
