/** Lines that arrive in pieces. */
export class LineBuffer {
  readonly #longest: number
  /** Of a line whose end has not come; put together once, for each piece may be small and the line long. */
  #pieces: string[] = []
  #length = 0

  /** In characters: a line that gets longer is refused. */
  constructor(longest: number) {
    this.#longest = longest
  }

  /** The lines that are complete now, without those that are empty. */
  add(chunk: string): readonly string[] | 'TooLong' {
    const [first = '', ...others] = chunk.split('\n')
    this.#push(first)
    if (this.#length > this.#longest) return 'TooLong'
    const last = others.pop()
    if (last === undefined) return []
    const line = this.#pieces.join('')
    this.#pieces = []
    this.#length = 0
    this.#push(last)
    return [line, ...others].filter(text => text !== '')
  }

  #push(piece: string): void {
    this.#pieces.push(piece)
    this.#length += piece.length
  }
}
