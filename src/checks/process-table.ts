import { closeSync, openSync, readSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Files read in one turn of the event loop: about 0.2 ms. */
const FILES_A_TURN = 64

/**
 * Answers whether a process of a name runs, from /proc and without a fork. Names asked for in the same turn share one scan; a name
 * that was found is looked for at the same PID first, so a check that passes costs one small file. Scans never overlap.
 *
 * A process is called `name` when its comm is exactly that, or the file name of its argv[0] is. `pgrep NAME` searches comm for a
 * regular expression, so that `pgrep nginx` is content with `nginx-exporter`; a check that decides where an address goes should not
 * be. argv[0] is there because comm is cut to 15 bytes and programs rename it (Node.js calls itself `node-MainThread`).
 * Zombies run nothing, and like pgrep we don't count ourselves.
 */
export class ProcessTable {
  readonly #root: string
  readonly #lastSeen = new Map<string, string>()
  #asked = new Map<string, Answer[]>()
  #serving = false
  #filesRead = 0

  constructor(root = '/proc') {
    this.#root = root
  }

  /** Rejects where the table can't be read. */
  isRunning(name: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const answers = this.#asked.get(name) ?? []
      this.#asked.set(name, [...answers, { resolve, reject }])
      if (!this.#serving) this.#serve()
    })
  }

  async #serve(): Promise<void> {
    this.#serving = true
    while (this.#asked.size > 0) {
      await nextTurn()
      const asked = this.#asked
      this.#asked = new Map()
      await this.#answer(asked)
    }
    this.#serving = false
  }

  async #answer(asked: ReadonlyMap<string, readonly Answer[]>): Promise<void> {
    try {
      const running = await this.#find(new Set(asked.keys()))
      for (const [name, answers] of asked) for (const { resolve } of answers) resolve(running.has(name))
    } catch (error) {
      for (const answers of asked.values()) for (const { reject } of answers) reject(error)
    }
  }

  /** Which of `names` run: at the PID where each was last, then by every comm, then by every argv[0]. */
  async #find(names: ReadonlySet<string>): Promise<Set<string>> {
    const found = new Map<string, string>()
    for (const name of names) {
      const pid = this.#lastSeen.get(name)
      if (pid !== undefined && (await this.#isStill(name, pid))) found.set(name, pid)
    }
    const pids = found.size < names.size ? await this.#pids() : []
    for (const pid of pids) this.#note(await this.#comm(pid), pid, names, found)
    for (const pid of found.size < names.size ? pids : []) this.#note(await this.#program(pid), pid, names, found)
    for (const [name, pid] of found) this.#lastSeen.set(name, pid)
    return new Set(found.keys())
  }

  #note(name: string | undefined, pid: string, names: ReadonlySet<string>, found: Map<string, string>): void {
    if (name !== undefined && names.has(name) && !found.has(name) && this.#isAlive(pid)) found.set(name, pid)
  }

  async #isStill(name: string, pid: string): Promise<boolean> {
    if (!this.#isAlive(pid)) return false
    return (await this.#comm(pid)) === name || (await this.#program(pid)) === name
  }

  async #pids(): Promise<string[]> {
    try {
      const entries = await readdir(this.#root)
      return entries.filter(entry => /^[1-9][0-9]*$/.test(entry) && entry !== String(process.pid))
    } catch (cause) {
      throw new Error(`Cannot read ${this.#root}: ${(cause as NodeJS.ErrnoException).code}`, { cause })
    }
  }

  async #comm(pid: string): Promise<string | undefined> {
    if (++this.#filesRead % FILES_A_TURN === 0) await nextTurn()
    return this.#read(pid, 'comm')?.slice(0, -1)
  }

  /** The file name of argv[0]. Off the loop: reading a process's memory waits for as long as that process holds its lock. */
  async #program(pid: string): Promise<string | undefined> {
    try {
      const [argument] = (await readFile(`${this.#root}/${pid}/cmdline`, 'utf8')).split('\0', 1)
      return argument?.slice(argument.lastIndexOf('/') + 1)
    } catch {
      return undefined
    }
  }

  /** By its state in stat, which follows the last parenthesis: comm may hold any. */
  #isAlive(pid: string): boolean {
    const stat = this.#read(pid, 'stat')
    const state = stat?.[stat.lastIndexOf(')') + 2]
    return state !== undefined && state !== 'Z' && state !== 'X'
  }

  /** Undefined for a process that has ended since. These files are made on reading and never wait for anybody. */
  #read(pid: string, file: 'comm' | 'stat'): string | undefined {
    let descriptor: number | undefined
    try {
      descriptor = openSync(`${this.#root}/${pid}/${file}`, 'r')
      return BUFFER.toString('utf8', 0, readSync(descriptor, BUFFER))
    } catch {
      return undefined
    } finally {
      if (descriptor !== undefined) closeSync(descriptor)
    }
  }
}

interface Answer {
  readonly resolve: (running: boolean) => void
  readonly reject: (error: unknown) => void
}

/** More than /proc/PID/stat ever has. */
const BUFFER = Buffer.alloc(4096)
