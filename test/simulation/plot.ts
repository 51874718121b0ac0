import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import type { Family } from '../../src/lib/ip-address.ts'
import type { Millis } from '../../src/lib/time.ts'
import { seeded } from '../lab/random.ts'
import type { Fault } from './faults.ts'
import type { Conditions } from './world.ts'

/** A world, and what befalls it: each fault so long after the one before. */
export interface Plot extends Conditions {
  readonly faults: readonly (readonly [after: Millis, fault: Fault])[]
}

/** The same seed, the same plot. */
export function plotOf(seed: number, mostFaults = 25): Plot {
  return new Author(seed).plot(mostFaults)
}

class Author {
  readonly #seed: number
  readonly #random: () => number
  #machines = 0
  #interval: Millis = 0
  #isOld = false
  /** Of a group all rank nodes alike, and preempt or not. */
  #group: Pick<VirtualIPSpec, 'group' | 'priorities' | 'redundancy' | 'preemption'> | undefined

  constructor(seed: number) {
    this.#seed = seed
    this.#random = seeded(seed)
  }

  plot(mostFaults: number): Plot {
    this.#machines = 2 + Math.floor(8 * this.#random() ** 2)
    this.#isOld = this.#random() < 0.1
    this.#interval = this.#isOld ? 1000 : this.#of([10, 20, 30, 50, 100, 100, 100, 200, 200, 1000])
    if (this.#random() < 0.2) this.#group = { group: 'edge', ...this.#ranks(), ...this.#preemption() }
    const names = ['web', 'db', 'mail'].slice(0, this.#integer(1, 3))
    const isQuick = this.#interval < 50
    return {
      seed: this.#seed,
      machines: this.#machines,
      virtualIPs: Object.fromEntries(names.map((name, i) => [name, this.#virtualIP(i)])),
      handover: this.#of([0, 29_000, 29_000]),
      hasFence: this.#random() < 0.9,
      tick: this.#of([0, 1, 4, 10]),
      delay: isQuick ? 0.1 : this.#of([0, 0.1, 1, 5]),
      jitter: isQuick ? 0 : this.#of([0, 0.1, 1, 5]),
      lateness: isQuick ? 0 : this.#of([0, 0.5, 2, 10]),
      callTime: this.#of([0, 0, 0, 0.02]),
      faults: Array.from({ length: this.#integer(1, mostFaults) }, () => [this.#gap(), this.#fault(names)]),
    }
  }

  #virtualIP(index: number): VirtualIPSpec {
    const kind = this.#isOld ? 1 : this.#random()
    const families: readonly Family[] = kind < 0.15 ? ['IPv6'] : kind < 0.45 ? ['IPv4', 'IPv6'] : ['IPv4']
    const hosts = [100 + index, ...(this.#random() < 0.2 ? [110 + index] : [])]
    return {
      addresses: families.flatMap(family => hosts.map(host => addressOf(family, host))),
      ...(families.length > 1 && !this.#group && this.#random() < 0.3 ? { families: 'Separate' as const } : {}),
      interface: { name: 'eth0' },
      ...(this.#isOld ? { version: 2 as const } : {}),
      advertisementInterval: `${this.#interval}ms`.replace('000ms', 's'),
      ...(this.#group ?? { ...this.#preemption(), ...this.#ranks() }),
      ...(this.#random() < 0.2 ? { checks: [this.#check()] } : {}),
    }
  }

  #preemption(): Pick<VirtualIPSpec, 'preemption'> {
    return {
      preemption: this.#of<VirtualIPSpec['preemption'] & object>([
        { mode: 'Always' },
        { mode: 'Always', delay: '3s' },
        { mode: 'Never' },
      ]),
    }
  }

  #ranks(): Pick<VirtualIPSpec, 'priorities' | 'redundancy'> {
    return this.#random() < 0.5 ? { redundancy: this.#machines } : { priorities: this.#priorities() }
  }

  #priorities() {
    const all = Array.from({ length: 254 }, (_, i) => i + 1)
    return Array.from({ length: this.#machines }, (_, i) => {
      const isOwner = i === 0 && this.#random() < 0.03
      const [priority = 1] = all.splice(Math.floor(all.length * this.#random()), 1)
      return { node: `node${i + 1}`, priority: isOwner ? 255 : priority }
    })
  }

  #check() {
    const weight = this.#of([undefined, -50, 50])
    return { name: 'well', process: { name: 'haproxy' }, ...(weight === undefined ? {} : { weight }) }
  }

  #gap(): Millis {
    const kind = this.#random()
    if (kind < 0.3) return 50 * this.#random()
    if (kind < 0.7) return 6 * this.#interval * this.#random()
    return 8 * this.#interval + 500 + 3000 * this.#random() ** 3
  }

  /** Also of a stop: from less than an interval to long after somebody else has taken over. */
  #length(): Millis {
    const kind = this.#random()
    if (kind < 0.3) return Math.round(this.#interval * this.#random())
    if (kind < 0.8) return Math.round(6 * this.#interval * this.#random())
    return Math.round(15_000 * this.#random() ** 2)
  }

  #fault(names: readonly string[]): Fault {
    const machine = this.#integer(0, this.#machines - 1)
    const length = this.#length()
    const kind = this.#random() * 100
    const isBelow = ladder(kind)
    if (isBelow(23)) return { type: 'stop', machine, calls: this.#integer(1, 80), length }
    if (isBelow(3)) return { type: 'mute', machine, length }
    if (isBelow(10)) return { type: 'stop', machine, calls: this.#integer(1, 80), length: Number.POSITIVE_INFINITY }
    if (isBelow(8)) return { type: 'freeze', machine, length }
    if (isBelow(4)) return { type: 'kill', machine }
    if (isBelow(12)) return { type: 'start', machine }
    if (isBelow(5)) return { type: 'leave', machine }
    if (isBelow(3)) return { type: 'suspend', machine, length }
    if (isBelow(2)) return { type: 'powerOff', machine, length }
    if (isBelow(3)) return { type: 'wallClock', machine, by: this.#of([-86_400_000, 86_400_000, -500, 40, 3000]) }
    if (isBelow(4)) return { type: this.#of(['loss', 'duplication', 'reordering']), share: this.#share(), length }
    if (isBelow(5)) {
      const to = this.#integer(0, this.#machines - 1)
      const only = this.#of<Family | undefined>([undefined, 'IPv4', 'IPv6'])
      const both = this.#random() < 0.4
      return { type: 'cut', from: machine, to, both, ...(only === undefined ? {} : { only }), length }
    }
    if (isBelow(2)) return { type: 'partition', sides: this.#integer(1, 254), length }
    if (isBelow(3)) return { type: this.#of(['link', 'carrier']), machine, length }
    if (isBelow(3)) return { type: 'linkLocal', machine, length }
    if (isBelow(2)) return { type: 'delete', machine, virtualIP: this.#of(names) }
    if (isBelow(1)) return { type: 'flush', machine }
    if (isBelow(2)) return { type: 'check', machine }
    if (isBelow(2)) return { type: 'cordon', machine }
    if (isBelow(1)) return { type: 'apiDown', length }
    if (isBelow(1)) return { type: 'cutOff', machine, length }
    if (isBelow(1)) return { type: 'deleteVirtualIP', virtualIP: this.#of(names) }
    const virtualIP = this.#of(names)
    if (!this.#isOld && this.#random() < 0.3) this.#interval = this.#of([30, 50, 100, 200])
    return { type: 'edit', virtualIP, spec: this.#virtualIP(names.indexOf(virtualIP)) }
  }

  #share(): number {
    return Number((0.6 * this.#random()).toFixed(2))
  }

  #integer(least: number, most: number): number {
    return least + Math.floor((most - least + 1) * this.#random())
  }

  #of<T>(choices: readonly T[]): T {
    return choices[Math.floor(choices.length * this.#random())] as T
  }
}

function addressOf(family: Family, host: number): string {
  return family === 'IPv4' ? `10.0.0.${host}/32` : `2001:db8::${host}/128`
}

/** Whether `kind` is within the next so many. */
function ladder(kind: number): (share: number) => boolean {
  let reached = 0
  return share => {
    reached += share
    return kind < reached
  }
}
