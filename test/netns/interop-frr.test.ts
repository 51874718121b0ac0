/* Our agent and FRR's vrrpd as two halves of one virtual router; `make interop` has every cell. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DIALECTS } from '../interop/dialects.ts'
import { type Direction, type EventName, Pair } from '../interop/events.ts'

const CELLS: readonly (readonly [string, Direction])[] = [
  ['version 3, IPv4, checksum with pseudo-header', 'ours first'],
  ['version 3, IPv6', 'peer first'],
]
const SHOWN: readonly EventName[] = ['takeover on a crash', 'preemption when it is back', 'graceful leave']

describe('with FRR', { concurrency: true }, () => {
  for (const [i, [name, direction]] of CELLS.entries()) {
    test(`${name}, ${direction}: the other takes over on a crash, is preempted, and follows who leaves`, async t => {
      const dialect = DIALECTS.find(each => each.name === name)
      assert.ok(dialect)
      // Slow enough for a machine with two cores and much to do.
      const pair = new Pair(`frr${i}`, { ...dialect, interval: 400 }, 'FRR', direction)
      t.after(() => pair.close())
      assert.equal(await pair.open(), undefined)
      for (const event of SHOWN) {
        const outcome = await pair.run(event)
        const { type } = outcome
        assert.equal(type, 'Held', `${event}: ${JSON.stringify(outcome)}\n${pair.transcript()}`)
      }
    })
  }
})
