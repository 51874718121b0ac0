import { join } from 'node:path'
import type { Millis } from '../lib/time.ts'
import { agentSource } from './agent-source.ts'
import { firstToAnswer } from './first-to-answer.ts'
import { statusChanges } from './status-changes.ts'
import type { StatusEntry, StatusSource } from './status-source.ts'
import { describe, LIST_HEADER, listRow } from './status-tables.ts'
import { formatTable, widthsOf } from './table.ts'

export interface StatusOptions {
  /** One VirtualIP; absent: all. */
  readonly name?: string
  readonly watch: boolean
  readonly output: 'table' | 'json'
}

export interface StatusIo {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  /** Unix time in ms. */
  readonly now: () => number
  /** Ends a watch. */
  readonly signal: AbortSignal
}

/** A person waits for the answer, and on a node the agent can be asked instead. */
const API_PATIENCE: Millis = 2000

/** `kube-vrrp status`: asks the API server or this node's agent, until it is done or Ctrl-C. Gives the exit status. */
export async function runStatusCommand(
  settings: StatusOptions & { readonly kubeconfig?: string; readonly stateDir: string; readonly instance: string },
): Promise<number> {
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
  const io: StatusIo = {
    stdout: text => process.stdout.write(text),
    stderr: text => process.stderr.write(text),
    now: () => Date.now(),
    signal: ending.signal,
  }
  return runStatus({ ...settings, source: sourceOf(settings, io) }, io)
}

/** Prints who holds what and, with `watch`, what changes. Gives the exit status: 1 where nobody answers or there is no such VirtualIP. */
export async function runStatus(
  options: StatusOptions & { readonly source: StatusSource },
  io: StatusIo,
): Promise<number> {
  const { name, watch, source } = options
  const print = printerOf(options, io)
  const select = (entries: readonly StatusEntry[]) =>
    name === undefined ? entries : entries.filter(entry => entry.name === name)
  try {
    const entries = select(await source.list())
    if (entries.length === 0 && !watch) return nothing(options, io)
    print(entries)
    if (watch) await source.watch(later => print(select(later)), io.signal)
    return 0
  } catch (error) {
    if (!(error instanceof Error)) throw error
    io.stderr(`${error.message}\n`)
    return 1
  }
}

function nothing({ name, output }: StatusOptions, io: StatusIo): number {
  if (name !== undefined) io.stderr(`There is no VirtualIP ${name}\n`)
  else if (output === 'json') io.stdout('[]\n')
  else io.stderr('There are no VirtualIPs\n')
  return name === undefined ? 0 : 1
}

/** With a kubeconfig given it is the API server or nobody. */
function sourceOf(
  { kubeconfig, stateDir, instance }: { kubeconfig?: string; stateDir: string; instance: string },
  { stderr }: StatusIo,
): StatusSource {
  const say = (sentence: string) => stderr(`${sentence}\n`)
  const openApi = async () => {
    const { openClient } = await import('../kube/client.ts')
    const { kubeSource } = await import('./kube-source.ts')
    return kubeSource(openClient({ kubeconfig, timeout: API_PATIENCE }), say)
  }
  const agent = agentSource(join(stateDir, instance, 'agent.sock'))
  return firstToAnswer(openApi, kubeconfig === undefined ? agent : undefined, say)
}

type Print = (entries: readonly StatusEntry[]) => void

function printerOf({ name, watch, output }: StatusOptions, io: StatusIo): Print {
  switch (output) {
    case 'json':
      return watch ? jsonLines(io) : jsonList(io)
    case 'table':
      return name === undefined ? rows(io) : details(io)
  }
}

const shown = ({ name, status }: StatusEntry) => ({ name, status })

function jsonList({ stdout }: StatusIo): Print {
  return entries => stdout(`${JSON.stringify(entries.map(shown), undefined, 2)}\n`)
}

/** An object a line for each change, as `jq` reads them. */
function jsonLines({ stdout }: StatusIo): Print {
  const changesSince = statusChanges()
  return entries => {
    const { changed, gone } = changesSince(entries)
    for (const entry of changed) stdout(`${JSON.stringify(shown(entry))}\n`)
    for (const { name } of gone) stdout(`${JSON.stringify({ name, deleted: true })}\n`)
  }
}

/** As `kubectl get -w`: the table first, then a row for each change. */
function rows({ stdout, now }: StatusIo): Print {
  const changesSince = statusChanges()
  let header: readonly (readonly string[])[] = [LIST_HEADER]
  let widths: readonly number[] = []
  return entries => {
    const { changed, gone } = changesSince(entries)
    const news = [...changed.map(entry => listRow(entry, now())), ...gone.map(({ name }) => [name, 'deleted'])]
    const table = [...header, ...news]
    widths = widthsOf(table, widths)
    stdout(formatTable(table, widths))
    header = []
  }
}

/** One VirtualIP in full, anew for each change. */
function details({ stdout, now }: StatusIo): Print {
  const changesSince = statusChanges()
  let gap = ''
  return entries => {
    const { changed, gone } = changesSince(entries)
    const news = [...changed.map(entry => describe(entry, now())), ...gone.map(({ name }) => `${name} was deleted\n`)]
    for (const text of news) {
      stdout(gap + text)
      gap = '\n'
    }
  }
}
