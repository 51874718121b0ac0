import { setTimeout as sleep } from 'node:timers/promises'
import { type LabNode, type Lan, labTime, openLan } from '../lab/lan.ts'
import { ADDRESSES, type Dialect, type PeerName } from './dialects.ts'
import { type Router, START, type Start } from './routers.ts'
import { Witness } from './witness.ts'

export type Direction = 'ours first' | 'peer first'

/** In this order; each begins and ends with the first as MASTER, but the last. */
export const EVENTS = [
  'takeover on a crash',
  'preemption when it is back',
  'priority change',
  'address-list change',
  'graceful leave',
] as const
export type EventName = (typeof EVENTS)[number]

export type Outcome = { readonly type: 'Held'; readonly ms?: number } | Failure

/** `packet`: the last advert of the first, in hexadecimal. */
export interface Failure {
  readonly type: 'Failed'
  readonly why: string
  readonly packet: string
}

const FIRST = 200
const LOWERED = 50
const SECOND = 100

/** Two routers and a host on a LAN of their own; the first has the higher priority. */
export class Pair {
  readonly lan: Lan
  readonly dialect: Dialect
  readonly #starts: readonly [Start, Start]
  readonly #nodes: readonly [LabNode, LabNode]
  readonly #client: LabNode
  #first: Router | undefined
  #second: Router | undefined
  #witness: Witness | undefined

  /** `name`: unique, at most 8 characters. */
  constructor(name: string, dialect: Dialect, peer: PeerName, direction: Direction) {
    this.dialect = dialect
    this.lan = openLan({ bridge: `br-${name}` })
    const add = (suffix: string, last: number) =>
      this.lan.addNode({ name: `${name}${suffix}`, addresses: [`10.1.0.${last}/24`, `fd01::${last}/64`] })
    this.#nodes = [add('a', 1), add('b', 2)]
    this.#client = add('c', 3)
    const starts = [START.ours, START[peer]] as const
    this.#starts = direction === 'ours first' ? starts : [starts[1], starts[0]]
  }

  get isOpen(): boolean {
    return this.#second !== undefined
  }

  /** Resolves, to nothing, when the first has been MASTER beside the second for longer than that would have waited. */
  async open(): Promise<Failure | undefined> {
    try {
      await this.#open()
      return undefined
    } catch (error) {
      return this.#failure(error)
    }
  }

  async run(event: EventName): Promise<Outcome> {
    try {
      const ms = await this.#perform(event)
      return ms === undefined ? { type: 'Held' } : { type: 'Held', ms }
    } catch (error) {
      return this.#failure(error)
    }
  }

  /** What the peer has said since the first of it ran. */
  output(direction: Direction): string {
    return (direction === 'ours first' ? this.#second : this.#first)?.daemon.output() ?? ''
  }

  /** What both have said. */
  transcript(): string {
    return [this.#first, this.#second].map(router => router?.daemon.output() ?? '').join('\n----\n')
  }

  async close(): Promise<void> {
    await this.#witness?.close()
    this.lan.close()
  }

  get first(): Router {
    if (!this.#first) throw new Error('Not open')
    return this.#first
  }

  get second(): Router {
    if (!this.#second) throw new Error('Not open')
    return this.#second
  }

  get #seen(): Witness {
    if (!this.#witness) throw new Error('Not open')
    return this.#witness
  }

  async #open(): Promise<void> {
    await this.#startFirst()
    this.#witness = await Witness.on(this.#client, this.dialect)
    await this.#comesToSee('the first is MASTER', this.first)
    const started = labTime()
    this.#second = await this.#starts[1](this.#nodes[1], this.dialect, this.#wish(SECOND))
    await sleep(5 * this.dialect.interval)
    this.#wasSilent(this.second, started, 'the second is MASTER as well')
    await this.#comesToSee('the first is still MASTER', this.first)
  }

  async #perform(event: EventName): Promise<number | undefined> {
    switch (event) {
      case 'takeover on a crash':
        return this.#crash()
      case 'preemption when it is back':
        await this.#restore()
        return undefined
      case 'priority change':
        return this.#changePriority()
      case 'address-list change':
        return this.#changeAddresses()
      case 'graceful leave':
        return this.#leave()
    }
  }

  async #crash(): Promise<number> {
    const at = this.lan.crash(this.#nodes[0])
    await this.#comesToSee('the second is MASTER after the crash', this.second)
    return this.#seen.answeredAfter(at, this.second.mac)
  }

  async #restore(): Promise<void> {
    this.lan.restore(this.#nodes[0])
    await this.#startFirst()
    await this.#comesToSee('the first is MASTER again', this.first)
  }

  async #changePriority(): Promise<undefined> {
    this.first.change(this.#wish(LOWERED))
    await this.#comesToSee('the second is MASTER, for the first was lowered', this.second)
    this.first.change(this.#wish(FIRST))
    await this.#comesToSee('the first is MASTER, for it was raised', this.first)
    return undefined
  }

  /** One after the other, as people do it, and longer between than a Backup waits: neither may mistake the other’s list for silence. */
  async #changeAddresses(): Promise<undefined> {
    const addresses = ADDRESSES[this.dialect.family]
    const at = labTime()
    this.first.change({ priority: FIRST, addresses })
    await sleep(6 * this.dialect.interval)
    this.#wasSilent(this.second, at, 'two are MASTER while their lists of addresses differ')
    this.second.change({ priority: SECOND, addresses })
    await this.#comesToSee('the first has both addresses', this.first, addresses[1])
    await sleep(5 * this.dialect.interval)
    this.#wasSilent(this.second, at, 'two are MASTER when their lists of addresses are one again')
    await this.#comesToSee('the first has both addresses still', this.first)
    return undefined
  }

  async #leave(): Promise<number> {
    const at = labTime()
    const mac = this.first.mac
    await this.first.leave()
    await this.#comesToSee('the second is MASTER after the first left', this.second)
    if (this.#seen.advertsSince(at, mac, priority => priority === 0) === 0) throw new Error('No Priority 0 was heard')
    return this.#seen.answeredAfter(at, this.second.mac)
  }

  #failure(error: unknown): Failure {
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    return { type: 'Failed', why, packet: this.#first ? (this.#witness?.lastAdvertOf(this.#first.mac) ?? '') : '' }
  }

  async #startFirst(): Promise<void> {
    this.#first = await this.#starts[0](this.#nodes[0], this.dialect, this.#wish(FIRST))
  }

  #comesToSee(what: string, router: Router, address?: string): Promise<void> {
    return this.#seen.comesToSee(what, router.mac, [], address)
  }

  #wasSilent(router: Router, since: number, otherwise: string): void {
    if (this.#seen.advertsSince(since, router.mac, priority => priority > 0) > 0) throw new Error(otherwise)
  }

  #wish(priority: number) {
    return { priority, addresses: ADDRESSES[this.dialect.family].slice(0, 1) }
  }
}
