import { type IpAddress, ipAddressFromBytes } from '../lib/ip-address.ts'
import { DecodeError } from './decode-error.ts'

/**
 * A gratuitous ARP as a whole Ethernet frame (42 bytes, the network card pads it): every neighbor that knows `address`
 * takes `mac` for it. Throws a RangeError for an address that is not IPv4 or a MAC that is not 6 bytes.
 *
 * It is an ARP Request, as keepalived's and RFC 5227 §3's announcements are: neighbors update from a request whatever
 * they think of unasked replies. RFC 9568 §6.4 (errata 7947, 7949) wants the virtual router MAC as the target hardware
 * address and RFC 5227 zeros; nobody reads it in a request, so it is keepalived's ff:ff:ff:ff:ff:ff, proven in the field.
 */
export function gratuitousArp(address: IpAddress, mac: Uint8Array): Uint8Array {
  return request(address, mac, address.bytes, BROADCAST)
}

/**
 * An ARP Probe (RFC 5227 §1.1) as a whole Ethernet frame: who has `address` answers `mac`, and nobody learns anything from the question.
 * Throws as gratuitousArp.
 */
export function arpProbe(address: IpAddress, mac: Uint8Array): Uint8Array {
  return request(address, mac, [0, 0, 0, 0], [0, 0, 0, 0, 0, 0])
}

/** The host that sent an ARP packet, as the packet has it. */
export interface ArpSender {
  readonly address: IpAddress
  readonly mac: Uint8Array
}

/** Who sent an ARP packet (RFC 826), without its Ethernet header. Refused: Length (truncated) and Protocol (not Ethernet and IPv4). */
export function decodeArp(packet: Uint8Array): ArpSender | DecodeError {
  if (packet.length < ARP_LENGTH) {
    return new DecodeError('Length', `ARP packet has ${packet.length} bytes, must have ${ARP_LENGTH}`)
  }
  if (!ETHERNET_AND_IPV4.every((byte, i) => packet[i] === byte)) {
    return new DecodeError('Protocol', 'ARP packet is not of Ethernet and IPv4')
  }
  return {
    address: ipAddressFromBytes(packet.subarray(SENDER_ADDRESS, SENDER_ADDRESS + 4)),
    mac: Uint8Array.from(packet.subarray(SENDER_MAC, SENDER_ADDRESS)),
  }
}

function request(address: IpAddress, mac: Uint8Array, asker: Iterable<number>, target: Iterable<number>): Uint8Array {
  if (address.family !== 'IPv4') throw new RangeError(`ARP is for IPv4, not for ${address.text}`)
  if (mac.length !== 6) throw new RangeError(`A MAC address has 6 bytes, not ${mac.length}`)
  const ethernet = [...BROADCAST, ...mac, ...ETHERTYPE_ARP]
  return Uint8Array.of(...ethernet, ...ETHERNET_AND_IPV4, ...REQUEST, ...mac, ...asker, ...target, ...address.bytes)
}

const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
const ETHERTYPE_ARP = [0x08, 0x06]
/** Hardware and protocol type, then the lengths of their addresses (RFC 826). */
const ETHERNET_AND_IPV4 = [0x00, 0x01, 0x08, 0x00, 6, 4]
const REQUEST = [0x00, 0x01]
const [ARP_LENGTH, SENDER_MAC, SENDER_ADDRESS] = [28, 8, 14]
