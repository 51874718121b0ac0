/** What vrrp's `Observation` says that RFC 8347 counts; transitions come in users' words, through `transition`. */
export interface CountedObservation {
  readonly type:
    | 'IntervalMismatch'
    | 'AddressListMismatch'
    | 'PriorityZeroReceived'
    | 'LosingAdvertisement'
    | 'VersionMismatch'
}

/**
 * The statistics of one virtual router: plain numbers, counted up by the agent packet by packet and read when somebody scrapes.
 * They live as long as their VirtualIP runs on this node, across every change to it, so that none ever goes backwards.
 */
export class RouterCounters {
  advertisementsSent = 0
  advertisementsReceived = 0
  priorityZeroSent = 0
  priorityZeroReceived = 0
  intervalErrors = 0
  addressListErrors = 0
  invalidTypeReceived = 0
  packetLengthErrors = 0
  masterTransitions = 0
  /** Unix time in seconds at which this node last became MASTER or ceased to be. */
  lastFailover: number | undefined
  readonly #transitions = new Map<string, Transitions>()

  sent(priority: number): void {
    this.advertisementsSent++
    if (priority === 0) this.priorityZeroSent++
  }

  observe({ type }: CountedObservation): void {
    switch (type) {
      case 'IntervalMismatch':
        this.intervalErrors++
        return
      case 'AddressListMismatch':
        this.addressListErrors++
        return
      case 'PriorityZeroReceived':
        this.priorityZeroReceived++
        return
      case 'LosingAdvertisement':
      case 'VersionMismatch':
        return
    }
  }

  /** A packet for this router was refused, for a reason of wire's `DecodeReason`. */
  refused(reason: string): void {
    if (reason === 'Type') this.invalidTypeReceived++
    if (reason === 'Length' || reason === 'AddressCount') this.packetLengthErrors++
    if (reason === 'Interval') this.intervalErrors++
  }

  /** States as users know them: MASTER, BACKUP, FAULT, INITIALIZE. */
  transition(from: string, to: string, reason: string, at: Date): void {
    const key = `${to} ${reason}`
    const count = (this.#transitions.get(key)?.count ?? 0) + 1
    this.#transitions.set(key, { to, reason, count })
    if (to === 'MASTER') this.masterTransitions++
    if (to === 'MASTER' || from === 'MASTER') this.lastFailover = at.getTime() / 1000
  }

  transitions(): Iterable<Transitions> {
    return this.#transitions.values()
  }
}

export interface Transitions {
  readonly to: string
  readonly reason: string
  readonly count: number
}
