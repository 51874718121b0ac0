import { formatDuration, type Millis } from '../lib/time.ts'
import type { ProcessTable } from './process-table.ts'
import { failed, type Outcome, type Run, unknown } from './run.ts'
import { within } from './time-limit.ts'

/** Passes while a process called `name` runs, as `ProcessTable` tells. */
export function findProcess(name: string, limit: Millis, table: ProcessTable): Run {
  const outcome = table.isRunning(name).then(
    (running): Outcome => (running ? { passed: true } : failed(`No process ${name} runs`)),
    (error: Error) => unknown(error.message),
  )
  const tooLate = unknown(`Reading the process table took longer than ${formatDuration(limit)}`)
  return { outcome: within(limit, outcome, tooLate), ended: outcome.then(() => {}) }
}
