import { Reception, type Refusal } from '../../src/agent/reception.ts'
import { type IpAddress, ipAddress } from '../../src/lib/ip-address.ts'
import type { Instant } from '../../src/lib/time.ts'
import type { Advertisement, SimplePassword } from '../../src/vrrp/advertisement.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import {
  deadline,
  holdsAddresses,
  type Observation,
  type RouterEvent,
  type RouterState,
  type VirtualRouterConfig,
} from '../../src/vrrp/virtual-router.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import { encodeAdvertisement, refuseIpHeader, VRRP_GROUP, VRRP_PROTOCOL } from '../../src/wire/vrrp.ts'

export const VIP = ipAddress('10.0.0.100')
export const SELF = ipAddress('10.0.0.5')
export const LOWER = ipAddress('10.0.0.4')
export const GREATER = ipAddress('10.0.0.10')
const LINK = 2

/** What became of bytes that came from the LAN. */
export type Fate = 'heard' | 'nobody’s' | Refusal['reason']

interface Packet {
  readonly source?: IpAddress
  readonly ttl?: number
  readonly protocol?: number
}

/**
 * One virtual router, as an agent runs it, from bytes to messages, on a clock of its own that begins with 0 ms. Unless told otherwise:
 * VRID 51 with 10.0.0.100, priority 100, an interval of 1 s, on 10.0.0.5; its Skew_Time is 609.375 ms.
 */
export class OneRouter {
  /** What it sent, e.g. `3609.375 advert 100`, `3609.375 announce`. */
  readonly said: string[] = []
  readonly noted: Observation[] = []
  readonly #set = new RouterSet()
  readonly #reception = new Reception(this.#set)
  readonly #authentication: SimplePassword | undefined
  #now: Instant = 0

  constructor(more: Partial<VirtualRouterConfig> = {}, authentication?: SimplePassword) {
    this.#authentication = authentication
    this.#set.add('web', LINK, { ...ORDINARY, ...more }, 0)
  }

  get state(): RouterState {
    return this.#router.state
  }

  get holds(): boolean {
    return holdsAddresses(this.state)
  }

  get now(): Instant {
    return this.#now
  }

  start(): this {
    return this.#take({ type: 'Startup', unheard: false })
  }

  shutDown(): this {
    return this.#take({ type: 'Shutdown', handOver: false })
  }

  /** Lets time pass until `at`, in ms; what is due at `at` happens. */
  runTo(at: Instant): this {
    for (;;) {
      const next = deadline(this.state)
      if (next === undefined || next > at) break
      this.#now = next
      this.#take({ type: 'DeadlineReached' })
    }
    this.#now = at
    return this
  }

  /** Started, and at `at` Active, for nobody else was heard. */
  active(at: Instant = 5000): this {
    return this.start().runTo(at)
  }

  /** An advert of another router. */
  hear(priority: number, more: Partial<Advertisement> = {}, source: IpAddress = GREATER): Fate {
    return this.hearBytes(advertBytes({ ...this.#advert, priority, ...more }, source), { source })
  }

  /** A VRRP message in a packet, whatever it says. */
  hearBytes(payload: Uint8Array, { source = GREATER, ttl = 255, protocol = VRRP_PROTOCOL }: Packet = {}): Fate {
    const refused = refuseIpHeader({ ttl, protocol })
    if (refused) return refused.reason
    const packet = { payload, source, destination: VRRP_GROUP[source.family], ttl, fromThisNode: false }
    const received = this.#reception.decode(LINK, source.family, packet, () => this.#authentication)
    if (received.type === 'Foreign' || received.type === 'Ignored') return 'nobody’s'
    if (received.type === 'Refused') return received.error.reason
    this.#take({ type: 'AdvertisementReceived', advertisement: received.advertisement, source })
    return 'heard'
  }

  /** What it sent after its first `before` messages. */
  saidSince(before: number): string[] {
    return this.said.slice(before)
  }

  get #router() {
    const router = this.#set.get('web')
    if (!router) throw new Error('No router')
    return router
  }

  get #advert(): Advertisement {
    const { version, virtualRouterID, priority, advertisementInterval: interval, addresses } = this.#router.config
    const advert = { version, virtualRouterID, priority, interval, addresses }
    return this.#authentication ? { ...advert, authentication: this.#authentication } : advert
  }

  #take(event: RouterEvent): this {
    const { messages, observations } = this.#set.step('web', event, this.#now)
    for (const message of messages) {
      this.said.push(`${this.#now} ${message.type === 'Advertise' ? `advert ${message.priority}` : 'announce'}`)
    }
    this.noted.push(...observations)
    return this
  }
}

/** The message of an advert, its checksum by the letter of RFC 9568. */
export function advertBytes(advertisement: Advertisement, source: IpAddress = GREATER): Uint8Array {
  return encodeAdvertisement(advertisement, { source, destination: VRRP_GROUP[source.family], checksum: 'RFC9568' })
}

export function isRefused(decoded: unknown, reason: DecodeError['reason']): boolean {
  return decoded instanceof DecodeError && decoded.reason === reason
}

const ORDINARY: VirtualRouterConfig = {
  family: 'IPv4',
  version: 3,
  virtualRouterID: 51,
  priority: 100,
  advertisementInterval: 1000,
  addresses: [VIP],
  preemption: { mode: 'Always', delay: 0 },
  primaryAddress: SELF,
}
