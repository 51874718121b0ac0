/* The one gate: types, lint, format and every test; ends with a line `N passed, N failed`. The cluster's tests have their own. */
import { globSync } from 'node:fs'
import {
  added,
  NO_TESTS,
  type Results,
  runProgram,
  runTestFiles,
  secondsSince,
  type TestGroup,
  told,
} from './lab/test-files.ts'

const LAB = ['test/lab/in-namespaces']
const only = process.argv.slice(2)
const inLab = (path: string) => /^test\/(netns|apiserver|lab)\//.test(path)
const files = globSync('test/**/*.test.ts')
  .sort()
  .filter(path => !path.startsWith('test/cluster/'))
  .filter(path => only.length === 0 || only.some(part => path.includes(part)))

const unit: TestGroup = { name: 'unit', files: files.filter(path => !inLab(path)), wrapper: [], concurrency: 2 }
const [netns, apiserver, lab] = (['netns', 'apiserver', 'lab'] as const).map(
  (name): TestGroup => ({
    name,
    files: files.filter(path => path.startsWith(`test/${name}/`)),
    wrapper: LAB,
    concurrency: 1,
    inRealTime: true,
  }),
) as [TestGroup, TestGroup, TestGroup]

let results: Results = NO_TESTS

if (only.length === 0) {
  await gate('types', ['node_modules/.bin/tsc'])
  await gate('lint and format', ['node_modules/.bin/biome', 'check', '--error-on-warnings', '.'])
  await gate('CRDs are as their source says', ['node', 'crds/generate.ts', '--check'])
}
await runGroup(unit)
// One after the other: what they show is a matter of milliseconds, and two cores are soon busy.
await runGroup(netns)
await runGroup(apiserver)
await runGroup(lab)
process.exit(told(results))

async function gate(name: string, command: readonly string[]): Promise<void> {
  const started = Date.now()
  const ok = (await runProgram(command)) === 0
  const failures = ok ? '' : `✖ ${name}\n`
  results = added(results, { ...NO_TESTS, passed: ok ? 1 : 0, notPassed: ok ? 0 : 1, failures })
  process.stdout.write(`${ok ? '✔' : '✖'} ${name} (${secondsSince(started)})\n`)
}

async function runGroup(group: TestGroup): Promise<void> {
  results = added(results, await runTestFiles(group))
}
