import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { ReplayGuard, type Way } from '../../src/vrrp/replay-guard.ts'
import { sequenceAt } from '../../src/vrrp/sequence.ts'

const NOW = 1_800_000_000_000
const WINDOW = 5000
const A = ipAddress('10.0.0.1')
const B = ipAddress('10.0.0.2')

function take(guard: ReplayGuard, source = A, sentAt = NOW, now = NOW, way: Way = 'Multicast'): string {
  const taken = guard.take(source, way, sequenceAt(sentAt), now, WINDOW)
  return taken === 'Copy' ? taken : (taken?.reason ?? 'believed')
}

test('an advert is believed once, and none that was sent before it', () => {
  const guard = new ReplayGuard()
  assert.equal(take(guard), 'believed')
  assert.equal(take(guard), 'HMACReplayed')
  assert.equal(take(guard, A, NOW - 1), 'HMACReplayed')
  assert.equal(take(guard, A, NOW + 1), 'believed')
})

test('each sender has an order of its own', () => {
  const guard = new ReplayGuard()
  assert.equal(take(guard, A, NOW + 1000), 'believed')
  assert.equal(take(guard, B, NOW), 'believed')
  assert.equal(take(guard, B, NOW), 'HMACReplayed')
})

test('a copy that comes the other way is none of a replay, even after the next advert; once, and in order', () => {
  const guard = new ReplayGuard()
  const by = (way: Way, sentAt: number) => take(guard, A, sentAt, NOW, way)
  assert.equal(by('Unicast', NOW), 'believed')
  assert.equal(by('Unicast', NOW + 1), 'believed')
  assert.equal(by('Multicast', NOW), 'Copy')
  assert.equal(by('Multicast', NOW), 'HMACReplayed')
  assert.equal(by('Multicast', NOW + 1), 'Copy')
  assert.equal(by('Multicast', NOW), 'HMACReplayed')
  assert.equal(by('Unicast', NOW + 1), 'HMACReplayed')
  assert.equal(by('Multicast', NOW + 2), 'believed')
  assert.equal(by('Unicast', NOW + 2), 'Copy')
})

test('what is not believed moves nothing', () => {
  const guard = new ReplayGuard()
  take(guard, A, NOW + 10)
  take(guard, A, NOW)
  assert.equal(take(guard, A, NOW + 5), 'HMACReplayed')
})

test('the order of a sender goes on where its seconds begin anew', () => {
  const guard = new ReplayGuard()
  const end = 0x1_0000_0000 * 1000
  assert.equal(take(guard, A, end - 1, end), 'believed')
  assert.equal(take(guard, A, end, end), 'believed')
  assert.equal(take(guard, A, end - 1, end), 'HMACReplayed')
})

test('what is too far from this clock is stale, either way, and says how far', () => {
  const stale = (ahead: number) => ReplayGuard.stale(sequenceAt(NOW + ahead), NOW, WINDOW)
  assert.equal(stale(WINDOW), undefined)
  assert.equal(stale(-WINDOW), undefined)
  assert.deepEqual(stale(3_600_000), {
    reason: 'HMACStale',
    detail: "its time is 1h ahead of this node's clock, at most 5s is allowed",
  })
  for (const [behind, text] of [
    [6999, '6s'],
    [60_000, '1m'],
    [5_000_000, '1h'],
    [90_000_000, 'more than a day'],
    [2 ** 31 * 1000 - 1000, 'more than a day'],
  ] as const) {
    assert.equal(stale(-behind)?.detail, `its time is ${text} behind this node's clock, at most 5s is allowed`)
  }
})

test('where this clock is set back further than the window, senders whose clocks were set back too are believed again', () => {
  const guard = new ReplayGuard()
  take(guard, A, NOW)
  assert.equal(take(guard, A, NOW - 4000, NOW - 4000), 'HMACReplayed', 'within the window the order holds')
  assert.equal(take(guard, A, NOW - 60_000, NOW - 60_000), 'believed')
  assert.equal(take(guard, A, NOW - 60_000, NOW - 60_000), 'HMACReplayed', 'and from there on it holds again')
})

test('it remembers 64 senders, those heard last', () => {
  const guard = new ReplayGuard()
  take(guard, A)
  take(guard, B)
  for (let i = 0; i < 62; i++) take(guard, ipAddress(`10.0.1.${i}`))
  take(guard, A, NOW + 1)
  take(guard, ipAddress('10.0.2.1'))
  assert.equal(take(guard, A, NOW + 1), 'HMACReplayed')
  assert.equal(take(guard, B), 'believed', 'which was heard least recently')
})
