import type { Family, IpAddress } from '../lib/ip-address.ts'
import type { Link } from '../linux/links.ts'
import { openVrrpSocket, type ReceivedPacket, type VrrpSocket } from '../linux/vrrp-socket.ts'
import type { DecodeError } from '../wire/decode-error.ts'

/** A link and family that a socket is wanted for, and the address it sends from. */
export interface Endpoint {
  readonly link: Link
  readonly family: Family
  readonly source: IpAddress
}

interface OpenSocket {
  readonly socket: VrrpSocket
  readonly linkIndex: number
  readonly linkName: string
  readonly family: Family
  readonly source: string
}

export interface SocketEvents {
  /** A packet of protocol 112 that passed the TTL check. */
  received(link: number, family: Family, packet: ReceivedPacket): void
  refused(error: DecodeError): void
  /** Something waits in this socket; drain it. */
  readable(drain: () => void): void
}

/** One VRRP socket per link and family, level-triggered: `set` opens what is wanted and closes what is not. */
export class Sockets {
  readonly #open = new Map<string, OpenSocket>()
  readonly #errors = new Map<string, Error>()
  readonly #events: SocketEvents

  constructor(events: SocketEvents) {
    this.#events = events
  }

  set(wanted: readonly Endpoint[]): void {
    const keys = new Set(wanted.map(({ link, family }) => keyOf(link.index, family)))
    for (const key of this.#open.keys()) if (!keys.has(key)) this.#close(key)
    for (const endpoint of wanted) this.#ensure(endpoint)
  }

  get(link: number, family: Family): VrrpSocket | undefined {
    return this.#open.get(keyOf(link, family))?.socket
  }

  /** Why there is no socket for this link and family. */
  error(link: number, family: Family): Error | undefined {
    return this.#errors.get(keyOf(link, family))
  }

  /** Reads all that waits, in every socket. */
  drainAll(): void {
    for (const { socket, linkIndex, family } of this.#open.values()) {
      socket.drain(packet => this.#events.received(linkIndex, family, packet))
    }
  }

  close(): void {
    for (const key of [...this.#open.keys()]) this.#close(key)
  }

  #ensure({ link, family, source }: Endpoint): void {
    const key = keyOf(link.index, family)
    const old = this.#open.get(key)
    if (old && old.source === source.text && old.linkName === link.name) return
    if (old) this.#close(key)
    const drain = () => {
      const open = this.#open.get(key)
      open?.socket.drain(packet => this.#events.received(link.index, family, packet))
    }
    try {
      const socket = openVrrpSocket({
        family,
        link,
        source,
        onReadable: () => this.#events.readable(drain),
        onRefused: error => this.#events.refused(error),
      })
      this.#open.set(key, { socket, linkIndex: link.index, linkName: link.name, family, source: source.text })
      this.#errors.delete(key)
    } catch (error) {
      this.#errors.set(key, error as Error)
    }
  }

  #close(key: string): void {
    this.#open.get(key)?.socket.close()
    this.#open.delete(key)
  }
}

function keyOf(link: number, family: Family): string {
  return `${link}/${family}`
}
