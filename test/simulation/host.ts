import type { Frame, Segment, Station } from './segment.ts'

/** Any host on the wire: it believes who announced an address last. */
export class Host implements Station {
  readonly name = 'host'
  readonly isConnected = true
  /** By address: the last byte of the MAC. */
  readonly neighbors = new Map<string, number>()

  constructor(segment: Segment) {
    segment.connect(this)
  }

  receive(frame: Frame): void {
    if (frame.type === 'Announcement') this.neighbors.set(frame.address.text, frame.mac[5] ?? 0)
  }
}
