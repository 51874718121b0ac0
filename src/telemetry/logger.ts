import { isatty } from 'node:tty'
import { type DestinationStream, destination as openDestination, pino, stdTimeFunctions } from 'pino'
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

/** Where log lines go when nobody says otherwise: standard error. */
const STANDARD_ERROR = 2
/** Lines that nobody reads are dropped beyond this, in bytes, rather than kept for ever. */
const MOST_UNWRITTEN = 4 << 20

/**
 * One line for each event: JSON, or text for people (`auto`: text on a terminal). Lines are written behind the caller's back, by
 * libuv's threads: a reader that is stuck never holds up a virtual router. What is still unwritten goes out as the process exits.
 */
export function createLogger(options: {
  readonly level: string
  readonly format?: 'auto' | 'json' | 'text'
  readonly destination?: DestinationStream
}): Logger {
  const { level, format = 'auto', destination } = options
  if (!(level in pino.levels.values)) {
    throw new Error(`Unknown log level "${level}": --log-level is one of ${Object.keys(pino.levels.values).join(', ')}`)
  }
  const text = format === 'text' || (format === 'auto' && destination === undefined && isatty(STANDARD_ERROR))
  const out = destination ?? openDestination({ fd: STANDARD_ERROR, sync: false, maxLength: MOST_UNWRITTEN })
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    text ? { write: (line: string) => out.write(textLine(line)) } : out,
  )
}
