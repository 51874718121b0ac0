import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findProcess } from '../../src/checks/process.ts'
import type { ProcessTable } from '../../src/checks/process-table.ts'
import type { Outcome } from '../../src/checks/run.ts'

/** A table that answers when the test says. */
function slowTable() {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  return { table: { isRunning: () => promise } as unknown as ProcessTable, resolve, reject }
}

test('it passes while a process of the name runs, and says which one does not', async () => {
  const outcomes: Outcome[] = []
  for (const running of [true, false]) {
    const { table, resolve } = slowTable()
    resolve(running)
    const { outcome, ended } = findProcess('nginx', 1000, table)
    outcomes.push(await outcome)
    await ended
  }
  assert.deepEqual(outcomes, [{ passed: true }, { passed: false, message: 'No process nginx runs' }])
})

test('a table that cannot be read is a failure', async () => {
  const { table, reject } = slowTable()
  reject(new Error('Cannot read /proc: EACCES'))
  const { outcome, ended } = findProcess('nginx', 1000, table)
  assert.deepEqual(await outcome, { passed: false, message: 'Cannot read /proc: EACCES', unknown: true })
  await ended
})

test('past its time limit a reading has failed, and has ended only when it has', async () => {
  const { table, resolve } = slowTable()
  const { outcome, ended } = findProcess('nginx', 20, table)
  let over = false
  ended.then(() => {
    over = true
  })
  assert.deepEqual(await outcome, {
    passed: false,
    message: 'Reading the process table took longer than 20ms',
    unknown: true,
  })
  assert.equal(over, false)
  resolve(true)
  await ended
})
