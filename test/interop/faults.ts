import type { Dialect, PeerName } from './dialects.ts'
import type { Direction, EventName } from './events.ts'

/** What a peer does otherwise than it should. A cell is only excused where the peer itself says so in the run. */
export interface Fault {
  readonly name: string
  readonly peers: readonly PeerName[]
  /** What it does, and what it should do by which document. */
  readonly sentence: string
  /** What the peer logs of it. */
  readonly says: RegExp
  isIt(dialect: Dialect, direction: Direction, event: EventName): boolean
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'checksum',
    peers: ['keepalived', 'FRR'],
    sentence:
      'an advert of version 3 over IPv4 whose checksum covers the message alone, as RFC 9568 §5.2.8 has it, is discarded: a pseudo-header is wanted too. Our MASTER is not heard, and two are MASTER. `spec.checksum: RFC9568` is for routers that demand the letter; the default form is for these',
    says: /.*checksum.*/i,
    isIt: ({ checksum }, direction, event) =>
      checksum === 'RFC9568' && (direction === 'ours first' || event === 'priority change'),
  },
  {
    name: 'address count',
    peers: ['keepalived'],
    sentence:
      'an advert whose number of addresses is not its own is discarded, where RFC 9568 §7.1 has that logged and no more: two are MASTER from the change of the first until that of the second (mended in keepalived 2.3.3). Change both within three intervals',
    says: /.*received an unexpected ip number count.*/,
    isIt: ({ checksum }, direction, event) =>
      checksum !== 'RFC9568' && direction === 'ours first' && event === 'address-list change',
  },
]

export function faultOf(peer: PeerName, dialect: Dialect, direction: Direction, event: EventName): Fault | undefined {
  return FAULTS.find(fault => fault.peers.includes(peer) && fault.isIt(dialect, direction, event))
}
