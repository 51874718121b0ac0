/* Answers every UDP datagram on port 7 with its first bytes and this node's name: responder.ts NAME */
import { bind, int32, pollReadable, sendto, setsockopt, socket } from '../../src/linux/libc.ts'
import { ReceiveBatch } from '../../src/linux/message-headers.ts'

const [name = ''] = process.argv.slice(2)
const answer = Buffer.from(name)

const [AF_INET, AF_INET6, SOCK_DGRAM, SOCK_NONBLOCK] = [2, 10, 2, 0o4000]
const [SOL_SOCKET, SO_RCVBUFFORCE, IPPROTO_IPV6, IPV6_V6ONLY] = [1, 33, 41, 26]
/** What comes while a busy machine leaves this process aside waits. */
const RECEIVE_BUFFER = int32(8 << 20)

for (const [family, addressLength] of [
  [AF_INET, 16],
  [AF_INET6, 28],
] as const) {
  const descriptor = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0)
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER, RECEIVE_BUFFER.length)
  if (family === AF_INET6) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, int32(1), 4)
  const local = new Uint8Array(addressLength)
  local.set([family, 0, 0, 7])
  if (bind(descriptor, local, local.length) < 0) throw new Error('Cannot bind UDP port 7')
  const batch = new ReceiveBatch({ packets: 64, packetLength: 64, nameLength: 28, controlLength: 0 })
  pollReadable(descriptor, () => {
    for (let count = batch.receive(descriptor); count > 0; count = batch.receive(descriptor)) {
      for (let i = 0; i < count; i++) {
        const message = Buffer.concat([batch.packet(i).subarray(0, 4), answer])
        sendto(descriptor, message, message.length, 0, batch.name(i), addressLength)
      }
    }
  })
}
