import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-second-run-'))
after(() => rmSync(folder, { recursive: true }))

const FAILS_ONCE = `test('comes late', () => {
  if (existsSync(process.argv[1] + '.seen')) return
  writeFileSync(process.argv[1] + '.seen', '')
  throw new Error('a millisecond too late')
})`
const FAILS = `test('is broken', () => { throw new Error('for good') })`
const PASSES = `test('is fine', () => {})`
const IS_SKIPPED = `test('is left out', { skip: true }, () => {})`
const DIES = `process.exit(3)`

test('what fails once in real time is run once more, and passes, with what failed told', () => {
  const { status, output } = run({ inRealTime: true }, `${FAILS_ONCE}\n${PASSES}`, PASSES)
  assert.equal(status, 0, output)
  assert.match(output, /once more: .*0\.test\.mjs\n/)
  assert.match(
    output,
    /Passed in a second run only; what failed in the first:\n✖ comes late .*\n.*a millisecond too late/,
  )
  assert.match(output, /\n3 passed, 0 failed\n$/)
})

test('what fails twice has failed', () => {
  const { status, output } = run({ inRealTime: true }, FAILS, PASSES)
  assert.equal(status, 1, output)
  assert.match(output, /What failed, again:\n✖ is broken/)
  assert.match(output, /\n1 passed, 1 failed\n$/)
})

for (const [what, source] of Object.entries({ 'is skipped': IS_SKIPPED, 'kills its runner': DIES })) {
  test(`a test that ${what} has not passed, in any run`, () => {
    const { status, output } = run({ inRealTime: true }, source, PASSES)
    assert.equal(status, 1, output)
    assert.match(output, /\n1 passed, 1 failed\n$/)
  })
}

test('what is not in real time has one run', () => {
  const { status, output } = run({ inRealTime: false }, FAILS_ONCE)
  assert.equal(status, 1, output)
  assert.doesNotMatch(output, /once more/)
})

test('where more than two files fail, none is run again', () => {
  const { status, output } = run({ inRealTime: true }, FAILS_ONCE, FAILS_ONCE, FAILS_ONCE)
  assert.equal(status, 1, output)
  assert.match(output, /\n0 passed, 3 failed\n$/)
})

/** Runs each source as a test file. */
function run({ inRealTime }: { readonly inRealTime: boolean }, ...sources: readonly string[]) {
  const here = mkdtempSync(join(folder, 'run-'))
  const files = sources.map((source, i) => {
    const file = join(here, `${i}.test.mjs`)
    const imports = `import test from 'node:test'\nimport { existsSync, writeFileSync } from 'node:fs'\n`
    writeFileSync(file, imports + source)
    return file
  })
  const group = { name: 'tried', files, wrapper: [], concurrency: 1, inRealTime }
  const program = `import { runTestFiles, told } from './test/lab/test-files.ts'
    process.exit(told(await runTestFiles(${JSON.stringify(group)})))`
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    env,
    encoding: 'utf8',
  })
  return { status, output: stdout + stderr }
}
