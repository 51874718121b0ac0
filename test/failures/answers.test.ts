import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timeWithTwo } from './answers.ts'

const answers = (text: string) =>
  text.split(' ').map(word => ({ at: Number(word.slice(1)), address: '10.1.0.100', mac: word.slice(0, 1) }))

for (const [what, text, ms] of [
  ['one falls silent before the other speaks', 'a0 a10 a20 b300 b310', 0],
  ['the next speaks just after the last answer', 'a0 a10 a20 b25 b35', 0],
  ['one answers on', 'a0 a10 b15 a20 b25 a30 b35', 25],
  ['a lone answer comes between two of the other', 'b0 b10 a15 b20 b30', 10],
  ['a lone answer comes when the other had ceased for a while', 'b0 b10 a300 b600', 0],
  ['they take turns twice', 'a0 a10 b10 b20 a500 a510 b510 b520', 20],
  ['only one answers', 'a0 a10 a20', 0],
] as const) {
  test(`two answer for ${ms} ms where ${what}`, () => {
    assert.equal(timeWithTwo(answers(text)), ms)
  })
}
