/*
 * Notes who advertises which virtual router (IPv4) on each link, and from when on it answers ARP: takeover-watch.ts LINK... Prints what it
 * noted, as a line of JSON, for every line of its standard input, until that ends.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { createInterface } from 'node:readline'
import { type IpAddress, ipAddress, ipAddressFromBytes } from '../../src/lib/ip-address.ts'
import { openFrameSocket } from '../../src/linux/frame-socket.ts'
import { bind, int32, pollReadable, setsockopt, socket } from '../../src/linux/libc.ts'
import { ReceiveBatch } from '../../src/linux/message-headers.ts'
import { labTime } from './lan.ts'
import type { Spell } from './takeovers.ts'

interface Watched {
  readonly name: string
  readonly index: number
  readonly mac: string
  readonly own: IpAddress
}

/** The spells of one virtual router, and its first address. */
interface Router {
  readonly address: Uint8Array
  readonly spells: { -readonly [K in keyof Spell]: Spell[K] }[]
}

const links = process.argv.slice(2).map(watched)
const frames = openFrameSocket()
/** By link and VRID. */
const routers = new Map<string, Router>()
/** By link and address. */
const byAddress = new Map<string, Router>()
/** Those whose present MASTER has not answered yet. */
const unanswered = new Map<Router, Watched>()
/** CLOCK_MONOTONIC is so much behind the clock that the kernel stamps packets with. */
const behind = Date.now() - labTime()

const AF_PACKET = 17
const [SOCK_RAW, SOCK_NONBLOCK] = [3, 0o4000]
const [ETH_P_IP, ETH_P_ARP] = [0x0800, 0x0806]
const [SOL_SOCKET, SO_RCVBUFFORCE, SO_TIMESTAMPNS] = [1, 33, 35]
const VRRP = 112
const ASK_AGAIN = 20

for (const link of links) {
  listen(link, ETH_P_IP, noteAdvert)
  listen(link, ETH_P_ARP, noteAnswer)
}
setInterval(() => {
  for (const [router, link] of unanswered) ask(link, router)
}, ASK_AGAIN)
createInterface(process.stdin)
  .on('line', () =>
    process.stdout.write(`${JSON.stringify(Array.from(routers.values(), ({ spells }) => spells).flat())}\n`),
  )
  .on('close', () => process.exit(0))
process.stdout.write('\n')

function noteAdvert(link: Watched, frame: Uint8Array, at: number): void {
  const ip = frame.subarray(14)
  const vrrp = ip.subarray(((ip[0] ?? 0) & 0x0f) * 4)
  const priority = vrrp[2] ?? 0
  if (ip[9] !== VRRP || priority === 0) return
  const virtualRouterID = vrrp[1] ?? 0
  const router = routerOf(link, virtualRouterID, vrrp)
  const mac = macOf(frame.subarray(6, 12))
  const last = router.spells.at(-1)
  if (last?.mac === mac) {
    last.until = at
    return
  }
  router.spells.push({ link: link.name, virtualRouterID, mac, from: at, until: at, answeredAt: undefined })
  unanswered.set(router, link)
  ask(link, router)
}

function noteAnswer(link: Watched, frame: Uint8Array, at: number): void {
  const arp = frame.subarray(14)
  if (arp[7] !== 2) return
  const router = byAddress.get(`${link.name} ${textOf(arp.subarray(14, 18))}`)
  const spell = router?.spells.at(-1)
  if (!router || !spell || spell.answeredAt !== undefined || spell.mac !== macOf(arp.subarray(8, 14))) return
  spell.answeredAt = at
  unanswered.delete(router)
}

function routerOf(link: Watched, virtualRouterID: number, vrrp: Uint8Array): Router {
  const key = `${link.name} ${virtualRouterID}`
  const known = routers.get(key)
  if (known) return known
  const router = { address: Uint8Array.from(vrrp.subarray(8, 12)), spells: [] }
  routers.set(key, router)
  byAddress.set(`${link.name} ${textOf(router.address)}`, router)
  return router
}

/** Ethernet, then an ARP request (RFC 826). */
function ask({ index, mac, own }: Watched, { address }: Router): void {
  const sender = mac.split(':').map(byte => Number.parseInt(byte, 16))
  const head = [255, 255, 255, 255, 255, 255, ...sender, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]
  frames.send(index, Uint8Array.of(...head, ...sender, ...own.bytes, 0, 0, 0, 0, 0, 0, ...address))
}

function listen(link: Watched, type: number, note: (link: Watched, frame: Uint8Array, at: number) => void): void {
  const protocol = ((type & 0xff) << 8) | (type >> 8)
  const descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0)
  const name = new Uint8Array(20)
  new Uint16Array(name.buffer).set([AF_PACKET, protocol])
  name.set(int32(link.index), 4)
  const options = [
    [SO_RCVBUFFORCE, 16 << 20],
    [SO_TIMESTAMPNS, 1],
  ] as const
  const isSet = options.every(([option, value]) => setsockopt(descriptor, SOL_SOCKET, option, int32(value), 4) === 0)
  if (descriptor < 0 || !isSet || bind(descriptor, name, name.length) < 0)
    throw new Error(`Cannot listen on ${link.name}`)
  const batch = new ReceiveBatch({ packets: 64, packetLength: 2048, nameLength: 0, controlLength: 32 })
  pollReadable(descriptor, () => {
    for (;;) {
      const count = batch.receive(descriptor)
      for (let i = 0; i < count; i++) note(link, batch.packet(i), stampOf(batch.control(i)))
      if (count < 64) return
    }
  })
}

/** A struct cmsghdr with a struct timespec. */
function stampOf(control: Uint8Array): number {
  const [seconds = 0n, nanoseconds = 0n] = new BigInt64Array(control.buffer, control.byteOffset + 16, 2)
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6 - behind
}

function watched(name: string): Watched {
  const own = networkInterfaces()[name]?.find(({ family }) => family === 'IPv4')
  if (!own) throw new Error(`${name} has no IPv4 address`)
  const index = Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'))
  return { name, index, mac: own.mac, own: ipAddress(own.address) }
}

function textOf(bytes: Uint8Array): string {
  return ipAddressFromBytes(Uint8Array.from(bytes)).text
}

function macOf(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(':')
}
