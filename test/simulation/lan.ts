import type { IpAddress } from '../../src/lib/ip-address.ts'
import type { Instant, Millis } from '../../src/lib/time.ts'
import type { Advertisement } from '../../src/vrrp/advertisement.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import {
  holdsAddresses,
  initialState,
  type Message,
  type RouterEvent,
  type RouterState,
  type Step,
  type VirtualRouterConfig,
} from '../../src/vrrp/virtual-router.ts'

const LINK = 1
/** More packets and timers than this in one instant do not end. */
const STORM = 1000

/** One step of one router, with what led to it. */
export interface Happening {
  readonly router: string
  readonly config: VirtualRouterConfig
  readonly before: RouterState
  readonly event: RouterEvent
  readonly result: Step
}

interface Packet {
  readonly at: Instant
  readonly to: Node
  /** An advert or an announcement. */
  readonly event: RouterEvent
}

interface Node {
  readonly name: string
  config: VirtualRouterConfig
  running: boolean
  /** It ends as soon as it holds nothing. */
  leaving: boolean
  set: RouterSet
  /** Its process stands still until then; packets wait in its socket. */
  frozenUntil: Instant
  /** It will know that it stood still. */
  asleep: boolean
  inbox: Packet[]
  /** The timer of its loop: for which deadline, and when it really fires. */
  timer: { readonly for: Instant; readonly at: Instant } | undefined
  held: ReadonlySet<string>
  announced: ReadonlySet<string>
  loseNext: number
}

/** Nodes with one virtual router each on one link, under a clock that moves only in `run`. */
export class Lan {
  now: Instant = 0
  /** The share of packets that is lost, 0..1. */
  loss = 0
  delay: Millis = 0
  /** On top of the delay, at random; a sender's packets stay in order. */
  jitter: Millis = 0
  /** Timers fire this late at most, at random. */
  lateness: Millis = 0
  /** Called after each step, when the addresses are true and the messages sent. */
  onStep: (happening: Happening) => void = () => {}

  readonly #nodes = new Map<string, Node>()
  readonly #random: () => number
  readonly #lastArrival = new Map<string, Instant>()
  #packets: Packet[] = []
  #sides: readonly ReadonlySet<string>[] = []

  constructor(configs: Readonly<Record<string, VirtualRouterConfig>>, random: () => number) {
    this.#random = random
    for (const [name, config] of Object.entries(configs)) {
      this.#nodes.set(name, {
        name,
        config,
        running: false,
        leaving: false,
        set: new RouterSet(),
        frozenUntil: 0,
        asleep: false,
        inbox: [],
        timer: undefined,
        held: new Set(),
        announced: new Set(),
        loseNext: 0,
      })
    }
  }

  names(): string[] {
    return [...this.#nodes.keys()]
  }

  state(name: string): RouterState {
    return this.#node(name).set.get(name)?.state ?? initialState(this.now)
  }

  config(name: string): VirtualRouterConfig {
    return this.#node(name).config
  }

  isRunning(name: string): boolean {
    return this.#node(name).running
  }

  isFrozen(name: string): boolean {
    return this.now < this.#node(name).frozenUntil
  }

  /** The addresses that are on this node's link; those of them that it has announced since. */
  addresses(name: string): { readonly held: ReadonlySet<string>; readonly announced: ReadonlySet<string> } {
    return this.#node(name)
  }

  start(name: string, unheard = false): void {
    const node = this.#node(name)
    if (node.leaving) this.#off(node)
    if (node.running) return
    node.running = true
    node.set = new RouterSet()
    node.set.add(name, LINK, node.config, this.now)
    this.#step(node, { type: 'Startup', unheard })
  }

  /** Leaves as an agent does on SIGTERM: with a handover it is gone when that is over. */
  stop(name: string): void {
    const node = this.#node(name)
    if (!node.running || node.leaving) return
    node.leaving = true
    this.#step(node, { type: 'Shutdown', handOver: true })
  }

  /** The node is gone from the link without a word, its addresses with it. */
  crash(name: string): void {
    this.#off(this.#node(name))
  }

  /** `knowingly`: as a suspended machine, which sees it by its clocks; else as a stopped process, which does not. */
  freeze(name: string, length: Millis, knowingly: boolean): void {
    const node = this.#node(name)
    if (!node.running) return
    node.frozenUntil = this.now + length
    node.asleep = knowingly
  }

  configure(name: string, change: Partial<VirtualRouterConfig>): void {
    const node = this.#node(name)
    const previous = node.config
    node.config = { ...previous, ...change }
    if (!node.running) return
    const before = this.state(name)
    const result = node.set.reconfigure(name, node.config, this.now)
    this.#apply(node, before, { type: 'Reconfigured', previous }, result)
  }

  /** Only nodes on the same side hear each other; nodes on no side hear nobody. */
  partition(sides: readonly (readonly string[])[]): void {
    this.#sides = sides.map(side => new Set(side))
  }

  heal(): void {
    this.#sides = []
  }

  /** The next adverts of this node reach nobody. */
  loseNext(name: string, count: number): void {
    this.#node(name).loseNext = count
  }

  /** A packet of somebody else reaches this node now. */
  hear(name: string, advertisement: Advertisement, source: IpAddress): void {
    const node = this.#node(name)
    if (node.running) this.#step(node, { type: 'AdvertisementReceived', advertisement, source })
  }

  run(length: Millis): void {
    const end = this.now + length
    let steps = 0
    for (;;) {
      const arrival = this.#packets[0]?.at ?? Infinity
      const [wake, node] = this.#nextWake()
      const next = Math.min(arrival, wake)
      if (next > end) break
      steps = next > this.now ? 0 : steps + 1
      if (steps > STORM) throw new Error(`A storm at ${this.now} ms: time stands still`)
      this.now = Math.max(this.now, next)
      if (arrival <= wake) this.#deliver()
      else if (node) this.#wake(node)
    }
    this.now = end
  }

  #nextWake(): [Instant, Node | undefined] {
    let earliest: [Instant, Node | undefined] = [Infinity, undefined]
    for (const node of this.#nodes.values()) {
      const at = this.#wakesAt(node)
      if (at < earliest[0]) earliest = [at, node]
    }
    return earliest
  }

  #wakesAt(node: Node): Instant {
    if (!node.running) return Infinity
    if (node.inbox.length > 0 || node.asleep) return node.frozenUntil
    const next = node.set.nextDeadline()
    if (next === undefined) return Infinity
    if (node.timer?.for !== next) node.timer = { for: next, at: next + this.lateness * this.#random() }
    return Math.max(node.timer.at, node.frozenUntil)
  }

  #deliver(): void {
    const packet = this.#packets.shift()
    if (!packet?.to.running) return
    packet.to.inbox.push(packet)
    if (packet.to.frozenUntil <= this.now) this.#read(packet.to)
  }

  /** As the agent's loop does: sleep first, then what waits in the socket, then deadlines. */
  #wake(node: Node): void {
    if (node.asleep) this.#step(node, { type: 'Overslept' })
    node.asleep = false
    this.#read(node)
    node.timer = undefined
    if (!node.running) return
    for (const key of node.set.due(this.now)) this.#step(node, { type: 'DeadlineReached' }, key)
  }

  #read(node: Node): void {
    const packets = node.inbox
    node.inbox = []
    for (const { event } of packets) if (node.running) this.#step(node, event)
  }

  #step(node: Node, event: RouterEvent, key = node.name): void {
    const before = this.state(node.name)
    this.#apply(node, before, event, node.set.step(key, event, this.now))
  }

  #apply(node: Node, before: RouterState, event: RouterEvent, result: Step): void {
    const held = holdsAddresses(result.state) ? node.config.addresses.map(address => address.text) : []
    node.held = new Set(held)
    node.announced = node.announced.intersection(node.held)
    for (const message of result.messages) this.#send(node, message)
    this.onStep({ router: node.name, config: node.config, before, event, result })
    if (node.leaving && node.held.size === 0) this.#off(node)
  }

  #send(node: Node, message: Message): void {
    switch (message.type) {
      case 'Announce':
        node.announced = node.held
        this.#toOthers(node, { type: 'Announced' })
        return
      case 'Advertise':
        this.#advertise(node, message.priority)
        return
    }
  }

  #advertise(node: Node, priority: number): void {
    const { version, virtualRouterID, advertisementInterval: interval, addresses, primaryAddress } = node.config
    const advertisement = { version, virtualRouterID, priority, interval, addresses }
    if (node.loseNext-- > 0) return
    node.loseNext = 0
    this.#toOthers(node, { type: 'AdvertisementReceived', advertisement, source: primaryAddress })
  }

  #toOthers(node: Node, event: RouterEvent): void {
    for (const to of this.#nodes.values()) {
      if (to === node || !to.running || !this.#connected(node, to) || this.#random() < this.loss) continue
      this.#packets.push({ at: this.#arrival(node, to), to, event })
    }
    this.#packets.sort((a, b) => a.at - b.at)
  }

  #arrival(from: Node, to: Node): Instant {
    const path = `${from.name}>${to.name}`
    const earliest = this.#lastArrival.get(path) ?? 0
    const at = Math.max(earliest, this.now + this.delay + this.jitter * this.#random())
    this.#lastArrival.set(path, at)
    return at
  }

  #connected(a: Node, b: Node): boolean {
    return this.#sides.length === 0 || this.#sides.some(side => side.has(a.name) && side.has(b.name))
  }

  #off(node: Node): void {
    node.running = false
    node.leaving = false
    node.set = new RouterSet()
    node.inbox = []
    node.timer = undefined
    node.frozenUntil = 0
    node.asleep = false
    node.held = new Set()
    node.announced = new Set()
  }

  #node(name: string): Node {
    const node = this.#nodes.get(name)
    if (!node) throw new RangeError(`No router "${name}"`)
    return node
  }
}
