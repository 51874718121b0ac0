import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..')
const DOCUMENTS = [...globSync('*.md', { cwd: ROOT }), ...globSync('{docs,charts}/**/*.md', { cwd: ROOT })]

for (const path of DOCUMENTS) {
  test(`every link of ${path} leads to a file of this repository, and to a heading that is there`, () => {
    const broken = linksOf(path).filter(link => !leadsSomewhere(path, link))
    assert.deepEqual(broken, [])
  })
}

function linksOf(path: string): string[] {
  const links = read(path).matchAll(/\]\(([^)\s]+)\)/g)
  return Array.from(links, ([, link = '']) => link).filter(link => !/^https?:/.test(link))
}

function leadsSomewhere(from: string, link: string): boolean {
  const [file = '', heading] = link.split('#')
  const to = file === '' ? from : join(dirname(from), file)
  return existsSync(join(ROOT, to)) && (heading === undefined || headingsOf(to).includes(heading))
}

/** As GitHub names them. */
function headingsOf(path: string): string[] {
  const headings = read(path).matchAll(/^#+ (.*)$/gm)
  return Array.from(headings, ([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}
