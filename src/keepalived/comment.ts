/** The text up to `#` or `!`, which begin a comment anywhere but in double quotes. */
export function withoutComment(text: string): string {
  if (!/[#!]/.test(text)) return text
  return /^(?:[^"#!]+|"[^"]*(?:"|$))*/.exec(text)?.[0] ?? ''
}
