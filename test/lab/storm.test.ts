/* Very many virtual routers, when everything happens to all of them at once. Here, for it takes the whole machine. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { figuresOf } from '../bench/figures.ts'
import { Crowd } from './crowd.ts'
import { Storm } from './storm.ts'

/**
 * Real-time priority stands for a machine of its own: next to other tests a loop may be kept from a processor for longer than a Backup waits, and
 * that is no storm. Where it is not to be had, intervals are longer.
 */
const REAL_TIME = ['chrt', '--rr', '5'] as const
const hasRealTime = spawnSync(REAL_TIME[0], [...REAL_TIME.slice(1), 'true']).status === 0
/** Of what is killed and comes back, and what is answered how late, only the order is certain on a busy machine. */
const LATEST = 10_000

describe('a storm', { concurrency: 1 }, () => {
  for (const { links, shortest } of [
    { links: 1, shortest: 100 },
    { links: 4, shortest: 200 },
  ]) {
    const count = links * 255
    test(`of ${count} virtual routers does not arise: started at once, five times killed and back, each changes hands once each time`, async t => {
      const interval = hasRealTime ? shortest : 1000
      const wrapper = hasRealTime ? { wrapper: REAL_TIME } : {}
      const crowd = await Crowd.open({ name: `crowd${links}`, links, routersPerLink: 255, interval, ...wrapper })
      t.after(() => crowd.close())
      const storm = await Storm.begin(crowd, interval)
      const [first, second] = storm.transitions
      t.diagnostic(`started at once: the higher ${JSON.stringify(first)}, the lower ${JSON.stringify(second)}`)
      assert.deepEqual(first, { toMaster: count, toBackup: count }, 'nobody gives back what it has')
      assert.ok(second.toMaster <= count && second.toBackup === count + second.toMaster, 'who was there sooner yields')

      for (let i = 0; i < 5; i++) {
        const { unanswered, returned, other } = await storm.killAndReturn()
        const { n, min, median, max } = figuresOf(unanswered)
        t.diagnostic(
          `killed: answered by the other ${[min, median, max].map(Math.round).join(' / ')} ms later (n=${n})`,
        )
        assert.equal(n, count)
        assert.ok(min > 3 * interval && max < LATEST, `${min} … ${max}`)
        assert.deepEqual(returned, { toMaster: count, toBackup: count }, 'back, and nothing back again')
        assert.deepEqual(other, { toMaster: 0, toBackup: count })
      }
      assert.deepEqual(await storm.end(), [0, 0])
    })
  }
})
