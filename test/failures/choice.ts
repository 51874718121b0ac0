import type { RecordedRun } from '../lab/ledger.ts'
import type { Peer } from './peer.ts'
import type { Row } from './row.ts'
import { tallyOf } from './tally.ts'

export interface Choice {
  readonly row: Row
  readonly peer: Peer
  /** Of what is wanted. */
  readonly share: number
  /** Events there are. */
  readonly events: number
  readonly wanted: number
}

type Parts = readonly Pick<RecordedRun, 'counts' | 'samples'>[]

/** Of which there is least, in share of what is wanted; undefined where there is nothing to choose from. */
export function nextOf(rows: readonly Row[], parts: Parts): Choice | undefined {
  return choices(rows, parts).reduce<Choice | undefined>(
    (least, choice) => (least === undefined || choice.share < least.share ? choice : least),
    undefined,
  )
}

/** Everything that is missing, in events. */
export function missing(rows: readonly Row[], parts: Parts): { row: Row; peer: Peer; events: number }[] {
  return choices(rows, parts).flatMap(({ row, peer, events, wanted }) =>
    events < wanted ? [{ row, peer, events: wanted - events }] : [],
  )
}

function choices(rows: readonly Row[], parts: Parts): Choice[] {
  return rows.flatMap(row =>
    Array.from(row.wanted, ([peer, wanted]) => {
      const { events } = tallyOf(parts, row, peer)
      return { row, peer, events, wanted, share: events / wanted }
    }),
  )
}
