import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** One part of a long run: `docs/runs/<name>.jsonl` has a line of each. */
export interface RecordedRun {
  /** When it ended (RFC 3339). */
  readonly at: string
  /** What it ran on; `+` where the tree had changes. */
  readonly commit: string
  /** What a person types to run such a part. */
  readonly command: string
  readonly seconds: number
  /** Where it is what happens that is random. */
  readonly seed?: number
  /** Counts, which are added up over all parts. */
  readonly counts: Readonly<Record<string, number>>
  /** Single measurements by what was measured, which are put together over all parts. */
  readonly samples?: Readonly<Record<string, readonly number[]>>
  /** What else a reader wants to see, e.g. a packet in hexadecimal, by what it shows. */
  readonly notes?: Readonly<Record<string, string>>
}

/** Appends a part to those that were run before. */
export function recordRun(name: string, run: Omit<RecordedRun, 'at' | 'commit'>): void {
  mkdirSync(folder, { recursive: true })
  const recorded: RecordedRun = { at: new Date().toISOString(), commit: commit(), ...run }
  appendFileSync(pathOf(name), `${JSON.stringify(recorded)}\n`)
}

/** Every part that was run, oldest first. */
export function recordedRuns(name: string): RecordedRun[] {
  if (!existsSync(pathOf(name))) return []
  const lines = readFileSync(pathOf(name), 'utf8').trimEnd().split('\n')
  return lines.map(line => JSON.parse(line) as RecordedRun)
}

/** The long runs of which parts were recorded. */
export function recordedNames(): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .flatMap(file => /^(.+)\.jsonl$/.exec(file)?.[1] ?? [])
    .sort()
}

const folder = fileURLToPath(new URL('../../docs/runs', import.meta.url))

function pathOf(name: string): string {
  return `${folder}/${name}.jsonl`
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim()
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--', '../../src') === '' ? '' : '+'}`
}
