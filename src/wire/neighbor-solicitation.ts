import { type IpAddress, ipAddress, ipAddressFromBytes } from '../lib/ip-address.ts'
import { writeUint16 } from './big-endian.ts'
import { internetChecksum, pseudoHeaderSum, sumWords } from './checksum.ts'

/**
 * The Neighbor Solicitation of Duplicate Address Detection (RFC 4862 §5.4.2) as a whole Ethernet frame of 78 bytes: who has `address` says so
 * to all nodes, and nobody learns anything from the question. `mac`: whose frame it is. Throws a RangeError for an address that is not IPv6
 * or a MAC that is not 6 bytes.
 */
export function duplicateAddressSolicitation(address: IpAddress, mac: Uint8Array): Uint8Array {
  if (address.family !== 'IPv6') throw new RangeError(`A Neighbor Solicitation is for IPv6, not for ${address.text}`)
  if (mac.length !== 6) throw new RangeError(`A MAC address has 6 bytes, not ${mac.length}`)
  const group = solicitedNodeGroup(address)
  const message = Uint8Array.of(NEIGHBOR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0, ...address.bytes)
  const pseudoHeader = pseudoHeaderSum(UNSPECIFIED, group, ICMPV6, message.length)
  writeUint16(message, 2, internetChecksum(pseudoHeader + sumWords(message, 0, message.length)))
  const ethernet = [0x33, 0x33, ...group.bytes.subarray(12), ...mac, ...ETHERTYPE_IPV6]
  const ipv6 = [0x60, 0, 0, 0, 0, message.length, ICMPV6, HOP_LIMIT, ...UNSPECIFIED.bytes, ...group.bytes]
  return Uint8Array.of(...ethernet, ...ipv6, ...message)
}

/** RFC 4291 §2.7.1: ff02::1:ff, then the last three bytes. */
function solicitedNodeGroup({ bytes }: IpAddress): IpAddress {
  return ipAddressFromBytes(Uint8Array.of(...SOLICITED_NODE.bytes.subarray(0, 13), ...bytes.subarray(13)))
}

const SOLICITED_NODE = ipAddress('ff02::1:ff00:0')
const UNSPECIFIED = ipAddress('::')
const NEIGHBOR_SOLICITATION = 135
const ETHERTYPE_IPV6 = [0x86, 0xdd]
const ICMPV6 = 58
/** Anything else is refused (RFC 4861 §7.1.1). */
const HOP_LIMIT = 255
