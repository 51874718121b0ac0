import { formatDuration, type Millis } from '../lib/time.ts'
import type { ProcessTable } from './process-table.ts'
import type { Outcome, Run } from './run.ts'
import { afterLimit } from './time-limit.ts'

/** Passes while a process called `name` runs, as `ProcessTable` tells. */
export function findProcess(name: string, limit: Millis, table: ProcessTable): Run {
  const outcome = table.isRunning(name).then(
    (running): Outcome => (running ? { passed: true } : { passed: false, message: `No process ${name} runs` }),
    (error: Error): Outcome => ({ passed: false, message: error.message, unknown: true }),
  )
  return { outcome: within(limit, outcome), ended: outcome.then(() => {}) }
}

function within(limit: Millis, outcome: Promise<Outcome>): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const message = `Reading the process table took longer than ${formatDuration(limit)}`
  const unlimit = afterLimit(limit, () => resolve({ passed: false, message, unknown: true }))
  outcome.then(found => {
    unlimit()
    resolve(found)
  })
  return promise
}
