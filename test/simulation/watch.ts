import type { Instant, Millis } from '../../src/lib/time.ts'
import type { AgentProcess, Engine } from './agent-process.ts'
import { MARK } from './kernel.ts'
import { LATE } from './segment.ts'
import type { Machine, World } from './world.ts'

/** How often what is always so is looked at. */
const AUDIT_EVERY: Millis = 250
/** From a successor's advert to its announcement (decision 8), and what is under way. */
const HANDED_OVER: Millis = 60
/** From the first announcement of an address on (decision 8); the one before it may have been read sooner than the advert. */
const [ANNOUNCED, ANNOUNCED_AGAIN]: [Millis, Millis] = [5, 25]
/** Until a dead agent's address is gone (decision 9): what it lasts, what the kernel is late by, and its renewal under way. */
const GONE_AFTER: Millis = 3000 + 1000 + 500
/** From when one of a group is Active no longer until none is (decision 11). */
const YIELDS_WITHIN: Millis = 20
/** In intervals: what a group waits for one that joins it (decision 11), and waits itself then. */
const JOINS_WITHIN = 4 * 4 + 4
/** As STALE_AFTER of controller/freshness.ts, the renewal before, and messages. */
const VOUCHED_FOR: Millis = 10_000 + 3000 + 1500

/** What must be so whatever happens: see docs/simulation.md. */
export class Watch {
  readonly #world: World
  /** By address: who answers, and since when. */
  readonly #answering = new Map<string, Map<Machine, Instant>>()
  /** By address and two machines: since when both answer. */
  readonly #both = new Map<string, Instant>()
  readonly #unansweredSince = new Map<string, Instant>()
  /** By address: when it was last configured in different ways, or taken away by hand. */
  readonly #mixedAt = new Map<string, Instant>()
  /** When an address that is there was last asked for. */
  readonly #wantedAt = new WeakMap<object, Instant>()
  longestOverlap: Millis = 0
  longestUnanswered: Millis = 0

  constructor(world: World) {
    this.#world = world
    this.#audit()
  }

  /** Somebody did this on purpose: who answers is not judged for a while. */
  excuse(text: string): void {
    this.#mixedAt.set(text, this.#now)
  }

  texts(): string[] {
    return this.#world.addresses
  }

  answerers(text: string): Machine[] {
    return [...(this.#answering.get(text)?.keys() ?? [])]
  }

  /** Whether this machine answers may have changed. */
  changed(machine: Machine): void {
    for (const text of this.#world.addresses) {
      const known = this.#answering.get(text) ?? new Map<Machine, Instant>()
      this.#answering.set(text, known)
      const answers = machine.kernel.answers(text)
      if (answers === known.has(machine)) continue
      if (answers) this.#begins(text, machine, known)
      else this.#ends(text, machine, known)
    }
  }

  #begins(text: string, machine: Machine, known: Map<Machine, Instant>): void {
    for (const other of known.keys()) {
      this.#both.set(bothKey(text, machine, other), this.#now)
      this.#replaces(text, machine, other)
    }
    if (known.size === 0) this.#isAnsweredSoon(text)
    known.set(machine, this.#now)
    this.#unansweredSince.delete(text)
    this.#world.log(machine.kernel.name, `answers for ${text}`)
  }

  #ends(text: string, machine: Machine, known: Map<Machine, Instant>): void {
    known.delete(machine)
    for (const other of known.keys()) {
      this.#overlaps(text, machine, other)
      this.#both.delete(bothKey(text, machine, other))
    }
    if (known.size === 0) this.#unansweredSince.set(text, this.#now)
    if (known.size === 0) this.#leavesNobody(text, machine)
    this.#spokeInTime(text, machine)
    this.#world.log(machine.kernel.name, `does not answer for ${text}`)
  }

  // ---- one answers

  /** Decision 9: who takes over because nothing was heard does not find the other answering. */
  #replaces(text: string, machine: Machine, other: Machine): void {
    const engine = machine.process?.engineFor(text)
    const before = other.process?.engineFor(text)
    if (!engine || !before || !machine.kernel.table || !other.kernel.table) return
    const interval = before.config.advertisementInterval
    const reach = 5 * interval + LATE
    if (engine.state !== 'Active' || engine.reason !== 'ActiveDown' || before.state !== 'Active') return
    if (interval < SHORTEST || before.adverts === 0 || this.#now - before.since < 3 * interval) return
    if (this.#isExcused(text, reach) || this.#isTroubledSince(this.#now - reach)) return
    // A lapse that ended as it was stopped, and a resumed machine: stated in decision 9.
    if (before.begunAt > before.advertisedAt - interval || other.resumedAt > before.advertisedAt) return
    if (machine.resumedAt > engine.since) return
    // It stood still after it had decided to take over, and before it did.
    const { stoodAt, stoppedUntil } = machine.process ?? { stoodAt: 0, stoppedUntil: 0 }
    if (stoodAt >= engine.dueAt && this.#now - stoppedUntil < interval) return
    this.#violate('silent before the successor', text, `${machine.kernel.name} answers, and ${other.kernel.name} still`)
  }

  #overlaps(text: string, one: Machine, other: Machine): void {
    const since = this.#both.get(bothKey(text, one, other)) ?? this.#now
    const interval = this.#longestInterval(text)
    const settled = 5 * interval + LATE + 200
    if (this.#isExcused(text, settled)) return
    const from = Math.max(
      since,
      this.#world.segment.troubledAt + settled,
      ...[one, other].map(({ troubledAt }) => troubledAt),
    )
    const allowed = this.#overlapAllowed(text, one, other, since)
    const length = this.#now - from
    this.longestOverlap = Math.max(this.longestOverlap, length)
    if (length <= allowed) return
    const names = `${one.kernel.name} and ${other.kernel.name}`
    this.#violate('one answers', text, `${names} both answer for ${length.toFixed(3)} ms, ${allowed} are allowed`)
  }

  #overlapAllowed(text: string, one: Machine, other: Machine, since: Instant): Millis {
    const interval = this.#longestInterval(text)
    const calm = since - 3 * interval - LATE
    // A move, in which nothing fails: until the announcement of each address has been heard, and what is under way has arrived.
    const isMove = !this.#isTroubledSince(calm) && [one, other].every(each => this.#isUndisturbedSince(each, calm))
    const move = ANNOUNCED_AGAIN + ANNOUNCED * this.#world.addresses.length
    // Two claimed it; the one that yielded may since have left itself, or followed the other, which left.
    const yielded = [one, other]
      .flatMap(({ process }) => process?.engineFor(text) ?? [])
      .filter(({ activeFor }) => activeFor < 3 * interval)
    const hasFollowed = yielded.some(({ state, ceasedAt }) => state === 'Active' && ceasedAt > since - interval)
    if (isMove && hasFollowed) return HANDED_OVER + move + this.#slack
    const isYielding = yielded.some(engine => engine.state !== 'Active' && !leftAsActive(engine))
    if (isMove && isYielding) return HANDED_OVER + this.#slack
    if (isMove) return move + this.#slack
    // Who cannot send its first advert is not heard, and silent as late as if that had been its last.
    const mute = one.isMuted || other.isMuted ? 3 * interval : 0
    const isFenced = one.kernel.table && other.kernel.table
    return (isFenced ? this.#timeOut(interval) : GONE_AFTER) + HANDED_OVER + mute + this.#slack
  }

  #isUndisturbedSince({ troubledAt, resumedAt, process, isMuted }: Machine, instant: Instant): boolean {
    if (isMuted || !process || process.isDead) return false
    return Math.max(troubledAt, resumedAt, process.stoppedUntil) < instant && !process.isStopped
  }

  /** Decision 9, of one machine alone: silence comes 3 intervals after the last advert. */
  #spokeInTime(text: string, machine: Machine): void {
    const engine = machine.process?.engineFor(text)
    if (engine?.state !== 'Active' || engine.adverts === 0) return
    if (!machine.kernel.table || machine.kernel.isSuspended || machine.resumedAt > engine.advertisedAt) return
    if (this.#isExcused(text, this.#now - engine.advertisedAt)) return
    const interval = engine.config.advertisementInterval
    if (this.#now - engine.configuredAt < 3 * this.#longestInterval(text) + LATE) return
    const advert = engine.advertisedAt + Math.max(3 * interval, interval + 2 * this.#timeOut(interval))
    const begun = engine.begunAt + this.#timeOut(interval)
    const late = this.#now - Math.max(advert, begun)
    if (late <= EPSILON) return
    const silent = (this.#now - engine.advertisedAt).toFixed(3)
    this.#violate(
      'silence',
      text,
      `${machine.kernel.name} answers ${silent} ms after its last advert, at ${interval} ms`,
    )
  }

  // ---- what the protocol says

  tookOver({ kernel }: Machine, engine: Engine): void {
    const { config, heardAt, heardInterval, reason } = engine
    if (reason !== 'ActiveDown' || engine.configuredAt - kernel.asleep > heardAt) return
    const skew = ((256 - config.priority) * (config.version === 2 ? 1000 : heardInterval)) / 256
    const waited = kernel.now() - heardAt
    if (waited >= 3 * heardInterval + skew - EPSILON) return
    this.#violate('patience', kernel.name, `takes over ${waited} ms after an advert of ${heardInterval} ms`)
  }

  advertises(machine: Machine, engine: Engine): void {
    const { kernel, process } = machine
    // Between its last look at the clock and the call nobody can know.
    if (!process || process.stoodUntil > process.lookedAt) return
    // Decision 10: once, when it answers no more.
    if (engine.state === 'Backup' && this.#now - Math.max(engine.ceasedAt, process.stoodUntil) < 1000) return
    const missing = engine.config.addresses.find(({ text }) => !kernel.addresses.has(text))
    if (missing && !this.#isExcused(missing.text, 1000, false)) {
      this.#violate('holds before it speaks', missing.text, `${kernel.name} advertises and does not have it`)
    }
    this.#knows(machine, engine, 'advertises')
  }

  announces(machine: Machine, text: string): void {
    const { process } = machine
    const engine = process?.engineFor(text)
    if (!process || !engine || process.stoodUntil > process.lookedAt) return
    this.#knows(machine, engine, 'announces')
  }

  /** Who was silent because it stood still does not say that it is MASTER. */
  #knows({ kernel, process, resumedAt }: Machine, engine: Engine, does: string): void {
    const { config, advertisedAt } = engine
    const slept = Math.max(resumedAt, process?.stoppedUntil ?? 0)
    if (engine.adverts === 0 || slept < advertisedAt || engine.configuredAt > advertisedAt) return
    const silent = this.#now - advertisedAt
    if (config.advertisementInterval < SHORTEST || silent < 4 * config.advertisementInterval + 50) return
    this.#violate('old knowledge', kernel.name, `it ${does} as MASTER, and was silent for ${silent} ms`)
  }

  // ---- somebody answers

  #isAnsweredSoon(text: string): void {
    const since = this.#unansweredSince.get(text)
    const ready = this.#firstReady(text)
    if (since === undefined || ready === undefined) return
    if (this.#isLeftOut(text)) this.#mixedAt.set(text, this.#now)
    const interval = this.#longestOfGroup(text)
    const from = Math.max(since, ready, this.#world.segment.troubledAt, this.#mixedAt.get(text) ?? 0)
    const length = this.#now - from
    this.longestUnanswered = Math.max(this.longestUnanswered, length)
    const allowed = 6 * Math.max(interval, this.#isOld(text) ? 1000 : 0) + 200 + 4 * this.#slack
    if (length <= allowed) return
    this.#violate('somebody answers', text, `nobody answers for ${length.toFixed(3)} ms, ${allowed} are allowed`)
  }

  /** Decision 8: nothing has failed, so who gives an address up answers until somebody else does. */
  #leavesNobody(text: string, { kernel, process, isMuted }: Machine): void {
    const engine = process?.engineFor(text)
    const interval = this.#longestInterval(text)
    const calm = this.#now - 6 * interval - 1000
    if (!engine || engine.state === 'Active' || engine.reason === 'Overslept' || this.#world.conditions.handover === 0)
      return
    if (!kernel.isConnected || isMuted || this.#now - engine.ceasedAt > 5 * interval || interval < 50) return
    if (this.#isExcused(text, 6 * interval + 1000) || this.#isTroubledSince(calm)) return
    if (this.#world.machines.some(each => each.troubledAt > calm || (each.process?.stoppedUntil ?? 0) > calm)) return
    const heirs = this.#world.machines.filter(each => {
      const its = each.process?.engineFor(text)
      if (!its || !each.process || each.process.isDead || each.process.isLeaving || !each.kernel.isConnected)
        return false
      return its !== engine && its.state === 'Backup' && its.since < calm
    })
    if (heirs.length > 0) this.#violate('make before break', text, `${kernel.name} does not wait for its successor`)
  }

  /** Since when there is an agent that could answer, undisturbed. */
  #firstReady(text: string): Instant | undefined {
    const ready = this.#world.machines.flatMap(({ kernel, process, troubledAt, resumedAt, isMuted }) => {
      if (isMuted) return []
      const engine = process?.engineFor(text)
      if (!process || process.isDead || process.isLeaving || process.isStopped || !kernel.isConnected) return []
      if (!engine || engine.state === 'Initialize') return []
      // Who was suspended finds out when it next does something.
      const resumed = resumedAt + 4 * engine.config.advertisementInterval
      return Math.max(troubledAt, resumed, process.stoppedUntil, engine.configuredAt, engine.startedAt)
    })
    return ready.length > 0 ? Math.min(...ready) : undefined
  }

  // ---- from time to time

  #audit(): void {
    const { timeline } = this.#world
    timeline.at(timeline.now + AUDIT_EVERY, () => {
      this.#audit()
      for (const text of this.#world.addresses) {
        if (this.answerers(text).length === 0) this.#isAnsweredSoon(text)
        else this.#answerersSpeak(text)
      }
      for (const machine of this.#world.machines) {
        this.#addressesAreAskedFor(machine)
        this.#reportIsTrue(machine)
        this.#groupsAreWhole(machine)
      }
      this.#statusIsTrue()
    })
  }

  /** Decision 11: of a group all are Active, or none is, unless it was told something else a while ago. */
  #groupsAreWhole({ kernel, process }: Machine): void {
    if (!process?.loop || process.isDead || process.isStopped || process.isLeaving) return
    const groups = Map.groupBy(process.loop.told, ({ group }) => group)
    for (const [name, routers] of groups) {
      const engines = routers.flatMap(({ virtualIP, family }) => process.engines.get(`${virtualIP}/${family}`) ?? [])
      if (name === undefined || new Set(engines.map(({ state }) => state === 'Active')).size < 2) continue
      const longest = Math.max(...engines.map(({ config }) => config.advertisementInterval))
      const told = Math.max(
        process.startedAt,
        ...engines.map(engine => Math.max(engine.configuredAt, engine.startedAt)),
      )
      const standing = Math.max(process.stoppedUntil, process.stoodUntil)
      const changed = Math.max(...engines.map(({ since }) => since))
      if (this.#now - changed < YIELDS_WITHIN + this.#slack || this.#now - standing < longest) continue
      if (this.#now - told < JOINS_WITHIN * longest + 3000) continue
      const states = engines.map(({ state, config }) => `${config.family} VRID ${config.virtualRouterID} is ${state}`)
      this.#violate('together', name, `on ${kernel.name} ${states.join(', ')}`)
    }
  }

  #answerersSpeak(text: string): void {
    const answering = this.answerers(text)
    for (const machine of answering) {
      this.#spokeInTime(text, machine)
      for (const other of answering) if (other !== machine) this.#overlaps(text, machine, other)
    }
  }

  #addressesAreAskedFor({ kernel, source, process, troubledAt }: Machine): void {
    for (const [text, held] of kernel.addresses) {
      if (held.protocol !== MARK) continue
      const isAsked = source?.spec.virtualRouters.some(({ addresses }) =>
        addresses.some(each => each.startsWith(`${text}/`)),
      )
      const wantedAt = this.#wantedAt.get(held)
      if (wantedAt === undefined || (isAsked && !process?.isDead) || kernel.isSuspended) {
        this.#wantedAt.set(held, this.#now)
        continue
      }
      const length = this.#now - wantedAt
      const allowed = GONE_AFTER + 5 * this.#longestInterval(text) + 2000 + this.#stoppedFor(process, troubledAt)
      if (length <= allowed) continue
      const sentence = `${kernel.name} has it, and nobody has asked for ${length} ms`
      this.#violate('no address without a resource', text, sentence)
    }
  }

  /** It could not do anything about it meanwhile. */
  #stoppedFor(process: AgentProcess | undefined, troubledAt: Instant): Millis {
    if (!process || process.isDead) return 0
    return this.#now - Math.max(troubledAt, process.stoppedUntil) < 2000 ? 60_000 : 0
  }

  /** What an agent that runs says of itself is so. */
  #reportIsTrue({ kernel, process, troubledAt, isMuted }: Machine): void {
    if (isMuted) return
    if (!process?.loop || process.isDead || process.isStopped || process.isLeaving || !kernel.isConnected) return
    for (const status of process.loop.status()) {
      const engine = process.engines.get(`${status.virtualIP}/${status.family}`)
      const isMaster = status.state === 'MASTER'
      if (!engine) continue
      if (isMaster !== (engine.state === 'Active')) {
        this.#violate('report', status.virtualIP, `${kernel.name} reports ${status.state} and is ${engine.state}`)
      }
      const interval = this.#longestInterval(engine.config.addresses[0]?.text ?? '')
      const quiet =
        this.#now - Math.max(engine.since, engine.configuredAt, troubledAt, process.stoppedUntil, process.startedAt)
      if (quiet < 5 * interval + 500 || this.#now - engine.ceasedAt < 5 * interval + 500) continue
      for (const { text } of engine.config.addresses) {
        if (kernel.answers(text) === isMaster || this.#isExcused(text, 500, false)) continue
        if (!isMaster && kernel.addresses.get(text)?.protocol !== MARK) continue
        const does = isMaster ? 'does not answer' : 'answers'
        this.#violate('report', text, `${kernel.name} reports ${status.state} and ${does}`)
      }
    }
  }

  /** Whom the VirtualIP's status names MASTER was it a moment ago, or nobody can know. */
  #statusIsTrue(): void {
    const { plane, machines } = this.#world
    for (const machine of machines) this.noteActive(machine)
    if (plane.isDown || this.#now - plane.upSince < VOUCHED_FOR) return
    for (const [name, { status }] of plane.virtualIPs) {
      const machine = machines.find(({ kernel }) => kernel.name === status?.master)
      if (!machine || machine.cutOffAt > this.#now - VOUCHED_FOR || plane.cutOff.has(machine.kernel.name)) continue
      const length = this.#now - (machine.activeAt.get(name) ?? Number.NEGATIVE_INFINITY)
      if (length <= VOUCHED_FOR) continue
      this.#violate('status', name, `${machine.kernel.name} is named MASTER, and was it ${length} ms ago`)
    }
  }

  noteActive({ process, activeAt, resumedAt }: Machine): void {
    if (!process || process.isDead || process.isStopped) return
    // Who has not looked at a clock since it stood still knows only what was.
    if (process.lookedAt < Math.max(resumedAt, process.stoppedUntil)) return
    for (const [key, { state }] of process.engines) {
      if (state === 'Active') activeAt.set(key.slice(0, key.lastIndexOf('/')), this.#now)
    }
  }

  // ---- what excuses

  /** Whether nodes are, or were a moment ago, told different things about an address. */
  #isExcused(text: string, length: Millis, orMixed = true): boolean {
    if (this.#now - (this.#mixedAt.get(text) ?? Number.NEGATIVE_INFINITY) <= length) return true
    if (!orMixed || !this.#isMixed(text)) return false
    this.#mixedAt.set(text, this.#now)
    return true
  }

  #isMixed(text: string): boolean {
    const [first, ...others] = this.#enginesFor(text).map(({ config }) => config)
    if (!first) return false
    return [first, ...others].some(
      config =>
        config.priority === 255 ||
        config.version !== first.version ||
        config.virtualRouterID !== first.virtualRouterID ||
        config.advertisementInterval !== first.advertisementInterval ||
        config.addresses.length !== first.addresses.length,
    )
  }

  /** Whether who is Active of its virtual router was told that it has this address no longer, and a Backup that can't be reached was not. */
  #isLeftOut(text: string): boolean {
    const followers = this.#enginesFor(text).map(({ config }) => config)
    return this.#world.machines.some(({ process }) =>
      [...(process?.engines.values() ?? [])].some(
        ({ state, config }) =>
          state === 'Active' &&
          followers.some(
            ({ family, virtualRouterID }) => family === config.family && virtualRouterID === config.virtualRouterID,
          ) &&
          config.addresses.every(address => address.text !== text),
      ),
    )
  }

  /** Called as engines are told anything. */
  configured(texts: readonly string[]): void {
    for (const text of texts) this.#mixedAt.set(text, this.#now)
  }

  #isTroubledSince(instant: Instant): boolean {
    return this.#world.segment.troubledAt > instant
  }

  #enginesFor(text: string): Engine[] {
    return this.#world.machines.flatMap(({ process }) => process?.engineFor(text) ?? [])
  }

  #longestInterval(text: string): Millis {
    return Math.max(10, ...this.#enginesFor(text).map(({ config }) => config.advertisementInterval))
  }

  /** A group takes over when the slowest of it would. */
  #longestOfGroup(text: string): Millis {
    const mates = this.#world.machines.flatMap(({ process }) => {
      const told = process?.loop?.told ?? []
      const group = told.find(({ addresses }) => addresses.some(address => address.startsWith(`${text}/`)))?.group
      const keys = told.filter(router => group !== undefined && router.group === group)
      return keys.flatMap(({ virtualIP, family }) => process?.engines.get(`${virtualIP}/${family}`) ?? [])
    })
    const heard = [...mates, ...this.#enginesFor(text)].map(({ config, heardInterval }) =>
      Math.max(config.advertisementInterval, heardInterval),
    )
    return Math.max(this.#longestInterval(text), ...heard)
  }

  #isOld(text: string): boolean {
    return this.#enginesFor(text).some(({ config }) => config.version === 2)
  }

  /** T, as the kernel rounds it. */
  #timeOut(interval: Millis): Millis {
    return Math.max(20, interval - 10) + this.#world.conditions.tick
  }

  get #slack(): Millis {
    const { delay, jitter, lateness, callTime } = this.#world.conditions
    return 2 * (delay + jitter) + 6 * lateness + 200 * callTime + 5
  }

  get #now(): Instant {
    return this.#world.timeline.now
  }

  #violate(invariant: string, what: string, sentence: string): void {
    this.#world.violate(invariant, `${what}: ${sentence}`)
  }
}

/** Of an interval that is shorter the fence is alive longer than it. */
const SHORTEST: Millis = 30
const EPSILON = 1e-6

function leftAsActive({ state, since, ceasedAt }: Engine): boolean {
  return state === 'Initialize' && since === ceasedAt
}

function bothKey(text: string, one: Machine, other: Machine): string {
  return `${text} ${[one.kernel.name, other.kernel.name].sort().join(' ')}`
}
