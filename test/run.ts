/* The one gate: types, lint, format and every test; ends with a line `N passed, N failed`. */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Group {
  readonly name: string
  readonly files: readonly string[]
  /** What the test runner is run by, e.g. the wrapper that makes namespaces. */
  readonly wrapper: readonly string[]
  /** Files side by side; 1 where they measure the kernel's timing or share the machine's memory. */
  readonly concurrency: number
}

const LAB = ['test/lab/in-namespaces']
const only = process.argv.slice(2)
const inLab = (path: string) => /^test\/(netns|apiserver|lab)\//.test(path)
const files = globSync('test/**/*.test.ts')
  .sort()
  .filter(path => only.length === 0 || only.some(part => path.includes(part)))

const unit: Group = { name: 'unit', files: files.filter(path => !inLab(path)), wrapper: [], concurrency: 2 }
const [netns, apiserver, lab] = (['netns', 'apiserver', 'lab'] as const).map(
  (name): Group => ({
    name,
    files: files.filter(path => path.startsWith(`test/${name}/`)),
    wrapper: LAB,
    concurrency: 1,
  }),
) as [Group, Group, Group]

const reports = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
let passed = 0
let failed = 0

if (only.length === 0) {
  await gate('types', ['node_modules/.bin/tsc'])
  await gate('lint and format', ['node_modules/.bin/biome', 'check', '--error-on-warnings', '.'])
  await gate('CRDs are as their source says', ['node', 'crds/generate.ts', '--check'])
  await gate('the chart is as its sources say', ['node', 'charts/generate.ts', '--check'])
}
await runGroup(unit)
// Both wait for timers most of the time, each in namespaces of its own.
await Promise.all([runGroup(netns), runGroup(apiserver)])
await runGroup(lab)
rmSync(reports, { recursive: true })
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)

async function gate(name: string, command: readonly string[]): Promise<void> {
  const started = Date.now()
  const ok = (await run(command)) === 0
  count(ok ? 1 : 0, ok ? 0 : 1)
  process.stdout.write(`${ok ? '✔' : '✖'} ${name} (${seconds(started)})\n`)
}

async function runGroup({ name, files, wrapper, concurrency }: Group): Promise<void> {
  if (files.length === 0) return
  const started = Date.now()
  process.stdout.write(`\n▶ ${name}: ${files.length} files\n`)
  const report = join(reports, name)
  const status = await run([
    ...wrapper,
    'node',
    '--import=./test/seed.ts',
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-timeout=600000',
    '--test-reporter=./test/lab/reporter.ts',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${report}`,
    ...files,
  ])
  const tap = readFileSync(report, 'utf8')
  const pass = figure(tap, 'pass')
  const notPassed = figure(tap, 'fail') + figure(tap, 'cancelled') + figure(tap, 'skipped') + figure(tap, 'todo')
  // A runner that died without counting is a failure of its own.
  count(pass, notPassed === 0 && (status !== 0 || pass === 0) ? 1 : notPassed)
  process.stdout.write(`  ${name}: ${pass} passed, ${notPassed} not (${seconds(started)})\n`)
}

function figure(tap: string, name: string): number {
  return Number(tap.match(new RegExp(`^# ${name} (\\d+)$`, 'm'))?.[1] ?? 0)
}

function count(pass: number, fail: number): void {
  passed += pass
  failed += fail
}

function run(command: readonly string[]): Promise<number> {
  const [program = '', ...args] = command
  return new Promise(resolve => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', error => {
      process.stderr.write(`${error.message}\n`)
      resolve(127)
    })
    child.on('close', code => resolve(code ?? 1))
  })
}

function seconds(started: number): string {
  return `${((Date.now() - started) / 1000).toFixed(1)} s`
}
