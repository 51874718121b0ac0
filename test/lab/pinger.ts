/*
 * Asks addresses by ICMP echo and by UDP (port 7) at a steady pace until its standard input ends; then prints what became of it as JSON,
 * a `Pinged` each: pinger.ts MILLISECONDS ICMP,UDP ADDRESS...
 */
import { isIPv6 } from 'node:net'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { pollReadable, sendto, setsockopt, socket } from '../../src/linux/libc.ts'
import { ReceiveBatch } from '../../src/linux/message-headers.ts'
import { internetChecksum, sumWords } from '../../src/wire/checksum.ts'
import { labTime } from './lan.ts'
import type { Pinged } from './pings.ts'

const [pace = '1', protocols = '', ...addresses] = process.argv.slice(2)
/** An answer that takes longer is none. */
const ANSWERED_WITHIN = 1000
const MOST_AT_ONCE = 5

class Stream {
  readonly result: { -readonly [K in keyof Pinged]: Pinged[K] }
  readonly #descriptor: number
  readonly #to: Uint8Array
  readonly #echo: number | undefined
  readonly #identifier: number
  readonly #sentAt: number[] = []
  readonly #answered: boolean[] = []
  #lastAnswer: number | undefined

  /** `identifier`: of its echo requests, 1..255; a raw socket hears the answers to all. */
  constructor(address: string, protocol: 'ICMP' | 'UDP', identifier: number) {
    this.#identifier = identifier
    this.result = { address, protocol, sent: 0, lost: [], longestGap: 0, slowest: 0, duplicates: 0 }
    const v6 = isIPv6(address)
    const { bytes } = ipAddress(address)
    const port = protocol === 'UDP' ? 7 : 0
    this.#to = v6
      ? Uint8Array.of(10, 0, 0, port, 0, 0, 0, 0, ...bytes, 0, 0, 0, 0)
      : Uint8Array.of(2, 0, 0, port, ...bytes, 0, 0, 0, 0, 0, 0, 0, 0)
    this.#echo = protocol === 'UDP' ? undefined : v6 ? 128 : 8
    const [type, number] = protocol === 'UDP' ? [SOCK_DGRAM, 0] : [SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP]
    this.#descriptor = socket(v6 ? 10 : 2, type | SOCK_NONBLOCK, number)
    setsockopt(this.#descriptor, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER, BUFFER.length)
    const batch = new ReceiveBatch({ packets: 64, packetLength: 128, nameLength: 0, controlLength: 0 })
    const skip = protocol === 'ICMP' && !v6 ? 20 : 0
    pollReadable(this.#descriptor, () => {
      for (let count = batch.receive(this.#descriptor); count > 0; count = batch.receive(this.#descriptor)) {
        for (let i = 0; i < count; i++) this.#take(batch.packet(i, skip))
      }
    })
  }

  send(): void {
    const probe = this.#sentAt.length
    const number = Uint8Array.of(probe >>> 24, probe >>> 16, probe >>> 8, probe)
    this.#sentAt.push(labTime())
    this.result.sent++
    const bytes = this.#echo === undefined ? number : echoRequest(this.#echo, this.#identifier, number)
    sendto(this.#descriptor, bytes, bytes.length, 0, this.#to, this.#to.length)
  }

  end(): Pinged {
    for (const [probe, at] of this.#sentAt.entries()) if (!this.#answered[probe]) this.result.lost.push(at)
    return this.result
  }

  #take(packet: Uint8Array): void {
    const at = labTime()
    if (this.#echo !== undefined && (packet[0] !== (this.#echo === 8 ? 0 : 129) || packet[5] !== this.#identifier))
      return
    const [a = 0, b = 0, c = 0, d = 0] = packet.subarray(this.#echo === undefined ? 0 : 8)
    const probe = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
    const took = at - (this.#sentAt[probe] ?? Number.NEGATIVE_INFINITY)
    if (took > ANSWERED_WITHIN) return
    if (this.#answered[probe]) this.result.duplicates++
    this.#answered[probe] = true
    this.result.slowest = Math.max(this.result.slowest, took)
    this.result.longestGap = Math.max(this.result.longestGap, at - (this.#lastAnswer ?? at))
    this.#lastAnswer = at
  }
}

function echoRequest(type: number, identifier: number, number: Uint8Array): Uint8Array {
  const message = Uint8Array.of(type, 0, 0, 0, 0, identifier, 0, 0, ...number)
  if (type === 8) {
    const checksum = internetChecksum(sumWords(message, 0, message.length))
    message[2] = checksum >>> 8
    message[3] = checksum
  }
  return message
}

const [SOCK_DGRAM, SOCK_RAW, SOCK_NONBLOCK] = [2, 3, 0o4000]
const [IPPROTO_ICMP, IPPROTO_ICMPV6, SOL_SOCKET, SO_RCVBUFFORCE] = [1, 58, 1, 33]
const BUFFER = new Uint8Array(Int32Array.of(4 << 20).buffer)

const asked = (['ICMP', 'UDP'] as const).filter(protocol => protocols.split(',').includes(protocol))
const streams = addresses.flatMap((address, i) => asked.map(protocol => new Stream(address, protocol, i + 1)))
let next = labTime()
/** A timer that is late sends a few of those it missed; more at once would be lost in queues that no host at this pace would fill. */
const timer = setInterval(() => {
  const now = labTime()
  next = Math.max(next, now - MOST_AT_ONCE * Number(pace))
  for (; next <= now; next += Number(pace)) for (const stream of streams) stream.send()
}, 1)
process.stdin.resume()
process.stdin.on('end', () => {
  clearInterval(timer)
  setTimeout(() => {
    process.stdout.write(JSON.stringify(streams.map(stream => stream.end())), () => process.exit(0))
  }, ANSWERED_WITHIN)
})
process.stdout.write('probing\n')
