import type { IpAddress } from '../lib/ip-address.ts'
import type { Millis } from '../lib/time.ts'
import {
  type Change,
  deleteElements,
  deleteTable,
  drop,
  type Element,
  equals,
  isIn,
  isNotIn,
  load,
  loadMeta,
  missingElements,
  newChain,
  newElements,
  newRule,
  newSet,
  newTable,
  type TableFamily,
} from './nftables-messages.ts'
import { NftablesSocket } from './nftables-socket.ts'
import { SyscallError } from './syscall-error.ts'

/**
 * Lets this node's kernel answer for an address (ARP, Neighbor Discovery and IP) only while it is told again and again that somebody stands
 * behind it. Addresses belong to a class; a class is alive for so many milliseconds, then whatever comes for its addresses is dropped, on
 * every link, one that comes later included. Other addresses do not notice. Each call is done when it returns.
 */
export interface Fence {
  /** From now on these are answered for only while their class is alive; forgotten after `lifetime` unless they are put again. */
  put(fenceClass: string, addresses: readonly IpAddress[], lifetime: Millis): SyscallError | undefined
  /** These are as if never put. */
  remove(fenceClass: string, addresses: readonly IpAddress[]): SyscallError | undefined
  /** The class, some of whose addresses were put, is alive for `lifetime` from now; if it is already, for as long as it was told last. */
  begin(fenceClass: string, lifetime: Millis): SyscallError | undefined
  /** These classes are alive for `lifetime` from now. False: the time of one was up, and nothing is changed. */
  renew(classes: ReadonlyMap<string, Millis>): boolean | SyscallError
  /** The class is no longer alive. */
  end(fenceClass: string): SyscallError | undefined
  /** Nothing is left of it, and nothing is held back. */
  destroy(): SyscallError | undefined
  /** Leaves it as it is: all that it was told times out. */
  close(): void
}

/**
 * A new, empty one in place of one of that name that a killed process may have left: its addresses must be gone before. Throws a
 * SyscallError: EPERM without CAP_NET_ADMIN; EOPNOTSUPP, EPROTONOSUPPORT and the like where the kernel has no nf_tables.
 */
export function openFence(name: string): Fence {
  const socket = new NftablesSocket()
  const fence = new NftablesFence(name, socket)
  const error = fence.create()
  if (!error) return fence
  socket.close()
  throw error
}

class NftablesFence implements Fence {
  readonly #name: string
  readonly #socket: NftablesSocket
  /** The addresses that were put, by class; some may have timed out. */
  readonly #classes = new Map<string, Set<string>>()
  #renewal: { readonly key: string; readonly changes: readonly Change[] } | undefined

  constructor(name: string, socket: NftablesSocket) {
    this.#name = name
    this.#socket = socket
  }

  create(): SyscallError | undefined {
    const name = this.#name
    // To delete what may not be there, make it first.
    return this.#transact('make a fence', [
      ...FAMILIES.flatMap(family => [newTable(family, name), deleteTable(family, name), newTable(family, name)]),
      newChain('arp input', name, CHAIN, PRIORITY),
      newChain('inet prerouting', name, CHAIN, PRIORITY),
    ])
  }

  put(fenceClass: string, addresses: readonly IpAddress[], lifetime: Millis): SyscallError | undefined {
    const made = this.#classes.has(fenceClass) ? undefined : this.#make(fenceClass)
    if (made) return made
    const action = 'put addresses behind the fence'
    const known = this.#classes.get(fenceClass) ?? new Set()
    const [again, anew] = [
      addresses.filter(({ text }) => known.has(text)),
      addresses.filter(({ text }) => !known.has(text)),
    ]
    const added = this.#held(fenceClass, anew, newElements, lifetime)
    const error = this.#transact(action, [
      ...this.#held(fenceClass, again, deleteElements),
      ...this.#held(fenceClass, again, newElements, lifetime),
      ...added,
    ])
    // One has timed out. Those that have not may keep their time until the next time they are put.
    const still =
      error?.errno === 'ENOENT'
        ? this.#transact(action, this.#held(fenceClass, addresses, newElements, lifetime))
        : error
    if (!still) for (const { text } of anew) known.add(text)
    return still
  }

  remove(fenceClass: string, addresses: readonly IpAddress[]): SyscallError | undefined {
    const known = this.#classes.get(fenceClass)
    const there = addresses.filter(({ text }) => known?.delete(text))
    const action = 'take addresses from behind the fence'
    const error = this.#transact(action, this.#held(fenceClass, there, deleteElements))
    if (error?.errno !== 'ENOENT') return error
    // One has timed out. An element that is added again can be deleted whether it was there or not.
    return this.#transact(action, [
      ...this.#held(fenceClass, there, newElements, SOON),
      ...this.#held(fenceClass, there, deleteElements),
    ])
  }

  begin(fenceClass: string, lifetime: Millis): SyscallError | undefined {
    const error = this.#transact('open the fence', this.#alive(new Map([[fenceClass, lifetime]]), missingElements))
    return error?.errno === 'EEXIST' ? undefined : error
  }

  renew(classes: ReadonlyMap<string, Millis>): boolean | SyscallError {
    const error = this.#transact('keep the fence open', this.#renewalOf(classes))
    return error?.errno === 'ENOENT' ? false : (error ?? true)
  }

  end(fenceClass: string): SyscallError | undefined {
    const error = this.#transact('shut the fence', this.#alive(new Map([[fenceClass, 0]]), deleteElements))
    return error?.errno === 'ENOENT' ? undefined : error
  }

  destroy(): SyscallError | undefined {
    return this.#transact(
      'remove the fence',
      FAMILIES.map(family => deleteTable(family, this.#name)),
    )
  }

  close(): void {
    this.#socket.close()
  }

  /** Sent many times a second, and mostly the same. */
  #renewalOf(classes: ReadonlyMap<string, Millis>): readonly Change[] {
    const key = JSON.stringify([...classes])
    if (this.#renewal?.key !== key) {
      const changes = [...this.#alive(classes, deleteElements), ...this.#alive(classes, newElements)]
      this.#renewal = { key, changes }
    }
    return this.#renewal.changes
  }

  #make(fenceClass: string): SyscallError | undefined {
    const error = this.#transact('make a fence', classOf(this.#name, fenceClass))
    if (!error) this.#classes.set(fenceClass, new Set())
    return error
  }

  #held(fenceClass: string, addresses: readonly IpAddress[], change: ElementChange, timeout?: Millis): Change[] {
    const of = (family: 'IPv4' | 'IPv6'): Element[] =>
      addresses
        .filter(address => address.family === family)
        .map(({ bytes }) => ({ key: bytes, ...(timeout === undefined ? {} : { timeout }) }))
    const [four, six] = [of('IPv4'), of('IPv6')]
    const [held4, held6] = [`${HELD4}-${fenceClass}`, `${HELD6}-${fenceClass}`]
    return [
      ...(four.length > 0 ? FAMILIES.map(family => change(family, this.#name, held4, four)) : []),
      ...(six.length > 0 ? [change('inet', this.#name, held6, six)] : []),
    ]
  }

  #alive(classes: ReadonlyMap<string, Millis>, change: ElementChange): Change[] {
    return [...classes].flatMap(([fenceClass, timeout]) =>
      FAMILIES.map(family =>
        change(
          family,
          this.#name,
          `${ALIVE}-${fenceClass}`,
          PROTOCOLS[family].map(key => ({ key, timeout })),
        ),
      ),
    )
  }

  #transact(action: string, changes: readonly Change[]): SyscallError | undefined {
    const errno = changes.length === 0 ? undefined : this.#socket.transact(changes)
    return errno === undefined
      ? undefined
      : new SyscallError(`${action} in nftables`, errno, { needs: 'CAP_NET_ADMIN' })
  }
}

type ElementChange = (family: TableFamily, table: string, set: string, elements: readonly Element[]) => Change

/**
 * Sets and rules of a class, as `nft` would have it: `arp daddr ip @held4-1 meta protocol != @alive-1 drop`. That a packet is what it is, which is
 * known, stands for what can be true for a while: a set that has its type while the class is alive.
 */
function classOf(table: string, fenceClass: string): Change[] {
  const [held4, held6] = [`${HELD4}-${fenceClass}`, `${HELD6}-${fenceClass}`]
  const alive = `${ALIVE}-${fenceClass}`
  const dropUnlessAlive = [loadMeta(1, 'protocol'), isNotIn(1, alive), drop()]
  const is = (family: number) => [loadMeta(1, 'nfproto'), equals(1, Uint8Array.of(family))]
  return [
    newSet('arp', table, { name: alive, key: 'ether_type' }, 1),
    newSet('arp', table, { name: held4, key: 'ipv4_addr' }, 2),
    newRule('arp', table, CHAIN, [
      ...[load(1, 'network', ARP_LENGTHS, 2), equals(1, Uint8Array.of(6, 4))],
      ...[load(1, 'network', ARP_TARGET, 4), isIn(1, held4)],
      ...dropUnlessAlive,
    ]),
    newSet('inet', table, { name: alive, key: 'ether_type' }, 3),
    newSet('inet', table, { name: held4, key: 'ipv4_addr' }, 4),
    newSet('inet', table, { name: held6, key: 'ipv6_addr' }, 5),
    newRule('inet', table, CHAIN, [...is(NFPROTO_IPV4), load(1, 'network', 16, 4), isIn(1, held4), ...dropUnlessAlive]),
    newRule('inet', table, CHAIN, [
      ...is(NFPROTO_IPV6),
      load(1, 'network', 24, 16),
      isIn(1, held6),
      ...dropUnlessAlive,
    ]),
    newRule('inet', table, CHAIN, [
      ...[loadMeta(1, 'l4proto'), equals(1, Uint8Array.of(ICMPV6))],
      ...[load(1, 'transport', 0, 1), equals(1, Uint8Array.of(NEIGHBOR_SOLICITATION))],
      ...[load(1, 'transport', 8, 16), isIn(1, held6)],
      ...dropUnlessAlive,
    ]),
  ]
}

const SOON: Millis = 1000
const FAMILIES = ['arp', 'inet'] as const
const [ALIVE, HELD4, HELD6, CHAIN] = ['alive', 'held4', 'held6', 'fence']
/** Before anything else looks at a packet: what is not answered is not tracked or translated either. */
const PRIORITY = -500
/** Ethernet types */
const [IPV4, IPV6, ARP] = [Uint8Array.of(0x08, 0x00), Uint8Array.of(0x86, 0xdd), Uint8Array.of(0x08, 0x06)]
const PROTOCOLS: Record<TableFamily, readonly Uint8Array[]> = { arp: [ARP], inet: [IPV4, IPV6] }
/** In an ARP packet (RFC 826). */
const [ARP_LENGTHS, ARP_TARGET] = [4, 24]
const [NFPROTO_IPV4, NFPROTO_IPV6] = [2, 10]
const [ICMPV6, NEIGHBOR_SOLICITATION] = [58, 135]
