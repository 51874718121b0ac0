import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { filePlanInput } from '../../src/agent/file-plan-input.ts'
import { describeFieldErrors, parseVirtualIPNodeSpec } from '../../src/api/parse.ts'
import { describeFileErrors, parseVirtualIPFile, type VirtualIPFile } from '../../src/api/virtual-ip-file.ts'
import { importKeepalived, type KeepalivedFile } from '../../src/keepalived/import.ts'
import { formatNote } from '../../src/keepalived/note.ts'
import { plan } from '../../src/plan/plan.ts'

/** A parser under test. */
export interface Parser {
  readonly name: string
  readonly corpus: readonly string[]
  /** It alone. */
  readonly read: (text: string) => unknown
  /** The files that it consists of, for whoever asks what a text has reached. */
  readonly source: RegExp
  /** Whether it is a value: true, or sentences: false. Throws for whatever is neither, or does not come back as it was. */
  readonly take: (text: string) => boolean
}

/** Between the files of two nodes. */
const NEXT_NODE = '\n=====\n'
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export const PARSERS: readonly Parser[] = [
  {
    name: 'VirtualIP files',
    corpus: [read('test/fuzz/corpus/everything.yaml'), ...documented()],
    source: /\/src\/(api|lib)\/[\w-]+\.ts$/,
    read: parseVirtualIPFile,
    take: takeVirtualIPFile,
  },
  {
    name: 'keepalived.conf',
    corpus: [
      read('test/fuzz/corpus/everything.conf'),
      ['node1', 'node2'].map(node => read(`test/keepalived/seed/${node}.conf`)).join(NEXT_NODE),
    ],
    source: /\/src\/(keepalived|lib)\/[\w-]+\.ts$/,
    read: text => importKeepalived(filesOf(text)),
    take: takeKeepalived,
  },
]

/** Throws a RangeError where there is none of that name. */
export function parserOf(name: string): Parser {
  const parser = PARSERS.find(candidate => candidate.name === name)
  if (!parser) throw new RangeError(`No parser of ${name}`)
  return parser
}

function read(path: string): string {
  return readFileSync(`${ROOT}/${path}`, 'utf8')
}

/** The examples of the guides. */
function documented(): string[] {
  const guides = ['README.md', ...globSync('docs/*.md', { cwd: ROOT })].sort()
  const blocks = guides.flatMap(guide => read(guide).match(/(?<=^```yaml\n)[^`]*(?=^```)/gm) ?? [])
  const files = blocks.filter(block => block.includes('kind: VirtualIP') && !block.includes('kind: Service'))
  return files.map(file => `${file}---\n{apiVersion: v1, kind: Node, metadata: {name: node1}}\n`)
}

// ---- VirtualIP files

function takeVirtualIPFile(text: string): boolean {
  const parsed = parseVirtualIPFile(text)
  if (Array.isArray(parsed)) {
    assert.ok(parsed.length > 0)
    const lines = text.split('\n').length
    for (const { line, message } of parsed) {
      assert.ok(Number.isInteger(line) && line >= 1 && line <= lines + 1, `Line ${line} of ${lines}: ${message}`)
      assertSentence(message)
    }
    assert.equal(typeof describeFileErrors('file.yaml', parsed), 'string')
    return false
  }
  assertPlans(parsed)
  assertComesBack(parsed)
  return true
}

/** What a file may say can be planned, and every agent takes the plan. */
function assertPlans(file: VirtualIPFile): void {
  const links = [{ name: 'eth0', carrier: true, subnets: ['192.168.1.10/24', 'fd00::10/64'] }]
  for (const [node, spec] of plan(filePlanInput(file, links)).nodes) {
    const errors = parseVirtualIPNodeSpec(JSON.parse(JSON.stringify(spec)))
    assert.ok(!Array.isArray(errors), Array.isArray(errors) ? `${node}: ${describeFieldErrors(errors)}` : '')
  }
}

function assertComesBack(file: VirtualIPFile): void {
  const again = parseVirtualIPFile(written(file))
  assert.ok(!Array.isArray(again), Array.isArray(again) ? describeFileErrors('again', again) : '')
  assert.deepEqual(again.virtualIPs, file.virtualIPs)
  assert.deepEqual([...again.secrets], [...file.secrets])
  assert.deepEqual(again.nodes, file.nodes)
}

function written({ virtualIPs, secrets, nodes }: VirtualIPFile): string {
  const documents = [
    ...virtualIPs,
    ...Array.from(secrets, ([name, data]) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      data: Object.fromEntries(
        Object.entries(data).map(([key, bytes]) => [key, Buffer.from(bytes).toString('base64')]),
      ),
    })),
    ...nodes.map(({ name, labels, unschedulable }) => ({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels },
      spec: { unschedulable },
    })),
  ]
  return documents.map(document => stringify(document)).join('---\n')
}

// ---- keepalived.conf

function filesOf(text: string): KeepalivedFile[] {
  return text.split(NEXT_NODE).map((text, i) => ({ node: `node${i + 1}`, file: `node${i + 1}.conf`, text }))
}

/** What is imported is what file mode takes. */
function takeKeepalived(text: string): boolean {
  const files = filesOf(text)
  const { documents, notes } = importKeepalived(files)
  for (const note of notes) {
    const lines = files.find(({ file }) => file === note.file)?.text.split('\n').length ?? 0
    assert.ok(Number.isInteger(note.line) && note.line >= 1 && note.line <= lines, formatNote(note))
    assertSentence(note.sentence)
    assert.ok(!formatNote(note).includes('\n'), formatNote(note))
  }
  if (documents.length === 0) return false
  const file = parseVirtualIPFile(documents.map(document => stringify(document, { lineWidth: 0 })).join('---\n'))
  assert.ok(!Array.isArray(file), Array.isArray(file) ? describeFileErrors('imported.yaml', file) : '')
  assert.deepEqual(
    file.virtualIPs,
    documents.filter(({ kind }) => kind === 'VirtualIP'),
  )
  return true
}

/** Something is said, in one line, and it is no mistake of ours. */
function assertSentence(text: string): void {
  if (
    text !== '' &&
    !/^(undefined|NaN)|\[object |Cannot read prop|is not a function|not iterable|call stack/.test(text)
  )
    return
  assert.fail(`This is no sentence: ${JSON.stringify(text)}`)
}
