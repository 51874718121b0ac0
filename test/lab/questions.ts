import { ipAddress, ipAddressFromBytes } from '../../src/lib/ip-address.ts'
import { writeUint16 } from '../../src/wire/big-endian.ts'
import { internetChecksum, pseudoHeaderSum, sumWords } from '../../src/wire/checksum.ts'

/** Who asks. */
export interface Asking {
  readonly mac: Uint8Array
  readonly own4: string
  /** Link-local */
  readonly own6: string
}

/** The frame that asks who has an address: an ARP request or a Neighbor Solicitation. */
export function question(address: string, asking: Asking): Uint8Array {
  return address.includes(':') ? solicitation(address, asking) : arpRequest(address, asking)
}

/** Who has what, where the frame is an ARP reply or a solicited Neighbor Advertisement. */
export function answerIn(frame: Uint8Array): { readonly address: string; readonly mac: string } | undefined {
  const packet = frame.subarray(14)
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0)
  if (type === 0x0806) {
    if (packet[7] !== 2) return undefined
    return { address: textOf(packet.subarray(14, 18)), mac: macOf(packet.subarray(8, 14)) }
  }
  if (type !== 0x86dd || packet[6] !== 58 || packet[40] !== 136 || ((packet[44] ?? 0) & 0x40) === 0) return undefined
  return { address: textOf(packet.subarray(48, 64)), mac: macOf(packet.subarray(66, 72)) }
}

function arpRequest(text: string, { mac, own4 }: Asking): Uint8Array {
  const sender = [...mac, ...ipAddress(own4).bytes]
  const ethernet = [...BROADCAST, ...mac, 0x08, 0x06]
  return Uint8Array.of(...ethernet, ...ARP_REQUEST, ...sender, ...NOBODY, ...ipAddress(text).bytes)
}

function solicitation(text: string, { mac, own6 }: Asking): Uint8Array {
  const target = ipAddress(text).bytes
  const tail = [...target.subarray(13)]
  const group = ipAddressFromBytes(Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...tail))
  const source = ipAddress(own6)
  const message = Uint8Array.of(135, 0, 0, 0, 0, 0, 0, 0, ...target, 1, 1, ...mac)
  const sum = pseudoHeaderSum(source, group, 58, message.length) + sumWords(message, 0, message.length)
  writeUint16(message, 2, internetChecksum(sum))
  const ipv6 = [0x60, 0, 0, 0, 0, message.length, 58, 255, ...source.bytes, ...group.bytes]
  return Uint8Array.of(0x33, 0x33, 0xff, ...tail, ...mac, 0x86, 0xdd, ...ipv6, ...message)
}

function textOf(bytes: Uint8Array): string {
  return ipAddressFromBytes(Uint8Array.from(bytes)).text
}

function macOf(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(':')
}

/** Ethernet and IPv4, 6 and 4 bytes long, operation 1. */
const ARP_REQUEST = [0, 1, 8, 0, 6, 4, 0, 1]
const BROADCAST = [255, 255, 255, 255, 255, 255]
const NOBODY = [0, 0, 0, 0, 0, 0]
