const NOT_SLASH = '[^/\\x00-\\x1f]'
const NEITHER = '[^/.\\x00-\\x1f]'
/** An absolute path without `.` and `..` in it, control characters, or a slash at its end: a regular expression for CEL and for JavaScript. */
export const FILE_PATH = `^(/(${NEITHER}${NOT_SLASH}*|[.]${NEITHER}${NOT_SLASH}*|[.][.]${NOT_SLASH}+))+$`

export function isFilePath(text: string): boolean {
  return new RegExp(FILE_PATH).test(text)
}
