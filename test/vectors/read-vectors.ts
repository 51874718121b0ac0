import { readFileSync } from 'node:fs'

/**
 * The vectors of a .hex file beside this one, by name. Blank lines part them; a vector is one line `# name` or
 * `# name: what it is`, then hex digits with spaces as one likes.
 */
export function readVectors(file: string): ReadonlyMap<string, Uint8Array> {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  const vectors = new Map<string, Uint8Array>()
  for (const paragraph of text.trim().split(/\n\n+/)) {
    const lines = paragraph.split('\n')
    const hex = lines.filter(line => !line.startsWith('#')).join('')
    const name = /^# ([^:\n]+)/.exec(paragraph)?.[1]
    if (hex !== '' && name) vectors.set(name, bytes(hex))
  }
  return vectors
}

/** The bytes that hex digits say, white space ignored; throws for anything else. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex.replaceAll(/\s/g, ''))
}
