import type { VirtualIPStatus } from '../api/virtual-ip.ts'

export interface StatusEntry {
  readonly name: string
  /** Absent where the source does not know them. */
  readonly addresses?: readonly string[]
  readonly status: VirtualIPStatus
}

/** Who can be asked who holds what: the API server, or the agent of this node. */
export interface StatusSource {
  /** Throws an Error with a sentence. */
  list(): Promise<readonly StatusEntry[]>
  /** Tells everything anew when something may have changed, until `signal`. Throws an Error with a sentence where it can't go on. */
  watch(onChange: (entries: readonly StatusEntry[]) => void, signal: AbortSignal): Promise<void>
}
