import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Results } from './results-reporter.ts'

export interface TestGroup {
  readonly name: string
  readonly files: readonly string[]
  /** What the test runner is run by, e.g. the wrapper that makes namespaces. */
  readonly wrapper: readonly string[]
  /** Files side by side; 1 where they measure the kernel's timing or share the machine's memory. */
  readonly concurrency: number
  /** Seconds a file may take (default: 600). */
  readonly within?: number
}

/** Runs the tests of a group and says how they went; whatever did not pass has failed. */
export async function runTestFiles(
  { name, files, wrapper, concurrency, within = 600 }: TestGroup,
  onStart?: (runner: ChildProcess) => void,
): Promise<Results> {
  if (files.length === 0) return { passed: 0, notPassed: 0, failures: '' }
  const started = Date.now()
  process.stdout.write(`\n▶ ${name}: ${files.length} ${files.length === 1 ? 'file' : 'files'}\n`)
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
  const results: Results = written === '' ? { passed: 0, notPassed: 0, failures: '' } : JSON.parse(written)
  const { passed, notPassed, failures } = results
  process.stdout.write(`  ${name}: ${passed} passed, ${notPassed} not (${secondsSince(started)})\n`)
  if (notPassed > 0 || (status === 0 && passed > 0)) return results
  return { passed, notPassed: 1, failures: `✖ ${name}: the test runner ended with status ${status}\n${failures}` }
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
