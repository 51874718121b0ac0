import { fileURLToPath } from 'node:url'
import { askerArguments } from './asking.ts'
import { startScript } from './background-script.ts'
import type { LabNode } from './lan.ts'

/** Times in labTime. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Rounds in a row that the same hosts answered, or nobody; from the first to the first that was answered otherwise. */
export interface Answered extends Span {
  readonly macs: readonly string[]
}

export interface Watched {
  readonly byAddress: ReadonlyMap<string, readonly Answered[]>
  /** Where nothing was asked, for the watcher itself was not run. */
  readonly blind: readonly Span[]
  readonly rounds: number
  readonly answers: number
}

const WATCHER = fileURLToPath(new URL('watcher.ts', import.meta.url))

/** Asks from `client` by ARP and ND, every `pace` ms, who has the addresses, and keeps every change. Resolves when it has begun. */
export async function startWatching(
  client: LabNode,
  addresses: readonly string[],
  pace: number,
): Promise<{ stop(): Promise<Watched> }> {
  const watcher = await startScript(client, WATCHER, askerArguments(client, addresses, pace))
  return { stop: async () => watched(await watcher.stop()) }
}

/** Of the lines that watcher.ts prints. */
export function watched(output: string): Watched {
  const lines = output
    .trim()
    .split('\n')
    .map(line => line.split(' '))
  const [, end = '', rounds = '', answers = ''] = lines.at(-1) ?? []
  const changes = Map.groupBy(
    lines.filter(([what]) => what === 'is'),
    ([, , address = '']) => address,
  )
  const byAddress = new Map<string, Answered[]>()
  for (const [address, each] of changes) {
    const spans = each.map(([, at, , macs = ''], i) => {
      const to = Number(each[i + 1]?.[1] ?? end)
      return { from: Number(at), to, macs: macs.split(',').filter(Boolean) }
    })
    byAddress.set(address, spans)
  }
  const blind = lines
    .filter(([what]) => what === 'blind')
    .map(([, from, to]) => ({ from: Number(from), to: Number(to) }))
  return { byAddress, blind, rounds: Number(rounds), answers: Number(answers) }
}
