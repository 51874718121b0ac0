import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { formatPrefix, type IpAddress, type Prefix } from '../lib/ip-address.ts'
import type { Millis } from '../lib/time.ts'
import { now } from './monotonic-clock.ts'
import { encodeAddAddress, encodeDeleteAddress, encodeRouteLookup } from './route-messages.ts'
import { NO_GROUPS, RouteSocket } from './route-socket.ts'
import { errnoName, SyscallError } from './syscall-error.ts'

export interface AddressChange {
  readonly action: 'hold' | 'release'
  readonly linkIndex: number
  readonly linkName: string
  readonly prefix: Prefix
}

/** Holds and releases addresses, marked as ours. */
export interface Addresses {
  /**
   * Makes the changes in order; never rejects. The answer comes when what is held is answered for, and has one result a change: undefined where
   * it is now as asked, also where a released address was already gone or one that this process holds is still there. EEXIST: someone
   * else put it there, and it was left alone.
   */
  apply(changes: readonly AddressChange[]): Promise<readonly (SyscallError | undefined)[]>
  /** Changes that were not made yet get ECANCELED. */
  close(): void
}

/** `protocolMark` (128..255) is written to IFA_PROTO. Rejects with a SyscallError where no rtnetlink socket can be had. */
export async function openAddresses(protocolMark: number): Promise<Addresses> {
  return new AddressBatches(protocolMark)
}

/** For IPv6 routes; what is not there then may never come, as on a link that is down. */
const [SHORT_WAIT, LONGEST_WAIT]: [Millis, Millis] = [2, 100]

type Result = SyscallError | undefined

/** Answers to a batch must fit into the socket's buffer. */
const LONGEST_BATCH = 128
/** The kernel makes a batch's changes while the loop stands still, in 0.03 ms an IPv4 address, but up to 2 ms an IPv6 one. */
const LONGEST_STANDSTILL: Millis = 5

class AddressBatches implements Addresses {
  readonly #mark: number
  readonly #socket = new RouteSocket(NO_GROUPS)
  readonly #held = new Set<string>()
  #isClosed = false
  #sequence = 0
  #batchLength = LONGEST_BATCH / 4
  #last: Promise<unknown> = Promise.resolve()

  constructor(mark: number) {
    this.#mark = mark
  }

  apply(changes: readonly AddressChange[]): Promise<readonly Result[]> {
    const results = this.#last.then(() => this.#applyAll(changes))
    this.#last = results
    return results
  }

  close(): void {
    if (!this.#isClosed) this.#socket.close()
    this.#isClosed = true
  }

  async #applyAll(changes: readonly AddressChange[]): Promise<Result[]> {
    const results: Result[] = []
    while (results.length < changes.length) {
      if (results.length > 0) await setImmediate()
      results.push(...this.#applyBatch(changes.slice(results.length, results.length + this.#batchLength)))
    }
    const held = changes.filter(({ action }, i) => action === 'hold' && results[i] === undefined)
    await this.#received(held.flatMap(({ prefix: { address } }) => (address.family === 'IPv6' ? [address] : [])))
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
    const begun = now()
    const errnos = this.#request(changes)
    const isSlow = now() - begun > LONGEST_STANDSTILL
    this.#batchLength = isSlow ? Math.ceil(this.#batchLength / 2) : Math.min(LONGEST_BATCH, this.#batchLength * 2)
    return changes.map((change, i) => this.#result(change, errnos[i]))
  }

  /** The error number, or 0, that the kernel answers to each change; undefined where there is no answer. */
  #request(changes: readonly AddressChange[]): (number | undefined)[] {
    const first = this.#sequence + 1
    this.#sequence += changes.length
    const errnos = new Map<number, number>()
    this.#socket.send(changes.flatMap((change, i) => this.#encode(change, first + i)))
    this.#socket.drain(({ sequence, message }) => {
      if (message.type === 'Answer') errnos.set(sequence, message.errno)
    })
    return changes.map((_, i) => errnos.get(first + i))
  }

  #encode({ action, linkIndex, prefix }: AddressChange, sequence: number): Uint8Array[] {
    return action === 'hold'
      ? encodeAddAddress({ linkIndex, prefix, protocol: this.#mark }, sequence)
      : encodeDeleteAddress(linkIndex, prefix, sequence)
  }

  #result(change: AddressChange, errno: number | undefined): Result {
    const key = `${change.linkIndex} ${formatPrefix(change.prefix)}`
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
  return new SyscallError(actionOf(change), errno, { needs: 'CAP_NET_ADMIN' })
}

function actionOf({ action, linkName, prefix }: AddressChange): string {
  return `${action === 'hold' ? 'add' : 'delete'} address ${formatPrefix(prefix)} on ${linkName}`
}
