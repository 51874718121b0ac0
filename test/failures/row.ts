import type { Peer } from './peer.ts'

/** What was measured of one event, by figure; undefined: it did not end, or come, while it was watched. */
export type Figures = Readonly<Record<string, number | undefined>>

/** What is wanted of a figure: at most so much, or, of `min`, at least. */
export interface Limit {
  readonly of: 'min' | 'p95' | 'max'
  /** undefined: nothing is wanted of this peer. */
  is(peer: Peer): number | undefined
}

export interface Figure {
  readonly name: string
  /** Default: ms */
  readonly unit?: 'count'
  readonly limits?: readonly Limit[]
}

/** A row of the table: something that happens to a MASTER, measured for each peer. */
export interface Row {
  /** On the command line. */
  readonly name: string
  readonly title: string
  /** How it is made, and what its figures are where their names don't say it. */
  readonly text: string
  readonly figures: readonly Figure[]
  /** How many events are enough, by peer. */
  readonly wanted: ReadonlyMap<Peer, number>
  /** Events that are made in one go. */
  readonly batch: number
  /** Why this machine can't; undefined where it can. */
  refusal?(): Promise<string | undefined>
  /** Makes some events, and tells of each as soon as it can; rejects where one could not be brought to its end. */
  run(peer: Peer, times: number, found: (figures: Figures) => void): Promise<void>
}

/** At most so much, in whatever unit the figure has. */
export function atMost(most: number, of: 'p95' | 'max' = 'max'): Limit {
  return { of, is: peer => (isWanted(peer) ? most : undefined) }
}

export function atMostIntervals(count: number): Limit {
  return { of: 'max', is: peer => (isWanted(peer) ? count * peer.interval : undefined) }
}

export function atLeast(least: number): Limit {
  return { of: 'min', is: peer => (isWanted(peer) ? least : undefined) }
}

/** Of keepalived nothing is wanted, nor of an agent that the kernel gives no fence. */
function isWanted({ kind, preload }: Peer): boolean {
  return kind === 'ours' && !preload
}
