import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { FileCheck } from '../../src/api/check.ts'
import { startCheck } from '../../src/checks/check.ts'
import { Files } from '../../src/checks/file.ts'
import type { CheckResult } from '../../src/checks/repeat.ts'
import type { Outcome } from '../../src/checks/run.ts'
import { surroundings } from './surroundings.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kube-vrrp-test-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** What a look at a file with this text finds. */
async function read(t: TestContext, text: string, { reads = 'Number', any = false } = {}): Promise<Outcome> {
  const within = folder(t)
  const path = join(within, 'load')
  writeFileSync(path, text)
  const outcome = await new Files([within]).look({ path, reads } as FileCheck, any, 5000).outcome
  return outcome.passed ? outcome : { ...outcome, message: outcome.message.replace(within, '/run') }
}

test('without a weight a file passes while its number is 0', async t => {
  for (const text of ['0', '0\n', ' 0 \n', '-0', '+0', '000\nwhatever'])
    assert.deepEqual(await read(t, text), { passed: true })
  for (const number of ['1', '-1', '42'])
    assert.deepEqual(await read(t, `${number}\n`), {
      passed: false,
      message: `File /run/load has the number ${number}, not 0`,
    })
})

test('with a weight the number is what counts, whatever it is', async t => {
  for (const [text, number] of [
    ['30', 30],
    ['-5\n', -5],
    ['+7', 7],
    ['-0', 0],
    ['2147483647', 2_147_483_647],
  ] as const) {
    assert.deepEqual(await read(t, text, { any: true }), { passed: true, number })
  }
})

test('what is no number, or none that can be counted with, is said', async t => {
  for (const [text, message] of [
    ['', 'File /run/load has no whole number in its first line'],
    ['\n5', 'File /run/load has no whole number in its first line'],
    ['fast', 'File /run/load has no whole number in its first line: "fast"'],
    ['1.5', 'File /run/load has no whole number in its first line: "1.5"'],
    ['5 6', 'File /run/load has no whole number in its first line: "5 6"'],
    ['0x10', 'File /run/load has no whole number in its first line: "0x10"'],
    ['a secret that is much too long', 'File /run/load has no whole number in its first line: "a secret that is muc…"'],
    ['2147483648', 'The number in /run/load is out of range, -2147483648 to 2147483647: 2147483648'],
    ['9'.repeat(60), 'The number in /run/load is out of range, -2147483648 to 2147483647: 99999999999999999999…'],
  ] as const) {
    for (const any of [false, true]) {
      assert.deepEqual(await read(t, text, { any }), { passed: false, message, unknown: true })
    }
  }
})

test('what is there passes, whatever is in it; what is not fails', async t => {
  assert.deepEqual(await read(t, 'text', { reads: 'Existence' }), { passed: true })
  const within = folder(t)
  const look = (path: string) => new Files([within]).look({ path, reads: 'Existence' }, false, 5000).outcome
  mkdirSync(join(within, 'folder'))
  assert.deepEqual(await look(join(within, 'folder')), { passed: true })
  const path = join(within, 'maintenance')
  assert.deepEqual(await look(path), { passed: false, message: `File ${path} does not exist` })
})

test('a number that is not there is not known', async t => {
  const within = folder(t)
  const path = join(within, 'load')
  assert.deepEqual(await new Files([within]).look({ path }, true, 5000).outcome, {
    passed: false,
    message: `File ${path} does not exist`,
    unknown: true,
  })
})

test('nothing is read outside the folders, by no symbolic link either', async t => {
  const [within, outside] = [folder(t), folder(t)]
  writeFileSync(join(outside, 'load'), '5')
  symlinkSync(join(outside, 'load'), join(within, 'leads-out'))
  symlinkSync(within, join(outside, 'leads-in'))
  writeFileSync(join(within, 'load'), '7')
  const look = (path: string, folders = [within]) => new Files(folders).look({ path }, true, 5000).outcome
  const refused = (path: string, may = `files below ${within} only`) => ({
    passed: false,
    message: `Cannot read ${path}: file checks may read ${may} (--file-check-folders)`,
    unknown: true,
  })
  for (const path of [join(outside, 'load'), join(within, 'leads-out'), `${within}-2/load`, join(outside, 'absent')]) {
    assert.deepEqual(await look(path), refused(path))
  }
  assert.deepEqual(await look('/etc/hostname', []), refused('/etc/hostname', 'no file'))
  // A folder that is itself behind a symbolic link, as /var/run is.
  const linked = join(outside, 'leads-in')
  assert.deepEqual(await look(join(linked, 'load'), [linked]), { passed: true, number: 7 })
  assert.deepEqual(await look(join(outside, 'load'), ['/']), { passed: true, number: 5 })
})

test('what is no regular file is not waited for', async t => {
  const within = folder(t)
  const [pipe, inner] = [join(within, 'pipe'), join(within, 'folder')]
  execFileSync('mkfifo', [pipe])
  mkdirSync(inner)
  for (const path of [pipe, inner]) {
    assert.deepEqual(await new Files([within]).look({ path }, false, 5000).outcome, {
      passed: false,
      message: `Cannot read ${path}: it is no regular file`,
      unknown: true,
    })
  }
})

test('a file that changes is told by its new number, and a change that goes is told, too', async t => {
  const within = folder(t)
  const path = join(within, 'load')
  writeFileSync(path, '5')
  const told: CheckResult[] = []
  const check = { name: 'load', file: { path }, weight: -2, inverse: true, interval: '100ms', timeout: '5s' }
  const { close } = startCheck(check, result => told.push(result), surroundings({ files: new Files([within]) }))
  t.after(close)
  const until = async (count: number) => {
    for (let i = 0; i < 500 && told.length < count; i++) await new Promise(resolve => setTimeout(resolve, 10))
  }
  await until(1)
  writeFileSync(path, '9')
  await until(2)
  rmSync(path)
  await until(3)
  writeFileSync(path, '9')
  await until(4)
  assert.deepEqual(
    told.filter(({ message }) => !message?.includes('no whole number')),
    [
      { passing: true, number: 5 },
      { passing: true, number: 9 },
      { passing: false, message: `File ${path} does not exist` },
      { passing: true, number: 9 },
    ],
  )
})

test('with inverse an absent file passes, and a number other than 0', async t => {
  const within = folder(t)
  writeFileSync(join(within, 'one'), '1')
  const verdict = (file: FileCheck) => {
    const { promise, resolve } = Promise.withResolvers<CheckResult>()
    const check = { name: 'contrary', file, inverse: true, timeout: '5s' }
    t.after(startCheck(check, resolve, surroundings({ files: new Files([within]) })).close)
    return promise
  }
  assert.deepEqual(await verdict({ path: join(within, 'absent'), reads: 'Existence' }), { passing: true })
  assert.deepEqual(await verdict({ path: join(within, 'one'), reads: 'Existence' }), {
    passing: false,
    message: `File ${join(within, 'one')} exists, and should not (inverse)`,
  })
  assert.deepEqual(await verdict({ path: join(within, 'one') }), { passing: true })
  assert.equal((await verdict({ path: join(within, 'absent') })).passing, false)
})
