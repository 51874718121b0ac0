import { isFilePath } from '../api/file-path.ts'
import { type Given, integerBetween, numberBetween, optional, read, type Say, sayOthers } from './given.ts'
import { scriptCommand, splitCommand } from './script-command.ts'
import type { Statement } from './syntax.ts'

/** A script, a link, a file or a process that is tracked, and what it weighs there. */
export interface Weighted {
  readonly name: string
  readonly weight?: number
  /** It weighs the other way round. */
  readonly reverse?: true
}

export interface Script {
  readonly line: number
  readonly check: ReturnType<typeof scriptCommand>['check']
  /** In seconds. */
  readonly interval?: number
  /** In seconds. */
  readonly timeout?: number
  readonly fall?: number
  readonly rise?: number
  readonly weight?: number
  /** It weighs the other way round. */
  readonly reverse?: true
}

/** A vrrp_track_file. */
export interface TrackFile {
  readonly line: number
  readonly path: string
  readonly weight: number
  readonly reverse: boolean
}

/** A vrrp_track_process. */
export interface TrackProcess {
  readonly line: number
  /** The process's name. */
  readonly process: string
  readonly weight: number
  readonly reverse: boolean
}

export function readScript(statement: Statement, say: Say): [string, Script][] {
  if (statement.keyword !== 'vrrp_script') return []
  const { line, words, block = [] } = statement
  const [name] = words
  sayOthers(block, ['script', 'interval', 'timeout', 'fall', 'rise', 'weight'], say)
  const check = read(block, 'script', say, readCommand)?.value
  if (name === undefined || check === undefined) {
    say(line, 'vrrp_script', 'has no name or no command that could be run: left out')
    return []
  }
  const seconds = numberBetween(0.1, 3600)
  return [
    [
      name,
      {
        line,
        check,
        ...optional('interval', read(block, 'interval', say, seconds)?.value),
        ...optional('timeout', read(block, 'timeout', say, seconds)?.value),
        ...optional('fall', read(block, 'fall', say, integerBetween(1, 1000))?.value),
        ...optional('rise', read(block, 'rise', say, integerBetween(1, 1000))?.value),
        ...optional('weight', read(block, 'weight', say, integerBetween(-253, 253))?.value),
        ...(isReversed(block) ? { reverse: true } : {}),
      },
    ],
  ]
}

export function readTrackFile(statement: Statement, say: Say): [string, TrackFile][] {
  const { keyword, line, words, block = [] } = statement
  if (keyword !== 'vrrp_track_file' && keyword !== 'track_file') return []
  const [name] = words
  sayOthers(block, ['file', 'weight'], say)
  const path = read(block, 'file', say, ({ words: [text = ''] }) => (isFilePath(text) ? text : undefined))?.value
  if (name === undefined || path === undefined) {
    say(line, keyword, 'has no name or no file with an absolute path: left out')
    return []
  }
  return [[name, { line, path, ...readWeight(block, 1, say) }]]
}

export function readTrackProcess(statement: Statement, say: Say): [string, TrackProcess][] {
  const { keyword, line, words, block = [] } = statement
  if (keyword !== 'vrrp_track_process' && keyword !== 'track_process') return []
  const [name] = words
  sayOthers(block, ['process', 'weight'], say)
  const process = read(
    block,
    'process',
    say,
    ({ words }) => /^(?:.*\/)?([^/\s]{1,255})$/.exec(words[0] ?? '')?.[1],
  )?.value
  if (name === undefined || process === undefined) {
    say(line, keyword, 'has no name or no process that is only a name: left out')
    return []
  }
  return [[name, { line, process, ...readWeight(block, 0, say) }]]
}

export function readWeighted({ keyword: name, words, line }: Statement, say: Say): Given<Weighted> {
  const [option, number = '', ...rest] = words
  if (option === undefined) return { value: { name }, line }
  const weight = option === 'weight' ? integerBetween(-253, 253)({ keyword: option, words: [number], line }) : undefined
  const reverse = rest[0] === 'reverse'
  const isDirected = reverse || rest[0] === 'noreverse' || rest[0] === 'no_reverse'
  if (weight === undefined || rest.length > (isDirected ? 1 : 0)) {
    say(line, name, `"${words.join(' ')}" has no equal: ignored`)
    return { value: { name }, line }
  }
  return { value: reverse ? { name, weight, reverse } : { name, weight }, line }
}

function readWeight(block: readonly Statement[], otherwise: number, say: Say): { weight: number; reverse: boolean } {
  const weight = read(block, 'weight', say, integerBetween(-253, 253))?.value ?? otherwise
  return { weight, reverse: isReversed(block) }
}

function isReversed(block: readonly Statement[]): boolean {
  return block.findLast(({ keyword }) => keyword === 'weight')?.words[1] === 'reverse'
}

function readCommand({ words, line }: Statement, say: Say): Script['check'] | undefined {
  const [text = '', ...ignored] = inSingleQuotes(words)
  // `</dev/tcp/…`: keepalived's own way to try a port.
  if (text === '' || text.startsWith('<')) return undefined
  if (ignored.length > 0) {
    say(
      line,
      'script',
      `"${ignored.join(' ')}" is ignored, as by keepalived: a command with arguments must be in quotes`,
    )
  }
  const { check, difference } = scriptCommand(splitCommand(text))
  if (difference !== undefined) say(line, 'script', difference)
  return check
}

/** Here, unlike elsewhere, keepalived takes single quotes for quotes. */
function inSingleQuotes(words: readonly string[]): readonly string[] {
  const [, quoted, rest = ''] = /^'([^']*)'(.*)$/.exec(words.join(' ')) ?? []
  return quoted === undefined ? words : [quoted, ...rest.split(' ').filter(word => word !== '')]
}
