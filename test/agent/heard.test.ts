import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Heard } from '../../src/agent/heard.ts'

test('a foreign virtual router is news once, and again when another node speaks for it', () => {
  const heard = new Heard()
  assert.equal(heard.record(2, 'IPv4', 51, '10.0.0.1', 0), true)
  assert.equal(heard.record(2, 'IPv4', 51, '10.0.0.1', 1000), false)
  assert.equal(heard.record(2, 'IPv4', 51, '10.0.0.2', 2000), true)
  assert.deepEqual(heard.on(2), [{ family: 'IPv4', virtualRouterID: 51, source: '10.0.0.2' }])
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
