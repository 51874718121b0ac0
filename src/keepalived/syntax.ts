/** A line of keepalived.conf, with the block that follows it. */
export interface Statement {
  readonly keyword: string
  /** What follows the keyword, unquoted. */
  readonly words: readonly string[]
  /** From 1. */
  readonly line: number
  readonly block?: readonly Statement[]
}

export interface SyntaxProblem {
  readonly line: number
  readonly keyword: string
  readonly sentence: string
}

/** The statements of a keepalived.conf; what is wrong with its braces and quotes is told, and the rest is read all the same. */
export function parseSyntax(text: string): { statements: Statement[]; problems: SyntaxProblem[] } {
  const problems: SyntaxProblem[] = []
  const statements: Statement[] = []
  const open: { readonly keyword: string; readonly line: number; readonly block: Statement[] }[] = []
  let words: string[] = []
  let line = 0
  let ended = false

  const finish = (block?: Statement[]) => {
    const [keyword, ...rest] = words
    const into = open.at(-1)?.block ?? statements
    if (keyword !== undefined) into.push({ keyword, words: rest, line, ...(block ? { block } : {}) })
    words = []
    ended = false
  }

  for (const [i, row] of text.split(/\r?\n/).entries()) {
    for (const token of tokensOf(row)) {
      if (token.type === 'word') {
        if (ended) finish()
        if (words.length === 0) line = i + 1
        words.push(token.text)
        if (!token.closed)
          problems.push({
            line: i + 1,
            keyword: words[0] ?? '',
            sentence: 'has a quote that is not closed: read to the end of the line',
          })
      } else if (token.type === 'open') {
        // A block may open on a line after its keyword.
        if (words.length === 0) line = i + 1
        const [keyword = '{'] = words
        words = [keyword, ...words.slice(1)]
        const block: Statement[] = []
        const isTooDeep = open.length === DEEPEST
        if (isTooDeep) problems.push({ line: i + 1, keyword, sentence: `is a block in ${DEEPEST} others: left out` })
        finish(open.length < DEEPEST ? block : undefined)
        open.push({ keyword, line: i + 1, block })
      } else {
        finish()
        if (!open.pop()) problems.push({ line: i + 1, keyword: '}', sentence: 'closes no block: ignored' })
      }
    }
    ended = true
  }
  finish()
  for (const { line, keyword } of open) {
    problems.push({ line, keyword, sentence: 'has no closing brace: its block is read to the end of the file' })
  }
  return { statements, problems }
}

/** Far deeper than keepalived goes. */
const DEEPEST = 50

type Token =
  | { readonly type: 'word'; readonly text: string; readonly closed: boolean }
  | { readonly type: 'open' | 'close' }

/** Words, in double quotes or not, and braces of a line; `#` and `!` begin a comment anywhere but in quotes. No escapes. */
function tokensOf(row: string): Token[] {
  const pattern = /[#!].*|(?<brace>[{}])|"(?<quoted>[^"]*)(?<end>"?)|(?<plain>(?:\$\{[^{}]*\}|[^\s#!{}"])+)/g
  return [...row.matchAll(pattern)].flatMap(({ groups = {} }): Token[] => {
    const { brace, quoted, end, plain } = groups
    if (brace !== undefined) return [{ type: brace === '{' ? 'open' : 'close' }]
    const text = quoted ?? plain
    return text === undefined ? [] : [{ type: 'word', text, closed: end !== '' }]
  })
}
