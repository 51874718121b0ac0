const USE = /\$(?:\{(?<braced>\w+)\}|(?<plain>[A-Za-z_]\w*))/g

/** Values that refer to each other deeper than this are left as they stand. */
const DEEPEST = 30

/**
 * `text` with the variables that have a value replaced: `${NAME}` anywhere, `$NAME` before white space and at the end, keepalived.conf(5). What
 * is in a value is replaced too, then and there.
 */
export function substitute(text: string, lookUp: (name: string) => string | undefined): string {
  return within(text, true, 0)

  function within(text: string, isLast: boolean, depth: number): string {
    if (depth === DEEPEST || !text.includes('$')) return text
    return text.replace(USE, (whole, braced: string | undefined, plain: string | undefined, offset: number) => {
      const after = text[offset + whole.length]
      const ends = after === undefined ? isLast : /\s/.test(after)
      if (braced === undefined && !ends) return whole
      const value = lookUp(braced ?? plain ?? '')
      return value === undefined ? whole : within(value, ends, depth + 1)
    })
  }
}

/** The variables that are left in `text`: `${NAME}`, and `$NAME` as a word of its own, but not in quotes, where it may be for a shell. */
export function undefinedIn(text: string): string[] {
  const outside = text.replace(/"[^"]*"?/g, '""')
  return [...new Set(outside.match(/\$\{[^{}]*\}|(?<=\s)\$[A-Za-z_]\w*(?=\s|$)/g))]
}
