import { labTime } from '../lab/lan.ts'
import type { Events, Impairment } from './judge.ts'
import type { Fault } from './schedule.ts'

type Open<T> = T extends unknown ? { -readonly [K in keyof Omit<T, 'from'>]: T[K] } & { readonly from: number } : never
type WithoutTimes<T> = T extends unknown ? Omit<T, 'from' | 'to'> : never

/** What was done to the nodes of one LAN, and when, in labTime. */
export class Chronicle {
  readonly #nodes: readonly string[]
  readonly #impairments: Open<Impairment>[] = []
  readonly #deletions: number[] = []
  /** In words. */
  readonly done: { readonly at: number; readonly what: string }[] = []
  /** Each fault, in the order in which they began. */
  readonly faults: { readonly kind: Fault['kind']; readonly from: number; to: number }[] = []

  constructor(nodes: readonly string[]) {
    this.#nodes = nodes
  }

  get events(): Events {
    return { nodes: this.#nodes, impairments: this.#impairments, deletions: this.#deletions }
  }

  note(what: string): void {
    this.done.push({ at: labTime(), what })
  }

  /** From now until the result is called. */
  befalls(kind: Fault['kind']): () => void {
    const fault = { kind, from: labTime(), to: Number.POSITIVE_INFINITY }
    this.faults.push(fault)
    return () => {
      fault.to = labTime()
    }
  }

  /** From now until the result is called, or for so many ms after that. */
  begin(impairment: WithoutTimes<Impairment>): (after?: number) => void {
    const open = { ...impairment, from: labTime(), to: Number.POSITIVE_INFINITY } as Open<Impairment>
    this.#impairments.push(open)
    return (after = 0) => {
      open.to = labTime() + after
    }
  }

  /** An address is taken from a node. */
  deleted(): void {
    this.#deletions.push(labTime())
  }
}
