/* Asks an address by UDP at a steady pace until its standard input ends; then prints what it saw as JSON: probe.ts ADDRESS MILLISECONDS */
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Answer } from './prober.ts'

const [address = '', pace = '5'] = process.argv.slice(2)
const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
const answers: Answer[] = []
const sentAt: number[] = []
const started = monotonic()

socket.on('message', message => {
  const probe = message.readUInt32BE(0)
  answers.push({ probe, sentAt: sentAt[probe] ?? 0, at: monotonic(), node: message.toString('utf8', 4) })
})
// An address that nobody has answers with an ICMP error, or with nothing.
socket.on('error', () => {})
socket.bind(() => {
  send()
  setInterval(send, 1)
})
process.stdin.resume()
process.stdin.on('end', () => {
  // The last answers are still under way.
  setTimeout(() => {
    process.stdout.write(JSON.stringify({ sent: sentAt.length, answers }), () => process.exit(0))
  }, 300)
})

/** A timer that is late sends what it missed, so that the pace holds on a busy machine. */
function send(): void {
  const due = Math.floor((monotonic() - started) / Number(pace))
  while (sentAt.length <= due) {
    const probe = Buffer.alloc(4)
    probe.writeUInt32BE(sentAt.length)
    sentAt.push(monotonic())
    socket.send(probe, 7, address, () => {})
  }
}

function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
