import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { matchesGlob } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { parseVirtualIPFile } from '../../src/api/virtual-ip-file.ts'
import { runImport } from '../../src/cli/import.ts'

const seed = new URL('../keepalived/seed/', import.meta.url)

const OWN: Readonly<Record<string, string>> = {
  'empty.conf': '# nothing\nglobal_defs {\n}\n',
  'shared.conf': 'include conf.d/*.conf\n',
  'conf.d/1.conf': 'vrrp_instance A {\n interface eth0\n virtual_router_id 1\n',
  'conf.d/2.conf': '@main priority 200\n@spare priority 50\nvirtual_ipaddress {\n192.0.2.5/24\n}\n}\n',
}

/** The command, with files by their names. */
function run(...args: string[]): { status: number; stdout: string; stderr: string } {
  return runWith([], ...args)
}

function runWith(configIDs: string[], ...args: string[]): { status: number; stdout: string; stderr: string } {
  const said = { stdout: '', stderr: '' }
  const io = {
    glob: (pattern: string) =>
      Object.keys(OWN)
        .filter(path => matchesGlob(path, pattern))
        .reverse(),
    readFile: (path: string) => OWN[path] ?? readFileSync(new URL(path, seed), 'utf8'),
    stdout: (text: string) => {
      said.stdout += text
    },
    stderr: (text: string) => {
      said.stderr += text
    },
  }
  const status = runImport(args, io, configIDs)
  return { status, ...said }
}

test("the guide's two files become a stream that agent --file takes, and the rest is told by line", () => {
  const { status, stdout, stderr } = run('node1=node1.conf', 'node2=node2.conf')
  assert.equal(status, 0)
  const file = parseVirtualIPFile(stdout)
  assert.ok(!Array.isArray(file), stdout)
  assert.deepEqual(
    file.virtualIPs.map(({ metadata, spec }) => [metadata.name, spec.priorities?.length, spec.checks?.length]),
    [['vi-1', 2, 1]],
  )
  assert.deepEqual(
    parseAllDocuments(stdout).map(document => document.toJS().kind),
    ['Secret', 'VirtualIP'],
  )
  assert.match(stderr, /^node1\.conf:2: router_id: not needed/)
  assert.ok(
    stderr
      .trimEnd()
      .split('\n')
      .every(line => /^node[12]\.conf:[0-9]+: [^:]+: .+$/.test(line)),
  )
})

test('when nothing was imported the status is 1, and nothing is on stdout', () => {
  assert.deepEqual(run('node1=empty.conf'), {
    status: 1,
    stdout: '',
    stderr: 'Nothing was imported: no complete vrrp_instance was found\n',
  })
})

test('files are included, in the order of their names, with the lines for the ID that a node is given', () => {
  const { status, stdout, stderr } = runWith(['a=main', 'b=spare'], 'a=shared.conf', 'b=shared.conf')
  assert.equal(stderr, '')
  assert.equal(status, 0)
  assert.deepEqual(parseAllDocuments(stdout)[0]?.toJS().spec.priorities, [
    { node: 'a', priority: 200 },
    { node: 'b', priority: 50 },
  ])
})

const refusedIDs: readonly [configID: string, stderr: string][] = [
  ['main', 'Cannot take --config-id "main": it is not NODE=ID, e.g. node1=main\n'],
  ['a=', 'Cannot take --config-id "a=": it is not NODE=ID, e.g. node1=main\n'],
  ['c=main', 'Cannot take --config-id "c=main": c has no file\n'],
]

for (const [configID, stderr] of refusedIDs) {
  test(`import --config-id ${configID} is refused with a sentence and status 2`, () => {
    assert.deepEqual(runWith([configID], 'a=shared.conf'), { status: 2, stdout: '', stderr })
  })
}

const USAGE = 'Usage: kube-vrrp import NODE=FILE..., e.g. node1=node1.conf node2=node2.conf\n'

const refused: readonly [args: string[], stderr: string][] = [
  [[], `Cannot import: no files are given\n${USAGE}`],
  [['node1.conf'], `Cannot import "node1.conf": it names no node and file\n${USAGE}`],
  [['=node1.conf'], `Cannot import "=node1.conf": it names no node and file\n${USAGE}`],
  [['node1='], `Cannot import "node1=": it names no node and file\n${USAGE}`],
  [['node1=node1.conf', 'node1=node2.conf'], 'Cannot import "node1=node2.conf": node1 has a file already\n'],
  [['node1=absent.conf'], 'Cannot read absent.conf: ENOENT\n'],
]

for (const [args, stderr] of refused) {
  test(`import ${args.join(' ')} is refused with a sentence and status 2`, () => {
    assert.deepEqual(run(...args), { status: 2, stdout: '', stderr })
  })
}
