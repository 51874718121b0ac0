import type { Instant, Millis } from '../lib/time.ts'
import type { Clock } from './clock.ts'
import { judge, type RiseFall, UNKNOWN } from './rise-fall.ts'
import type { Outcome, Run } from './run.ts'

export interface Schedule extends RiseFall {
  readonly interval: Millis
  /** After the first run, runs begin at `phase` + n × `interval` on the clock; 0 <= phase < interval. */
  readonly phase: Millis
  /** From now to the first run. */
  readonly firstAfter: Millis
}

export interface CheckResult {
  readonly passing: boolean
  /** What is weighed, where it is a number that is looked at. */
  readonly number?: number
  /** Why it does not pass, in one line. */
  readonly message?: string
}

/**
 * Begins a run at every interval and tells each change of the verdict or number, the first included, never from within this call. A run that
 * still goes on when the next is due goes on, and the next is left out; past its time limit, that counts as a failure each time. `watch`
 * may ask for a run between, once the first is due.
 */
export function repeat(
  start: (signal: AbortSignal) => Run,
  schedule: Schedule,
  onResult: (result: CheckResult) => void,
  clock: Clock,
  watch: (look: () => void) => () => void = () => () => {},
): { close(): void } {
  const ending = new AbortController()
  let verdict = UNKNOWN
  let told: number | undefined
  let current: { decided: boolean } | undefined
  const first = clock.now() + schedule.firstAfter
  let due = first
  let cancel = clock.at(due, tick)
  const unwatch = watch(() => {
    if (!current && clock.now() >= first) begin()
  })

  function tick(): void {
    due = nextDue(schedule, Math.max(due, clock.now()))
    cancel = clock.at(due, tick)
    if (!current) begin()
    else if (current.decided) count({ passed: false, message: 'The run before it, past its time limit, has not ended' })
  }

  function begin(): void {
    const run = { decided: false }
    const { outcome, ended } = start(ending.signal)
    current = run
    outcome.then(found => {
      run.decided = true
      count(found)
    })
    ended.then(() => {
      current = undefined
    })
  }

  function count(outcome: Outcome): void {
    if (ending.signal.aborted) return
    const before = verdict
    verdict = judge(verdict, outcome.passed, schedule)
    if (verdict.passing !== outcome.passed) return
    const { number } = outcome.passed ? outcome : {}
    if (verdict.passing === before.passing && (!outcome.passed || number === told)) return
    told = number
    if (!outcome.passed) onResult({ passing: false, message: outcome.message })
    else onResult(number === undefined ? { passing: true } : { passing: true, number })
  }

  return {
    close() {
      cancel()
      unwatch()
      ending.abort()
    },
  }
}

/** The first moment after `now` on the schedule's grid: what was missed is not made up for. */
function nextDue({ interval, phase }: Schedule, now: Instant): Instant {
  return phase + interval * (Math.floor((now - phase) / interval) + 1)
}
