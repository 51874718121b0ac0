import { type IpAddress, ipAddress } from '../lib/ip-address.ts'
import { writeUint16 } from './big-endian.ts'
import { internetChecksum, pseudoHeaderSum, sumWords } from './checksum.ts'

/**
 * An unsolicited Neighbor Advertisement (RFC 4861 §4.4, §7.2.6) to all nodes, as a whole Ethernet frame of 86 bytes: Override
 * set, Solicited not, source = the address itself (as keepalived's), Target Link-Layer Address = `mac`.
 * `router`: whether this node forwards IPv6; a router that says no here is dropped from its neighbors' default routers.
 * Throws a RangeError for an address that is not IPv6 or a MAC that is not 6 bytes.
 */
export function unsolicitedNeighborAdvertisement(address: IpAddress, mac: Uint8Array, router: boolean): Uint8Array {
  if (address.family !== 'IPv6') throw new RangeError(`A Neighbor Advertisement is for IPv6, not for ${address.text}`)
  if (mac.length !== 6) throw new RangeError(`A MAC address has 6 bytes, not ${mac.length}`)
  const message = neighborAdvertisement(address, mac, router)
  const ethernet = [...ALL_NODES_MAC, ...mac, ...ETHERTYPE_IPV6]
  const ipv6 = [0x60, 0, 0, 0, 0, message.length, ICMPV6, HOP_LIMIT, ...address.bytes, ...ALL_NODES.bytes]
  return Uint8Array.of(...ethernet, ...ipv6, ...message)
}

function neighborAdvertisement(address: IpAddress, mac: Uint8Array, router: boolean): Uint8Array {
  const flags = router ? ROUTER | OVERRIDE : OVERRIDE
  const targetLinkLayerAddress = [2, 1, ...mac]
  const message = Uint8Array.of(136, 0, 0, 0, flags, 0, 0, 0, ...address.bytes, ...targetLinkLayerAddress)
  const pseudoHeader = pseudoHeaderSum(address, ALL_NODES, ICMPV6, message.length)
  writeUint16(message, 2, internetChecksum(pseudoHeader + sumWords(message, 0, message.length)))
  return message
}

const ALL_NODES = ipAddress('ff02::1')
const ALL_NODES_MAC = [0x33, 0x33, 0x00, 0x00, 0x00, 0x01]
const ETHERTYPE_IPV6 = [0x86, 0xdd]
const ICMPV6 = 58
/** Anything else is refused (RFC 4861 §7.1.2). */
const HOP_LIMIT = 255
const ROUTER = 0x80
const OVERRIDE = 0x20
