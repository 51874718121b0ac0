import { Loop } from '../../src/agent/loop.ts'
import type { Check } from '../../src/api/check.ts'
import type { VirtualIPNodeSpec } from '../../src/api/virtual-ip-node.ts'
import type { IpAddress } from '../../src/lib/ip-address.ts'
import type { Instant, Millis } from '../../src/lib/time.ts'
import type { AddressChange, Addresses, Place } from '../../src/linux/addresses.ts'
import type { HeardAnnouncement } from '../../src/linux/announcement-socket.ts'
import type { Link } from '../../src/linux/links.ts'
import { SyscallError } from '../../src/linux/syscall-error.ts'
import type { Destination, openVrrpSocket, ReceivedPacket, VrrpSocket } from '../../src/linux/vrrp-socket.ts'
import type { LogLine } from '../../src/telemetry/logger.ts'
import type { Step, TransitionReason, VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'
import { VRRP_GROUP } from '../../src/wire/vrrp.ts'
import { type EngineListener, engineTap } from './engine-tap.ts'
import { readAnnouncement } from './frames.ts'
import { type Kernel, LINK, type Listener, MARK } from './kernel.ts'
import type { Frame } from './segment.ts'
import { SimulatedFence } from './simulated-fence.ts'
import type { Timeline } from './timeline.ts'

/** Thrown through the agent's code where its process ends in the middle of it. */
export class Killed extends Error {}

export interface ProcessOptions {
  readonly timeline: Timeline
  readonly kernel: Kernel
  readonly random: () => number
  readonly handover: Millis
  readonly hasFence: boolean
  /** How late it is woken at most, now and then. */
  readonly lateness: Millis
  /** How long a call to the kernel takes. */
  readonly callTime: Millis
  readonly passes: (check: Check) => boolean
  readonly isMuted: () => boolean
  readonly becameActive: (key: string, engine: Engine) => void
  /** It is about to send an advert as Active Router. */
  readonly advertises: (engine: Engine) => void
  /** It is about to announce this address. */
  readonly announces: (text: string) => void
  readonly log: (line: string) => void
  /** What must never happen has. */
  readonly violate: (invariant: string, sentence: string) => void
}

/** What is known from outside of one virtual router's engine. */
export interface Engine {
  config: VirtualRouterConfig
  configuredAt: Instant
  /** When it last left Initialize. */
  startedAt: Instant
  state: 'Initialize' | 'Backup' | 'Active'
  /** By the world's clock, as all that follows. */
  since: Instant
  reason: TransitionReason
  /** When it last read an advert that keeps it Backup, by its machine's clock, and of what interval. */
  heardAt: Instant
  heardInterval: Millis
  /** When it had to change to that state. */
  dueAt: Instant
  /** When it was last Active, and for how long. */
  ceasedAt: Instant
  activeFor: Millis
  advertisedAt: Instant
  /** Since it is Active. */
  adverts: number
  /** When its class was last made alive other than by a renewal. */
  begunAt: Instant
}

/** What each node has of the Secret: two keys to sign with. */
const SECRET = { 'vrrp/one': new Uint8Array(32).fill(1), 'vrrp/two': new Uint8Array(32).fill(2) }

/**
 * One agent: the real loop in a simulated process, whose every call to its kernel, a look at the clock included, is where it may be stopped
 * for a while, or for good. An event loop gives it timers, packets and notifications in turn.
 */
export class AgentProcess implements Listener, EngineListener {
  readonly options: ProcessOptions
  readonly engines = new Map<string, Engine>()
  loop: Loop | undefined
  isDead = false
  isLeaving = false
  /** How many calls it has made. */
  calls = 0
  /** It stands still until then, by the world's clock. */
  stoppedUntil: Instant = Number.NEGATIVE_INFINITY
  /** When that began, if it was in the middle of its work. */
  stoodAt: Instant = Number.NEGATIVE_INFINITY
  /** When that ended. */
  stoodUntil: Instant = Number.NEGATIVE_INFINITY
  readonly startedAt: Instant
  /** When it last looked at the clock. */
  lookedAt: Instant = Number.NEGATIVE_INFINITY
  readonly #timeline: Timeline
  readonly #kernel: Kernel
  readonly #links = new Map<number, Link>()
  readonly #sockets = new Set<SimulatedSocket>()
  readonly #checks = new Set<{ readonly check: Check; readonly tell: (result: { passing: boolean }) => void }>()
  readonly #holds = new Set<string>()
  #stop: { readonly at: number; readonly length: Millis } | undefined
  #isBusy = false
  /** In the middle of its work. */
  #isStanding = false
  #isTurnDue = false
  #tasks: (() => void)[] = []
  #microtasks: (() => void)[] = []
  #heard: HeardAnnouncement[] = []
  #isToldOfLinks = false
  #tasksAt: Instant = -1
  #tasksNow = 0

  constructor(options: ProcessOptions) {
    this.options = options
    this.#timeline = options.timeline
    this.#kernel = options.kernel
    this.startedAt = options.timeline.now
    options.kernel.listener = this
  }

  /** `ready` is called when it runs, as one of its own tasks. */
  start(ready: () => void): void {
    this.later(() => {
      this.#readLinks()
      this.loop = this.#buildLoop()
      ready()
    })
  }

  get isStopped(): boolean {
    return this.#isStanding || this.#timeline.now < this.stoppedUntil || this.#kernel.isSuspended || this.#kernel.isOff
  }

  // ---- what befalls it

  /** After so many more calls it stands still for that long. */
  stopAfter(calls: number, length: Millis): void {
    this.#stop = { at: this.calls + calls, length }
  }

  freeze(length: Millis): void {
    this.stoppedUntil = Math.max(this.stoppedUntil, this.#timeline.now + length)
  }

  kill(): void {
    if (this.isDead) return
    this.options.log('is killed')
    this.end()
  }

  end(): void {
    this.isDead = true
    this.#tasks = []
    if (this.#kernel.listener === this) this.#kernel.listener = undefined
  }

  setSpec(spec: VirtualIPNodeSpec, live: boolean): void {
    this.loop?.setSpec(spec, { known: SECRET, forbidden: {} }, live)
  }

  checksChanged(): void {
    for (const { check, tell } of this.#checks) this.later(() => tell({ passing: this.options.passes(check) }))
  }

  // ---- its calls

  /** Before and after whatever it asks of the kernel. */
  boundary(): void {
    if (this.isDead) throw new Killed()
    this.calls++
    if (this.calls === this.#stop?.at) this.#stand(this.#stop.length)
  }

  call<T>(work: () => T): T {
    this.boundary()
    const { callTime } = this.options
    if (callTime > 0) this.#lose(callTime)
    if (this.isStopped || this.isDead) this.#stand(0)
    const result = work()
    this.boundary()
    return result
  }

  #stand(length: Millis): void {
    if (length === Number.POSITIVE_INFINITY) {
      this.kill()
      throw new Killed()
    }
    if (length > 0) this.options.log(`stands still for ${length} ms, at its call ${this.calls}`)
    this.freeze(length)
    // Who is suspended or off has no end of its own.
    while (!this.isDead && this.isStopped) this.#lose(Math.max(1, this.stoppedUntil - this.#timeline.now))
    if (this.isDead) throw new Killed()
  }

  /** Others go on; later than it should be it is where one of them stands still meanwhile, and for longer. */
  #lose(length: Millis): void {
    const begun = this.#timeline.now
    this.#isStanding = true
    this.#timeline.run(begun + length)
    this.#isStanding = false
    if (length < 1 && this.#timeline.now - begun <= length) return
    this.stoodAt = begun
    this.stoodUntil = this.#timeline.now
    this.stoppedUntil = this.#timeline.now
  }

  // ---- its event loop

  later(task: () => void): void {
    if (this.isDead) return
    this.#tasks.push(task)
    if (this.#isBusy || this.#isTurnDue) return
    const { lateness, random } = this.options
    const late = lateness > 0 && random() < 0.3 ? lateness * random() ** 3 : 0
    if (late === 0 && !this.isStopped) this.#turn()
    else this.#turnAt(this.#timeline.now + late)
  }

  #turnAt(at: Instant): void {
    this.#isTurnDue = true
    this.#timeline.at(Math.max(at, this.stoppedUntil), () => this.#dueTurn())
  }

  #dueTurn(): void {
    if (this.isDead) return
    if (this.#kernel.isSuspended)
      this.#kernel.whenOver(
        () => Number.NEGATIVE_INFINITY,
        () => this.#dueTurn(),
      )
    else if (this.#timeline.now < this.stoppedUntil) this.#turnAt(this.stoppedUntil)
    else {
      this.#isTurnDue = false
      this.#turn()
    }
  }

  #turn(): void {
    const before = engineTap.current
    engineTap.current = this
    this.#isBusy = true
    try {
      for (let task = this.#tasks.shift(); task; task = this.#tasks.shift()) {
        this.#isStorm()
        task()
        for (let next = this.#microtasks.shift(); next; next = this.#microtasks.shift()) next()
      }
    } catch (error) {
      if (!(error instanceof Killed)) throw error
    } finally {
      this.#isBusy = false
      engineTap.current = before
    }
  }

  /** What it has promised itself comes now, where no other stands still in the middle of something. */
  async keepPromises(): Promise<void> {
    engineTap.current = this
    this.#isBusy = true
    for (let i = 0; i < PROMISES; i++) await undefined
    this.#isBusy = false
    engineTap.current = undefined
    if (this.#tasks.length > 0) this.later(() => {})
  }

  #isStorm(): void {
    if (this.#tasksAt !== this.#timeline.now) this.#tasksNow = 0
    this.#tasksAt = this.#timeline.now
    if (++this.#tasksNow < MOST_AT_ONCE) return
    this.options.violate('storm', `${this.#kernel.name} does ${MOST_AT_ONCE} things at one moment`)
    this.end()
  }

  /** After that long, by its own machine's clock. */
  after(length: Millis, task: () => void): void {
    const at = this.#kernel.now() + length
    this.#kernel.whenOver(
      () => at,
      () => this.later(task),
    )
  }

  // ---- what arrives

  advert({ family, source, payload, to }: Extract<Frame, { type: 'Advert' }>): void {
    const destination = to ?? VRRP_GROUP[family]
    for (const socket of this.#sockets) {
      if (socket.hears.text === destination.text) {
        socket.arrive({ payload, source, destination, ttl: 255, fromThisNode: false })
      }
    }
  }

  announced(address: IpAddress, mac: Uint8Array): void {
    this.#heard.push({ linkIndex: LINK, address, mac })
    if (this.#heard.length > 1) return
    this.later(() => {
      const heard = this.#heard
      this.#heard = []
      this.loop?.heardAnnouncements(heard)
    })
  }

  linksChanged(): void {
    if (this.#isToldOfLinks) return
    this.#isToldOfLinks = true
    this.later(() => {
      this.#isToldOfLinks = false
      this.#readLinks()
      this.loop?.linksChanged()
    })
  }

  #readLinks(): void {
    this.#links.set(LINK, this.#kernel.link())
  }

  // ---- what it is built of

  #buildLoop(): Loop {
    const { handover, hasFence } = this.options
    const kernel = this.#kernel
    return new Loop({
      clock: {
        now: () => {
          this.boundary()
          this.lookedAt = this.#timeline.now
          return kernel.now()
        },
        at: (at, wake) => this.#timerAt(at, wake),
        timeAsleep: () => kernel.asleep,
        wallClock: () => kernel.wallClock(),
      },
      links: { links: this.#links, overruns: 0, close() {} },
      addresses: this.#addresses(),
      ownership: {
        mark: MARK,
        isOurs: (_, { protocol }) => protocol === MARK,
        record() {},
        confirm() {},
        close() {},
      },
      frames: {
        send: (_, frame) => this.call(() => this.#sendFrame(frame)),
        close() {},
      },
      openSocket: options => this.#openSocket(options),
      readSysctl: () => '0',
      startCheck: (check, tell) => this.#startCheck(check, tell),
      logger: this.#logger(),
      isNeighbour: false,
      openFence: () => this.call(() => this.#openFence(hasFence)),
      handover,
      startupWait: undefined,
      observeLateness() {},
      transitioned() {},
    })
  }

  #timerAt(at: Instant, wake: () => void): () => void {
    let isOn = true
    // As libuv's: a moment early at times, for its clock has whole milliseconds.
    const late = this.options.random() * 1.2 - 0.2
    this.#kernel.whenOver(
      () => (isOn ? at + late : Number.NEGATIVE_INFINITY),
      () => {
        if (!isOn) return
        this.later(() => {
          if (!isOn) return
          isOn = false
          wake()
        })
      },
    )
    return () => {
      isOn = false
    }
  }

  #startCheck(check: Check, tell: (result: { passing: boolean }) => void): { close(): void } {
    const running = { check, tell }
    this.#checks.add(running)
    this.after(5, () => {
      if (this.#checks.has(running)) tell({ passing: this.options.passes(check) })
    })
    return { close: () => this.#checks.delete(running) }
  }

  #openSocket(options: Parameters<typeof openVrrpSocket>[0]): VrrpSocket {
    const socket = new SimulatedSocket(this, options, (payload, to) => this.#sendAdvert(options, payload, to?.address))
    this.#sockets.add(socket)
    socket.onClose = () => this.#sockets.delete(socket)
    return socket
  }

  #sendAdvert({ family, source }: Parameters<typeof openVrrpSocket>[0], payload: Uint8Array, to?: IpAddress): void {
    if (!this.#kernel.up) throw new SyscallError('send an advert', 'ENETDOWN')
    if (this.options.isMuted()) throw new SyscallError('send an advert', 'ENOBUFS')
    if (!this.#kernel.addresses.has(source.text)) throw new SyscallError('send an advert', 'EINVAL')
    const engine = this.engineOf(family, payload[1] ?? 0)
    if (engine && payload[2] !== 0) {
      this.options.advertises(engine)
      engine.advertisedAt = this.#timeline.now
      engine.adverts++
    }
    this.#kernel.send({ type: 'Advert', family, source, payload, ...(to && { to }) })
  }

  #sendFrame(frame: Uint8Array): void {
    if (!this.#kernel.up) throw new SyscallError('send a frame', 'ENETDOWN')
    const announcement = readAnnouncement(frame, this.#kernel)
    if (announcement.type === 'Announcement') this.options.announces(announcement.address.text)
    this.#kernel.send(announcement)
  }

  #openFence(isThere: boolean): SimulatedFence {
    if (!isThere) throw new SyscallError('make a fence in nftables', 'EOPNOTSUPP')
    return new SimulatedFence(this, this.#kernel)
  }

  #logger() {
    const line: LogLine = (first: object | string, second?: string): void => {
      const said = second ?? String(first)
      this.options.log(said)
    }
    const silent: LogLine = () => {}
    return { trace: silent, debug: silent, info: line, warn: line, error: line, fatal: line }
  }

  // ---- addresses

  #addresses(): Addresses {
    return {
      pace: PACE,
      apply: changes => this.#apply(changes),
      renew: places => {
        this.boundary()
        this.#aside(() => this.#renew(places))
        return Promise.resolve()
      },
      close() {},
    }
  }

  #apply(changes: readonly AddressChange[]): PromiseLike<readonly (SyscallError | undefined)[]> {
    const results = this.call(() => changes.map(change => this.#change(change)))
    // IPv6's routes take a moment. Not a promise: who waits for one has to go on also where another agent's work is interrupted.
    const isSlow = changes.some(({ action, prefix }) => action === 'hold' && prefix.address.family === 'IPv6')
    const tell = (done: (results: readonly (SyscallError | undefined)[]) => void): void => {
      if (isSlow) this.after(3 * this.options.random(), () => done(results))
      else this.#microtasks.push(() => done(results))
    }
    // biome-ignore lint/suspicious/noThenProperty: a PromiseLike, see above
    return { then: tell } as PromiseLike<readonly (SyscallError | undefined)[]>
  }

  #change({ action, prefix }: AddressChange): SyscallError | undefined {
    const { text } = prefix.address
    const known = this.#kernel.addresses.get(text)
    if (action === 'hold') {
      const isAdded = this.#kernel.add(prefix, MARK, LIFETIME)
      if (!isAdded && !this.#holds.has(text)) return new SyscallError(`add address ${text}`, 'EEXIST')
      this.#holds.add(text)
      return undefined
    }
    if (known && known.protocol !== MARK) this.#touches(text, 'deletes')
    this.#holds.delete(text)
    this.#kernel.remove(text)
    return undefined
  }

  #renew(places: readonly Place[]): void {
    for (const { prefix } of places) {
      const { text } = prefix.address
      if (!this.#holds.has(text)) continue
      const known = this.#kernel.addresses.get(text)
      if (known && known.protocol !== MARK) this.#touches(text, 'renews')
      // NLM_F_REPLACE brings back what is gone.
      if (known) known.validUntil = this.#kernel.now() + LIFETIME
      else this.#kernel.add(prefix, MARK, LIFETIME)
    }
  }

  #touches(text: string, how: string): void {
    this.options.violate('foreign address', `${this.#kernel.name} ${how} ${text}, which is not its own`)
  }

  /** Another thread of this process. */
  #aside(work: () => void): void {
    const at = this.#kernel.now() + this.options.random()
    this.#kernel.whenOver(
      () => at,
      () => {
        if (this.isDead) return
        if (this.#timeline.now < this.stoppedUntil) this.#timeline.at(this.stoppedUntil, () => this.#aside(work))
        else work()
      },
    )
  }

  // ---- its engines

  configured(key: string, config: VirtualRouterConfig): void {
    const now = this.#timeline.now
    const known = this.engines.get(key)
    if (known) {
      known.config = config
      known.configuredAt = now
      return
    }
    const never = Number.NEGATIVE_INFINITY
    const times = {
      configuredAt: now,
      startedAt: now,
      since: now,
      dueAt: now,
      heardAt: never,
      heardInterval: config.advertisementInterval,
      ceasedAt: never,
      activeFor: Number.POSITIVE_INFINITY,
      advertisedAt: never,
      begunAt: never,
    }
    this.engines.set(key, { config, state: 'Initialize', reason: 'Startup', adverts: 0, ...times })
  }

  reads(family: string, payload: Uint8Array): void {
    const engine = this.engineOf(family, payload[1] ?? 0)
    if (!engine) return
    const { config } = engine
    const [version, priority = 0] = [(payload[0] ?? 0) >> 4, payload[2]]
    const interval =
      version === 2 ? (payload[5] ?? 0) * 1000 : ((((payload[4] ?? 0) & 15) << 8) | (payload[5] ?? 0)) * 10
    if (version !== config.version || (version === 2 && interval !== config.advertisementInterval)) return
    if (priority > 0 && priority < config.priority && config.preemption.mode !== 'Never') return
    engine.heardAt = priority === 0 ? Number.NEGATIVE_INFINITY : this.#kernel.now()
    engine.heardInterval = interval
  }

  removed(key: string): void {
    this.engines.delete(key)
  }

  stepped(key: string, { state, observations }: Step, due: Instant | undefined): void {
    const engine = this.engines.get(key)
    if (!engine || engine.state === state.name) return
    const now = this.#timeline.now
    if (engine.state === 'Active') {
      engine.ceasedAt = now
      engine.activeFor = now - engine.since
    }
    engine.dueAt = due === undefined ? now : due + this.#kernel.asleep
    for (const observation of observations) {
      if (observation.type === 'Transition') engine.reason = observation.reason
    }
    if (engine.state === 'Initialize') engine.startedAt = now
    engine.state = state.name
    engine.since = now
    engine.adverts = 0
    if (state.name === 'Active') this.options.becameActive(key, engine)
  }

  engineOf(family: string, virtualRouterID: number): Engine | undefined {
    for (const engine of this.engines.values()) {
      if (engine.config.virtualRouterID === virtualRouterID && engine.config.family === family) return engine
    }
    return undefined
  }

  engineFor(text: string): Engine | undefined {
    for (const engine of this.engines.values()) {
      if (engine.config.addresses.some(address => address.text === text)) return engine
    }
    return undefined
  }
}

class SimulatedSocket implements VrrpSocket {
  onClose: () => void = () => {}
  readonly #process: AgentProcess
  readonly #options: Parameters<typeof openVrrpSocket>[0]
  readonly #send: VrrpSocket['send']
  #queue: ReceivedPacket[] = []
  #polls = true
  #isDue = false

  constructor(process: AgentProcess, options: Parameters<typeof openVrrpSocket>[0], send: VrrpSocket['send']) {
    this.#process = process
    this.#options = options
    this.#send = send
  }

  get family() {
    return this.#options.family
  }

  /** What it is bound to. */
  get hears(): IpAddress {
    const { family, source, unicast = false } = this.#options
    return unicast ? source : VRRP_GROUP[family]
  }

  arrive(packet: ReceivedPacket): void {
    if (this.#queue.push(packet) > BUFFER) this.#queue.pop()
    this.#look()
  }

  drain(receive: (packet: ReceivedPacket) => void): number {
    return this.#process.call(() => {
      const packets = this.#queue
      if (packets.length === 0) return 0
      this.#queue = []
      for (const packet of packets) {
        this.#process.reads(this.family, packet.payload)
        receive(packet)
      }
      return packets.length
    })
  }

  send(payload: Uint8Array, to?: Destination): void {
    this.#process.call(() => this.#send(payload, to))
  }

  tryToSend(): void {}

  poll(on: boolean): void {
    this.#polls = on
    this.#look()
  }

  close(): void {
    this.#queue = []
    this.#polls = false
    this.onClose()
  }

  #look(): void {
    if (this.#isDue || !this.#polls || this.#queue.length === 0) return
    this.#isDue = true
    this.#process.later(() => {
      this.#isDue = false
      if (!this.#polls || this.#queue.length === 0) return
      this.#options.onReadable()
      this.#look()
    })
  }
}

/** As linux/addresses.ts has them. */
const [PACE, LIFETIME]: [Millis, Millis] = [1000, 3000]
/** Packets that a socket keeps. */
const BUFFER = 5000
/** More than any chain of them in the loop's end has. */
const PROMISES = 12
const MOST_AT_ONCE = 20_000
