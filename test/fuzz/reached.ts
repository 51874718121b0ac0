import { Session } from 'node:inspector'

interface CoverageRange {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

interface ScriptCoverage {
  readonly url: string
  readonly functions: readonly { readonly ranges: readonly CoverageRange[] }[]
}

/** Which of the sources' characters have run, by V8's own counters of its blocks. */
export class Reached {
  readonly #source: RegExp
  readonly #session = new Session()
  readonly #covered = new Map<string, Uint8Array>()

  constructor(source: RegExp) {
    this.#source = source
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  close(): void {
    this.#session.disconnect()
  }

  /** How many characters have run. */
  get size(): number {
    let size = 0
    for (const covered of this.#covered.values()) for (const is of covered) size += is
    return size
  }

  /** Whether anything ran since it was asked last that never had; it still counts as new. */
  isNew(): boolean {
    return this.#compare(false)
  }

  /** As isNew, and it is new no more. */
  take(): boolean {
    return this.#compare(true)
  }

  /** What ran until now is not asked for. */
  forget(): void {
    this.#read()
  }

  /** How often each function or block ran since it was asked last, all in all. */
  blocksRun(): number {
    let sum = 0
    for (const { functions } of this.#read()) {
      for (const { ranges } of functions) for (const { count } of ranges) sum += count
    }
    return sum
  }

  #compare(keep: boolean): boolean {
    let isNew = false
    for (const { url, functions } of this.#read()) {
      const ran = new Uint8Array(Math.max(...functions.map(({ ranges }) => ranges[0]?.endOffset ?? 0)))
      // Outer ranges come before those within them.
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
      }
      const covered = this.#coveredOf(url, ran.length)
      for (let i = 0; i < ran.length; i++) {
        if (ran[i] !== 1 || covered[i] === 1) continue
        isNew = true
        if (!keep) break
        covered[i] = 1
      }
    }
    return isNew
  }

  /** Functions that have not run yet may be missing, also at the end. */
  #coveredOf(url: string, length: number): Uint8Array {
    const known = this.#covered.get(url)
    if (known && known.length >= length) return known
    const covered = new Uint8Array(length)
    if (known) covered.set(known)
    this.#covered.set(url, covered)
    return covered
  }

  #read(): readonly ScriptCoverage[] {
    let all: readonly ScriptCoverage[] = []
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error) throw error
      all = result
    })
    return all.filter(({ url }) => this.#source.test(url))
  }
}
