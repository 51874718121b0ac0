import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Heard } from '../../src/agent/heard.ts'

test('a foreign virtual router is news once, and again when another node has taken over there', () => {
  const heard = new Heard()
  assert.equal(heard.record(2, 'IPv4', 51, '10.0.0.1', 0), true)
  assert.equal(heard.record(2, 'IPv4', 51, '10.0.0.1', 1000), false)
  assert.equal(heard.record(2, 'IPv4', 51, '10.0.0.2', 2000), false)
  assert.equal(heard.record(2, 'IPv4', 51, '10.0.0.2', 11_000), true)
  assert.deepEqual(heard.on(2), [{ family: 'IPv4', virtualRouterID: 51, source: '10.0.0.2' }])
})

test('two nodes that both speak for one foreign virtual router are not news with every advert', () => {
  const heard = new Heard()
  heard.record(2, 'IPv4', 51, '10.0.0.1', 0)
  for (let at = 1000; at < 100_000; at += 1000) {
    assert.equal(heard.record(2, 'IPv4', 51, at % 2000 === 0 ? '10.0.0.1' : '10.0.0.2', at), false)
  }
})

test("what this node has just left is nobody else's until it goes on for 5 s", () => {
  const heard = new Heard()
  heard.leave(2, 'IPv4', 51, 0)
  assert.equal(heard.record(2, 'IPv4', 51, '10.0.0.1', 100), false)
  assert.equal(heard.record(2, 'IPv4', 52, '10.0.0.1', 100), true)
  assert.deepEqual(
    heard.on(2).map(({ virtualRouterID }) => virtualRouterID),
    [52],
  )
  assert.ok(heard.has(2, 'IPv4', 51), 'and yet it is not unheard')
  assert.equal(heard.forgetOld(70_000), true, 'of 52')
  heard.leave(2, 'IPv4', 51, 80_000)
  heard.record(2, 'IPv4', 51, '10.0.0.1', 84_999)
  assert.equal(heard.record(2, 'IPv4', 51, '10.0.0.1', 85_000), true)
  assert.equal(heard.on(2).length, 1)
})

test('what was left and fell silent is forgotten without a word', () => {
  const heard = new Heard()
  heard.leave(2, 'IPv4', 51, 0)
  heard.record(2, 'IPv4', 51, '10.0.0.1', 100)
  assert.equal(heard.forgetOld(70_000), false)
  assert.equal(heard.has(2, 'IPv4', 51), false)
})

test('links and families are kept apart, and rows are in order', () => {
  const heard = new Heard()
  heard.record(2, 'IPv6', 7, 'fe80::1', 0)
  heard.record(2, 'IPv4', 9, '10.0.0.1', 0)
  heard.record(2, 'IPv4', 8, '10.0.0.1', 0)
  assert.deepEqual(
    heard.on(2).map(({ family, virtualRouterID }) => `${family} ${virtualRouterID}`),
    ['IPv4 8', 'IPv4 9', 'IPv6 7'],
  )
  assert.deepEqual(heard.on(3), [])
  assert.equal(heard.has(2, 'IPv4', 7), false)
  assert.equal(heard.has(2, 'IPv6', 7), true)
})

test('who is silent for a minute is forgotten', () => {
  const heard = new Heard()
  heard.record(2, 'IPv4', 51, '10.0.0.1', 0)
  heard.record(2, 'IPv4', 52, '10.0.0.1', 30_000)
  assert.equal(heard.forgetOld(60_000), false)
  assert.equal(heard.forgetOld(60_001), true)
  assert.deepEqual(
    heard.on(2).map(({ virtualRouterID }) => virtualRouterID),
    [52],
  )
})
