import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseSyntax, type Statement } from '../../src/keepalived/syntax.ts'

/** `3 keyword word word {4 …}`, a line of the tree in short. */
function shape(statements: readonly Statement[]): string {
  return statements
    .map(({ line, keyword, words, block }) => {
      const inner = block ? ` {${shape(block)}}` : ''
      return `${line} ${[keyword, ...words].join('|')}${inner}`
    })
    .join('; ')
}

const table: readonly [what: string, text: string, statements: string][] = [
  ['a block on the line of its keyword', 'a b {\n c d\n}\ne', '1 a|b {2 c|d}; 4 e'],
  ['a block on the next line', 'a b\n\n{\n c\n}', '1 a|b {4 c}'],
  ['a brace right behind a word', 'a VI_1{\nb{\nc}\n}', '1 a|VI_1 {2 b {3 c}}'],
  ['a block on one line', 'a { b { c d } }\ne', '1 a {1 b {1 c|d}}; 2 e'],
  ['a block without a keyword', '{\n a\n}', '1 { {2 a}'],
  ['an empty block', 'a {\n}\nb {}', '1 a {}; 3 b {}'],
  [
    'comments at the start, behind a word, and in the middle of one',
    '# a\n! b\nc d # e { \nf g!h\ni j#k',
    '3 c|d; 4 f|g; 5 i|j',
  ],
  ['quotes, in which nothing is a comment or a brace', 'a "b  # ! { c" d\ne ""', '1 a|b  # ! { c|d; 2 e|'],
  ['single quotes and backslashes as letters', "a 'b c' d\\e", "1 a|'b|c'|d\\e"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how keepalived writes them
  ['variables in braces', 'a ${VAR} b${X}c', '1 a|${VAR}|b${X}c'],
  ['Windows line ends', 'a b\r\nc\r\n', '1 a|b; 2 c'],
]

for (const [what, text, statements] of table) {
  test(`${what} are read as keepalived reads them`, () => {
    const read = parseSyntax(text)
    assert.equal(shape(read.statements), statements)
    assert.deepEqual(read.problems, [])
  })
}

test('a brace too many, one too few and an open quote are told, and the rest is read', () => {
  assert.deepEqual(parseSyntax('a {\n}\n}\nb').problems, [
    { line: 3, keyword: '}', sentence: 'closes no block: ignored' },
  ])
  assert.equal(shape(parseSyntax('a {\n}\n}\nb').statements), '1 a {}; 4 b')
  const open = parseSyntax('a {\n b "c d\n e')
  assert.equal(shape(open.statements), '1 a {2 b|c d; 3 e}')
  assert.deepEqual(open.problems, [
    { line: 2, keyword: 'b', sentence: 'has a quote that is not closed: read to the end of the line' },
    { line: 1, keyword: 'a', sentence: 'has no closing brace: its block is read to the end of the file' },
  ])
})

test('no text makes it throw, and no word of it is lost', () => {
  const piece = fc.constantFrom('a', 'b', ' ', '\n', '{', '}', '"', '#', '$', "'", '\\', '${')
  const said = ({ keyword, words, block = [] }: Statement): string => [keyword, ...words, ...block.map(said)].join('')
  fc.assert(
    fc.property(fc.array(piece), pieces => {
      const text = pieces.join('')
      const read = parseSyntax(text).statements.map(said).join('')
      if (/["#$]/.test(text)) return
      // A block without a keyword is called by its brace.
      assert.equal(read.replaceAll('{', ''), text.replace(/[\s{}]/g, ''))
    }),
  )
})
