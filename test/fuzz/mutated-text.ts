import type { Random } from '../lab/random.ts'

/** A text of the corpus with one or a few things changed: characters, words, lines, pieces of another. `words`: what to put in. */
export function mutatedText(corpus: readonly string[], words: readonly string[], random: Random): string {
  let text = random.pick(corpus)
  for (let changes = 1 + random.below(1 + random.below(5)); changes > 0; changes--)
    text = change(text, corpus, words, random)
  return text.length > LONGEST ? text.slice(0, LONGEST) : text
}

/** All words, numbers and marks of texts, and what trips parsers up. */
export function wordsOf(texts: readonly string[]): string[] {
  const found = texts.flatMap(text => text.match(/[\w./:-]+|[^\w\s]|\s+/g) ?? [])
  return [...new Set([...found, ...TRAPS])]
}

const LONGEST = 8192
const TRAPS = [
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'null',
    '~',
    'true',
    '""',
    "''",
    '{}',
    '[]',
    '? ',
    '- ',
  ],
  ...['0', '-1', '256', '65536', '1e400', '0x10', '0o7', '.inf', '.nan', '9007199254740993', '1.5', '00', '+1'],
  ...[
    '---\n',
    '...\n',
    '&a ',
    '*a',
    '<<: ',
    '!!binary ',
    '!!set ',
    '!!omap ',
    '!x ',
    '|\n',
    '>-\n',
    '# ',
    '%YAML 1.1\n',
  ],
  ...['::', '::1', '::ffff:10.0.0.1', '0.0.0.0/0', '10.0.0.5/33', '1.1.1.1/', 'fe80::1%eth0', '255.255.255.255'],
  ...['\0', '\u00a0', '\u2028', '\ufeff', '\r', '\t', '\u{1f600}', '\ud800', 'ö', '\u0301'],
]

function change(text: string, corpus: readonly string[], words: readonly string[], random: Random): string {
  const at = random.below(text.length + 1)
  const before = text.slice(0, at)
  switch (random.below(8)) {
    case 0:
      return before + String.fromCharCode(random.below(256)) + text.slice(at + 1)
    case 1:
      return before + text.slice(at + 1 + random.below(24))
    case 2:
      return before + random.pick(words) + text.slice(at)
    case 3:
      return replaceWord(text, at, random.pick(words))
    case 4:
      return withoutLine(text, at)
    case 5: {
      const piece = pieceOf(text, random)
      return before + piece + text.slice(at)
    }
    case 6:
      return before + pieceOf(random.pick(corpus), random) + text.slice(at)
    default: {
      const other = random.pick(corpus)
      return before + other.slice(random.below(other.length + 1))
    }
  }
}

/** Mostly whole lines. */
function pieceOf(text: string, random: Random): string {
  const from = random.below(text.length + 1)
  if (random.below(3) === 0) return text.slice(from, from + random.below(120))
  const start = text.lastIndexOf('\n', from) + 1
  const ends = text.indexOf('\n', from)
  return text.slice(start, ends < 0 ? text.length : ends + 1)
}

function replaceWord(text: string, at: number, word: string): string {
  const pattern = /[\w./:-]+/g
  pattern.lastIndex = at
  const found = pattern.exec(text)
  return found ? text.slice(0, found.index) + word + text.slice(pattern.lastIndex) : text + word
}

function withoutLine(text: string, at: number): string {
  const start = text.lastIndexOf('\n', at - 1) + 1
  const ends = text.indexOf('\n', at)
  return text.slice(0, start) + (ends < 0 ? '' : text.slice(ends + 1))
}
