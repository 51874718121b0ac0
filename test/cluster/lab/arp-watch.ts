import { ipAddress } from '../../../src/lib/ip-address.ts'
import { type LabNode, labTime } from '../../lab/lan.ts'
import { inNamespace } from '../../lab/namespace.ts'
import { openRawMessages } from '../../lab/raw-messages.ts'

/** Times are labTime. */
export interface ArpAnswer {
  readonly at: number
  /** Of the node, or its MAC where none has it. */
  readonly node: string
}

export interface ArpWatch {
  /** Since the watch began. */
  readonly answers: readonly ArpAnswer[]
  /** Who answered last, by name: nobody while the last requests are not answered; more than one where there are several holders. */
  readonly now: readonly string[]
  /** Each time that other nodes answered than before: none, one, or more than one of them. */
  readonly changes: readonly { readonly at: number; readonly nodes: readonly string[] }[]
  close(): void
}

/**
 * Asks by ARP who has an IPv4 address, every `every` ms (default: 20), as a machine that has no address itself (RFC 5227's probe), so that it
 * changes no one's table. Whoever has the address answers: two that answer are two holders.
 */
export function watchArp(watcher: LabNode, address: string, nodes: () => readonly LabNode[], every = 20): ArpWatch {
  const { bytes: target, family } = ipAddress(address)
  if (family !== 'IPv4') throw new RangeError(`ARP is for IPv4, not for ${address}`)
  const own = Buffer.from(watcher.mac.replaceAll(':', ''), 'hex')
  const request = Buffer.concat([BROADCAST, own, ARP, REQUEST, own, NOBODY, Buffer.alloc(6), target])
  const index = Number(watcher.run('cat', '/sys/class/net/eth0/ifindex'))
  const answers: ArpAnswer[] = []
  const changes: { at: number; nodes: readonly string[] }[] = []
  let round = new Set<string>()

  const nameOf = (mac: string) => nodes().find(node => node.mac === mac)?.name ?? mac
  const socket = inNamespace(watcher.name, () =>
    openRawMessages(AF_PACKET, SOCK_RAW, networkOrder(ETH_P_ARP), frame => {
      if (frame.length < 42 || !frame.subarray(20, 22).equals(REPLY) || !frame.subarray(28, 32).equals(target)) return
      const mac = frame.subarray(22, 28).toString('hex').match(/../g)?.join(':') ?? ''
      const node = nameOf(mac)
      round.add(node)
      answers.push({ at: labTime(), node })
    }),
  )
  const ask = () => socket.send(request, linkLayerAddress(index))
  let [last, silent, isClosed] = ['', 0, false]
  const timer = setInterval(() => {
    // A single round without an answer may be a machine that is busy.
    silent = round.size === 0 ? silent + 1 : 0
    const nodes = [...round].sort()
    if ((silent === 0 || silent >= SILENT_ROUNDS) && nodes.join() !== last) {
      changes.push({ at: labTime(), nodes })
      last = nodes.join()
    }
    round = new Set()
    ask()
  }, every)
  ask()
  return {
    answers,
    changes,
    get now() {
      return changes.at(-1)?.nodes ?? []
    },
    close() {
      if (isClosed) return
      isClosed = true
      clearInterval(timer)
      socket.close()
    },
  }
}

/** struct sockaddr_ll (linux/if_packet.h) */
function linkLayerAddress(index: number): Uint8Array {
  const address = Buffer.alloc(20)
  address.writeUInt16LE(AF_PACKET, 0)
  address.writeUInt16BE(ETH_P_ARP, 2)
  address.writeInt32LE(index, 4)
  return address
}

function networkOrder(value: number): number {
  return ((value & 0xff) << 8) | (value >> 8)
}

const SILENT_ROUNDS = 3
const [AF_PACKET, SOCK_RAW, ETH_P_ARP] = [17, 3, 0x0806]
const BROADCAST = Buffer.alloc(6, 0xff)
const NOBODY = Buffer.alloc(4)
/** The Ethernet type, then Ethernet and IPv4 with the lengths of their addresses (RFC 826). */
const ARP = Buffer.from([0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 6, 4])
const REQUEST = Buffer.from([0, 1])
const REPLY = Buffer.from([0, 2])
