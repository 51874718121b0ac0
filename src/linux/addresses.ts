import { formatPrefix, type Prefix } from '../lib/ip-address.ts'
import type { Millis } from '../lib/time.ts'
import { now } from './monotonic-clock.ts'
import { encodeAddAddress, encodeDeleteAddress } from './route-messages.ts'
import { type Envelope, openRouteSocket, type RouteSocket } from './route-socket.ts'
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
   * Makes the changes in order; never rejects. The answer has one result a change: undefined where it is now as asked, also where a
   * released address was already gone or one that this process holds is still there. EEXIST: someone else put it there, and it was left alone.
   */
  apply(changes: readonly AddressChange[]): Promise<readonly (SyscallError | undefined)[]>
  /** Changes still under way get ECANCELED. */
  close(): void
}

/** `protocolMark` (128..255) is written to IFA_PROTO. Rejects with a SyscallError where no rtnetlink socket can be had. */
export async function openAddresses(protocolMark: number): Promise<Addresses> {
  return new AddressBatches(protocolMark)
}

type Result = SyscallError | undefined

/** Answers to a batch must fit into the socket's buffer. */
const LONGEST_BATCH = 128
/** The kernel makes a batch's changes while the loop stands still, in 0.03 ms an IPv4 address, but up to 2 ms an IPv6 one. */
const LONGEST_STANDSTILL: Millis = 5

class AddressBatches implements Addresses {
  readonly #mark: number
  readonly #held = new Set<string>()
  #socket: RouteSocket | undefined
  #closed = false
  #sequence = 0
  #batchLength = LONGEST_BATCH / 4
  #batch: Batch | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(mark: number) {
    this.#mark = mark
    this.#socket = this.#open()
  }

  apply(changes: readonly AddressChange[]): Promise<readonly Result[]> {
    const results = this.#last.then(() => this.#applyAll(changes))
    this.#last = results
    return results
  }

  close(): void {
    this.#closed = true
    this.#socket?.close()
    this.#fail(cancelled)
  }

  async #applyAll(changes: readonly AddressChange[]): Promise<Result[]> {
    const results: Result[] = []
    while (results.length < changes.length) {
      const batch = changes.slice(results.length, results.length + this.#batchLength)
      results.push(...(await this.#applyBatch(batch)))
    }
    return results
  }

  #applyBatch(changes: readonly AddressChange[]): Promise<Result[]> {
    return new Promise(resolve => {
      const first = this.#sequence + 1
      this.#sequence += changes.length
      this.#batch = { changes, first, results: new Map(), resolve }
      const begun = now()
      this.#send(changes.flatMap((change, i) => this.#encode(change, first + i)))
      const isSlow = now() - begun > LONGEST_STANDSTILL
      this.#batchLength = isSlow ? Math.ceil(this.#batchLength / 2) : Math.min(LONGEST_BATCH, this.#batchLength * 2)
    })
  }

  #send(messages: readonly Uint8Array[]): void {
    if (this.#closed) {
      this.#fail(cancelled)
      return
    }
    try {
      this.#socket ??= this.#open()
      this.#socket.send(messages)
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error
      this.#fail(change => new SyscallError(actionOf(change), error.errno, { cause: error }))
    }
  }

  #encode({ action, linkIndex, prefix }: AddressChange, sequence: number): Uint8Array[] {
    return action === 'hold'
      ? encodeAddAddress({ linkIndex, prefix, protocol: this.#mark }, sequence)
      : encodeDeleteAddress(linkIndex, prefix, sequence)
  }

  #receive(messages: readonly Envelope[]): void {
    for (const { answers, sequence, message } of messages) {
      if (answers && message.type === 'Answer') this.#answered(sequence, message.errno)
    }
  }

  #answered(sequence: number, errno: number): void {
    const batch = this.#batch
    const change = batch?.changes[sequence - batch.first]
    if (!batch || !change) return
    batch.results.set(change, this.#result(change, errno === 0 ? undefined : errnoName(errno)))
    this.#settle(batch)
  }

  #result(change: AddressChange, errno: string | undefined): Result {
    const key = `${change.linkIndex} ${formatPrefix(change.prefix)}`
    const error = errno === undefined ? undefined : refusal(change, errno, this.#held.has(key))
    if (!error && change.action === 'hold') this.#held.add(key)
    if (!error && change.action === 'release') this.#held.delete(key)
    return error
  }

  #settle(batch: Batch): void {
    if (batch.results.size < batch.changes.length) return
    this.#batch = undefined
    batch.resolve(batch.changes.map(change => batch.results.get(change)))
  }

  #fail(errorOf: (change: AddressChange) => SyscallError): void {
    const batch = this.#batch
    if (!batch) return
    for (const change of batch.changes) if (!batch.results.has(change)) batch.results.set(change, errorOf(change))
    this.#settle(batch)
  }

  #open(): RouteSocket {
    return openRouteSocket({
      groups: [],
      onMessages: messages => this.#receive(messages),
      onBroken: error => {
        this.#socket = undefined
        this.#fail(
          change => new SyscallError(actionOf(change), error.errno, { hint: 'its answer is lost', cause: error }),
        )
      },
    })
  }
}

interface Batch {
  readonly changes: readonly AddressChange[]
  /** The sequence number of the first change; the others follow. */
  readonly first: number
  readonly results: Map<AddressChange, Result>
  readonly resolve: (results: Result[]) => void
}

function cancelled(change: AddressChange): SyscallError {
  return new SyscallError(actionOf(change), 'ECANCELED')
}

/** What the kernel's answer means; undefined where things are as asked. */
function refusal(change: AddressChange, errno: string, isHeld: boolean): Result {
  const { action, linkName, prefix } = change
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
