import type { Dialect, PeerName } from './dialects.ts'
import type { Direction, EventName } from './events.ts'

/** What a peer refuses. A cell is only excused where the peer itself says so in the run. */
export interface Refusal {
  readonly name: string
  readonly peers: readonly PeerName[]
  /** What it does, and what which document says of it. */
  readonly sentence: string
  /** What the peer logs of it. */
  readonly says: RegExp
  isIt(dialect: Dialect, direction: Direction, event: EventName): boolean
}

export const REFUSALS: readonly Refusal[] = [
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
      'an advert of version 3 whose number of addresses is not its own is discarded, where RFC 9568 §7.1 has that logged and no more: two are MASTER from the change of the first until that of the second (mended in keepalived 2.3.3). Change both within three intervals',
    says: /.*received an unexpected ip number count.*/,
    isIt: (dialect, direction, event) => dialect.version === 3 && isUnequalList(dialect, direction, event),
  },
  {
    name: 'address count in version 2',
    peers: ['keepalived'],
    sentence:
      'the same of version 2. Here it is by the letter: RFC 3768 §7.1 has who compares the lists drop what differs, unless its sender is the owner. Two are MASTER all the same; ours does not drop it',
    says: /.*received an unexpected ip number count.*/,
    isIt: (dialect, direction, event) => dialect.version === 2 && isUnequalList(dialect, direction, event),
  },
]

export function refusalOf(
  peer: PeerName,
  dialect: Dialect,
  direction: Direction,
  event: EventName,
): Refusal | undefined {
  return REFUSALS.find(refusal => refusal.peers.includes(peer) && refusal.isIt(dialect, direction, event))
}

function isUnequalList({ checksum }: Dialect, direction: Direction, event: EventName): boolean {
  return checksum !== 'RFC9568' && direction === 'ours first' && event === 'address-list change'
}
