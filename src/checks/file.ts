import { constants, type FileHandle, open, realpath } from 'node:fs/promises'
import type { FileCheck } from '../api/check.ts'
import { mayRead } from '../api/check-rights.ts'
import { formatDuration, type Millis } from '../lib/time.ts'
import { oneLine } from './one-line.ts'
import { type Failure, failed, type Outcome, type Run, unknown } from './run.ts'
import { within } from './time-limit.ts'

/** Files that hang (a server of NFS that is gone) must leave threads for what else the agent reads. */
const AT_ONCE = 2
/** In bytes: more is no number. */
const LONGEST = 64
const [LEAST, MOST] = [-2_147_483_648, 2_147_483_647]

/** Reads the files of file checks, below these folders only. */
export class Files {
  readonly #folders: readonly string[]
  readonly #waiting: (() => void)[] = []
  #reading = 0

  /** `folders`: absolute paths. */
  constructor(folders: readonly string[]) {
    this.#folders = folders
  }

  /**
   * Passes as `reads` has it: while the file has the number 0, or any number where `anyNumber` is true, which is in the outcome; or while it is
   * there.
   */
  look({ path, reads = 'Number' }: FileCheck, anyNumber: boolean, limit: Millis): Run {
    const found = this.#turn(() => (reads === 'Number' ? this.#number(path, anyNumber) : this.#existence(path)))
    const tooLate = unknown(`Reading ${path} took longer than ${formatDuration(limit)}`)
    return { outcome: within(limit, found, tooLate), ended: found.then(() => {}) }
  }

  async #turn(work: () => Promise<Outcome>): Promise<Outcome> {
    if (this.#reading >= AT_ONCE) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#reading++
    const outcome = await work()
    const next = this.#waiting.shift()
    if (next) next()
    else this.#reading--
    return outcome
  }

  async #existence(path: string): Promise<Outcome> {
    const place = await this.#locate(path)
    return 'refused' in place ? place.refused : { passed: true }
  }

  async #number(path: string, anyNumber: boolean): Promise<Outcome> {
    const place = await this.#locate(path)
    if ('refused' in place) return place.refused.unknown ? place.refused : unknown(place.refused.message)
    let text: string | undefined
    try {
      text = await beginning(place.real)
    } catch (error) {
      return unknown(`Cannot read ${path}: ${codeOf(error)}`)
    }
    if (text === undefined) return unknown(`Cannot read ${path}: it is no regular file`)
    return numberOutcome(path, text, anyNumber)
  }

  /** Where `path` leads to, symbolic links followed; refused where it leads nowhere, or out of the folders. */
  async #locate(path: string): Promise<{ readonly real: string } | { readonly refused: Failure }> {
    const isNamed = mayRead(path, this.#folders)
    try {
      const real = isNamed ? await realpath(path) : path
      const folders = isNamed ? await Promise.all(this.#folders.map(realFolder)) : []
      if (mayRead(real, folders)) return { real }
    } catch (error) {
      const code = codeOf(error)
      const isAbsent = code === 'ENOENT' || code === 'ENOTDIR'
      if (isAbsent) return { refused: failed(`File ${path} does not exist`) }
      return { refused: unknown(`Cannot read ${path}: ${code}`) }
    }
    const may = this.#folders.length === 0 ? 'no file' : `files below ${this.#folders.join(', ')} only`
    return { refused: unknown(`Cannot read ${path}: file checks may read ${may} (--file-check-folders)`) }
  }
}

function numberOutcome(path: string, text: string, anyNumber: boolean): Outcome {
  const [line = ''] = text.split('\n', 1)
  if (!/^\s*[-+]?[0-9]+\s*$/.test(line)) {
    return unknown(
      `File ${path} has no whole number in its first line${line.trim() === '' ? '' : `: "${shown(line)}"`}`,
    )
  }
  const number = Number(line)
  if (number < LEAST || number > MOST) {
    return unknown(`The number in ${path} is out of range, ${LEAST} to ${MOST}: ${shown(line)}`)
  }
  if (anyNumber) return { passed: true, number: number + 0 }
  return number === 0 ? { passed: true } : failed(`File ${path} has the number ${number}, not 0`)
}

function shown(line: string): string {
  const text = oneLine(line)
  return text.length > 20 ? `${text.slice(0, 20)}…` : text
}

/** Undefined where it is no regular file: a pipe or a device may never answer. */
async function beginning(path: string): Promise<string | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!(await file.stat()).isFile()) return undefined
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST), 0, LONGEST, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file?.close()
  }
}

async function realFolder(folder: string): Promise<string> {
  return await realpath(folder).catch(() => folder)
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
