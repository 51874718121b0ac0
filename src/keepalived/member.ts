import type { Say } from './given.ts'
import type { Instance } from './instance.ts'
import type { Script, TrackFile, TrackProcess } from './trackers.ts'

/** An instance of a virtual router on one of its nodes. */
export interface Member {
  readonly node: string
  /** Says something of a row of its configuration. */
  readonly say: Say
  readonly instance: Instance
  readonly scripts: ReadonlyMap<string, Script>
  readonly files: ReadonlyMap<string, TrackFile>
  readonly processes: ReadonlyMap<string, TrackProcess>
}

/** The instances that are one virtual router. */
export type Group = readonly [Member, ...Member[]]

/** Says something of a row of a member's configuration. */
export type SayOf = (member: Member, line: number, keyword: string, sentence: string) => void
