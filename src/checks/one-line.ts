/** In characters. */
const LONGEST = 200

/** `text` as it can stand in a sentence: without control characters, cut. */
export function oneLine(text: string): string {
  const line = text.replace(/\p{C}+/gu, ' ').trim()
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}
