/** A VirtualIP that all this is about. */
export interface Asked {
  readonly name: string
  readonly addresses: readonly [v4: string, v6: string]
  /** Of adverts, in ms */
  readonly interval: number
  /** The numbers of the nodes, the MASTER's first. */
  readonly ranking: readonly number[]
}

/** By rank. */
export const PRIORITIES = [200, 150, 100, 50, 20] as const

/** Each has another MASTER, so that faults of most nodes tell. */
export function virtualIPsOn(nodes: number): Asked[] {
  return [200, 100, 200].map((interval, i) => ({
    name: `web${i + 1}`,
    addresses: [`192.168.1.10${i + 1}`, `fd00:1::10${i + 1}`],
    interval,
    ranking: Array.from({ length: nodes }, (_, rank) => (i + rank) % nodes),
  }))
}
