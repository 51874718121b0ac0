import { isDeepStrictEqual } from 'node:util'
import { API_VERSION } from '../../src/api/names.ts'
import type { VirtualIP, VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import type { VirtualIPNode, VirtualIPNodeSpec, VirtualIPNodeStatus } from '../../src/api/virtual-ip-node.ts'
import { Freshness } from '../../src/controller/freshness.ts'
import { type Change, type Cluster, reconcile } from '../../src/controller/reconcile.ts'
import { ReportTimes } from '../../src/controller/report-times.ts'
import type { Instant, Millis } from '../../src/lib/time.ts'
import type { PlanNode } from '../../src/plan/plan.ts'
import { HANDED_OVER_WITHIN } from '../../src/status/summary.ts'
import { EPOCH } from './kernel.ts'
import type { Timeline } from './timeline.ts'

/** A node's agent as the API server knows it: told of its object whenever that changes. */
export interface Subscriber {
  readonly name: string
  receive(generation: number, spec: VirtualIPNodeSpec): void
}

/** The API server and the controller, with its real decisions: `reconcile`, `plan` and `summarise`. Messages take a moment, or are not let through. */
export class ControlPlane {
  isDown = false
  /** When it was last up again. */
  upSince: Instant = 0
  /** Nodes that don't reach it. */
  readonly cutOff = new Set<string>()
  readonly virtualIPs = new Map<string, VirtualIP>()
  readonly #virtualIPNodes = new Map<string, VirtualIPNode>()
  readonly #nodes = new Map<string, PlanNode>()
  readonly #leases = new Map<string, { readonly time: string; readonly version: number }>()
  readonly #freshness = new Freshness()
  readonly #reportTimes = new ReportTimes()
  readonly #subscribers = new Map<string, Subscriber>()
  readonly #timeline: Timeline
  readonly #random: () => number
  #version = 1
  #isPassDue = false
  #contested = false

  constructor(timeline: Timeline, random: () => number) {
    this.#timeline = timeline
    this.#random = random
    this.#age()
  }

  // ---- users

  apply(name: string, spec: VirtualIPSpec): void {
    const known = this.virtualIPs.get(name)
    const generation = (known?.metadata.generation ?? 0) + 1
    const creationTimestamp = known?.metadata.creationTimestamp ?? this.#wallClock()
    const metadata = { name, generation, creationTimestamp, resourceVersion: String(++this.#version) }
    const { status } = known ?? {}
    this.virtualIPs.set(name, { apiVersion: API_VERSION, kind: 'VirtualIP', metadata, spec, ...(status && { status }) })
    this.#passSoon()
  }

  delete(name: string): void {
    this.virtualIPs.delete(name)
    this.#passSoon()
  }

  setNode(name: string, unschedulable: boolean): void {
    this.#nodes.set(name, { name, labels: {}, ready: true, unschedulable })
    this.#passSoon()
  }

  setDown(isDown: boolean): void {
    this.isDown = isDown
    if (isDown) return
    this.upSince = this.#timeline.now
    for (const subscriber of this.#subscribers.values()) this.#deliver(subscriber.name)
    this.#passSoon()
  }

  setCutOff(name: string, isCutOff: boolean): void {
    if (isCutOff) this.cutOff.add(name)
    else this.cutOff.delete(name)
    if (!isCutOff) this.#deliver(name)
  }

  // ---- agents

  isReachedBy(name: string): boolean {
    return !this.isDown && !this.cutOff.has(name)
  }

  hasObject(name: string): boolean {
    return this.#virtualIPNodes.has(name)
  }

  subscribe(subscriber: Subscriber): void {
    this.#subscribers.set(subscriber.name, subscriber)
    this.#deliver(subscriber.name)
  }

  unsubscribe(subscriber: Subscriber): void {
    if (this.#subscribers.get(subscriber.name) === subscriber) this.#subscribers.delete(subscriber.name)
  }

  /** Writes an agent's status; `done`: whether it was written. */
  report(name: string, status: VirtualIPNodeStatus, done: (isWritten: boolean) => void): void {
    this.#later(() => {
      const node = this.isReachedBy(name) ? this.#virtualIPNodes.get(name) : undefined
      if (node) {
        this.#store({ ...node, status })
        this.#passSoon()
      }
      this.#later(() => done(node !== undefined))
    })
  }

  renew(name: string): void {
    this.#later(() => {
      if (!this.isReachedBy(name)) return
      const lease = { time: this.#wallClock(), version: ++this.#version }
      this.#leases.set(name, lease)
      const seen = this.#freshness.observe(name, lease, this.#timeline.now, false)
      if (seen === 'News' || this.#contested) this.#passSoon()
    })
  }

  #deliver(name: string): void {
    this.#later(() => {
      const node = this.#virtualIPNodes.get(name)
      if (node && this.isReachedBy(name)) {
        this.#subscribers.get(name)?.receive(node.metadata.generation ?? 0, node.spec)
      }
    })
  }

  // ---- the controller

  #passSoon(after: Millis = 20): void {
    if (this.#isPassDue) return
    this.#isPassDue = true
    this.#timeline.at(this.#timeline.now + after, () => {
      this.#isPassDue = false
      if (!this.isDown) this.#pass()
    })
  }

  #pass(): void {
    const { changes, contested, handingOver } = reconcile(this.#cluster(), this.#wallClock(), this.#timeline.now)
    this.#contested = contested
    for (const change of changes) this.#write(change)
    if (changes.length > 0) this.#passSoon()
    if (handingOver) this.#passSoon(HANDED_OVER_WITHIN)
  }

  #cluster(): Cluster {
    return {
      virtualIPs: this.virtualIPs,
      virtualIPNodes: this.#virtualIPNodes,
      nodes: this.#nodes,
      agents: this.#freshness.agents(),
      agentPods: new Map(),
      arrival: (node, router) => this.#reportTimes.of(node, router),
    }
  }

  #write(change: Change): void {
    switch (change.type) {
      case 'CreateNode': {
        const metadata = { name: change.name, generation: 1 }
        this.#store({ apiVersion: API_VERSION, kind: 'VirtualIPNode', metadata, spec: change.spec })
        this.#deliver(change.name)
        return
      }
      case 'SetSpec': {
        const { node, spec } = change
        const generation = (node.metadata.generation ?? 0) + 1
        const known = this.#virtualIPNodes.get(node.metadata.name) ?? node
        this.#store({ ...known, metadata: { ...known.metadata, generation }, spec })
        this.#deliver(node.metadata.name)
        return
      }
      case 'SetStatus': {
        const known = this.virtualIPs.get(change.virtualIP.metadata.name)
        if (known) this.virtualIPs.set(known.metadata.name, { ...known, status: change.status })
        return
      }
      case 'DeleteNode':
      case 'DeleteLease':
        throw new Error('No node leaves this cluster')
    }
  }

  #store(node: VirtualIPNode): void {
    const { name } = node.metadata
    const known = this.#virtualIPNodes.get(name)
    if (known && isDeepStrictEqual(known, node)) return
    const stored = { ...node, metadata: { ...node.metadata, resourceVersion: String(++this.#version) } }
    this.#virtualIPNodes.set(name, stored)
    this.#reportTimes.observe(name, stored, this.#timeline.now)
  }

  /** Whose Lease is not renewed is stale after a while. */
  #age(): void {
    this.#timeline.at(this.#timeline.now + AGEING_PERIOD, () => {
      this.#age()
      const { now } = this.#timeline
      if (this.isDown || !this.#freshness.inDoubt(now)) return
      if (this.#freshness.answered(now, now).length > 0) this.#passSoon()
    })
  }

  #later(work: () => void): void {
    this.#timeline.at(this.#timeline.now + 1 + 20 * this.#random(), work)
  }

  #wallClock(): string {
    return new Date(EPOCH + this.#timeline.now).toISOString()
  }
}

const AGEING_PERIOD: Millis = 250
