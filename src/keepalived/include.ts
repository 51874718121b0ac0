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

/** Where keepalived looks for its configuration: on a node, the folder of the file that is imported. */
export const HOME = '/etc/keepalived'

/** Where the files are that a file in `folder` includes as `pattern`, where what is in HOME on the node is in `home` here. */
export function asHere(pattern: string, folder: string, home: string): string {
  const path = resolved(pattern, folder)
  return path.startsWith(`${HOME}/`) && home !== HOME ? resolved(path.slice(HOME.length + 1), home) : path
}

/** The folder of `file` on the node, where that of `main` is HOME. */
export function folderThere(file: string, main: string): string {
  const [folder, home] = [folderOf(file), folderOf(main)]
  if (folder === home) return HOME
  const below =
    home === '' && !folder.startsWith('/')
      ? folder
      : folder.startsWith(`${home}/`)
        ? folder.slice(home.length + 1)
        : undefined
  return below === undefined ? folder : `${HOME}/${below}`
}

/** A path as it is from `folder`, without `.` and `..`. */
function resolved(path: string, folder: string): string {
  const whole = path.startsWith('/') || folder === '' ? path : `${folder}/${path}`
  const parts: string[] = []
  for (const part of whole.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else parts.push(part)
  }
  return `${whole.startsWith('/') ? '/' : ''}${parts.join('/')}`
}
