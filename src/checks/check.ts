import type { Check } from '../api/virtual-ip.ts'
import { type Millis, parseDuration } from '../lib/time.ts'
import { type Clock, processClock } from './clock.ts'
import { execute } from './exec.ts'
import { httpRuns } from './http.ts'
import { findProcess } from './process.ts'
import { ProcessTable } from './process-table.ts'
import { type CheckResult, repeat, type Schedule } from './repeat.ts'
import type { Run } from './run.ts'
import { openConnection } from './tcp.ts'

const DEFAULT_INTERVAL: Millis = 1000
/** The first runs of all checks come within this, so that a node's first verdicts don't wait for long intervals. */
const FIRST_WITHIN: Millis = 250

const processes = new ProcessTable()

/**
 * Runs `check` from now on and tells its first verdict and every change of it. Runs are spread over their interval by a hash; only
 * process checks of one interval run at the same moment, because one scan of the process table answers them all.
 */
export function startCheck(
  check: Check,
  onResult: (result: CheckResult) => void,
  clock: Clock = processClock,
): { close(): void } {
  const interval = millis(check, 'interval') ?? DEFAULT_INTERVAL
  const limit = millis(check, 'timeout') ?? interval
  return repeat(runnerOf(check, limit), scheduleOf(check, interval), onResult, clock)
}

function runnerOf({ name, process, exec, http, tcp }: Check, limit: Millis): (signal: AbortSignal) => Run {
  if (process) return () => findProcess(process.name, limit, processes)
  if (exec) return signal => execute(exec.command, limit, signal)
  if (http) return httpRuns(http, limit)
  if (tcp) return signal => openConnection(tcp, limit, signal)
  throw new RangeError(`Check ${name} is of no kind`)
}

function scheduleOf(check: Check, interval: Millis): Schedule {
  const spread = check.process ? 0 : hash(JSON.stringify(check))
  return {
    interval,
    phase: spread * interval,
    firstAfter: spread * Math.min(interval, FIRST_WITHIN),
    rise: check.rise ?? 1,
    fall: check.fall ?? 1,
  }
}

function millis(check: Check, field: 'interval' | 'timeout'): Millis | undefined {
  const text = check[field]
  if (text === undefined) return undefined
  const duration = parseDuration(text)
  if (!duration) throw new RangeError(`Check ${check.name}: ${field} "${text}" is no duration above 0`)
  return duration
}

/** FNV-1a, as a fraction: 0 <= hash < 1. */
function hash(text: string): number {
  let sum = 0x811c9dc5
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193)
  return (sum >>> 0) / 2 ** 32
}
