import type {
  LinkStatus,
  VirtualIPNodeSpec,
  VirtualIPNodeStatus,
  VirtualRouterStatus,
} from '../../src/api/virtual-ip-node.ts'
import type { Millis } from '../../src/lib/time.ts'
import type { AgentProcess } from './agent-process.ts'
import type { ControlPlane, Subscriber } from './control-plane.ts'

/** What an agent keeps on its machine's disk. */
export interface Disk {
  spec: VirtualIPNodeSpec | undefined
}

/** As agent/cluster-source.ts: receives its node's spec and keeps it on disk, reports each change, renews its Lease when that is written. */
export class AgentSource implements Subscriber {
  readonly name: string
  /** What it runs. */
  spec: VirtualIPNodeSpec = { virtualRouters: [] }
  readonly #process: AgentProcess
  readonly #plane: ControlPlane
  readonly #disk: Disk
  #generation = 0
  #routers: VirtualRouterStatus[] = []
  #links: LinkStatus[] = []
  #reported = ''
  #isReporting = false
  #isRenewalDue = false

  constructor(name: string, process: AgentProcess, plane: ControlPlane, disk: Disk) {
    this.name = name
    this.#process = process
    this.#plane = plane
    this.#disk = disk
  }

  /** To be called when the loop is there. */
  start(): void {
    const { loop } = this.#process
    if (!loop) return
    loop.onStatusChanged = () => this.#statusChanged()
    this.#statusChanged()
    const { spec } = this.#disk
    if (spec && !this.#plane.isReachedBy(this.name)) {
      this.spec = spec
      this.#process.setSpec(spec, false)
    }
    this.#plane.subscribe(this)
    this.#renewLater()
  }

  receive(generation: number, spec: VirtualIPNodeSpec): void {
    if (generation === this.#generation) return
    this.#process.later(() => {
      if (generation < this.#generation) return
      this.#generation = generation
      this.spec = spec
      this.#disk.spec = spec
      this.#process.setSpec(spec, true)
      this.#report()
    })
  }

  #statusChanged(): void {
    const { loop } = this.#process
    if (!loop) return
    this.#routers = loop.status()
    this.#links = loop.linkStatus()
    this.#report()
  }

  #report(): void {
    const text = this.#text()
    if (this.#isReporting || text === this.#reported) return
    this.#isReporting = true
    const status: VirtualIPNodeStatus = {
      observedGeneration: this.#generation,
      checksAllowed: ['Process'],
      links: this.#links,
      virtualRouters: this.#routers,
    }
    this.#plane.report(this.name, status, isWritten => this.#process.later(() => this.#written(isWritten, text)))
  }

  #written(isWritten: boolean, text: string): void {
    this.#isReporting = false
    if (isWritten) {
      this.#reported = text
      this.#vouch()
      this.#report()
    } else {
      this.#process.after(RETRY_AFTER, () => this.#report())
    }
  }

  #renewLater(): void {
    this.#isRenewalDue = true
    this.#vouch()
    this.#process.after(RENEW_EVERY, () => this.#renewLater())
  }

  /** Where there is no object yet the Lease comes first: it makes the controller create one. */
  #vouch(): void {
    const isKnown = this.#plane.hasObject(this.name)
    if (!this.#isRenewalDue) return
    this.#process.loop?.lookForSleep()
    if (!this.#isRenewalDue || (isKnown && this.#reported !== this.#text())) return
    this.#isRenewalDue = false
    this.#plane.renew(this.name)
  }

  #text(): string {
    return JSON.stringify([this.#generation, this.#routers, this.#links])
  }
}

const [RENEW_EVERY, RETRY_AFTER]: [Millis, Millis] = [3000, 2000]
