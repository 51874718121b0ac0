import type { ChecksumForm } from '../api/virtual-ip.ts'
import type { IpAddress } from '../lib/ip-address.ts'
import type { FrameSocket } from '../linux/frame-socket.ts'
import type { Link } from '../linux/links.ts'
import { SyscallError } from '../linux/syscall-error.ts'
import type { Destination, VrrpSocket } from '../linux/vrrp-socket.ts'
import type { SimplePassword } from '../vrrp/advertisement.ts'
import type { VirtualRouterConfig } from '../vrrp/virtual-router.ts'
import { arpProbe, gratuitousArp } from '../wire/arp.ts'
import { unsolicitedNeighborAdvertisement } from '../wire/neighbor-advertisement.ts'
import { duplicateAddressSolicitation } from '../wire/neighbor-solicitation.ts'
import { encodeAdvertisement, VRRP_GROUP } from '../wire/vrrp.ts'

/** An advert as one of those gets it whom it is for: its checksum may cover where it goes. */
export interface AdvertisementCopy {
  readonly bytes: Uint8Array
  /** Absent: the group, by the socket of the group. */
  readonly to: Destination | undefined
}

/** Where a virtual router's adverts go; undefined: to the group, by its own socket. */
export function destinations({
  family,
  unicast,
}: Pick<VirtualRouterConfig, 'family' | 'unicast'>): readonly (Destination | undefined)[] {
  if (!unicast) return [undefined]
  const { peers, ttl, multicast } = unicast
  return [
    ...peers.map(address => ({ address, ttl })),
    ...(multicast ? [{ address: VRRP_GROUP[family], ttl: 255 }] : []),
  ]
}

/**
 * Sends every copy. Gives what went wrong with some of them; throws a SyscallError where none could be sent. A peer that no route leads to is no
 * reason: there is nobody who waits for this advert.
 */
export function sendCopies(socket: VrrpSocket, copies: readonly AdvertisementCopy[]): readonly SyscallError[] {
  const errors: SyscallError[] = []
  let failure: SyscallError | undefined
  for (const { bytes, to } of copies) {
    try {
      socket.send(bytes, to)
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      errors.push(error)
      if (!to || !UNREACHABLE.has(error.errno)) failure ??= error
    }
  }
  if (failure && errors.length === copies.length) throw failure
  return errors
}

const UNREACHABLE: ReadonlySet<string> = new Set(['ENETUNREACH', 'EHOSTUNREACH'])

/** An advert's bytes, kept while nothing in it changes: an Active Router sends the same ones for days. */
export class AdvertisementBytes {
  #config: VirtualRouterConfig | undefined
  #priority = -1
  #authentication: SimplePassword | undefined
  #checksum: ChecksumForm | undefined
  #copies: readonly AdvertisementCopy[] = []

  of(
    config: VirtualRouterConfig,
    priority: number,
    checksum: ChecksumForm,
    authentication: SimplePassword | undefined,
  ): readonly AdvertisementCopy[] {
    const same =
      config === this.#config &&
      priority === this.#priority &&
      checksum === this.#checksum &&
      authentication === this.#authentication
    if (same) return this.#copies
    this.#config = config
    this.#priority = priority
    this.#checksum = checksum
    this.#authentication = authentication
    const advertisement = {
      version: config.version,
      virtualRouterID: config.virtualRouterID,
      priority,
      interval: config.advertisementInterval,
      addresses: config.addresses,
      ...(authentication ? { authentication } : {}),
    }
    this.#copies = destinations(config).map(to => {
      const destination = to?.address ?? VRRP_GROUP[config.family]
      const bytes = encodeAdvertisement(advertisement, { source: config.primaryAddress, destination, checksum })
      return { bytes, to }
    })
    return this.#copies
  }
}

/** Tells the segment where an address is now: gratuitous ARP, or an unsolicited Neighbor Advertisement (RFC 9568 §6.4.2). */
export function announce(frames: FrameSocket, link: Link, address: IpAddress, router: boolean): void {
  if (link.noArp) return
  const frame =
    address.family === 'IPv4'
      ? gratuitousArp(address, link.mac)
      : unsolicitedNeighborAdvertisement(address, link.mac, router)
  frames.send(link.index, frame)
}

/** Asks the segment who else has an address: an ARP Probe, or the Neighbor Solicitation of Duplicate Address Detection. */
export function probe(frames: FrameSocket, link: Link, address: IpAddress): void {
  if (link.noArp) return
  const frame =
    address.family === 'IPv4' ? arpProbe(address, link.mac) : duplicateAddressSolicitation(address, link.mac)
  frames.send(link.index, frame)
}
