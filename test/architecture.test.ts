import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..', 'src')
const PURE = ['lib', 'api', 'plan', 'vrrp', 'wire', 'status', 'keepalived']

/** Which folder of src (or file in its root) may import which others; ARCHITECTURE.md has the same table for people. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  vrrp: ['lib'],
  api: ['lib'],
  telemetry: ['lib'],
  wire: ['lib', 'vrrp'],
  plan: ['lib', 'api', 'vrrp'],
  status: ['lib', 'api', 'vrrp'],
  keepalived: ['lib', 'api', 'vrrp'],
  linux: ['lib', 'wire', 'api'],
  checks: ['lib', 'wire', 'api'],
  kube: ['lib', 'api'],
  agent: [...PURE, 'telemetry', 'linux', 'checks', 'kube'],
  controller: ['lib', 'api', 'plan', 'status', 'kube', 'telemetry'],
  cli: ['lib', 'api', 'keepalived', 'status', 'kube'],
  settings: ['lib', 'api', 'agent'],
  main: ['agent', 'controller', 'cli', 'settings', 'telemetry', 'linux'],
}
const IMPURE =
  /\bfrom 'node:|\bimport\('node:|\bDate\.now\b|\bnew Date\(|\bperformance\b|\bMath\.random\b|\bset(Timeout|Interval|Immediate)\b|(?<![.\w])process\.|\bawait\b/

for (const path of globSync('**/*.ts', { cwd: ROOT })) {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const part = partOf(path)

  test(`src/${path} imports only what ${part} may import`, () => {
    const imported = [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']*)'/g)].map(([, target = '']) =>
      partOf(relative(ROOT, join(ROOT, dirname(path), target))),
    )
    const forbidden = imported.filter(other => other !== part && !MAY_IMPORT[part]?.includes(other))
    assert.deepEqual(forbidden, [])
  })

  if (PURE.includes(part)) {
    test(`src/${path} is pure`, () => {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|(?<!(?:from |import\())'(?:[^'\\\n]|\\.)*'/g, '')
      assert.deepEqual(
        code.split('\n').filter(line => IMPURE.test(line)),
        [],
      )
    })
  }
}

/** `wire/vrrp.ts` is of wire, `main.ts` of main. */
function partOf(path: string): string {
  return path.split('/')[0]?.replace(/\.ts$/, '') ?? ''
}
