import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Announcements } from '../../src/agent/announcements.ts'

test('a new holder announces again after 25 ms, 0.1, 1 and 5 s, and then no more', () => {
  const announcements = new Announcements()
  announcements.begin('web/IPv4', 1000)
  const at: number[] = []
  for (let next = announcements.next(); next !== undefined; next = announcements.next()) {
    at.push(next)
    assert.deepEqual(announcements.take(next), ['web/IPv4'])
  }
  assert.deepEqual(at, [1025, 1100, 2000, 6000])
})

test('a late loop announces once, not once for every time it missed', () => {
  const announcements = new Announcements()
  announcements.begin('web/IPv4', 0)
  assert.deepEqual(announcements.take(3000), ['web/IPv4'])
  assert.deepEqual(announcements.take(3000), [])
  assert.equal(announcements.next(), 5000)
})

test('a router that left announces nothing more', () => {
  const announcements = new Announcements()
  announcements.begin('web/IPv4', 0)
  announcements.begin('db/IPv4', 50)
  announcements.end('web/IPv4')
  assert.equal(announcements.next(), 75)
  assert.deepEqual(announcements.take(10_000), ['db/IPv4'])
})
