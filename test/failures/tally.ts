import type { RecordedRun } from '../lab/ledger.ts'
import type { Peer } from './peer.ts'
import type { Figures, Row } from './row.ts'

/** What all parts together have of one row and peer. */
export interface Tally {
  readonly events: number
  /** Of the events: could not be brought to their end. */
  readonly failed: number
  readonly figures: ReadonlyMap<string, FigureTally>
}

export interface FigureTally {
  readonly samples: readonly number[]
  /** It did not end, or come, while it was watched. */
  readonly open: number
}

const FAILED = 'failed'

/** What one part found, as the ledger has it. */
export class Findings {
  readonly counts: Record<string, number> = {}
  readonly samples: Record<string, number[]> = {}

  add(row: Row, peer: Peer, figures: Figures): void {
    this.#count(keyOf(row, peer))
    for (const [name, sample] of Object.entries(figures)) {
      const key = keyOf(row, peer, name)
      if (sample === undefined || !Number.isFinite(sample)) this.#count(key)
      else {
        this.samples[key] ??= []
        this.samples[key].push(Math.round(sample * 10) / 10)
      }
    }
  }

  fail(row: Row, peer: Peer): void {
    this.#count(keyOf(row, peer, FAILED))
  }

  #count(key: string): void {
    this.counts[key] = (this.counts[key] ?? 0) + 1
  }
}

export function tallyOf(runs: readonly Pick<RecordedRun, 'counts' | 'samples'>[], row: Row, peer: Peer): Tally {
  const counted = (key: string) => runs.reduce((sum, { counts }) => sum + (counts[key] ?? 0), 0)
  const failed = counted(keyOf(row, peer, FAILED))
  const figures = row.figures.map(({ name }): [string, FigureTally] => {
    const key = keyOf(row, peer, name)
    return [name, { samples: runs.flatMap(({ samples }) => samples?.[key] ?? []), open: counted(key) }]
  })
  return { events: counted(keyOf(row, peer)) + failed, failed, figures: new Map(figures) }
}

function keyOf(row: Row, peer: Peer, figure?: string): string {
  return [row.name, peer.name, ...(figure === undefined ? [] : [figure])].join(' | ')
}
