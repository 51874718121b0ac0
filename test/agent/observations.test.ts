import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Evidence, Observations } from '../../src/agent/observations.ts'

function evidence(reason: string, source = '10.0.0.2', more: Partial<Evidence> = {}): Evidence {
  return { reason, source, message: `${source} is odd`, lasts: 3000, passesWithin: 1000, ...more }
}

function told(observations: Observations): string[] {
  return observations.of('web').map(({ reason, source, message }) => `${reason} ${source}: ${message}`)
}

test('what goes on for longer than the protocol would let it is told, and over when the evidence has been absent for a while', () => {
  const observations = new Observations()
  assert.equal(observations.note('web', evidence('TTLMismatch'), 0), false)
  assert.equal(observations.note('web', evidence('TTLMismatch'), 999), false)
  assert.deepEqual(told(observations), [])
  assert.equal(observations.note('web', evidence('TTLMismatch'), 1000), true, 'that is news')
  assert.equal(observations.note('web', evidence('TTLMismatch'), 2000), false)
  assert.deepEqual(told(observations), ['TTLMismatch 10.0.0.2: 10.0.0.2 is odd'])
  assert.equal(observations.forgetOld(4999), false)
  assert.equal(observations.forgetOld(5000), true)
  assert.deepEqual(told(observations), [])
  assert.ok(observations.isEmpty)
})

test('two single pieces of evidence, far apart, are two accidents', () => {
  const observations = new Observations()
  for (const at of [0, 10_000, 20_000]) {
    observations.forgetOld(at)
    assert.equal(observations.note('web', evidence('TTLMismatch'), at), false)
  }
})

test('who makes up ever new senders fills nothing', () => {
  const observations = new Observations()
  for (const at of [0, 1000, 2000]) {
    for (let i = 0; i < 1000; i++) observations.note('web', evidence('TTLMismatch', `10.0.0.${i}`), at)
  }
  assert.equal(observations.of('web').length, 8)
})

test('who says something else with every advert is quoted anew at most every 10 s', () => {
  const observations = new Observations()
  let news = 0
  for (let at = 0; at <= 11_000; at += 100) {
    if (observations.note('web', evidence('AddressListMismatch', '10.0.0.2', { message: `${at}` }), at)) news++
  }
  assert.equal(news, 2)
})

test('evidence of something else proves that what was observed goes on; and tells what was observed once', () => {
  const observations = new Observations()
  observations.note('web', evidence('AuthenticationMismatch'), 0)
  assert.equal(observations.confirm('web', 8000, 500), false)
  assert.equal(observations.forgetOld(5000), false)
  assert.equal(observations.confirm('web', 8000, 5000), true)
  assert.deepEqual(told(observations), ['AuthenticationMismatch 10.0.0.2: 10.0.0.2 is odd'])
  assert.equal(observations.confirm('other', 8000, 5000), false)
  assert.equal(observations.forgetOld(13_000), true)
})

test('what only a MASTER knows goes when it is MASTER no more', () => {
  const observations = new Observations()
  for (const at of [0, 1000]) {
    for (const reason of ['OtherMaster', 'TTLMismatch']) observations.note('web', evidence(reason), at)
  }
  assert.equal(observations.forget('web', new Set(['OtherMaster'])), true)
  assert.deepEqual(told(observations), ['TTLMismatch 10.0.0.2: 10.0.0.2 is odd'])
  assert.equal(observations.forget('web'), true)
  assert.equal(observations.forget('web'), false)
})
