import { failed, type Outcome, type Run } from './run.ts'

export type LinkState = 'Missing' | 'Down' | 'NoCarrier' | 'Connected'

/** The links of this node, as they are known already. */
export interface LinkStates {
  of(name: string): LinkState
  /** Calls `look` after every change of a link, until what it returns is called. */
  watch(look: () => void): () => void
}

/** Passes while the link `name` is up and has carrier. */
export function lookAtLink(name: string, links: LinkStates): Run {
  const state = links.of(name)
  const outcome: Outcome = state === 'Connected' ? { passed: true } : failed(SENTENCES[state](name))
  return { outcome: Promise.resolve(outcome), ended: Promise.resolve() }
}

/** Calls `look` when the link `name` is in another state, until what it returns is called. */
export function watchLink(name: string, links: LinkStates, look: () => void): () => void {
  let before = links.of(name)
  return links.watch(() => {
    const now = links.of(name)
    if (now === before) return
    before = now
    look()
  })
}

const SENTENCES = {
  Missing: (name: string) => `Link ${name} does not exist on this node`,
  Down: (name: string) => `Link ${name} is down (ip link set ${name} up)`,
  NoCarrier: (name: string) => `Link ${name} has no carrier`,
}
