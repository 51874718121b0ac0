import type { ChecksumForm } from '../api/virtual-ip.ts'
import type { IpAddress } from '../lib/ip-address.ts'
import type { FrameSocket } from '../linux/frame-socket.ts'
import type { Link } from '../linux/links.ts'
import type { SimplePassword } from '../vrrp/advertisement.ts'
import type { VirtualRouterConfig } from '../vrrp/virtual-router.ts'
import { arpProbe, gratuitousArp } from '../wire/arp.ts'
import { unsolicitedNeighborAdvertisement } from '../wire/neighbor-advertisement.ts'
import { duplicateAddressSolicitation } from '../wire/neighbor-solicitation.ts'
import { encodeAdvertisement, VRRP_GROUP } from '../wire/vrrp.ts'

/** An advert's bytes, kept while nothing in it changes: an Active Router sends the same ones for days. */
export class AdvertisementBytes {
  #config: VirtualRouterConfig | undefined
  #priority = -1
  #authentication: SimplePassword | undefined
  #checksum: ChecksumForm | undefined
  #bytes = new Uint8Array()

  of(
    config: VirtualRouterConfig,
    priority: number,
    checksum: ChecksumForm,
    authentication: SimplePassword | undefined,
  ): Uint8Array {
    const same =
      config === this.#config &&
      priority === this.#priority &&
      checksum === this.#checksum &&
      authentication === this.#authentication
    if (same) return this.#bytes
    this.#config = config
    this.#priority = priority
    this.#checksum = checksum
    this.#authentication = authentication
    this.#bytes = encodeAdvertisement(
      {
        version: config.version,
        virtualRouterID: config.virtualRouterID,
        priority,
        interval: config.advertisementInterval,
        addresses: config.addresses,
        ...(authentication ? { authentication } : {}),
      },
      { source: config.primaryAddress, destination: VRRP_GROUP[config.family], checksum },
    ) as Uint8Array<ArrayBuffer>
    return this.#bytes
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
