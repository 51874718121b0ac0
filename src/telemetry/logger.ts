import { setTimeout as sleep } from 'node:timers/promises'
import { isatty } from 'node:tty'
import { type DestinationStream, destination as openDestination, pino, stdTimeFunctions } from 'pino'
import type { Millis } from '../lib/time.ts'
import { textLine } from './text-line.ts'

/** A sentence an operator understands, with fields to search by where there are any (`err`: an Error). */
export interface Logger {
  readonly trace: LogLine
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
  /** The process ends because of it. */
  readonly fatal: LogLine
}

export interface LogLine {
  (message: string): void
  (fields: object, message: string): void
}

/** A logger, and what becomes of its lines. */
export interface Log {
  readonly logger: Logger
  /** Lines that were left out so far, for nobody read those before. */
  dropped(): number
  /** The last line is written. False where somebody who does not read has not let that happen `within`: then a normal end would not come either. */
  end(within: Millis): Promise<boolean>
}

/** Where log lines go when nobody says otherwise: standard error. */
const STANDARD_ERROR = 2
/** Lines that nobody reads are dropped beyond this, in bytes, rather than kept for ever. */
const MOST_UNWRITTEN = 4 << 20

/**
 * One line for each event: JSON, or text for people (`auto`: text on a terminal). Lines are written behind the caller's back, by
 * libuv's threads: a reader that is stuck, or a disk that is full, never holds up a virtual router. What is still unwritten goes out as the
 * process exits.
 */
export function createLogger(options: LogOptions): Logger {
  return openLog(options).logger
}

interface LogOptions {
  readonly level: string
  readonly format?: 'auto' | 'json' | 'text'
  readonly destination?: DestinationStream
}

/** As createLogger, for who asks what became of the lines. */
export function openLog({ level, format = 'auto', destination }: LogOptions): Log {
  if (!(level in pino.levels.values)) {
    throw new Error(`Unknown log level "${level}": --log-level is one of ${Object.keys(pino.levels.values).join(', ')}`)
  }
  const text = format === 'text' || (format === 'auto' && destination === undefined && isatty(STANDARD_ERROR))
  const file = destination ? undefined : openDestination({ fd: STANDARD_ERROR, sync: false, maxLength: MOST_UNWRITTEN })
  const out = destination ?? file
  /** Nothing waits to be written. */
  let isIdle = true
  const write = (line: string) => {
    isIdle = false
    out?.write(text ? textLine(line) : line)
  }
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    { write },
  )
  let dropped = 0
  let told = 0
  file?.on('drop', () => {
    dropped++
  })
  file?.on('drain', () => {
    isIdle = true
    const lost = dropped - told
    told = dropped
    if (lost > 0) logger.warn(`${lost} log lines were left out here: nobody read those before`)
  })
  // Who can't write its log goes on without.
  file?.on('error', () => {})
  return {
    logger,
    dropped: () => dropped,
    async end(within) {
      if (!file || isIdle) return true
      const drained = new Promise<boolean>(resolve => file.once('drain', () => resolve(true)))
      const waiting = new AbortController()
      const late = sleep(within, false, { signal: waiting.signal })
      // A timer that is left would keep the process from ending.
      return Promise.race([drained, late]).finally(() => waiting.abort())
    },
  }
}
