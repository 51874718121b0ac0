import type { IpAddress } from '../../src/lib/ip-address.ts'
import type { Millis } from '../../src/lib/time.ts'
import type { Fence } from '../../src/linux/fence.ts'
import { SyscallError } from '../../src/linux/syscall-error.ts'
import type { AgentProcess, Engine } from './agent-process.ts'
import { type FenceTable, type Kernel, MARK } from './kernel.ts'

/** What linux/fence.ts promises, in a simulated kernel. */
export class SimulatedFence implements Fence {
  readonly #process: AgentProcess
  readonly #kernel: Kernel
  readonly #table: FenceTable = { held: new Map(), alive: new Map() }

  constructor(process: AgentProcess, kernel: Kernel) {
    this.#process = process
    this.#kernel = kernel
    kernel.table = this.#table
    kernel.fenceChanged()
  }

  put(fenceClass: string, addresses: readonly IpAddress[], lifetime: Millis): SyscallError | undefined {
    return this.#change(() => {
      const held = this.#table.held.get(fenceClass) ?? new Map()
      this.#table.held.set(fenceClass, held)
      for (const { text } of addresses) {
        held.set(text, this.#kernel.now() + lifetime)
        const known = this.#kernel.addresses.get(text)
        if (known && known.protocol !== MARK) {
          this.#process.options.violate('foreign address', `${this.#kernel.name} fences ${text}, which is not its own`)
        }
      }
    })
  }

  remove(fenceClass: string, addresses: readonly IpAddress[]): SyscallError | undefined {
    return this.#change(() => {
      for (const { text } of addresses) this.#table.held.get(fenceClass)?.delete(text)
    })
  }

  begin(fenceClass: string, lifetime: Millis): SyscallError | undefined {
    return this.#change(() => {
      if (this.#isAlive(fenceClass)) return
      this.#kernel.live(this.#table, fenceClass, lifetime)
      for (const engine of this.#engines(fenceClass)) engine.begunAt = this.#process.options.timeline.now
    })
  }

  renew(classes: ReadonlyMap<string, Millis>): boolean | SyscallError {
    let isDone = false
    this.#change(() => {
      isDone = [...classes.keys()].every(name => this.#isAlive(name))
      if (!isDone) return
      for (const [name, lifetime] of classes) this.#kernel.live(this.#table, name, lifetime)
    })
    return isDone
  }

  end(fenceClass: string): SyscallError | undefined {
    return this.#change(() => this.#table.alive.delete(fenceClass))
  }

  destroy(): SyscallError | undefined {
    return this.#change(() => {
      this.#kernel.table = undefined
    })
  }

  close(): void {}

  #isAlive(fenceClass: string): boolean {
    return (this.#table.alive.get(fenceClass) ?? 0) > this.#kernel.now()
  }

  /** Those with an address in that class. */
  *#engines(fenceClass: string): Iterable<Engine> {
    for (const text of this.#table.held.get(fenceClass)?.keys() ?? []) {
      const engine = this.#process.engineFor(text)
      if (engine) yield engine
    }
  }

  #change(work: () => void): SyscallError | undefined {
    return this.#process.call(() => {
      if (this.#kernel.table !== this.#table) return new SyscallError('change the fence in nftables', 'ENOENT')
      work()
      this.#kernel.fenceChanged()
      return undefined
    })
  }
}
