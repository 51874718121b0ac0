import { setTimeout as sleep } from 'node:timers/promises'
import { agentLeaseName, FIELD_MANAGER } from '../../src/api/names.ts'
import type {
  LinkStatus,
  VirtualIPNode,
  VirtualIPNodeSpec,
  VirtualRouterSpec,
  VirtualRouterStatus,
} from '../../src/api/virtual-ip-node.ts'
import { openClient } from '../../src/kube/client.ts'
import { hasReason } from '../../src/kube/kube-error.ts'
import { renewLease } from '../../src/kube/lease.ts'
import { VIRTUAL_IP_NODES } from '../../src/kube/resources.ts'
import { type ResourceWatch, watchResource } from '../../src/kube/watch.ts'
import type { ApiServer } from '../lab/api-server.ts'

export interface FakeAgentSettings {
  readonly api: ApiServer
  readonly node: string
  readonly links?: readonly LinkStatus[]
  /** Milliseconds (default: 1000). */
  readonly renewal?: number
}

const ETH0: LinkStatus = { name: 'eth0', carrier: true, subnets: ['10.0.0.0/24', 'fd00::1/64'] }

/** An agent as the API server sees one: it renews its Lease, watches its own VirtualIPNode and reports. What it reports is the test's to say. */
export class FakeAgent {
  readonly node: string
  /** What it was told last. */
  spec: VirtualIPNodeSpec = { virtualRouters: [] }
  generation = 0
  /** Every spec it was told, in order. */
  readonly told: VirtualIPNodeSpec[] = []
  readonly #settings: FakeAgentSettings
  readonly states = new Map<string, Pick<VirtualRouterStatus, 'state' | 'since' | 'reason'>>()
  #ending = new AbortController()
  #watch: ResourceWatch<VirtualIPNode> | undefined
  #renewals: NodeJS.Timeout | undefined
  #reports: Promise<void> = Promise.resolve()

  constructor(settings: FakeAgentSettings) {
    this.#settings = settings
    this.node = settings.node
  }

  async start(): Promise<void> {
    const { api, node, renewal = 1000 } = this.#settings
    this.#ending = new AbortController()
    const client = openClient({ kubeconfig: await api.kubeconfigOf(`agent:${node}`), namespace: 'kube-vrrp' })
    const renew = async () => {
      await renewLease(client, agentLeaseName(node), node, 10).catch(() => {})
    }
    await renew()
    this.#renewals = setInterval(renew, renewal)
    this.#watch = watchResource<VirtualIPNode>({
      client,
      resource: VIRTUAL_IP_NODES,
      fieldSelector: `metadata.name=${node}`,
      signal: this.#ending.signal,
      timing: { firstRetry: 50, lastRetry: 200 },
      onChange: (_, object) => {
        if (object && object.metadata.generation !== this.generation) this.#follow(object)
      },
    })
    this.#ending.signal.addEventListener('abort', () => client.close())
    this.#send = status =>
      client.mergePatch(
        { resource: VIRTUAL_IP_NODES, name: node, subresource: 'status' },
        { status },
        FIELD_MANAGER.agent,
      )
  }

  /** All of it stops, unsaid. */
  async crash(): Promise<void> {
    clearInterval(this.#renewals)
    this.#ending.abort()
    await this.#watch?.ended
    await this.#reports
  }

  /** Reports that state of a VirtualIP's virtual routers. */
  async become(virtualIP: string, state: VirtualRouterStatus['state'], reason = 'Test'): Promise<void> {
    this.states.set(virtualIP, { state, since: new Date().toISOString(), reason })
    await this.report()
  }

  report(): Promise<void> {
    this.#reports = this.#reports.then(async () => {
      if (this.#ending.signal.aborted) return
      const status = {
        observedGeneration: this.generation,
        checksAllowed: [],
        links: this.#settings.links ?? [ETH0],
        virtualRouters: this.spec.virtualRouters.map(router => this.#statusOf(router)),
      }
      await this.#sendUntilTaken(status)
    })
    return this.#reports
  }

  #send: (status: object) => Promise<unknown> = async () => {}

  /** An API server that is away comes back; a node without its object gets one, and then reports anew. */
  async #sendUntilTaken(status: object): Promise<void> {
    while (!this.#ending.signal.aborted) {
      try {
        return void (await this.#send(status))
      } catch (error) {
        if (hasReason(error, 'NotFound')) return
        if (!hasReason(error, 'Unreachable') && !hasReason(error, 'TimedOut')) throw error
        await sleep(100)
      }
    }
  }

  #follow({ metadata, spec }: VirtualIPNode): void {
    this.generation = metadata.generation ?? 0
    this.spec = spec
    this.told.push(spec)
    void this.report()
  }

  #statusOf(router: VirtualRouterSpec): VirtualRouterStatus {
    const { virtualIP, family, link, virtualRouterID, priority } = router
    const said = this.states.get(virtualIP) ?? { state: 'BACKUP', since: new Date(0).toISOString(), reason: 'Startup' }
    return { virtualIP, family, link, virtualRouterID, priority, ...said }
  }
}
