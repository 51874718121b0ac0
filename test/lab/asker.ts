/*
 * Asks by ARP and by Neighbor Solicitation who has the addresses, every so many milliseconds, until its standard input ends; prints a line
 * for every answer, `TIME ADDRESS MAC`, in labTime: asker.ts MILLISECONDS OWN-MAC OWN-IPv4 OWN-LINK-LOCAL-IPv6 LINK-INDEX ADDRESS...
 */
import koffi from 'koffi'
import { ipAddress, ipAddressFromBytes } from '../../src/lib/ip-address.ts'
import { openFrameSocket } from '../../src/linux/frame-socket.ts'
import { pollReadable, socket } from '../../src/linux/libc.ts'
import { writeUint16 } from '../../src/wire/big-endian.ts'
import { internetChecksum, pseudoHeaderSum, sumWords } from '../../src/wire/checksum.ts'
import { labTime } from './lan.ts'

const [pace = '10', macText = '', own4 = '', own6 = '', index = '', ...addresses] = process.argv.slice(2)
const mac = macText.split(':').map(byte => Number.parseInt(byte, 16))
const frames = openFrameSocket()
/** Ethernet and IPv4, 6 and 4 bytes long, operation 1. */
const ARP_REQUEST = [0, 1, 8, 0, 6, 4, 0, 1]
const BROADCAST = [255, 255, 255, 255, 255, 255]
const NOBODY = [0, 0, 0, 0, 0, 0]
const questions = addresses.map(text => (text.includes(':') ? solicitation(text) : arpRequest(text)))

const descriptor = socket(17, 3 | 0o4000, 0x0300)
const recv = koffi.load(null).func('long recv(int, void *, size_t, int)')
const frame = new Uint8Array(2048)
pollReadable(descriptor, () => {
  for (
    let length = recv(descriptor, frame, frame.length, 0);
    length > 0;
    length = recv(descriptor, frame, frame.length, 0)
  ) {
    const at = labTime()
    const answer = answerIn(frame.subarray(14, length), ((frame[12] ?? 0) << 8) | (frame[13] ?? 0))
    if (answer) process.stdout.write(`${at.toFixed(3)} ${answer}\n`)
  }
})
setInterval(() => {
  for (const question of questions) frames.send(Number(index), question)
}, Number(pace))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))

function answerIn(packet: Uint8Array, type: number): string | undefined {
  // An ARP reply, or a solicited Neighbor Advertisement, to us.
  if (type === 0x0806) {
    if (packet[7] !== 2) return undefined
    return `${textOf(packet.subarray(14, 18))} ${macOf(packet.subarray(8, 14))}`
  }
  if (type !== 0x86dd || packet[6] !== 58 || packet[40] !== 136 || ((packet[44] ?? 0) & 0x40) === 0) return undefined
  return `${textOf(packet.subarray(48, 64))} ${macOf(packet.subarray(66, 72))}`
}

function arpRequest(text: string): Uint8Array {
  const sender = [...mac, ...ipAddress(own4).bytes]
  const ethernet = [...BROADCAST, ...mac, 0x08, 0x06]
  return Uint8Array.of(...ethernet, ...ARP_REQUEST, ...sender, ...NOBODY, ...ipAddress(text).bytes)
}

function solicitation(text: string): Uint8Array {
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
