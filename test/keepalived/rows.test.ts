// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how keepalived writes its variables
import assert from 'node:assert/strict'
import { matchesGlob } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Included } from '../../src/keepalived/include.ts'
import { workOut } from '../../src/keepalived/rows.ts'

/** The rows that are not empty as `FILE:LINE TEXT`, and the problems as `FILE:LINE KEYWORD: SENTENCE`, of files by name. */
function workedOut(files: Readonly<Record<string, string>>, configID = 'main'): { rows: string[]; problems: string[] } {
  const include = (pattern: string): Included[] =>
    Object.entries(files)
      .filter(([path]) => matchesGlob(path, pattern))
      .map(([path, text]) => (text === 'EISDIR' ? { path, problem: text } : { path, text }))
  const [file = '', text = ''] = Object.entries(files)[0] ?? []
  const surroundings = { configID, configIDs: new Set(['main', 'backup']), include }
  const { rows, problems } = workOut({ file, text }, surroundings)
  const place = (row: number) => `${rows[row - 1]?.at.file}:${rows[row - 1]?.at.line}`
  return {
    rows: rows.flatMap(({ text }, i) => (text.trim() === '' ? [] : [`${place(i + 1)} ${text.trim()}`])),
    problems: problems.map(({ line, keyword, sentence }) => `${place(line)} ${keyword}: ${sentence}`),
  }
}

/** Each was tried with keepalived 2.2.7. */
const table: readonly [what: string, text: string, rows: string[]][] = [
  ['text as it is', 'a {\n  b # c\n}', ['1 a {', '2 b # c', '3 }']],
  ['lines for this host', '@main a\n  @backup b\nc @main', ['1 a', '3 c @main']],
  ['lines for other hosts', '@^main a\n@^backup b\n@^main @^backup c', ['2 b']],
  ['a variable', '$A=1 # c\npriority $A\nx 1${A}0', ['2 priority 1', '3 x 110']],
  ['a variable only before white space', '$A=1\na $A.5 "$A" $A\tb', ['2 a $A.5 "$A" 1\tb']],
  ['an empty variable', '$A=\na 1${A}0', ['2 a 10']],
  [
    'variables in variables, when they are used',
    '$A=10.${B}\n$B=1\na ${A}.5\n$B=2\na ${A}.5',
    ['3 a 10.1.5', '5 a 10.2.5'],
  ],
  ['a variable that is no longer before white space', '$A=$B\n$B=1\na ${A}/2 $A', ['3 a $B/2 1']],
  ['definitions for some hosts', '@main $A=1\n@backup $A=2\na $A', ['3 a 1']],
  ['a mark of hosts from a variable', '$M=@backup\n$M a\n$M=@main\n$M b', ['4 b']],
  ['what is defined before', 'a ${_INSTANCE} "${_HASH}${_BANG}"', ['1 a main "#!"']],
  [
    'a definition of several lines, each at its own place',
    '$A= \\\n  vrrp_instance V${N} { \\\n    @main priority 2 \\\n    @backup priority 1 \\ # c\n  }\n$N=1\n$A\n$N=2\n$A',
    ['2 vrrp_instance V1 {', '3 priority 2', '5 }', '2 vrrp_instance V2 {', '3 priority 2', '5 }'],
  ],
  ['a definition of several lines for another host', '@backup $A= \\\n a \\\n b\nc', ['4 c']],
  ['a definition of several lines that ends with an empty one', '$A= \\\n a \\\n\nb\n$A', ['4 b', '2 a']],
  ['a definition of several lines in a line', '$A= \\\n a \\\n b\nx { $A }', ['4 x { a', '4 b }']],
  ['definitions in definitions', '$A= \\\n $N=1 \\\n $B \\\n $N=2 \\\n $B\n$B=x $N\n$A', ['3 x 1', '5 x 2']],
  ['a sequence', '~SEQ(N, 2, 2, 6) a ${N}', ['1 a 2', '1 a 4', '1 a 6']],
  [
    'sequences that begin at 1, run down, and are within each other',
    '~SEQ(N,2) ~SEQ(M,4,3) ${N}.${M}',
    ['1 1.4', '1 1.3', '1 2.4', '1 2.3'],
  ],
  ['a sequence in hexadecimal', '~SEQx(N, 0x9, 11) fd00::${N}', ['1 fd00::9', '1 fd00::a', '1 fd00::b']],
  ['a list', '~LST(N, eth0, 7) a ${N}', ['1 a eth0', '1 a 7']],
  ['a list of several variables', '~LST({N, M}, {1, 2},{3,4}) ${N}.${M}', ['1 1.2', '1 3.4']],
  [
    'a repeated definition of several lines',
    '$A= \\\n a \\\n b ${N}\n~SEQ(N, 1, 2) $A',
    ['2 a', '3 b 1', '2 a', '3 b 2'],
  ],
]

for (const [what, text, rows] of table) {
  test(`${what}: worked out as by keepalived`, () => {
    assert.deepEqual(workedOut({ f: text }), { rows: rows.map(row => `f:${row}`), problems: [] })
  })
}

test('files are included where the line is, from the folder of the file that names them, in the order of their names', () => {
  const { rows, problems } = workedOut({
    'etc/k.conf': 'a\ninclude conf.d/*.conf\ninclude {x,y}/z # c\n@main includer conf.d/../y/z\nb',
    'etc/conf.d/1.conf': 'one\ninclude sub/s',
    'etc/conf.d/2.conf': '$N=2',
    'etc/conf.d/2.txt': 'not this',
    'etc/conf.d/sub/s': 'sub',
    'etc/y/z': 'z $N',
  })
  assert.deepEqual(rows, [
    'etc/k.conf:1 a',
    'etc/conf.d/1.conf:1 one',
    'etc/conf.d/sub/s:1 sub',
    'etc/y/z:1 z 2',
    'etc/y/z:1 z 2',
    'etc/k.conf:5 b',
  ])
  assert.deepEqual(problems, [])
})

test('the folder of the file is that of keepalived on the node, so that copies find each other', () => {
  for (const folder of ['', 'node1/', '/srv/node1/', '../', '/etc/keepalived/']) {
    const { rows, problems } = workedOut({
      [`${folder}k.conf`]: 'include /etc/keepalived/a/*.conf\ninclude ${_PWD}/a/b\ninclude /srv/c',
      [`${folder}a/x.conf`]: 'in "${_PWD}"\ninclude b\n',
      [`${folder}a/b`]: 'b',
      '/srv/c': 'c',
    })
    assert.deepEqual(rows, [
      `${folder}a/x.conf:1 in "/etc/keepalived/a"`,
      `${folder}a/b:1 b`,
      `${folder}a/b:1 b`,
      '/srv/c:1 c',
    ])
    assert.deepEqual(problems, [`${folder}a/x.conf:1 _PWD: read as in /etc/keepalived`])
  }
})

const odd: readonly [what: string, files: Record<string, string>, problems: string[]][] = [
  [
    'a file that is not there, and a folder',
    { f: 'x\ninclude a/*.conf\ninclude d', d: 'EISDIR' },
    [
      'f:2 include: there is no a/*.conf here: left out; copy it to where this file would find it, and import again',
      'f:3 include: cannot read d: EISDIR: left out; copy it to where this file would find it, and import again',
    ],
  ],
  ['a cycle', { f: 'include g', g: 'include f' }, ['g:1 include: f includes itself: left out']],
  [
    'a host that is none',
    { f: 'x\n@a b\n@^a c\n@a d\n@main' },
    [`f:2 @a: none of the nodes here is called "a" (main, backup); if one of them is, say so: --config-id NODE=a`],
  ],
  [
    'values that nothing uses',
    { f: '$A=1\n$A=2\nx $A\n$B=\\\n1 \\\n2' },
    ['f:1 $A: nothing uses this value: left out', 'f:4 $B: nothing uses this value: left out'],
  ],
  [
    'variables that are none',
    { f: 'a ${B}\npriority $C\nscript "echo $D ${E}"' },
    [
      'f:1 ${B}: no such variable here: taken as it stands, as by keepalived',
      'f:2 $C: no such variable here: taken as it stands, as by keepalived',
    ],
  ],
  ['a random number', { f: 'a ${_RANDOM 1 5}' }, ['f:1 ${_RANDOM 1 5}: a random number: write one']],
  ['the folder', { f: 'a ${_PWD}/b' }, ['f:1 _PWD: read as in /etc/keepalived']],
  [
    'repetitions that are none',
    { f: '~SEQ(A, 1, 2)\n~SEQ(A, x) a\n~SEQ(A,1,0,5) a\n~LST({A,B},{1}) a\n~LOOP(1) a' },
    [1, 2, 3, 4, 5].map(
      (line, i) =>
        `f:${line} ${['~SEQ(A, 1, 2)', '~SEQ(A, x) a', '~SEQ(A,1,0,5) a', '~LST({A,B},{1}) a', '~LOOP(1) a'][i]}: repeats nothing that could be read: left out`,
    ),
  ],
]

for (const [what, files, problems] of odd) {
  test(`${what}: told by file and line`, () => assert.deepEqual(workedOut(files).problems, problems))
}

test('what refers to itself, or makes far too much, ends with a sentence', () => {
  for (const text of [
    '$A=x${A}\na $A',
    '$A= \\\n b \\\n $A\n$A',
    '$A=${B}${B}\n$B=${A}${A}\n${A}',
    '~SEQ(A,90000) ~SEQ(B,90000) x ${A}',
  ]) {
    const { problems } = workedOut({ f: text })
    assert.match(problems.join('\n'), /variables and repetitions make far too much of this: left out/, text)
  }
})

test('no text makes it throw, and every line is a row or more', () => {
  const piece = fc.constantFrom(
    'a',
    ' ',
    '\n',
    '{',
    '}',
    '"',
    '#',
    '$A',
    '${A}',
    '$A=',
    '\\',
    '@main ',
    '@^main ',
    '~SEQ(A,2) ',
    '~LST(A,1,2) ',
    'include f',
    '(',
    ',',
  )
  fc.assert(
    fc.property(fc.array(piece), pieces => {
      const text = pieces.join('')
      const { rows } = workOut(
        { file: 'f', text },
        { configID: 'main', configIDs: new Set(['main']), include: () => [{ path: 'g', text: 'b\n$A' }] },
      )
      const lines = new Set(rows.flatMap(({ at }) => (at.file === 'f' ? [at.line] : [])))
      assert.equal(lines.size, text.split('\n').length)
    }),
  )
})
