import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Version } from '../../src/vrrp/advertisement.ts'
import { activeDownInterval, skewTime } from '../../src/vrrp/timers.ts'

const rows: readonly [Version, number, number, skew: number, down: number][] = [
  [2, 100, 1000, 609.375, 3609.375],
  [2, 254, 1000, 7.8125, 3007.8125],
  [2, 100, 3000, 609.375, 9609.375],
  [3, 100, 1000, 609.375, 3609.375],
  [3, 100, 100, 60.9375, 360.9375],
  [3, 254, 10, 0.078125, 30.078125],
  [3, 250, 200, 4.6875, 604.6875],
  [3, 255, 100, 0.390625, 300.390625],
]

for (const [version, priority, interval, skew, down] of rows) {
  test(`version ${version}, priority ${priority}, ${interval} ms: Skew_Time ${skew} ms, Active_Down_Interval ${down} ms`, () => {
    assert.equal(skewTime(version, priority, interval), skew)
    assert.equal(activeDownInterval(version, priority, interval), down)
  })
}

test('of two Backups the one with the higher priority waits less, however short the interval', () => {
  const priorities = fc
    .tuple(fc.integer({ min: 1, max: 254 }), fc.integer({ min: 1, max: 254 }))
    .filter(([a, b]) => a < b)
  fc.assert(
    fc.property(
      fc.constantFrom<Version>(2, 3),
      priorities,
      fc.integer({ min: 1, max: 4095 }),
      (version, [low, high], cs) => {
        assert.ok(activeDownInterval(version, high, cs * 10) < activeDownInterval(version, low, cs * 10))
        assert.ok(skewTime(version, high, cs * 10) > 0)
      },
    ),
  )
})
