import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { formatPrefix, type IpAddress, type Prefix } from '../lib/ip-address.ts'
import type { Millis } from '../lib/time.ts'
import { now } from './monotonic-clock.ts'
import { encodeAddAddress, encodeDeleteAddress, encodeRenewAddress, encodeRouteLookup } from './route-messages.ts'
import { NO_GROUPS, RouteSocket } from './route-socket.ts'
import { errnoName, SyscallError } from './syscall-error.ts'

/** An address on a link. */
export interface Place {
  readonly linkIndex: number
  readonly linkName: string
  readonly prefix: Prefix
  /** Of an IPv4 address, at most 15 bytes: the link's name, or that, a colon and more (default: the link's name). */
  readonly label?: string
  /** RT_SCOPE_* of an IPv4 address (default: 0, global). */
  readonly scope?: number
  /** Whether an IPv6 address is no source of the node's own connections (default: where it is a /128). */
  readonly deprecated?: boolean
}

export interface AddressChange extends Place {
  readonly action: 'hold' | 'release'
}

/** Holds and releases addresses, marked as ours. What is held goes away by itself, should nobody renew it. */
export interface Addresses {
  /**
   * Makes the changes in order; never rejects. The answer comes when what is held is answered for, and has one result a change: undefined where
   * it is now as asked, also where a released address was already gone or one that this process holds is still there. EEXIST: someone
   * else put it there, and it was left alone.
   */
  apply(changes: readonly AddressChange[]): PromiseLike<readonly (SyscallError | undefined)[]>
  /** How long after changes, or after it was called last, `renew` is to be called. */
  readonly pace: Millis
  /**
   * What of these was held by this process, and not released since, stays for `pace` and two seconds from now. They must be there, and ours.
   * Never rejects; what fails goes away by itself.
   */
  renew(addresses: readonly Place[]): Promise<void>
  /** Changes that were not made yet get ECANCELED. */
  close(): void
}

/**
 * `protocolMark` (128..255) is written to IFA_PROTO; `pace` is the fastest. Rejects with a SyscallError where no rtnetlink socket can be
 * had.
 */
export async function openAddresses(protocolMark: number, pace: Millis = FASTEST): Promise<Addresses> {
  return new AddressBatches(protocolMark, pace)
}

/** For IPv6 routes; what is not there then may never come, as on a link that is down. */
const [SHORT_WAIT, LONGEST_WAIT]: [Millis, Millis] = [2, 100]

type Result = SyscallError | undefined

/** Renewals that take longer come less often: the kernel looks through all IPv6 addresses for each. */
const [FASTEST, SLOWEST]: [Millis, Millis] = [1000, 5000]
/** Changes wait for so many. */
const RENEWED_TOGETHER = 32
/** Of a core. */
const SHARE = 0.005
/** So late may a renewal be. */
const SPARE: Millis = 2000

/** Answers to a batch must fit into the socket's buffer. */
const LONGEST_BATCH = 128
const TURN = 16
/** The kernel makes a batch's changes while the loop stands still, in 0.03 ms an IPv4 address, but up to 2 ms an IPv6 one. */
const LONGEST_STANDSTILL: Millis = 5

class AddressBatches implements Addresses {
  readonly #mark: number
  readonly #fastest: Millis
  readonly #socket = new RouteSocket(NO_GROUPS)
  readonly #held = new Set<string>()
  pace: Millis
  #isClosed = false
  #isRenewing = false
  #sequence = 0
  #batchLength = LONGEST_BATCH / 4
  #last: Promise<unknown> = Promise.resolve()

  constructor(mark: number, pace: Millis) {
    this.#mark = mark
    this.#fastest = pace
    this.pace = pace
  }

  apply(changes: readonly AddressChange[]): Promise<readonly Result[]> {
    const results = this.#last.then(() => this.#applyAll(changes))
    this.#last = results
    return results
  }

  async renew(addresses: readonly Place[]): Promise<void> {
    const begun = now()
    let took: Millis = 0
    for (let i = 0; i < addresses.length; i += RENEWED_TOGETHER) {
      // Who stood still meanwhile might bring back what is gone.
      if (this.#isClosed || now() - begun > SPARE / 2) return
      const batch = addresses.slice(i, i + RENEWED_TOGETHER)
      // Between two changes: what one of them releases must not come back.
      const renewed = this.#last.then(() => this.#renewBatch(batch))
      this.#last = renewed
      took += await renewed
    }
    this.pace = Math.max(this.#fastest, Math.min(SLOWEST, took / SHARE))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#isRenewing) void this.#last.then(() => this.#socket.close())
    else this.#socket.close()
  }

  async #renewBatch(addresses: readonly Place[]): Promise<Millis> {
    const held = this.#isClosed ? [] : addresses.filter(address => this.#held.has(keyOf(address)))
    if (held.length === 0) return 0
    const begun = now()
    this.#isRenewing = true
    await this.#socket.sendAside(held.flatMap(address => encodeRenewAddress(this.#marked(address), ++this.#sequence)))
    this.#isRenewing = false
    if (!this.#isClosed) this.#socket.drain(() => {})
    return now() - begun
  }

  async #applyAll(changes: readonly AddressChange[]): Promise<Result[]> {
    const results: Result[] = []
    while (results.length < changes.length) {
      if (results.length > 0) await setImmediate()
      results.push(...this.#applyBatch(changes.slice(results.length, results.length + this.#batchLength)))
    }
    const held = changes.filter(({ action }, i) => action === 'hold' && results[i] === undefined)
    await this.#received(held.flatMap(({ prefix: { address } }) => (address.family === 'IPv6' ? [address] : [])))
    // Who makes many changes, some after the other, lets the loop have its turn.
    if (changes.length > TURN) await setImmediate()
    return results
  }

  /**
   * The kernel says that it has an IPv6 address before it receives for it, duplicate address detection or not: the route comes from a
   * work queue, a fraction of a millisecond later, or some milliseconds on a busy machine. Who announced sooner would lose packets.
   */
  async #received(addresses: readonly IpAddress[]): Promise<void> {
    const began = now()
    let missing = this.#withoutRoute(addresses)
    while (missing.length > 0 && now() - began < LONGEST_WAIT) {
      await (now() - began < SHORT_WAIT ? setImmediate() : sleep(1))
      missing = this.#withoutRoute(missing)
    }
  }

  #withoutRoute(addresses: readonly IpAddress[]): IpAddress[] {
    const missing: IpAddress[] = []
    for (let i = 0; i < addresses.length && !this.#isClosed; i += LONGEST_BATCH) {
      missing.push(...this.#withoutRouteInBatch(addresses.slice(i, i + LONGEST_BATCH)))
    }
    return missing
  }

  #withoutRouteInBatch(addresses: readonly IpAddress[]): IpAddress[] {
    const first = this.#sequence + 1
    this.#sequence += addresses.length
    const local = new Set<number>()
    this.#socket.send(addresses.flatMap((address, i) => encodeRouteLookup(address, first + i)))
    this.#socket.drain(({ sequence, message }) => {
      if (message.type === 'Route' && message.isLocal) local.add(sequence)
    })
    return addresses.filter((_, i) => !local.has(first + i))
  }

  #applyBatch(changes: readonly AddressChange[]): Result[] {
    if (this.#isClosed) return changes.map(change => new SyscallError(actionOf(change), 'ECANCELED'))
    const errnos = this.#request(changes, (change, sequence) => this.#encode(change, sequence))
    return changes.map((change, i) => this.#result(change, errnos[i]))
  }

  /** The error number, or 0, that the kernel answers to each; undefined where there is no answer. */
  #request<T>(items: readonly T[], encode: (item: T, sequence: number) => Uint8Array[]): (number | undefined)[] {
    const begun = now()
    const first = this.#sequence + 1
    this.#sequence += items.length
    const errnos = new Map<number, number>()
    this.#socket.send(items.flatMap((item, i) => encode(item, first + i)))
    this.#socket.drain(({ sequence, message }) => {
      if (message.type === 'Answer') errnos.set(sequence, message.errno)
    })
    const isSlow = now() - begun > LONGEST_STANDSTILL
    this.#batchLength = isSlow ? Math.ceil(this.#batchLength / 2) : Math.min(LONGEST_BATCH, this.#batchLength * 2)
    return items.map((_, i) => errnos.get(first + i))
  }

  #encode({ action, ...address }: AddressChange, sequence: number): Uint8Array[] {
    return action === 'hold'
      ? encodeAddAddress(this.#marked(address), sequence)
      : encodeDeleteAddress(address.linkIndex, address.prefix, sequence)
  }

  #marked(place: Place) {
    return { ...place, protocol: this.#mark, lifetime: Math.ceil((this.pace + SPARE) / 1000) }
  }

  #result(change: AddressChange, errno: number | undefined): Result {
    const key = keyOf(change)
    const error = errno === 0 ? undefined : refusal(change, errno, this.#held.has(key))
    if (!error && change.action === 'hold') this.#held.add(key)
    if (!error && change.action === 'release') this.#held.delete(key)
    return error
  }
}

/** What the kernel's answer means; undefined where things are as asked. */
function refusal(change: AddressChange, number: number | undefined, isHeld: boolean): Result {
  const { action, linkName, prefix } = change
  if (number === undefined) return new SyscallError(actionOf(change), 'ENOBUFS', { hint: 'the answer was lost' })
  const errno = errnoName(number)
  const isGone = errno === 'EADDRNOTAVAIL' || errno === 'ENODEV'
  if (action === 'release' && isGone) return undefined
  if (action === 'hold' && errno === 'EEXIST') {
    return isHeld ? undefined : new SyscallError(actionOf(change), errno, { hint: 'someone else put it there' })
  }
  if (action === 'hold' && errno === 'EACCES' && prefix.address.family === 'IPv6') {
    return new SyscallError(actionOf(change), errno, { hint: `IPv6 is disabled on ${linkName}` })
  }
  if (action === 'hold' && errno === 'EINVAL' && prefix.address.family === 'IPv4') {
    const hint = 'another address of its subnet there has another scope; give it prefix length 32'
    return new SyscallError(actionOf(change), errno, { hint })
  }
  return new SyscallError(actionOf(change), errno, { needs: 'CAP_NET_ADMIN' })
}

function keyOf({ linkIndex, prefix }: Place): string {
  return `${linkIndex} ${formatPrefix(prefix)}`
}

function actionOf({ action, linkName, prefix }: AddressChange): string {
  return `${action === 'hold' ? 'add' : 'delete'} address ${formatPrefix(prefix)} on ${linkName}`
}
