import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import type { Instant, Millis } from '../../src/lib/time.ts'
import { seeded } from '../lab/random.ts'
import { AgentProcess, Killed } from './agent-process.ts'
import { AgentSource, type Disk } from './agent-source.ts'
import { ControlPlane } from './control-plane.ts'
import { Host } from './host.ts'
import { Kernel } from './kernel.ts'
import { Segment } from './segment.ts'
import { Timeline } from './timeline.ts'
import { Watch } from './watch.ts'

/** What the world is like. */
export interface Conditions {
  readonly seed: number
  readonly machines: number
  readonly virtualIPs: Readonly<Record<string, VirtualIPSpec>>
  readonly handover: Millis
  readonly hasFence: boolean
  readonly tick: Millis
  readonly delay: Millis
  readonly jitter: Millis
  readonly lateness: Millis
  readonly callTime: Millis
}

export interface Violation {
  readonly invariant: string
  readonly sentence: string
}

export class Machine {
  readonly kernel: Kernel
  readonly disk: Disk = { spec: undefined }
  process: AgentProcess | undefined
  source: AgentSource | undefined
  checkPasses = true
  /** Its kernel takes no adverts. */
  isMuted = false
  /** When it last stood still, was started or lost its link. */
  troubledAt: Instant = 0
  resumedAt: Instant = Number.NEGATIVE_INFINITY
  /** When it last did not reach the API server. */
  cutOffAt: Instant = Number.NEGATIVE_INFINITY
  /** By VirtualIP: when its agent, running, last was Active. */
  readonly activeAt = new Map<string, Instant>()

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }
}

/** Machines with an agent each, on one wire with a host that talks to them, and the cluster that tells them what to do. */
export class World {
  readonly timeline = new Timeline()
  readonly segment: Segment
  readonly plane: ControlPlane
  readonly machines: Machine[] = []
  readonly host: Host
  readonly conditions: Conditions
  readonly watch: Watch
  /** Every address that a VirtualIP has, or had. */
  readonly addresses: string[] = []
  readonly transcript: string[] | undefined
  violation: Violation | undefined
  readonly #cordoned = new Set<string>()
  readonly #leaving = new Set<AgentProcess>()
  readonly #random: () => number

  constructor(conditions: Conditions, isTold = false) {
    const { seed, machines, virtualIPs } = conditions
    this.conditions = conditions
    this.transcript = isTold ? [] : undefined
    this.#random = seeded(seed)
    this.segment = new Segment(this.timeline, this.#random)
    this.segment.delay = conditions.delay
    this.segment.jitter = conditions.jitter
    this.plane = new ControlPlane(this.timeline, this.#random)
    this.host = new Host(this.segment)
    this.watch = new Watch(this)
    for (let index = 1; index <= machines; index++) this.machines.push(this.#machine(index))
    for (const { kernel } of this.machines) this.plane.setNode(kernel.name, false)
    for (const [name, spec] of Object.entries(virtualIPs)) this.edit(name, spec)
    for (const machine of this.machines) this.start(machine)
  }

  log(who: string, what: string): void {
    this.transcript?.push(`${this.timeline.now.toFixed(3).padStart(11)}  ${who.padEnd(7)}${what}`)
  }

  violate(invariant: string, sentence: string): void {
    this.violation ??= { invariant, sentence }
    this.log('!', `${invariant}: ${sentence}`)
  }

  async run(length: Millis): Promise<void> {
    const end = this.timeline.now + length
    while (!this.violation && this.timeline.step(end)) {
      if (this.#leaving.size > 0) await this.#promises()
    }
  }

  // ---- what users do

  /** Creates it, or edits it. */
  edit(name: string, spec: VirtualIPSpec): void {
    this.plane.apply(name, spec)
    for (const text of spec.addresses.map(address => address.replace(/\/.*/, ''))) {
      if (!this.addresses.includes(text)) this.addresses.push(text)
    }
  }

  cordon(name: string): void {
    if (this.#cordoned.delete(name)) this.plane.setNode(name, false)
    else this.plane.setNode(name, this.#cordoned.add(name).has(name))
  }

  uncordonAll(): void {
    for (const name of this.#cordoned) this.plane.setNode(name, false)
    this.#cordoned.clear()
  }

  textsOf(virtualIP: string): string[] {
    return this.plane.virtualIPs.get(virtualIP)?.spec.addresses.map(address => address.replace(/\/.*/, '')) ?? []
  }

  // ---- what befalls an agent

  start(machine: Machine): void {
    const { kernel } = machine
    if ((machine.process && !machine.process.isDead) || kernel.isOff || kernel.isSuspended) return
    const { handover, hasFence, lateness, callTime } = this.conditions
    const process = new AgentProcess({
      timeline: this.timeline,
      kernel,
      random: this.#random,
      handover,
      hasFence,
      lateness,
      callTime,
      passes: () => machine.checkPasses,
      isMuted: () => machine.isMuted,
      becameActive: (key, engine) => {
        machine.activeAt.set(key.slice(0, key.lastIndexOf('/')), this.timeline.now)
        this.watch.tookOver(machine, engine)
      },
      advertises: engine => this.watch.advertises(machine, engine),
      announces: text => this.watch.announces(machine, text),
      log: line => {
        if (line === 'is killed') this.watch.noteActive(machine)
        if (line.startsWith('stands still') || line === 'is killed') machine.troubledAt = this.timeline.now
        this.log(kernel.name, line)
      },
      violate: (invariant, sentence) => this.violate(invariant, sentence),
    })
    const source = new AgentSource(kernel.name, process, this.plane, machine.disk)
    machine.process = process
    machine.source = source
    machine.troubledAt = this.timeline.now
    this.log(kernel.name, 'starts')
    process.start(() => source.start())
  }

  kill(machine: Machine): void {
    if (machine.process && !machine.process.isDead) machine.troubledAt = this.timeline.now
    machine.process?.kill()
    if (machine.source) this.plane.unsubscribe(machine.source)
  }

  /** As on SIGTERM. */
  leave(machine: Machine): void {
    const { process, source } = machine
    if (!process || process.isDead || process.isLeaving) return
    process.isLeaving = true
    process.later(() => {
      if (!process.loop) return
      this.log(machine.kernel.name, 'is told to leave')
      this.#leaving.add(process)
      const left = () => {
        if (process.isDead) return
        this.log(machine.kernel.name, 'has left')
        process.end()
        if (source) this.plane.unsubscribe(source)
      }
      process.loop.close().then(left, (error: unknown) => {
        if (!(error instanceof Killed)) this.violate('exception', String(error))
      })
    })
  }

  /** Promises are kept only here, where nobody stands still in the middle of something. */
  async #promises(): Promise<void> {
    for (const process of this.#leaving) {
      await process.keepPromises()
      if (process.isDead) this.#leaving.delete(process)
    }
  }

  #machine(index: number): Machine {
    const { tick } = this.conditions
    const kernel: Kernel = new Kernel(this.timeline, this.segment, {
      index,
      tick,
      deferral: 1000,
      random: this.#random,
      changed: () => this.watch.changed(machine),
    })
    const machine = new Machine(kernel)
    return machine
  }
}
