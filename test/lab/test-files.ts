import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { FileResults } from './results-reporter.ts'

export interface TestGroup {
  readonly name: string
  readonly files: readonly string[]
  /** What the test runner is run by, e.g. the wrapper that makes namespaces. */
  readonly wrapper: readonly string[]
  /** Files side by side; 1 where they measure the kernel's timing or share the machine's memory. */
  readonly concurrency: number
  /** Seconds a file may take (default: 600). */
  readonly within?: number
  /** What they show happens in real time on a machine that others load too: a file that fails is run a second time. Default: false. */
  readonly inRealTime?: boolean
}

/** How tests went. */
export interface Results {
  readonly passed: number
  /** Whatever did not pass: failed, cancelled, skipped or still to do. */
  readonly notPassed: number
  /** Each test that failed, with its error. */
  readonly failures: string
  /** Each file that passed in its second run only, with what failed in its first. */
  readonly onlySecond: string
}

export const NO_TESTS: Results = { passed: 0, notPassed: 0, failures: '', onlySecond: '' }

/** More files of a group than these fail by no accident: none is run again. */
const SECOND_RUNS = 2

/** Runs the tests of a group and says how they went; whatever did not pass has failed. */
export async function runTestFiles(group: TestGroup, onStart?: (runner: ChildProcess) => void): Promise<Results> {
  const { name, files, inRealTime = false } = group
  if (files.length === 0) return NO_TESTS
  const started = Date.now()
  process.stdout.write(`\n▶ ${name}: ${files.length} ${files.length === 1 ? 'file' : 'files'}\n`)
  const { status, written: first } = await runOnce(group, onStart)
  const failed = first.filter(({ notPassed }) => notPassed > 0).map(({ file }) => file)
  const isAgain = inRealTime && failed.length > 0 && failed.length <= SECOND_RUNS
  if (isAgain) process.stdout.write(`  ${name}: once more: ${failed.map(file => relative('.', file)).join(', ')}\n`)
  const second = isAgain ? await runOnce({ ...group, files: failed }, onStart) : { status, written: [] }
  const again = new Map(second.written.map(results => [results.file, results]))
  const results = first.map(results => again.get(results.file) ?? results)
  const total: Results = {
    passed: results.reduce((sum, { passed }) => sum + passed, 0),
    notPassed: results.reduce((sum, { notPassed }) => sum + notPassed, 0),
    failures: results.map(({ failures }) => failures).join(''),
    onlySecond: first
      .filter(({ file }) => again.get(file)?.notPassed === 0)
      .map(({ failures }) => failures)
      .join(''),
  }
  process.stdout.write(`  ${name}: ${total.passed} passed, ${total.notPassed} not (${secondsSince(started)})\n`)
  if (total.notPassed > 0 || (second.status === 0 && total.passed > 0)) return total
  const ended = `✖ ${name}: the test runner ended with status ${second.status}\n`
  return { ...total, notPassed: 1, failures: ended + total.failures }
}

/** What two groups come to. */
export function added(a: Results, b: Results): Results {
  return {
    passed: a.passed + b.passed,
    notPassed: a.notPassed + b.notPassed,
    failures: a.failures + b.failures,
    onlySecond: a.onlySecond + b.onlySecond,
  }
}

/** Says how everything went, ending with `N passed, N failed`; the exit status. */
export function told({ passed, notPassed, failures, onlySecond }: Results): 0 | 1 {
  if (onlySecond !== '') process.stdout.write(`\nPassed in a second run only; what failed in the first:\n${onlySecond}`)
  if (failures !== '') process.stdout.write(`\nWhat failed, again:\n${failures}`)
  process.stdout.write(`\n${passed} passed, ${notPassed} failed\n`)
  return notPassed === 0 && passed > 0 ? 0 : 1
}

async function runOnce(
  { files, wrapper, concurrency, within = 600 }: TestGroup,
  onStart?: (runner: ChildProcess) => void,
): Promise<{ readonly status: number; readonly written: readonly FileResults[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
  const report = join(folder, 'results')
  const command = [
    ...wrapper,
    'node',
    '--import=./test/seed.ts',
    '--test',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${within * 1000}`,
    '--test-reporter=./test/lab/reporter.ts',
    '--test-reporter-destination=stdout',
    '--test-reporter=./test/lab/results-reporter.ts',
    `--test-reporter-destination=${report}`,
    ...files,
  ]
  const status = await runProgram(command, { onStart })
  const written = existsSync(report) ? readFileSync(report, 'utf8') : ''
  rmSync(folder, { recursive: true })
  return { status, written: written === '' ? [] : JSON.parse(written) }
}

export interface ProgramOptions {
  /** Default: none. */
  readonly stdin?: 'ignore' | 'inherit'
  /** Is given it, e.g. to pass signals on. */
  readonly onStart?: ((child: ChildProcess) => void) | undefined
}

/** Its exit status; it writes where this process does. */
export function runProgram(
  command: readonly string[],
  { stdin = 'ignore', onStart }: ProgramOptions = {},
): Promise<number> {
  const [program = '', ...args] = command
  return new Promise(resolve => {
    const child = spawn(program, args, { stdio: [stdin, 'inherit', 'inherit'] })
    onStart?.(child)
    child.on('error', error => {
      process.stderr.write(`${error.message}\n`)
      resolve(127)
    })
    child.on('close', code => resolve(code ?? 1))
  })
}

export function secondsSince(started: number): string {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`
}
