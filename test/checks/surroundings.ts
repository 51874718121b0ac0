import type { PodsCheck } from '../../src/api/check.ts'
import { Files } from '../../src/checks/file.ts'
import type { LinkState, LinkStates } from '../../src/checks/link.ts'
import type { Pods, PodWatch } from '../../src/checks/pods.ts'
import type { Surroundings } from '../../src/checks/surroundings.ts'

/** A node with nothing on it, but for what is given. */
export function surroundings(parts: Partial<Surroundings> = {}): Surroundings {
  return {
    links: new FakeLinks(),
    files: new Files([]),
    routes: { find: async () => [] },
    pods: new FakePods(),
    ...parts,
  }
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

/** Pods of which nothing is known until the test says how many are Ready. */
export class FakePods implements Pods {
  #ready: number | string = 'Nothing is known of pods'
  readonly #known = Promise.withResolvers<void>()
  readonly #watchers = new Set<() => void>()

  watch(_check: PodsCheck, look: () => void): PodWatch {
    this.#watchers.add(look)
    return { known: this.#known.promise, ready: () => this.#ready, close: () => this.#watchers.delete(look) }
  }

  set(ready: number | string): void {
    this.#ready = ready
    this.#known.resolve()
    for (const look of this.#watchers) look()
  }

  get watchers(): number {
    return this.#watchers.size
  }
}
