import type { Family, IpAddress } from '../lib/ip-address.ts'
import type { Link } from '../linux/links.ts'
import { SyscallError } from '../linux/syscall-error.ts'
import type { Destination, openVrrpSocket, ReceivedPacket, VrrpSocket } from '../linux/vrrp-socket.ts'
import type { VirtualRouterConfig } from '../vrrp/virtual-router.ts'
import type { DecodeError } from '../wire/decode-error.ts'
import type { MachineClock } from './machine-clock.ts'
import { PACE, ReadingPace } from './reading-pace.ts'
import { destinations } from './transmit.ts'

/** A link and family that a socket is wanted for, and the address it sends from. */
export interface Endpoint {
  readonly link: Link
  readonly family: Family
  readonly source: IpAddress
  /** To hear what is sent to `source`; else to the group. */
  readonly unicast: boolean
}

/** What of a virtual router says which socket is its own. */
type Speaker = Pick<VirtualRouterConfig, 'family' | 'primaryAddress' | 'unicast'>

interface OpenSocket {
  readonly socket: VrrpSocket
  readonly linkName: string
  readonly source: string
  readonly pace: ReadingPace
  readonly received: (packet: ReceivedPacket) => void
}

interface SocketsParts {
  readonly clock: MachineClock
  readonly openSocket: typeof openVrrpSocket
  /** Other agents on this node hear what is sent. */
  readonly isNeighbour: boolean
}

export interface SocketEvents {
  /** A packet of protocol 112 that passed the TTL check. */
  received(link: number, family: Family, packet: ReceivedPacket): void
  /** One that did not. */
  refused(link: number, family: Family, packet: ReceivedPacket, error: DecodeError): void
  /** Something may wait: read it with `drain`. */
  readable(drain: () => void): void
}

/** One VRRP socket per link and family, and one for each address there that unicast is sent from; level-triggered: `set` opens what is wanted and closes what is not. */
export class Sockets {
  readonly #open = new Map<string, OpenSocket>()
  readonly #errors = new Map<string, Error>()
  readonly #events: SocketEvents
  readonly #parts: SocketsParts
  /** Those that are read by the ticker, and not polled. */
  readonly #paced = new Set<OpenSocket>()
  #stopTicker: (() => void) | undefined

  constructor(parts: SocketsParts, events: SocketEvents) {
    this.#parts = parts
    this.#events = events
  }

  set(wanted: readonly Endpoint[]): void {
    const keys = new Set(wanted.map(keyOf))
    for (const key of this.#open.keys()) if (!keys.has(key)) this.#close(key)
    for (const endpoint of wanted) this.#ensure(endpoint)
  }

  /** What a virtual router on that link speaks by. */
  get(link: number, speaker: Speaker): VrrpSocket | undefined {
    return this.#open.get(keyFor(link, speaker))?.socket
  }

  /** Why there is no socket for it. */
  error(link: number, speaker: Speaker): Error | undefined {
    return this.#errors.get(keyFor(link, speaker))
  }

  /** Why this node's own firewall would not let its adverts out to anybody; nobody minds the question. */
  refusal(link: number, speaker: Speaker): SyscallError | undefined {
    const socket = this.get(link, speaker)
    const all = destinations(speaker)
    const errors = all.flatMap(to => socket && (tried(socket, to) ?? []))
    return errors.length === all.length ? errors[0] : undefined
  }

  /** Reads all that waits, in every socket. */
  drainAll(): void {
    for (const open of this.#open.values()) this.#drain(open)
  }

  close(): void {
    for (const key of [...this.#open.keys()]) this.#close(key)
  }

  #drain({ socket, pace, received }: OpenSocket): void {
    const packets = socket.drain(received)
    pace.read(this.#parts.clock.now(), packets)
  }

  #readable(open: OpenSocket): void {
    if (open.pace.readsNow(this.#parts.clock.now())) {
      this.#events.readable(() => this.#drain(open))
      return
    }
    open.socket.poll(false)
    this.#paced.add(open)
    if (!this.#stopTicker) this.#tickLater()
  }

  #tickLater(): void {
    const { clock } = this.#parts
    this.#stopTicker = clock.at(clock.now() + PACE, () => {
      this.#tickLater()
      this.#events.readable(() => this.#tick())
    })
  }

  #tick(): void {
    for (const open of this.#paced) {
      this.#drain(open)
      if (open.pace.goesOn()) continue
      this.#paced.delete(open)
      open.socket.poll(true)
    }
    this.#stopTicking()
  }

  #stopTicking(): void {
    if (this.#paced.size > 0) return
    this.#stopTicker?.()
    this.#stopTicker = undefined
  }

  #ensure(endpoint: Endpoint): void {
    const { link, family, source, unicast } = endpoint
    const key = keyOf(endpoint)
    const old = this.#open.get(key)
    if (old && old.source === source.text && old.linkName === link.name) return
    if (old) this.#close(key)
    try {
      const socket = this.#parts.openSocket({
        family,
        link,
        source,
        unicast,
        isNeighbour: this.#parts.isNeighbour,
        onReadable: () => this.#readable(open),
        onRefused: (error, packet) => this.#events.refused(link.index, family, packet, error),
      })
      const received = (packet: ReceivedPacket) => this.#events.received(link.index, family, packet)
      const open = { socket, linkName: link.name, source: source.text, pace: new ReadingPace(), received }
      this.#open.set(key, open)
      this.#errors.delete(key)
    } catch (error) {
      this.#errors.set(key, error as Error)
    }
  }

  #close(key: string): void {
    const open = this.#open.get(key)
    if (!open) return
    open.socket.close()
    this.#open.delete(key)
    this.#paced.delete(open)
    this.#stopTicking()
  }
}

function tried(socket: VrrpSocket, to: Destination | undefined): SyscallError | undefined {
  try {
    socket.tryToSend(to)
    return undefined
  } catch (error) {
    if (error instanceof SyscallError) return error
    throw error
  }
}

function keyOf({ link, family, source, unicast }: Endpoint): string {
  return unicast ? `${link.index}/${family}/${source.text}` : `${link.index}/${family}`
}

function keyFor(link: number, { family, primaryAddress, unicast }: Speaker): string {
  return unicast ? `${link}/${family}/${primaryAddress.text}` : `${link}/${family}`
}
