/*
 * Asks an address at a steady pace until its standard input ends; then prints what it saw as JSON:
 * probe.ts ADDRESS MILLISECONDS [UDP|ICMP]
 */
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { internetChecksum, sumWords } from '../../src/wire/checksum.ts'
import type { Answer } from './prober.ts'
import { openRawMessages } from './raw-messages.ts'
import { runFirst } from './run-first.ts'

/** Sends a probe. */
type Send = (probe: number) => void

const [address = '', pace = '5', protocol = 'UDP'] = process.argv.slice(2)
const SOCK_RAW = 3
const answers: Answer[] = []
const answered = new Set<number>()
const sentAt: number[] = []
const send = protocol === 'ICMP' ? overIcmp() : await overUdp()
runFirst()
const started = monotonic()

sendWhatIsDue()
const timer = setInterval(sendWhatIsDue, 1)
process.stdin.resume()
process.stdin.on('end', () => {
  clearInterval(timer)
  // The last answers are still under way.
  const deadline = monotonic() + 1000
  const waiting = setInterval(() => {
    if (answered.size < sentAt.length && monotonic() < deadline) return
    clearInterval(waiting)
    finish()
  }, 10)
})

function finish(): void {
  process.stdout.write(JSON.stringify({ sent: sentAt, answers }), () => process.exit(0))
}

/** A timer that is late sends what it missed, so that the pace holds on a busy machine. */
function sendWhatIsDue(): void {
  const due = Math.floor((monotonic() - started) / Number(pace))
  while (sentAt.length <= due) {
    const probe = sentAt.length
    sentAt.push(monotonic())
    send(probe)
  }
}

function note(probe: number, node: string): void {
  answered.add(probe)
  answers.push({ probe, sentAt: sentAt[probe] ?? 0, at: monotonic(), node })
}

async function overUdp(): Promise<Send> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  socket.on('message', message => note(message.readUInt32BE(0), message.toString('utf8', 4)))
  // An address that nobody has answers with an ICMP error, or with nothing.
  socket.on('error', () => {})
  await new Promise<void>(resolve => socket.bind(resolve))
  return probe => {
    const message = Buffer.alloc(4)
    message.writeUInt32BE(probe)
    socket.send(message, 7, address, () => {})
  }
}

/** Echo requests (RFC 792, RFC 4443): the kernel answers, and does not say who it is. */
function overIcmp(): Send {
  const isVersion6 = isIPv6(address)
  const [request, reply] = isVersion6 ? [128, 129] : [8, 0]
  const [domain, protocol, headerless] = isVersion6 ? [10, 58, true] : [2, 1, false]
  const identifier = process.pid & 0xffff
  const socket = openRawMessages(domain, SOCK_RAW, protocol, packet => {
    const message = headerless ? packet : packet.subarray(((packet[0] ?? 0) & 0x0f) * 4)
    if (message.length < 12 || message[0] !== reply || message.readUInt16BE(4) !== identifier) return
    note(message.readUInt32BE(8), '')
  })
  const target = socketAddress(address)
  return probe => {
    const message = Buffer.alloc(12)
    message[0] = request
    message.writeUInt16BE(identifier, 4)
    message.writeUInt16BE(probe & 0xffff, 6)
    message.writeUInt32BE(probe, 8)
    // Of version 6 the kernel writes it.
    if (!isVersion6) message.writeUInt16BE(internetChecksum(sumWords(message, 0, message.length)), 2)
    socket.send(message, target)
  }
}

/** struct sockaddr_in or sockaddr_in6, port 0. */
function socketAddress(text: string): Uint8Array {
  const { bytes } = ipAddress(text)
  const [family, length, at] = isIPv6(text) ? [10, 28, 8] : [2, 16, 4]
  const address = new Uint8Array(length)
  new Uint16Array(address.buffer)[0] = family
  address.set(bytes, at)
  return address
}

function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
