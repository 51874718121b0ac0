import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { WITH_THE_PROGRAM } from '../../bundle/with-the-program.ts'

const ROOT = join(import.meta.dirname, '..', '..')

for (const guide of WITH_THE_PROGRAM.filter(path => path.endsWith('.md'))) {
  test(`a release has all that its ${guide} links to`, () => {
    const links = readFileSync(join(ROOT, guide), 'utf8').matchAll(/\]\(([^)#\s]+)/g)
    const files = Array.from(links, ([, link = '']) => link).filter(link => !/^https?:/.test(link))
    const missing = files.filter(link => !WITH_THE_PROGRAM.includes(join(dirname(guide), link)))
    assert.deepEqual(missing, [], 'add it to bundle/with-the-program.ts, or say it without a link')
  })
}
