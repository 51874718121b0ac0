import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Announcements } from '../../src/agent/announcements.ts'

test('a new holder announces at once, after 25 ms, 0.1, 1 and 5 s, and from then on every minute', () => {
  const announcements = new Announcements()
  announcements.begin('web/IPv4', 1, 1000)
  assert.deepEqual(played(announcements, 8), [1000, 1025, 1100, 2000, 6000, 66_000, 126_000, 186_000])
})

test('a late loop announces once, not once for every time it missed', () => {
  const announcements = new Announcements()
  announcements.begin('web/IPv4', 1, 0)
  assert.deepEqual(announcements.take(3000), ['web/IPv4'])
  assert.deepEqual(announcements.take(3000), [])
  assert.equal(announcements.next(), 3025)
})

test('a router that left announces nothing more', () => {
  const announcements = new Announcements()
  announcements.begin('web/IPv4', 1, 0)
  announcements.begin('db/IPv4', 1, 50)
  announcements.end('web/IPv4')
  assert.equal(announcements.next(), 50)
  assert.deepEqual(played(announcements, 2, 'db/IPv4'), [50, 75])
  announcements.end('db/IPv4')
  assert.equal(announcements.next(), undefined)
})

test('new evidence is answered at once, and begins anew what was over', () => {
  const announcements = new Announcements()
  announcements.begin('web/IPv4', 1, 0)
  played(announcements, 5)
  announcements.begin('web/IPv4', 1, 20_000)
  assert.deepEqual(played(announcements, 6), [20_000, 20_025, 20_100, 21_000, 25_000, 85_000])
})

test('evidence without end makes as many announcements more, and does not keep a sequence from its end', () => {
  const announcements = new Announcements()
  const sent: number[] = []
  for (let now = 0; now <= 10_000; now += 5) {
    if (now % 200 === 0) announcements.begin('web/IPv4', 1, now)
    for (const _ of announcements.take(now)) sent.push(now)
  }
  const pieces = 51
  assert.ok(sent.length > pieces && sent.length <= pieces + 3 * 11, `${sent.length}`)
})

test('a thousand addresses are announced at no more than 32 a millisecond after the first 64, in order, and all of them', () => {
  const announcements = new Announcements()
  const keys = Array.from({ length: 1020 }, (_, i) => `vip${i}/IPv4`)
  for (const key of keys) announcements.begin(key, 1, 0)
  const first: string[] = []
  let most = 0
  for (let now = 0; first.length < 1020; now = Math.ceil(announcements.next() ?? assert.fail())) {
    const taken = announcements.take(now)
    most = Math.max(most, taken.length)
    first.push(...taken)
    assert.ok(first.length <= 65 + 32 * now, `${first.length} at ${now}`)
  }
  assert.deepEqual([...new Set(first)], keys)
  assert.ok(most <= 65, `${most} at once`)
})

test('a router with many addresses counts as many', () => {
  const announcements = new Announcements()
  for (const key of ['a', 'b', 'c']) announcements.begin(key, 60, 0)
  assert.deepEqual([announcements.take(0), announcements.take(1), announcements.take(2)], [['a', 'b'], [], ['c']])
})

test('a refresh is of one router at a time, 20 ms an address apart', () => {
  const announcements = new Announcements()
  for (const key of ['a', 'b', 'c']) announcements.begin(key, 2, 0)
  for (let now = 0; now < 60_000; now += 5) announcements.take(now)
  const refreshed: [number, string][] = []
  for (let now = 60_000; now < 66_000; now++) for (const key of announcements.take(now)) refreshed.push([now, key])
  assert.deepEqual(refreshed, [
    [65_000, 'a'],
    [65_040, 'b'],
    [65_080, 'c'],
  ])
})

/** When the next announcements are, each taken as it is due. */
function played(announcements: Announcements, count: number, key = 'web/IPv4'): number[] {
  return Array.from({ length: count }, () => {
    const next = announcements.next() ?? assert.fail('nothing is due')
    assert.deepEqual(announcements.take(next), [key])
    return next
  })
}
