import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { formatDuration, type Millis } from '../lib/time.ts'
import { LastLine } from './last-line.ts'
import { failed, type Outcome, type Run, unknown } from './run.ts'
import { afterLimit } from './time-limit.ts'

/** From SIGTERM to SIGKILL. */
const GRACE: Millis = 2000
/** How often it is looked whether the group is gone meanwhile. */
const POLL: Millis = 50
/** How long the output of a command that has ended is waited for: a child it left behind may hold it open. */
const OUTPUT_GRACE: Millis = 100

/**
 * Runs `command` without a shell, in a process group of its own, with this process's environment and `environment`; passes on exit status 0. After
 * `limit`, or once `signal` aborts, it has failed and the group gets SIGTERM, 2 s later SIGKILL. Forking a process of an agent's size
 * stops the event loop for some milliseconds, so one command is started a turn.
 */
export function execute(
  command: readonly string[],
  limit: Millis,
  signal: AbortSignal,
  environment: Readonly<Record<string, string>> = {},
): Run {
  const outcome = Promise.withResolvers<Outcome>()
  const ended = run({ command, environment }, limit, signal, outcome.resolve)
  return { outcome: outcome.promise, ended }
}

type Child = ChildProcessByStdio<null, Readable, Readable>

interface Program {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

async function run(
  program: Program,
  limit: Millis,
  signal: AbortSignal,
  decide: (outcome: Outcome) => void,
): Promise<void> {
  await turnToFork()
  if (signal.aborted) return decide(unknown('Not run: the check has ended'))
  const started = start(program)
  if (typeof started === 'string') return decide(unknown(started))

  const line = new LastLine()
  line.follow(started.stdout)
  line.follow(started.stderr)
  let stopped: Promise<void> | undefined
  const stop = (why: string) => {
    decide(unknown(withLine(why, line.text())))
    stopped ??= endGroup(started)
  }
  const unlimit = afterLimit(limit, () => stop(`took longer than ${formatDuration(limit)}`))
  const onAbort = () => stop('was ended with its check')
  signal.addEventListener('abort', onAbort, { once: true })

  const closed = new Promise(resolve => started.once('close', resolve))
  const exit = await exited(started)
  unlimit()
  signal.removeEventListener('abort', onAbort)
  await atMost(OUTPUT_GRACE, closed)
  line.close()
  if (exit === undefined) decide({ passed: true })
  else decide((started.pid === undefined ? unknown : failed)(withLine(exit, line.text())))
  await stopped
}

let lastFork: Promise<void> = Promise.resolve()

function turnToFork(): Promise<void> {
  lastFork = lastFork.then(() => nextTurn())
  return lastFork
}

/** The child, or why there is none. A program that doesn't exist is told later, by an event. */
function start({ command: [program = '', ...args], environment }: Program): Child | string {
  try {
    const env = { ...process.env, ...environment }
    return spawn(program, args, { cwd: '/', detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    return cannotRun(program, error)
  }
}

/** Undefined for exit status 0, else what happened instead. */
function exited(child: Child): Promise<string | undefined> {
  return new Promise(resolve => {
    child.once('error', error => resolve(cannotRun(child.spawnfile, error)))
    child.once('exit', (status, signal) => {
      if (status === 0) resolve(undefined)
      else resolve(signal ? `was ended by ${signal}` : `exit status ${status}`)
    })
  })
}

/** Resolves with `event`, or without it after `wait`. */
async function atMost(wait: Millis, event: Promise<unknown>): Promise<void> {
  const waiting = new AbortController()
  const { signal } = waiting
  await Promise.race([event, sleep(wait, undefined, { signal }).catch(() => {})])
  waiting.abort()
}

/** Resolves when nobody of the child's process group is left, or SIGKILL was sent to whoever is. */
async function endGroup(child: Child): Promise<void> {
  const deadline = performance.now() + GRACE
  let left = signalGroup(child, 'SIGTERM')
  while (left && performance.now() < deadline) {
    await sleep(POLL)
    left = signalGroup(child, 0)
  }
  if (left) signalGroup(child, 'SIGKILL')
  // Stuck in the kernel it may outlive even this; it must not keep us.
  child.unref()
}

/** False where the group has no process any more. Its leader's PID is its name, also when the leader has ended and others have not. */
function signalGroup({ pid }: Child, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}

function cannotRun(program: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return `Cannot run ${program}: ${code === 'ERR_INVALID_ARG_VALUE' ? message : (code ?? message)}`
}

function withLine(what: string, line: string): string {
  return line === '' ? what : `${what}: ${line}`
}
