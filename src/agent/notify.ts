import { closeSync, constants, openSync, statSync, writeSync } from 'node:fs'
import type { RouterStateName } from '../api/virtual-ip.ts'
import { execute } from '../checks/exec.ts'
import type { Family } from '../lib/ip-address.ts'
import type { Millis } from '../lib/time.ts'
import { lastErrno, mkfifo } from '../linux/libc.ts'

/** A program that takes longer is ended. */
const LONGEST: Millis = 60_000
/** How long this agent stays for the programs it has started, when it ends. */
const LAST: Millis = 5000

export interface NotifySettings {
  /** A program, run at every transition with four arguments, as keepalived runs its `notify` scripts: `INSTANCE web MASTER 200`. */
  readonly program?: string
  /** A FIFO, made where there is none, that gets a line for every transition, in their order: `INSTANCE "web" MASTER 200`. */
  readonly fifo?: string
  /** A program failed, or the FIFO takes no more. */
  readonly complain: (sentence: string) => void
}

/** All virtual routers of a group that users have named are in another state than before. */
export interface GroupTransitioned {
  readonly group: string
  readonly state: RouterStateName
  readonly reason: string
}

/** A virtual router is in another state than before. */
export interface Transitioned {
  readonly virtualIP: string
  readonly family: Family
  readonly state: RouterStateName
  readonly reason: string
  /** Effective. */
  readonly priority: number
}

/** In keepalived's words. */
interface Told {
  readonly what: 'GROUP' | 'INSTANCE'
  readonly name: string
  /** Of an INSTANCE. */
  readonly family?: Family
  readonly state: string
  readonly priority: number
}

/**
 * Tells programs of other people what becomes of virtual routers. Of one router a program is run at a time; what it was while one ran, and is no
 * longer, is not told to it: the FIFO tells all.
 */
export class Notify {
  readonly #settings: NotifySettings
  readonly #fifo: number | undefined
  /** Whether the FIFO took the last line not. */
  #isRefused = false
  readonly #ending = new AbortController()
  /** What to run when the program that runs for a router has ended. */
  readonly #next = new Map<string, Told>()
  readonly #running = new Map<string, Promise<void>>()

  /** Throws a sentence where the FIFO can't be made or opened. */
  constructor(settings: NotifySettings) {
    this.#settings = settings
    this.#fifo = settings.fifo === undefined ? undefined : openFifo(settings.fifo)
  }

  tell(transitioned: Transitioned | GroupTransitioned): void {
    const told = inWords(transitioned)
    if (told === undefined) return
    this.#write(told)
    if (this.#settings.program === undefined) return
    const key = told.family === undefined ? told.name : `${told.name} ${told.family}`
    this.#next.set(key, told)
    if (!this.#running.has(key)) this.#running.set(key, this.#run(key, this.#settings.program))
  }

  /** Resolves when the programs have ended, or some seconds later. */
  async close(): Promise<void> {
    const limit = setTimeout(() => this.#ending.abort(), LAST)
    await Promise.all(this.#running.values())
    clearTimeout(limit)
    if (this.#fifo !== undefined) closeSync(this.#fifo)
  }

  async #run(key: string, program: string): Promise<void> {
    for (let told = this.#next.get(key); told; told = this.#next.get(key)) {
      this.#next.delete(key)
      const { what, name, family, state, priority } = told
      const command = [program, what, name, state, String(priority)]
      const environment: Record<string, string> = family === undefined ? {} : { KUBE_VRRP_FAMILY: family }
      const { outcome, ended } = execute(command, LONGEST, this.#ending.signal, environment)
      const result = await outcome
      if (!result.passed) this.#settings.complain(`${command.join(' ')}: ${result.message}`)
      await ended
    }
    this.#running.delete(key)
  }

  #write({ what, name, state, priority }: Told): void {
    if (this.#fifo === undefined) return
    try {
      writeSync(this.#fifo, `${what} "${name}" ${state} ${priority}\n`)
      this.#isRefused = false
    } catch (error) {
      if (this.#isRefused) return
      this.#isRefused = true
      const { code } = error as NodeJS.ErrnoException
      const why = code === 'EAGAIN' ? 'it is full, for nobody reads it' : code
      this.#settings.complain(`Cannot tell ${this.#settings.fifo} that ${name} is ${state}: ${why}`)
    }
  }
}

/** keepalived gives a group the priority 0. Undefined: it has no word for that state. */
function inWords(transitioned: Transitioned | GroupTransitioned): Told | undefined {
  const state = stateName(transitioned)
  if (state === undefined) return undefined
  if ('group' in transitioned) return { what: 'GROUP', name: transitioned.group, state, priority: 0 }
  const { virtualIP, family, priority } = transitioned
  return { what: 'INSTANCE', name: virtualIP, family, state, priority }
}

/** keepalived's word; undefined: it has none. */
function stateName({ state, reason }: Pick<Transitioned, 'state' | 'reason'>): string | undefined {
  if (state !== 'INITIALIZE') return state
  return reason === 'Shutdown' ? 'STOP' : undefined
}

/** Opened for reading too: so it stays, and what is written is not lost, while nobody reads. */
function openFifo(path: string): number {
  if (mkfifo(path, 0o600) !== 0) {
    const errno = lastErrno()
    if (errno !== 'EEXIST') throw new Error(`Cannot make the FIFO ${path}: ${errno}`)
  }
  if (!statSync(path).isFIFO())
    throw new Error(`${path} is there and is no FIFO (--notify-fifo): remove it, or name another`)
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
}
