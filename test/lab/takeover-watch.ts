/*
 * Notes who advertises which virtual router (IPv4) on each link, and from when on it answers ARP: takeover-watch.ts LINK... Prints what it
 * noted, as a line of JSON, for every line of its standard input, until that ends.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { createInterface } from 'node:readline'
import { type IpAddress, ipAddress, ipAddressFromBytes } from '../../src/lib/ip-address.ts'
import { openFrameSocket } from '../../src/linux/frame-socket.ts'
import { readStamped } from './stamped-frames.ts'
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

const [ETH_P_IP, ETH_P_ARP] = [0x0800, 0x0806]
const VRRP = 112
const ASK_AGAIN = 20

for (const link of links) {
  readStamped(link.index, ETH_P_IP, (frame, at) => noteAdvert(link, frame, at))
  readStamped(link.index, ETH_P_ARP, (frame, at) => noteAnswer(link, frame, at))
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
