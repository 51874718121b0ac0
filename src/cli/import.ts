import { stringify } from 'yaml'
import { importKeepalived, type KeepalivedFile } from '../keepalived/import.ts'
import type { Included } from '../keepalived/include.ts'
import { formatNote } from '../keepalived/note.ts'

export interface ImportIo {
  /** Throws where there is no such file, or it may not be read. */
  readonly readFile: (path: string) => string
  /** The files that a pattern with wildcards stands for. */
  readonly glob: (pattern: string) => readonly string[]
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
}

const USAGE = 'Usage: kube-vrrp import NODE=FILE..., e.g. node1=node1.conf node2=node2.conf'
const HEADER = '# Made of keepalived.conf by kube-vrrp import: for agent --file and for kubectl apply.\n'

/**
 * `NODE=FILE…`: the files of the nodes of a keepalived, as a YAML stream on stdout; what has no equal, by line, on stderr.
 * Gives the exit status: 0, 1 when nothing was imported, 2 when the arguments are of no use.
 */
export function runImport(args: readonly string[], io: ImportIo, configIDs: readonly string[] = []): number {
  const files = withConfigIDs(readFiles(args, io), configIDs)
  if (typeof files === 'string') {
    io.stderr(`${files}\n`)
    return 2
  }
  const { documents, notes } = importKeepalived(files, pattern => readIncluded(pattern, io))
  for (const note of notes) io.stderr(`${formatNote(note)}\n`)
  if (documents.length === 0) {
    io.stderr('Nothing was imported: no complete vrrp_instance was found\n')
    return 1
  }
  io.stdout(HEADER + documents.map(document => stringify(document, { lineWidth: 0 })).join('---\n'))
  return 0
}

/** The files that the arguments name, or what is wrong with an argument. */
function readFiles(args: readonly string[], io: ImportIo): KeepalivedFile[] | string {
  if (args.length === 0) return `Cannot import: no files are given\n${USAGE}`
  const files: KeepalivedFile[] = []
  for (const argument of args) {
    const equals = argument.indexOf('=')
    const [node, file] = [argument.slice(0, equals), argument.slice(equals + 1)]
    if (equals < 1 || file === '') return `Cannot import "${argument}": it names no node and file\n${USAGE}`
    if (files.some(other => other.node === node)) return `Cannot import "${argument}": ${node} has a file already`
    const read = readFile(file, io)
    if ('problem' in read) return `Cannot read ${file}: ${read.problem}`
    files.push({ node, file, text: read.text })
  }
  return files
}

/** The files with what `NODE=ID…` gives their nodes, or what is wrong with that. */
function withConfigIDs(
  files: readonly KeepalivedFile[] | string,
  configIDs: readonly string[],
): readonly KeepalivedFile[] | string {
  if (typeof files === 'string') return files
  const given = new Map<string, string>()
  for (const argument of configIDs) {
    const equals = argument.indexOf('=')
    const [node, id] = [argument.slice(0, equals), argument.slice(equals + 1)]
    if (equals < 1 || id === '') return `Cannot take --config-id "${argument}": it is not NODE=ID, e.g. node1=main`
    if (!files.some(file => file.node === node)) return `Cannot take --config-id "${argument}": ${node} has no file`
    given.set(node, id)
  }
  return files.map(file => {
    const configID = given.get(file.node)
    return configID === undefined ? file : { ...file, configID }
  })
}

function readIncluded(pattern: string, io: ImportIo): Included[] {
  return [...io.glob(pattern)].sort().map(path => readFile(path, io))
}

function readFile(path: string, io: ImportIo): Included {
  try {
    return { path, text: io.readFile(path) }
  } catch (error) {
    return { path, problem: (error as { code?: string }).code ?? (error as Error).message }
  }
}
