import { Files } from '../../src/checks/file.ts'
import type { LinkState, LinkStates } from '../../src/checks/link.ts'
import type { Surroundings } from '../../src/checks/surroundings.ts'

/** A node with nothing on it, but for what is given. */
export function surroundings(parts: Partial<Surroundings> = {}): Surroundings {
  return { links: new FakeLinks(), files: new Files([]), routes: { find: async () => [] }, ...parts }
}

/** Links that are what the test says. */
export class FakeLinks implements LinkStates {
  readonly #states = new Map<string, LinkState>()
  readonly #watchers = new Set<() => void>()

  of(name: string): LinkState {
    return this.#states.get(name) ?? 'Missing'
  }

  watch(look: () => void): () => void {
    this.#watchers.add(look)
    return () => this.#watchers.delete(look)
  }

  set(name: string, state: LinkState): void {
    this.#states.set(name, state)
    for (const look of this.#watchers) look()
  }

  get watchers(): number {
    return this.#watchers.size
  }
}
