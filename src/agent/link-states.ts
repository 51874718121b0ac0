import type { LinkState, LinkStates } from '../checks/link.ts'
import type { Link } from '../linux/links.ts'

/** This node's links, as checks look at them. */
export class AgentLinkStates implements LinkStates {
  readonly #links: () => ReadonlyMap<number, Link>
  readonly #watchers = new Set<() => void>()

  /** `links`: as they are now. */
  constructor(links: () => ReadonlyMap<number, Link>) {
    this.#links = links
  }

  of(name: string): LinkState {
    for (const link of this.#links().values()) if (link.name === name) return stateOf(link)
    return 'Missing'
  }

  watch(look: () => void): () => void {
    const watcher = () => look()
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** The links are not what they were. */
  changed(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
}

function stateOf({ up, carrier }: Link): LinkState {
  if (!up) return 'Down'
  return carrier ? 'Connected' : 'NoCarrier'
}
