import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { DOCUMENTS } from './documents.ts'
import { conformancePage, PAGE } from './page.ts'
import { type NamedTest, nameOf } from './requirement.ts'

const ROOT = join(import.meta.dirname, '../..')

for (const document of DOCUMENTS) {
  describe(document.name, () => {
    for (const requirement of document.requirements) {
      if ('shows' in requirement) test(nameOf(document, requirement), requirement.shows)
      if ('shownIn' in requirement) {
        test(`${nameOf(document, requirement)} (by tests that are there)`, () => {
          assert.deepEqual(
            requirement.shownIn.filter(each => !isThere(each)),
            [],
          )
        })
      }
    }

    test(`${document.name}: no requirement stands there twice`, () => {
      const names = document.requirements.map(each => nameOf(document, each))
      assert.deepEqual(names, [...new Set(names)])
    })
  })
}

test('docs/conformance.md is what these tests are (else: make generate)', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), conformancePage())
})

/** A test is named in quotes; a scenario is told in its head. */
function isThere({ file, test: name }: NamedTest): boolean {
  const path = join(ROOT, file)
  if (!existsSync(path)) return false
  const text = readFileSync(path, 'utf8').replaceAll(/\btest\(\s+/g, 'test(')
  if (file.endsWith('.txt')) return text.includes(name)
  return ["'", '"', '`'].some(quote => text.includes(`test(${quote}${name}`))
}
