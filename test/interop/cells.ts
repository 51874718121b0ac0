import type { Dialect, PeerName } from './dialects.ts'
import type { Direction, EventName } from './events.ts'

export const PEERS: readonly PeerName[] = ['keepalived', 'FRR']
export const DIRECTIONS: readonly Direction[] = ['ours first', 'peer first']

export type CellName = string

export function pairName(peer: PeerName, dialect: Dialect, direction: Direction): string {
  return `${peer}, ${dialect.name}, ${direction}`
}

export function cellName(peer: PeerName, dialect: Dialect, direction: Direction, event: EventName): CellName {
  return `${pairName(peer, dialect, direction)}, ${event}`
}
