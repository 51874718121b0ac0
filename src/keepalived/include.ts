/** A file that an include names. */
export type Included =
  | { readonly path: string; readonly text: string }
  /** In a word, e.g. EACCES. */
  | { readonly path: string; readonly problem: string }

/** The files that a pattern with wildcards stands for, by their names; none where there are none. */
export type ReadIncluded = (pattern: string) => readonly Included[]

export function folderOf(path: string): string {
  const end = path.lastIndexOf('/')
  return end < 0 ? '' : path.slice(0, Math.max(1, end))
}

/** A path as it is from `folder`, without `.` and `..`. */
export function resolved(path: string, folder: string): string {
  const whole = path.startsWith('/') || folder === '' ? path : `${folder}/${path}`
  const parts: string[] = []
  for (const part of whole.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else parts.push(part)
  }
  return `${whole.startsWith('/') ? '/' : ''}${parts.join('/')}`
}
