import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { type Imported, importKeepalived } from '../../src/keepalived/import.ts'
import type { Included } from '../../src/keepalived/include.ts'

const CORPUS = join(import.meta.dirname, 'corpus')
const FILES = globSync('*.conf', { cwd: CORPUS }).sort()
const TEXTS = new Map(globSync('**/*.{conf,inc}', { cwd: CORPUS }).map(path => [path, text(path)]))

function text(file: string): string {
  return readFileSync(join(CORPUS, file), 'utf8')
}

const included = new Map<string, Included[]>()

function imported(file: string, text: string): Imported {
  return importKeepalived([{ node: 'node1', file, text }], pattern => {
    const known = included.get(pattern)
    if (known) return known
    const paths = globSync(join(CORPUS, pattern)).map(path => relative(CORPUS, path))
    const found = paths.sort().map(path => {
      const text = TEXTS.get(path)
      return text === undefined ? { path, problem: 'EISDIR' } : { path, text }
    })
    included.set(pattern, found)
    return found
  })
}

/** Lines that need no word: what is imported as it stands, and what only gives the block it is in. */
const IMPORTED = new RegExp(
  `^(?:${[
    'interface',
    'virtual_router_id',
    'priority',
    'advert_int',
    'version',
    'vrrp_version',
    'authentication',
    'auth_type',
    'auth_pass',
    'nopreempt',
    'preempt',
    'preempt_delay',
    'virtual_ipaddress(?:_excluded)?',
    'track_(?:script|interface|file|process)',
    'vrrp_(?:instance|script|sync_group|track_file|track_process)',
    'script',
    'timeout',
    'interval',
    'weight',
    'fall',
    'rise',
    'process',
    'file',
    'group',
    'global_defs',
    'unicast_(?:peer|src_ip)',
    'track_src_ip',
    'include[rmwba]?',
    '[@$~].*',
  ].join('|')})$`,
)

/** The keyword of each line that begins a statement in an instance or beside them, by its number. */
function keywords(text: string): [line: number, keyword: string][] {
  return text.split('\n').flatMap((row, i): [number, string][] => {
    const [keyword = ''] = row
      .replace(/[#!].*/, '')
      .trim()
      .split(/[\s{}]+/)
    return /^[a-z]\w*$/.test(keyword) && !IMPORTED.test(keyword) ? [[i + 1, keyword]] : []
  })
}

/** Blocks that are left out as a whole, and lists, are told of where they begin, or by entry. */
function withoutBlocks(text: string): string {
  const rows = text.replace(/\n(\s*)\{/g, ' {\n$1').split('\n')
  let depth = 0
  const kept = rows.map(row => {
    const code = row.replace(/[#!].*/, '')
    const isFirst = depth === 0
    if (isFirst && !WHOLE.test(code)) return row
    depth = Math.max(0, depth + (code.match(/\{/g) ?? []).length - (code.match(/\}/g) ?? []).length)
    return isFirst ? row : ''
  })
  return kept.join('\n')
}

const WHOLE =
  /^\s*(?:virtual_server|notification_email\b|virtual_routes|virtual_rules|group\b|track_\w+|unicast_peer|virtual_ipaddress)/

for (const file of FILES) {
  test(`${file}: what is not imported is told by its line`, () => {
    const { notes } = imported(file, text(file))
    const told = new Set(notes.filter(note => note.file === file).map(({ line }) => line))
    if (notes.some(({ sentence }) => /^"[^"]*" has no virtual_ipaddress: left out$/.test(sentence))) return
    for (const [line, keyword] of keywords(withoutBlocks(text(file)))) assert.ok(told.has(line), `${line}: ${keyword}`)
  })

  test(`${file}: wherever it is cut off, the rest is imported or told by file and line`, () => {
    const whole = text(file)
    for (const length of cuts(whole)) {
      const cut = whole.slice(0, length)
      const { documents, notes } = imported(file, cut)
      for (const { file: of, line } of notes) {
        const lines = (of === file ? cut : TEXTS.get(of))?.split('\n').length ?? 0
        assert.ok(line >= 1 && line <= lines, `${length}: ${of}:${line}`)
      }
      if (documents.length === 0 && /^\s*vrrp_instance/m.test(cut)) assert.ok(notes.length > 0, `${length}: no word`)
    }
  })
}

/** Before and after every mark, every so many letters; all of them with CUTS=1. */
function cuts(text: string): number[] {
  const every = Number(process.env['CUTS'] ?? 17)
  const all = Array.from({ length: text.length }, (_, i) => i)
  return all.filter(i => i % every === 0 || /[{}"$@~\\]/.test(text.slice(Math.max(0, i - 1), i + 1)))
}
