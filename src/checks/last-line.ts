import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { Millis } from '../lib/time.ts'
import { oneLine } from './one-line.ts'

/** In characters. */
const MOST_KEPT = 4096
/** A command that writes without end is read at 64 KiB per this and otherwise left waiting: its output must not become our load. */
const PAUSE: Millis = 10

/** The last line that was written to any of the streams it follows, cut, without control characters. */
export class LastLine {
  readonly #streams: Readable[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #last = ''

  follow(stream: Readable): void {
    this.#streams.push(stream)
    const decoder = new StringDecoder('utf8')
    let unfinished = ''
    stream.on('data', (chunk: Buffer) => {
      const lines = (unfinished + decoder.write(chunk)).split(/[\r\n]+/)
      unfinished = (lines.pop() ?? '').slice(0, MOST_KEPT)
      this.#note(lines.findLast(line => oneLine(line) !== ''))
      this.#pause(stream)
    })
    stream.on('end', () => this.#note(unfinished))
    stream.on('error', () => {})
  }

  text(): string {
    return this.#last
  }

  /** Stops reading, whoever still writes. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    for (const stream of this.#streams) stream.destroy()
  }

  #note(line = ''): void {
    this.#last = oneLine(line) || this.#last
  }

  #pause(stream: Readable): void {
    stream.pause()
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      stream.resume()
    }, PAUSE)
    this.#timers.add(timer)
  }
}
