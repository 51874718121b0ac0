import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Complaints } from '../../src/agent/complaints.ts'

const MINUTE = 60_000

test('what was said is not said again for ten minutes', () => {
  const complaints = new Complaints()
  const said = [0, 1, 9 * MINUTE, 10 * MINUTE, 11 * MINUTE].map(at => complaints.isNew('the password is not ours', at))
  assert.deepEqual(said, [true, false, false, true, false])
  assert.ok(complaints.isNew('TTL is 64', 11 * MINUTE))
})

test('of ever new things 200 are said, and as many again when they are forgotten', () => {
  const complaints = new Complaints()
  const say = (at: number) => Array.from({ length: 500 }, (_, i) => complaints.isNew(`${at} ${i}`, at)).filter(Boolean)
  assert.equal(say(0).length, 200)
  assert.equal(say(MINUTE).length, 0)
  complaints.forgetOld(10 * MINUTE)
  assert.equal(say(10 * MINUTE).length, 200)
})
