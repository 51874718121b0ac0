import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plotOf } from './plot.ts'
import { runPlot } from './run-plot.ts'

// Whole agents on a virtual clock, network and kernel: see docs/simulation.md. A seed that fails: SEED=… make simulate.

const STEPS = 1_000_000
const FIRST = Number(process.env['SEED'] ?? 1) * 10_000

test('in a million engine steps, stopped at any of their calls, agents keep every promise', async t => {
  let [engineSteps, faults, seed] = [0, 0, FIRST]
  for (; engineSteps < STEPS; seed++) {
    const ended = await runPlot(plotOf(seed))
    assert.equal(ended.violation, undefined, `SEED=${seed} make simulate`)
    engineSteps += ended.engineSteps
    faults += ended.faults
  }
  assert.ok(faults > 1000, `${faults} faults`)
  t.diagnostic(`${seed - FIRST} worlds, ${engineSteps} engine steps, ${faults} faults`)
})
