import type { StatusEntry } from './status-source.ts'

export interface StatusChanges {
  readonly changed: readonly StatusEntry[]
  readonly gone: readonly StatusEntry[]
}

/** Gives, call by call, what is new or another than at the call before, and what is gone. */
export function statusChanges(): (entries: readonly StatusEntry[]) => StatusChanges {
  let before = new Map<string, { readonly entry: StatusEntry; readonly print: string }>()
  return entries => {
    const now = new Map(entries.map(entry => [entry.name, { entry, print: fingerprint(entry) }]))
    const changed = entries.filter(({ name }) => before.get(name)?.print !== now.get(name)?.print)
    const gone = [...before.values()].filter(({ entry }) => !now.has(entry.name)).map(({ entry }) => entry)
    before = now
    return { changed, gone }
  }
}

/** All that is worth telling when it changes: when a condition last changed goes with the condition. */
function fingerprint({ name, addresses, status }: StatusEntry): string {
  const { conditions = [], observedGeneration: _, ...rest } = status
  return JSON.stringify([name, addresses, rest, conditions.map(({ type, status, message }) => [type, status, message])])
}
