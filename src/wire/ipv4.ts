import { type IpAddress, ipAddressFromBytes } from '../lib/ip-address.ts'
import { readUint16 } from './big-endian.ts'
import { DecodeError } from './decode-error.ts'

export interface Ipv4Packet {
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly ttl: number
  readonly protocol: number
  /** A view of the packet's bytes, without options and without what follows Total Length. */
  readonly payload: Uint8Array
}

const MINIMUM_HEADER_LENGTH = 20

/**
 * What a raw IPv4 socket hands over (RFC 791 §3.1). The header checksum is not looked at: the kernel dropped the packets
 * where it is wrong. Refused: Protocol (not IP version 4) and Length (truncated, inconsistent or a fragment).
 */
export function decodeIpv4(packet: Uint8Array): Ipv4Packet | DecodeError {
  if (packet.length < MINIMUM_HEADER_LENGTH) {
    return new DecodeError('Length', `Packet has ${packet.length} bytes, an IPv4 header has at least 20`)
  }
  const [versionAndLength = 0] = packet
  const version = versionAndLength >> 4
  if (version !== 4) return new DecodeError('Protocol', `IP version is ${version}, must be 4`)
  const headerLength = (versionAndLength & 0x0f) * 4
  const totalLength = readUint16(packet, 2)
  if (headerLength < MINIMUM_HEADER_LENGTH || headerLength > totalLength) {
    return new DecodeError(
      'Length',
      `IPv4 header length is ${headerLength}, must be 20 to Total Length, ${totalLength}`,
    )
  }
  if (totalLength > packet.length) {
    return new DecodeError('Length', `Packet has ${packet.length} bytes, its Total Length is ${totalLength}`)
  }
  if ((readUint16(packet, 6) & MORE_FRAGMENTS_OR_OFFSET) !== 0) {
    return new DecodeError('Length', 'Packet is a fragment')
  }
  return {
    source: ipAddressFromBytes(packet.subarray(12, 16)),
    destination: ipAddressFromBytes(packet.subarray(16, 20)),
    ttl: packet[8] ?? 0,
    protocol: packet[9] ?? 0,
    payload: packet.subarray(headerLength, totalLength),
  }
}

const MORE_FRAGMENTS_OR_OFFSET = 0x3fff
