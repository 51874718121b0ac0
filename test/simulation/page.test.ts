import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordedRuns } from '../lab/ledger.ts'
import { simulationPage, withLongRuns } from './page.ts'

test('docs/simulation.md has what the recorded parts come to', () => {
  assert.equal(
    withLongRuns(simulationPage(), recordedRuns('simulate')),
    simulationPage(),
    'run test/simulation/page.ts',
  )
})
