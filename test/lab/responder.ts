/* Answers every UDP datagram on port 7 with its first bytes and this node's name: responder.ts NAME */
import { createSocket } from 'node:dgram'

const [name = ''] = process.argv.slice(2)
for (const type of ['udp4', 'udp6'] as const) {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' })
  const answer = Buffer.from(name)
  socket.on('message', (message, { port, address }) => socket.send([message.subarray(0, 4), answer], port, address))
  socket.bind(7)
}
