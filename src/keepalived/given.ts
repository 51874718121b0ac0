import type { Statement } from './syntax.ts'
import { withoutEqual } from './without-equal.ts'

/** A value and the row that gives it. */
export interface Given<T> {
  readonly value: T
  readonly line: number
}

/** Says something of a row of the text. */
export type Say = (line: number, keyword: string, sentence: string) => void

/** The last statement of this keyword counts, as for keepalived. */
export function read<T>(
  statements: readonly Statement[],
  keyword: string,
  say: Say,
  value: (statement: Statement, say: Say) => T | undefined,
): Given<T> | undefined {
  const all = statements.filter(statement => statement.keyword === keyword)
  const last = all.at(-1)
  if (!last) return undefined
  for (const { line } of all.slice(0, -1)) say(line, keyword, 'said again further on, which counts')
  const found = value(last, say)
  if (found !== undefined) return { value: found, line: last.line }
  say(last.line, keyword, `"${last.words.join(' ')}" is not possible here: read as if it were not there`)
  return undefined
}

export function numberBetween(least: number, most: number): (statement: Statement) => number | undefined {
  return ({ words }) => {
    const number = /^-?[0-9]+(\.[0-9]+)?$/.test(words[0] ?? '') ? Number(words[0]) : Number.NaN
    return number >= least && number <= most ? number : undefined
  }
}

export function integerBetween(least: number, most: number): (statement: Statement) => number | undefined {
  return statement => {
    const number = numberBetween(least, most)(statement)
    return Number.isInteger(number) ? number : undefined
  }
}

export function inBlocks(statements: readonly Statement[], keyword: string): Statement[] {
  return statements.filter(statement => statement.keyword === keyword).flatMap(({ block = [] }) => block)
}

export function sayOthers(statements: readonly Statement[], known: readonly string[], say: Say): void {
  for (const { keyword, line } of statements) if (!known.includes(keyword)) say(line, keyword, withoutEqual(keyword))
}

export function optional<Name extends string, T>(name: Name, value: T | undefined): { [Key in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: T })
}
