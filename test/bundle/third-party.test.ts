import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ofPackage, thirdPartyNotice } from '../../bundle/third-party.ts'

const DESCRIBED = '{"name": "a", "version": "1.2.3", "license": "MIT"}'

test('a package is passed on with its licence and its notice', t => {
  const folder = packageOf(t, { 'package.json': DESCRIBED, 'LICENSE.md': 'Copyright A\n', NOTICE: 'Made by B\n' })
  assert.deepEqual(ofPackage(folder), {
    name: 'a',
    version: '1.2.3',
    licence: 'MIT',
    text: 'Copyright A\n\nMade by B\n',
  })
})

test('a licence may stand at the end of the README', t => {
  const folder = packageOf(t, {
    'package.json': DESCRIBED,
    'README.md': '# a\n\nUse it.\n\n# License\n\nCopyright A\n',
  })
  assert.equal(ofPackage(folder).text, '\nCopyright A\n')
})

test('a package without the text of a licence is not passed on', t => {
  const folder = packageOf(t, { 'package.json': DESCRIBED, 'README.md': '# a\n\nFree.\n' })
  assert.throws(() => ofPackage(folder), {
    message: `Cannot pass on ${folder}: it has neither a licence file nor a README with a licence`,
  })
})

test('headers in a package are of its version', t => {
  const folder = packageOf(t, { 'package.json': DESCRIBED, 'vendor/headers/LICENSE': 'Copyright C\n' })
  assert.deepEqual(ofPackage(join(folder, 'vendor/headers')), {
    name: 'headers',
    version: 'in a 1.2.3',
    licence: 'MIT',
    text: 'Copyright C\n',
  })
})

test('the notice has one after the other', () => {
  const notice = thirdPartyNotice([
    { name: 'a', version: '1', licence: 'MIT', text: '\nCopyright A\n' },
    { name: 'b', version: '2', licence: 'ISC', text: 'Copyright B' },
  ])
  assert.deepEqual(
    notice.split('\n').filter(line => line !== '' && !line.startsWith('=')),
    ['a 1 (MIT)', 'Copyright A', 'b 2 (ISC)', 'Copyright B'],
  )
})

function packageOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-package-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}
