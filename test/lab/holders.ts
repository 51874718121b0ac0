import { execFileSync } from 'node:child_process'
import { bind, close, int32, lastErrno, pollReadable, setsockopt, socket } from '../../src/linux/libc.ts'
import { ReceiveBatch } from '../../src/linux/message-headers.ts'
import { type AddressMessage, decodeRouteMessages } from '../../src/linux/route-messages.ts'
import { type LabNode, labTime } from './lan.ts'

/** A node that began or ceased to have an address; `at`, when this process read it, in labTime. */
export interface HolderChange {
  readonly at: number
  readonly node: string
  readonly holds: boolean
}

export interface Holders {
  /** The nodes whose kernel has the address now, by name. */
  readonly now: readonly string[]
  /** Since the watch began, what was there at first included; in the order in which the kernel made them, however late they are read. */
  readonly changes: readonly HolderChange[]
  close(): void
}

/** Watches which of the nodes have `address` (without prefix length) on any link. */
export async function watchHolders(nodes: readonly LabNode[], address: string): Promise<Holders> {
  const changes: HolderChange[] = []
  /** The links that have it, by node. */
  const links = new Map<string, Set<string>>(nodes.map(({ name }) => [name, new Set()]))
  const note = (node: string, link: string, isThere: boolean): void => {
    const having = links.get(node) ?? new Set()
    const before = having.size > 0
    if (isThere) having.add(link)
    else having.delete(link)
    if (having.size > 0 !== before) changes.push({ at: labTime(), node, holds: !before })
  }
  // Told from here on, and listed below: what comes in between is told twice.
  const stop = hearAddresses(nodes, (node, { linkIndex, prefix }, isThere) => {
    if (prefix.address.text === address) note(node, `${linkIndex}`, isThere)
  })
  for (const node of nodes) for (const index of linksWith(node, address)) note(node.name, `${index}`, true)
  return {
    get now() {
      return [...links].filter(([, having]) => having.size > 0).map(([node]) => node)
    },
    changes,
    close: stop,
  }
}

/**
 * One socket for all nodes (NETLINK_LISTEN_ALL_NSID): what sockets of their own tell would come in the order in which a busy machine reads
 * them. Returns how to end it.
 */
function hearAddresses(
  nodes: readonly LabNode[],
  tell: (node: string, address: AddressMessage, isThere: boolean) => void,
): () => void {
  const names = namespaceNames(nodes)
  const descriptor = openSocket()
  const batch = new ReceiveBatch(ROOM)
  const poll = pollReadable(descriptor, () => {
    for (let count = batch.receive(descriptor); count !== 0; count = batch.receive(descriptor)) {
      const errno = count < 0 ? lastErrno() : undefined
      if (errno === 'EAGAIN') return
      if (errno !== undefined) throw new Error(`Cannot hear who has an address: ${errno}`)
      for (let i = 0; i < count; i++) {
        const node = names.get(namespaceOf(batch.control(i)))
        if (node === undefined) continue
        for (const { message: said } of decodeRouteMessages(batch.packet(i))) {
          if (said.type === 'Address' || said.type === 'AddressGone') tell(node, said.address, said.type === 'Address')
        }
      }
    }
  })
  return () => {
    poll.close()
    close(descriptor)
  }
}

function openSocket(): number {
  const descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE)
  const [on, size] = [int32(1), int32(RECEIVE_BUFFER)]
  const address = new Uint32Array([AF_NETLINK, 0, RTMGRP_ADDRESSES])
  const isOpen =
    setsockopt(descriptor, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, on, on.length) === 0 &&
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) === 0 &&
    bind(descriptor, new Uint8Array(address.buffer), address.byteLength) === 0
  if (!isOpen) throw new Error(`Cannot hear who has an address: ${lastErrno()}`)
  return descriptor
}

/** By the number that the lab's own namespace has for it, which it got with its link. */
function namespaceNames(nodes: readonly LabNode[]): Map<number, string> {
  const wanted = new Set(nodes.map(({ name }) => name))
  const listed: { name: string; id?: number }[] = JSON.parse(
    execFileSync('ip', ['-json', 'netns', 'list'], { encoding: 'utf8' }),
  )
  return new Map(listed.flatMap(({ name, id }) => (wanted.has(name) && id !== undefined ? [[id, name]] : [])))
}

/** Of the one control message that there is (NETLINK_LISTEN_ALL_NSID); -1 for the lab's own. */
function namespaceOf(control: Uint8Array): number {
  if (control.length < CMSG_DATA + 4) return -1
  return new DataView(control.buffer, control.byteOffset).getInt32(CMSG_DATA, true)
}

function linksWith(node: LabNode, address: string): number[] {
  const shown: { ifindex: number; addr_info: { local?: string }[] }[] = JSON.parse(
    node.run('ip', '-json', 'address', 'show'),
  )
  return shown.filter(({ addr_info }) => addr_info.some(({ local }) => local === address)).map(({ ifindex }) => ifindex)
}

const [AF_NETLINK, NETLINK_ROUTE] = [16, 0]
const [SOCK_RAW, SOCK_NONBLOCK, SOCK_CLOEXEC] = [3, 0o4000, 0o2000000]
const [SOL_SOCKET, SO_RCVBUFFORCE] = [1, 33]
const [SOL_NETLINK, NETLINK_LISTEN_ALL_NSID] = [270, 8]
/** RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR */
const RTMGRP_ADDRESSES = 0x110
const RECEIVE_BUFFER = 4 << 20
const CMSG_DATA = 16
const ROOM = { packets: 8, packetLength: 32_768, nameLength: 0, controlLength: 24 }
