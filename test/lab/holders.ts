import { type LinkTable, watchLinks } from '../../src/linux/links.ts'
import { type LabNode, labTime } from './lan.ts'
import { inNamespace } from './namespace.ts'

/** A node that began or ceased to have an address; `at` in labTime. */
export interface HolderChange {
  readonly at: number
  readonly node: string
  readonly holds: boolean
}

export interface Holders {
  /** The nodes whose kernel has the address now, by name. */
  readonly now: readonly string[]
  /** Since the watch began, what was there at first included. */
  readonly changes: readonly HolderChange[]
  close(): void
}

/** Watches, through netlink, which of the nodes have `address` (without prefix length) on any link. */
export async function watchHolders(nodes: readonly LabNode[], address: string): Promise<Holders> {
  const changes: HolderChange[] = []
  const holding = new Set<string>()
  const note = (node: string, table: LinkTable): void => {
    const holds = hasAddress(table, address)
    if (holds === holding.has(node)) return
    if (holds) holding.add(node)
    else holding.delete(node)
    changes.push({ at: labTime(), node, holds })
  }
  const tables = await Promise.all(
    nodes.map(async ({ name }) => {
      const table: LinkTable = await inNamespace(name, () => watchLinks(() => note(name, table)))
      note(name, table)
      return table
    }),
  )
  return {
    get now() {
      return [...holding]
    },
    changes,
    close() {
      for (const table of tables) table.close()
    },
  }
}

function hasAddress({ links }: LinkTable, address: string): boolean {
  return [...links.values()].some(link => link.addresses.some(({ prefix }) => prefix.address.text === address))
}
