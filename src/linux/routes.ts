import { type Family, formatPrefix, type Prefix } from '../lib/ip-address.ts'
import { encodeRouteDump, type Hop, MAIN_TABLE, type RouteMessage } from './route-messages.ts'
import { NO_GROUPS, RouteSocket } from './route-socket.ts'
import { errnoName, SyscallError } from './syscall-error.ts'

/**
 * Finds routes in the kernel's main table. Those asked for in the same turn share one reading of it, and readings never overlap. A packet is
 * read each turn of the event loop (some hundred routes), so that a table of a router of the Internet holds up nobody.
 */
export class Routes {
  #socket: RouteSocket | undefined
  #sequence = 0
  #asked: Question[] = []
  #reading: Reading | undefined

  /** Where the routes to exactly this network lead. Rejects with a SyscallError where they can't be read. */
  find(destination: Prefix): Promise<readonly Hop[]> {
    return new Promise((resolve, reject) => {
      // Throws a SyscallError, which rejects.
      this.#open()
      this.#asked.push({ destination, text: formatPrefix(destination), resolve, reject })
      // In the same turn there may be more.
      if (!this.#reading && this.#asked.length === 1) setImmediate(() => this.#next())
    })
  }

  close(): void {
    this.#fail(new SyscallError('read routes', 'ECANCELED'))
    this.#socket?.close()
    this.#socket = undefined
  }

  /** The questions of one family, together. */
  #next(): void {
    const [first] = this.#asked
    if (!first || this.#reading) return
    const { family } = first.destination.address
    const isOf = ({ destination }: Question) => destination.address.family === family
    const questions = this.#asked.filter(isOf)
    this.#asked = this.#asked.filter(question => !isOf(question))
    this.#read({ family, questions, found: new Map(), sequence: ++this.#sequence, left: MOST_READINGS })
  }

  #read(reading: Reading): void {
    this.#reading = reading
    try {
      this.#open().send(encodeRouteDump(reading.family, reading.sequence))
    } catch (error) {
      this.#fail(error)
    }
  }

  #open(): RouteSocket {
    if (this.#socket) return this.#socket
    const socket = new RouteSocket(NO_GROUPS, 1)
    this.#socket = socket
    socket.watch(() => {
      try {
        socket.drain(({ sequence, message }) => this.#take(sequence, message), 1)
      } catch (error) {
        this.#fail(error)
      }
    })
    return socket
  }

  #take(sequence: number, message: RouteMessage): void {
    const reading = this.#reading
    if (!reading || sequence !== reading.sequence) return
    if (message.type === 'Answer') this.#fail(new SyscallError('read routes', errnoName(message.errno)))
    else if (message.type === 'DumpDone') this.#done(reading, message.disturbed === true)
    else if (message.type === 'Route' && message.route?.table === MAIN_TABLE) {
      const { destination, hops } = message.route
      const text = formatPrefix(destination)
      if (reading.questions.some(question => question.text === text)) {
        reading.found.set(text, [...(reading.found.get(text) ?? []), ...hops])
      }
    }
  }

  #done(reading: Reading, disturbed: boolean): void {
    // What was changed meanwhile may not be in it, although it was there all the time.
    if (disturbed && reading.left > 1) {
      this.#read({ ...reading, found: new Map(), sequence: ++this.#sequence, left: reading.left - 1 })
      return
    }
    this.#reading = undefined
    for (const { text, resolve } of reading.questions) resolve(reading.found.get(text) ?? [])
    this.#next()
  }

  #fail(error: unknown): void {
    const questions = [...(this.#reading?.questions ?? []), ...this.#asked]
    this.#reading = undefined
    this.#asked = []
    for (const { reject } of questions) reject(error)
  }
}

interface Question {
  readonly destination: Prefix
  readonly text: string
  readonly resolve: (hops: readonly Hop[]) => void
  readonly reject: (error: unknown) => void
}

interface Reading {
  readonly family: Family
  readonly questions: readonly Question[]
  readonly found: Map<string, Hop[]>
  readonly sequence: number
  /** How many readings may be tried, this one included. */
  readonly left: number
}

/** Where routes never rest, the fourth reading is believed. */
const MOST_READINGS = 4
