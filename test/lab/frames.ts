import koffi from 'koffi'
import { ipAddressFromBytes } from '../../src/lib/ip-address.ts'
import { close, pollReadable, socket } from '../../src/linux/libc.ts'
import { type LabNode, labTime } from './lan.ts'
import { inNamespace } from './namespace.ts'

export interface Listener {
  /** What was heard so far, in operators' words: `advert 51 priority 0 from 10.1.0.1`, `10.1.0.100 is at 02:00:00:00:00:01`. */
  readonly heard: readonly string[]
  /** When each of it was read, in labTime. */
  readonly times: readonly number[]
  close(): void
}

/** Hears every VRRP advert and every announcement (gratuitous ARP, unsolicited NA) that reaches a node's links. */
export function listenOn(node: LabNode): Listener {
  const heard: string[] = []
  const times: number[] = []
  const reading = readFrames(node, frame => {
    const said = describe(frame)
    if (!said) return
    heard.push(said)
    times.push(labTime())
  })
  return { heard, times, close: () => reading.close() }
}

/** Gives every frame that reaches or leaves a node's links, from its Ethernet header on; the bytes are overwritten afterwards. */
export function readFrames(node: LabNode, take: (frame: Uint8Array) => void): { close(): void } {
  // Protocol ETH_P_ALL, in network byte order.
  const descriptor = inNamespace(node.name, () => socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0x0300))
  if (descriptor < 0) throw new Error(`Cannot listen on ${node.name}`)
  const frame = new Uint8Array(2048)
  const poll = pollReadable(descriptor, () => {
    for (;;) {
      const length = recv(descriptor, frame, frame.length, 0)
      if (length <= 0) return
      take(frame.subarray(0, length))
    }
  })
  return {
    close() {
      poll.close()
      close(descriptor)
    },
  }
}

function describe(frame: Uint8Array): string | undefined {
  const packet = frame.subarray(14)
  switch (((frame[12] ?? 0) << 8) | (frame[13] ?? 0)) {
    case 0x0806:
      return describeArp(packet)
    case 0x0800: {
      const headerLength = ((packet[0] ?? 0) & 0x0f) * 4
      return packet[9] === VRRP ? advert(packet.subarray(headerLength), packet.subarray(12, 16)) : undefined
    }
    case 0x86dd: {
      const payload = packet.subarray(40)
      if (packet[6] === VRRP) return advert(payload, packet.subarray(8, 24))
      if (packet[6] === ICMPV6 && payload[0] === NEIGHBOR_ADVERTISEMENT && packet[24] === 0xff)
        return `${text(payload.subarray(8, 24))} is at ${mac(payload.subarray(26, 32))}`
      return undefined
    }
  }
  return undefined
}

/** Only of the gratuitous kind: sender and target are one. */
function describeArp(arp: Uint8Array): string | undefined {
  const [sender, target] = [text(arp.subarray(14, 18)), text(arp.subarray(24, 28))]
  return sender === target ? `${sender} is at ${mac(arp.subarray(8, 14))}` : undefined
}

function advert(vrrp: Uint8Array, source: Uint8Array): string {
  return `advert ${vrrp[1]} priority ${vrrp[2]} from ${text(source)}`
}

function text(bytes: Uint8Array): string {
  return ipAddressFromBytes(Uint8Array.from(bytes)).text
}

function mac(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(':')
}

const recv = koffi.load(null).func('long recv(int, void *, size_t, int)')
const AF_PACKET = 17
const [SOCK_RAW, SOCK_NONBLOCK, SOCK_CLOEXEC] = [3, 0o4000, 0o2000000]
const [VRRP, ICMPV6, NEIGHBOR_ADVERTISEMENT] = [112, 58, 136]
