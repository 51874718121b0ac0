import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { MUTANTS, sourceOf } from './mutant-list.ts'

// The simulation can fail: `make mutants` tries all of them.

const QUICK = [
  'a Backup waits for two intervals',
  'an Active Router yields to nobody',
  'the fence is alive for three intervals',
  'a refused renewal is not noticed',
]

test('every mutant is a change of the source as it is', () => {
  assert.ok(MUTANTS.length >= 20)
  for (const mutant of MUTANTS) assert.notEqual(sourceOf(mutant), '')
})

for (const name of QUICK) {
  test(`the simulation catches a mutant: ${name}`, async () => {
    const env = { ...process.env, MUTANT: name }
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN], { env })
    assert.match(stdout, /^\w[\w ]+; \d+; \d+$/)
  })
}

const MAIN = fileURLToPath(new URL('mutants.ts', import.meta.url))
