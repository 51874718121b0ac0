import { formatDuration, type Millis } from '../lib/time.ts'
import type { ProcessTable } from './process-table.ts'
import type { Outcome, Run } from './run.ts'
import { within } from './time-limit.ts'

/** Passes while a process called `name` runs, as `ProcessTable` tells. */
export function findProcess(name: string, limit: Millis, table: ProcessTable): Run {
  const outcome = table.isRunning(name).then(
    (running): Outcome => (running ? { passed: true } : { passed: false, message: `No process ${name} runs` }),
    (error: Error): Outcome => ({ passed: false, message: error.message, unknown: true }),
  )
  const message = `Reading the process table took longer than ${formatDuration(limit)}`
  const tooLate: Outcome = { passed: false, message, unknown: true }
  return { outcome: within(limit, outcome, tooLate), ended: outcome.then(() => {}) }
}
