/* The short run of `make chaos`: what befalls real agents in a cluster, and who answers meanwhile. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChaos } from '../chaos/chaos.ts'

const SEED = 23
/** ms: two cores that are busy with other tests as well. */
const LATE = { toTakeOver: 1500, toYield: 300 }

test('whatever happens to agents, links and the control plane, one answers for each address, and nothing is left behind', async t => {
  const options = { seed: SEED, seconds: 25, nodes: 4, keepalived: false, late: LATE }
  const { faults, sides, wrongAtTheEnd } = await runChaos({ ...options, say: line => t.diagnostic(line) })
  const count = [...faults.values()].reduce((sum, of) => sum + of, 0)
  assert.ok(count >= 10, `${count} faults`)
  const [ours] = sides
  assert.ok(ours)
  const { answers, two, nobody, blind } = ours
  t.diagnostic(`${count} faults, ${answers} answers, ${JSON.stringify({ two, nobody, blind })}`)
  assert.equal(ours.violations.length, 0, ours.transcripts.join('\n\n'))
  assert.ok(answers > 10_000, `${answers} answers`)
  assert.deepEqual(wrongAtTheEnd, [])
})
