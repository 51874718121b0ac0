import { type IpAddress, ipAddress, ipAddressFromBytes } from '../lib/ip-address.ts'
import { writeUint16 } from './big-endian.ts'
import { internetChecksum, pseudoHeaderSum, sumWords } from './checksum.ts'
import { DecodeError } from './decode-error.ts'

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

export interface NeighborAdvertisement {
  readonly target: IpAddress
  /** Of the Target Link-Layer Address option; undefined where there is none for Ethernet. */
  readonly mac: Uint8Array | undefined
  readonly router: boolean
  readonly solicited: boolean
}

/**
 * An ICMPv6 message that is a Neighbor Advertisement (RFC 4861 §4.4). Refused: Type, and Length (truncated, or an option of length 0, §4.6).
 * The checksum is not looked at: the kernel dropped the messages where it is wrong.
 */
export function decodeNeighborAdvertisement(message: Uint8Array): NeighborAdvertisement | DecodeError {
  const { length } = message
  if (length < FIXED_LENGTH) {
    return new DecodeError('Length', `Neighbor Advertisement has ${length} bytes, must have at least ${FIXED_LENGTH}`)
  }
  const [type, , , , flags = 0] = message
  if (type !== NEIGHBOR_ADVERTISEMENT) {
    return new DecodeError('Type', `ICMPv6 type is ${type}, must be ${NEIGHBOR_ADVERTISEMENT}`)
  }
  const mac = targetLinkLayerAddress(message)
  if (mac instanceof DecodeError) return mac
  return {
    target: ipAddressFromBytes(message.subarray(TARGET, FIXED_LENGTH)),
    mac,
    router: (flags & ROUTER) !== 0,
    solicited: (flags & SOLICITED) !== 0,
  }
}

/** The first; option lengths are in units of 8 bytes (RFC 4861 §4.6.1). */
function targetLinkLayerAddress(message: Uint8Array): Uint8Array | undefined | DecodeError {
  for (let at = FIXED_LENGTH; at + 2 <= message.length; ) {
    const type = message[at]
    const length = (message[at + 1] ?? 0) * 8
    if (length === 0) return new DecodeError('Length', 'Option has length 0')
    if (at + length > message.length) return new DecodeError('Length', 'Option ends beyond the message')
    if (type === TARGET_LINK_LAYER_ADDRESS && length === 8) return Uint8Array.from(message.subarray(at + 2, at + 8))
    at += length
  }
  return undefined
}

function neighborAdvertisement(address: IpAddress, mac: Uint8Array, router: boolean): Uint8Array {
  const flags = router ? ROUTER | OVERRIDE : OVERRIDE
  const option = [TARGET_LINK_LAYER_ADDRESS, 1, ...mac]
  const message = Uint8Array.of(NEIGHBOR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0, ...address.bytes, ...option)
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
const NEIGHBOR_ADVERTISEMENT = 136
const [ROUTER, SOLICITED, OVERRIDE] = [0x80, 0x40, 0x20]
const TARGET_LINK_LAYER_ADDRESS = 2
/** Before the options. */
const [TARGET, FIXED_LENGTH] = [8, 24]
