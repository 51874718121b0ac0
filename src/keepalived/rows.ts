import { withoutComment } from './comment.ts'
import { asHere, folderOf, folderThere, HOME, type ReadIncluded } from './include.ts'
import { repetitionOf } from './repetition.ts'
import type { SyntaxProblem } from './syntax.ts'
import { substitute, undefinedIn } from './variables.ts'

/** A row of what keepalived reads, and where it stands. */
export interface Row {
  readonly text: string
  readonly at: Place
}

export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
}

export interface Source {
  /** As it was opened, and as notes name it. */
  readonly file: string
  readonly text: string
}

export interface Surroundings {
  /** What `@…` is compared with: keepalived's `-i`, else the first part of the host's name. */
  readonly configID: string
  /** Those of all nodes: what is for another one of them is nothing to be told of. */
  readonly configIDs: ReadonlySet<string>
  readonly include: ReadIncluded
}

/**
 * What keepalived works out before it reads a statement, keepalived.conf(5): other files, lines for some hosts only, variables, repeated
 * lines. Each line of the file is a row; one that is worked out is empty, and what it stands for follows. Problems count rows from 1.
 */
export function workOut(source: Source, surroundings: Surroundings): { rows: Row[]; problems: SyntaxProblem[] } {
  const work = new Work(source.file, surroundings)
  work.read(source, [])
  work.sayUnused()
  return { rows: work.rows, problems: work.problems }
}

/** A row, those that follow it in the definition of several lines that it begins, the files that it is in, and how often it was made of another. */
interface Line extends Row {
  readonly further: readonly Row[]
  readonly within: readonly string[]
  readonly depth: number
}

/** A value of one line, or lines that are rows where the variable stands alone in one. */
interface Definition {
  readonly lines: readonly Row[]
  /** From 1. */
  readonly row: number
  used: boolean
}

/** Far more than keepalived could hold; what refers to itself would never end. */
const [MOST_CHARACTERS, DEEPEST] = [1_000_000, 30]

class Work {
  readonly rows: Row[] = []
  readonly problems: SyntaxProblem[] = []
  readonly #main: string
  readonly #surroundings: Surroundings
  readonly #definitions = new Map<string, Definition>()
  readonly #unknownIDs = new Set<string>()
  #file: string
  #left = MOST_CHARACTERS

  constructor(main: string, surroundings: Surroundings) {
    this.#main = main
    this.#file = main
    this.#surroundings = surroundings
  }

  /** `within`: the files that include it. */
  read({ file, text }: Source, within: readonly string[]): void {
    this.#file = file
    const rows = text.split(/\r?\n/).map((text, i): Row => ({ text, at: { file, line: i + 1 } }))
    for (let i = 0; i < rows.length; ) {
      const [row, ...further] = linesOfDefinition(rows, i)
      if (row) this.#line({ ...row, further, within: [...within, file], depth: 0 })
      i += 1 + further.length
    }
  }

  sayUnused(): void {
    for (const [name, definition] of this.#definitions) this.#sayIfUnused(name, definition)
  }

  #line(line: Line): void {
    const text = withoutComment(line.text).trim()
    if (!/^@|^~|\$|^include[rmwba]?\s/.test(text)) {
      this.rows.push({ text: line.text, at: line.at })
      return
    }
    this.#left -= text.length + 1
    const [, name, value = ''] = /^\$(\w+)=\s*(.*)$/s.exec(text) ?? []
    if (line.depth === DEEPEST || this.#left < 0) this.#sayTooMuch(text, line)
    else if (text.startsWith('@')) this.#forSome(text, line)
    else if (text.startsWith('~')) this.#repeat(text, line)
    else if (name !== undefined) this.#define(name, [{ text: value, at: line.at }, ...line.further])
    else this.#replace(text, line)
  }

  /** What is made of a line is read as a line again. */
  #again(text: string, { at, further, within, depth }: Line): void {
    this.#line({ text, at, further, within, depth: depth + 1 })
  }

  #forSome(text: string, line: Line): void {
    const [, not, id = '', rest = ''] = /^@(\^?)(\S*)\s*(.*)$/s.exec(text) ?? []
    const { configID, configIDs } = this.#surroundings
    if (!configIDs.has(id) && !this.#unknownIDs.has(id)) {
      this.#unknownIDs.add(id)
      const sentence = `none of the nodes here is called "${id}" (${[...configIDs].join(', ')}); if one of them is, say so: --config-id NODE=${id}`
      this.#say(`@${id}`, sentence, this.rows.length + 1)
    }
    if ((id === configID) === (not === '')) this.#again(rest, line)
    else for (const row of [line, ...line.further]) this.#emptyFor(row)
  }

  #replace(text: string, line: Line): void {
    const lines = this.#linesOf(/^\$(?:\{(\w+)\}|(\w+))$/.exec(text))
    if (lines) {
      this.#emptyFor(line)
      for (const { text, at } of lines) this.#again(text, { ...line, at, further: [] })
      return
    }
    const replaced = this.#replaced(text)
    const isInclude = /^include[rmwba]?\s/.test(text)
    if (/\$\{_PWD\}/.test(text) && !isInclude) this.#say('_PWD', `read as in ${HOME}`, this.rows.length + 1)
    if (this.#left < 0) this.#sayTooMuch(text, line)
    else if (replaced !== text) for (const part of replaced.split('\n')) this.#again(part, line)
    else if (isInclude) this.#include(text, line)
    else this.#take(text, line)
  }

  #take(text: string, { at }: Line): void {
    this.rows.push({ text, at })
    for (const name of undefinedIn(text)) {
      const isRandom = name.startsWith('${_RANDOM')
      const sentence = isRandom
        ? 'a random number: write one'
        : 'no such variable here: taken as it stands, as by keepalived'
      this.#say(name, sentence)
    }
  }

  #define(name: string, lines: readonly Row[]): void {
    for (const line of lines) this.#emptyFor(line)
    this.#sayIfUnused(name, this.#definitions.get(name))
    const bodies = lines.map(({ text, at }) => ({ text: text.replace(/\s*\\$/, ''), at }))
    const [first, ...others] = bodies
    const kept = first?.text === '' && others.length > 0 ? others : bodies
    const row = this.rows.length - lines.length + 1
    this.#definitions.set(name, { lines: kept, row, used: false })
  }

  /** The rows that a variable alone in its line stands for. */
  #linesOf(match: RegExpExecArray | null): readonly Row[] | undefined {
    const definition = this.#definitions.get(match?.[1] ?? match?.[2] ?? '')
    if (!definition || definition.lines.length < 2) return undefined
    definition.used = true
    return definition.lines
  }

  #replaced(text: string): string {
    return substitute(text, name => {
      const value = this.#valueOf(name)
      this.#left -= (value?.length ?? 0) + 1
      return this.#left < 0 ? undefined : value
    })
  }

  #valueOf(name: string): string | undefined {
    const definition = this.#definitions.get(name)
    if (definition) {
      definition.used = true
      return definition.lines.map(({ text }) => text).join('\n')
    }
    switch (name) {
      case '_INSTANCE':
        return this.#surroundings.configID
      case '_PWD':
        return folderThere(this.#file, this.#main)
      case '_HASH':
        return '#'
      case '_BANG':
        return '!'
    }
    return undefined
  }

  #repeat(text: string, line: Line): void {
    this.#emptyFor(line)
    const call = /^~\w+\([^()]*\)/.exec(text)?.[0] ?? ''
    const repetition = repetitionOf(this.#replaced(call))
    const rest = text.slice(call.length).trim()
    if (!repetition || rest === '') {
      this.#say(text.slice(0, 20), 'repeats nothing that could be read: left out')
      return
    }
    const before = (repetition[0] ?? []).map(([name]) => [name, this.#definitions.get(name)] as const)
    for (const values of repetition) {
      for (const [name, value] of values) {
        const lines = [{ text: value, at: line.at }]
        this.#definitions.set(name, { lines, row: this.rows.length, used: true })
      }
      this.#again(rest, line)
      if (this.#left < 0) return
    }
    for (const [name, definition] of before) {
      if (definition) this.#definitions.set(name, definition)
      else this.#definitions.delete(name)
    }
  }

  #include(text: string, line: Line): void {
    const { within } = line
    this.#emptyFor(line)
    const [keyword = '', pattern = ''] = text.split(/\s+(.*)/)
    const found = this.#surroundings.include(asHere(pattern, folderOf(this.#file), folderOf(this.#main)))
    if (found.length === 0) this.#say(keyword, `there is no ${pattern} here: ${WHERE}`)
    for (const { path, ...content } of found) {
      if ('problem' in content) this.#say(keyword, `cannot read ${path}: ${content.problem}: ${WHERE}`)
      else if (within.includes(path)) this.#say(keyword, `${path} includes itself: left out`)
      else if (within.length === DEEPEST) this.#say(keyword, `${path} is a file in ${DEEPEST} others: left out`)
      else {
        const before = this.#file
        this.read({ file: path, text: content.text }, within)
        this.#file = before
      }
    }
  }

  #sayTooMuch(text: string, line: Line): void {
    this.#emptyFor(line)
    this.#say(text.slice(0, 20), 'variables and repetitions make far too much of this: left out')
  }

  #sayIfUnused(name: string, definition: Definition | undefined): void {
    if (definition && !definition.used) this.#say(`$${name}`, 'nothing uses this value: left out', definition.row)
  }

  #emptyFor({ at }: Row): void {
    this.rows.push({ text: '', at })
  }

  #say(keyword: string, sentence: string, line = Math.max(1, this.rows.length)): void {
    this.problems.push({ line, keyword, sentence })
  }
}

const WHERE = 'left out; copy it to where this file would find it, and import again'

/** The row, and those that a definition goes on in: each but the last ends in a backslash. */
function linesOfDefinition(rows: readonly Row[], start: number): Row[] {
  const lines = rows.slice(start, start + 1).map(({ text, at }) => ({ text: withoutComment(text), at }))
  if (!/^\s*(?:@\S+\s+)*\$\w+=.*\\\s*$/.test(lines[0]?.text ?? '')) return rows.slice(start, start + 1)
  for (let i = start + 1; lines.at(-1)?.text.trimEnd().endsWith('\\') && i < rows.length; i++) {
    lines.push(...rows.slice(i, i + 1).map(({ text, at }) => ({ text: withoutComment(text).trim(), at })))
  }
  return lines
}
