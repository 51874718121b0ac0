import type { Check } from '../api/check.ts'
import { addsItsNumber } from '../api/file-number.ts'
import { type Millis, parseDuration } from '../lib/time.ts'
import { type Clock, processClock } from './clock.ts'
import { peerText } from './connection.ts'
import { execute } from './exec.ts'
import { httpRuns, requestText } from './http.ts'
import { lookAtLink, watchLink } from './link.ts'
import { lookForPods, type PodWatch, podsText } from './pods.ts'
import { findProcess } from './process.ts'
import { ProcessTable } from './process-table.ts'
import { type CheckResult, repeat, type Schedule } from './repeat.ts'
import { lookForRoute, routeText } from './route.ts'
import { inverted, type Run } from './run.ts'
import type { Surroundings } from './surroundings.ts'
import { openConnection } from './tcp.ts'

const DEFAULT_INTERVAL: Millis = 1000
/** The first runs of all checks come within this, so that a node's first verdicts don't wait for long intervals. */
const FIRST_WITHIN: Millis = 250

const processes = new ProcessTable()

/** Runs a check until it is closed, and tells its first verdict and every change of it. */
export type StartCheck = (check: Check, onResult: (result: CheckResult) => void) => { close(): void }

/**
 * Runs `check` from now on and tells its first verdict and every change of it. Runs are spread over their interval by a hash; only
 * process checks of one interval run at the same moment, because one scan of the process table answers them all.
 */
export function startCheck(
  check: Check,
  onResult: (result: CheckResult) => void,
  surroundings: Surroundings,
  clock: Clock = processClock,
): { close(): void } {
  const interval = millis(check, 'interval') ?? DEFAULT_INTERVAL
  const limit = millis(check, 'timeout') ?? interval
  const { start, watch, found } = lookOf(check, limit, surroundings)
  const run = check.inverse && !addsItsNumber(check) ? (signal: AbortSignal) => inverted(start(signal), found) : start
  return repeat(run, scheduleOf(check, interval), onResult, clock, watch)
}

/** How a check of some kind looks. */
interface Look {
  readonly start: (signal: AbortSignal) => Run
  /** What it has found where it passes. */
  readonly found: string
  /** Asks for a run when something has changed, until what it returns is called. */
  readonly watch?: (look: () => void) => () => void
}

function lookOf(check: Check, limit: Millis, { links, files, routes, pods: podsHere }: Surroundings): Look {
  const { name, process, exec, http, tcp, link, file, route, pods } = check
  if (process)
    return { start: () => findProcess(process.name, limit, processes), found: `Process ${process.name} runs` }
  if (exec) return { start: signal => execute(exec.command, limit, signal), found: 'The command has exit status 0' }
  if (http) return { start: httpRuns(http, limit), found: `${requestText(http)} is answered as expected` }
  if (tcp) {
    const { host = '127.0.0.1', port } = tcp
    const found = `A connection to ${peerText({ host, port })} opens`
    return { start: signal => openConnection(tcp, limit, signal), found }
  }
  if (link) {
    return {
      start: () => lookAtLink(link.name, links),
      found: `Link ${link.name} has carrier`,
      watch: look => watchLink(link.name, links, look),
    }
  }
  if (file) {
    const found = file.reads === 'Existence' ? `File ${file.path} exists` : `File ${file.path} has the number 0`
    return { start: () => files.look(file, addsItsNumber(check), limit), found }
  }
  if (route) return { start: () => lookForRoute(route, limit, routes), found: `There is a route ${routeText(route)}` }
  if (pods) {
    const asked = podsText(pods)
    let watched: PodWatch | undefined
    return {
      start: () => {
        if (!watched) throw new Error('Pods are watched before they are looked for')
        return lookForPods(watched, asked, limit)
      },
      found: `A pod ${asked} is Ready on this node`,
      watch: look => {
        const watch = podsHere.watch(pods, look)
        watched = watch
        return () => watch.close()
      },
    }
  }
  throw new RangeError(`Check ${name} is of no kind`)
}

function scheduleOf(check: Check, interval: Millis): Schedule {
  const spread = check.process ? 0 : hash(JSON.stringify(check))
  return {
    interval,
    phase: spread * interval,
    firstAfter: initialDelay(check) + spread * Math.min(interval, FIRST_WITHIN),
    rise: check.rise ?? 1,
    fall: check.fall ?? 1,
  }
}

function initialDelay({ initialDelay = '0s' }: Check): Millis {
  return parseDuration(initialDelay) ?? 0
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
