import { agentLeaseName } from '../api/names.ts'
import type { VirtualIP } from '../api/virtual-ip.ts'
import type { VirtualIPNode } from '../api/virtual-ip-node.ts'
import { pause } from '../kube/backoff.ts'
import type { KubeClient } from '../kube/client.ts'
import { KubeError } from '../kube/kube-error.ts'
import type { Lease } from '../kube/lease.ts'
import { LEASES, NODES, PODS, type Resource, VIRTUAL_IP_NODES, VIRTUAL_IPS } from '../kube/resources.ts'
import { type ResourceWatch, watchResource } from '../kube/watch.ts'
import type { Instant, Millis } from '../lib/time.ts'
import { UNREACHABLE } from '../status/rows.ts'
import type { Logger } from '../telemetry/logger.ts'
import { AGENT_PODS, type AgentPod, newsOf, readAgentPod } from './agent-pod.ts'
import { type ClusterNode, isSameNode, readClusterNode } from './cluster-node.ts'
import { type AgentLife, Freshness, type Renewal, STALE_AFTER } from './freshness.ts'
import type { Cluster } from './reconcile.ts'
import { ReportTimes } from './report-times.ts'
import type { Written } from './write.ts'

/** The cluster as the API server tells it, kept up to date. */
export interface ClusterView {
  readonly cluster: Cluster
  /** Everything was listed once: true, or what is missing. */
  readonly synced: true | string
  /** Synced, and every agent that was there before has shown a sign of life, or none in the time that one takes. */
  readonly settled: boolean
  /** Our own write, as the API server answered it; `onChange` is not called for it. */
  note(written: Written): void
  /** Asks for what others (a former leader) have written until now. Throws a KubeError. */
  refresh(): Promise<void>
  agents(): { readonly known: number; readonly stale: number }
  /** Rejects only for a mistake of ours. */
  readonly ended: Promise<void>
}

export interface ClusterViewSettings {
  readonly client: KubeClient
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Monotonic. */
  readonly now: () => Instant
  /** Something that matters to the plan or to a status is different. */
  readonly onChange: () => void
  /** An agent renewed its Lease, and nothing else. */
  readonly onRenewal: () => void
  /** What an operator must hear of the agent on a node, in a sentence. */
  readonly onAgentNews: (node: string, sentence: string) => void
}

/** How often it is looked whether an agent is in doubt, and the API server asked while one is. */
const AGEING_PERIOD: Millis = 500

export function openClusterView(settings: ClusterViewSettings): ClusterView {
  const { client, signal, now } = settings
  let noting = false
  const onChange = () => {
    if (!noting) settings.onChange()
  }
  const freshness = new Freshness()
  const reportTimes = new ReportTimes()
  const watch = <T extends { readonly metadata: VirtualIP['metadata'] }>(resource: Resource) => ({
    client,
    resource,
    signal,
    onChange: (_name: string, _current: T | undefined, _previous: T | undefined) => onChange(),
    ...connectionLog(resource, settings),
  })

  const virtualIPs = watchResource<VirtualIP>(watch(VIRTUAL_IPS))
  const virtualIPNodes = watchResource<VirtualIPNode>({
    ...watch(VIRTUAL_IP_NODES),
    onChange(name, node) {
      reportTimes.observe(name, node, now())
      onChange()
    },
  })
  const nodes = watchResource<ClusterNode>({
    ...watch(NODES),
    read: readClusterNode,
    onChange(_, current, previous) {
      if (!current || !previous || !isSameNode(current, previous)) onChange()
    },
  })
  const agentPods = watchResource<AgentPod>({
    ...watch(PODS),
    namespace: client.namespace,
    labelSelector: AGENT_PODS,
    read: readAgentPod,
    onChange(_, current, previous) {
      const news = current && newsOf(current, previous)
      if (news !== undefined && current?.node !== undefined) settings.onAgentNews(current.node, news)
      onChange()
    },
  })
  const leases: ResourceWatch<Lease> = watchResource<Lease>({
    ...watch(LEASES),
    namespace: client.namespace,
    onChange(name, lease) {
      const node = nodeOf(name)
      if (node === undefined) return
      if (!lease) {
        freshness.forget(node)
        return onChange()
      }
      const seen = freshness.observe(node, renewalOf(lease), now(), !leases.synced)
      if (seen === 'News') onChange()
      else if (seen === 'Renewal') settings.onRenewal()
    },
  })

  /** A stalled watch must not look like the death of every agent, nor an API server that answers nobody. */
  const age = async () => {
    const askedAt = now()
    if (!leases.synced || !freshness.inDoubt(askedAt) || !(await isTold(leases))) return
    const stale = freshness.answered(askedAt, now())
    for (const node of stale) {
      settings.logger.warn({ node }, `The agent on ${node} has not renewed its Lease for ${STALE_AFTER / 1000} s`)
    }
    if (stale.length > 0) onChange()
  }

  const watched = [
    { plural: 'VirtualIPs', watch: virtualIPs },
    { plural: 'VirtualIPNodes', watch: virtualIPNodes },
    { plural: 'Nodes', watch: nodes },
    { plural: 'Leases', watch: leases },
  ]
  return {
    cluster: {
      virtualIPs: virtualIPs.cache,
      virtualIPNodes: virtualIPNodes.cache,
      nodes: nodes.cache,
      agentPods: agentPods.cache,
      get agents() {
        return asFarAsKnown(freshness.agents(), virtualIPs.cache)
      },
      arrival: (node, router) => reportTimes.of(node, router),
    },
    get synced() {
      const missing = watched.find(({ watch }) => !watch.synced)
      return missing ? `The API server at ${client.server} has not told its ${missing.plural} yet` : true
    },
    get settled() {
      return watched.every(({ watch }) => watch.synced) && freshness.settled
    },
    note(written) {
      noting = true
      if (written.type === 'VirtualIP') virtualIPs.note(written.object)
      if (written.type === 'VirtualIPNode') virtualIPNodes.note(written.object)
      noting = false
    },
    async refresh() {
      await Promise.all([virtualIPs.refresh(), virtualIPNodes.refresh()])
    },
    agents() {
      const lives = [...freshness.agents().values()]
      return { known: lives.length, stale: lives.filter(({ fresh }) => !fresh).length }
    },
    ended: Promise.all([
      ...watched.map(({ watch }) => watch.ended),
      agentPods.ended,
      repeat(age, AGEING_PERIOD, signal),
    ]).then(() => {}),
  }
}

async function repeat(work: () => Promise<void>, period: Millis, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(period, signal)
    if (!signal.aborted) await work()
  }
}

/** Who was silent when the controller before us last said something is taken to be so until it has had the time to renew. */
function asFarAsKnown(
  agents: ReadonlyMap<string, AgentLife>,
  virtualIPs: ReadonlyMap<string, VirtualIP>,
): ReadonlyMap<string, AgentLife> {
  if (agents.values().every(({ unjudged }) => !unjudged)) return agents
  const rows = virtualIPs.values().flatMap(({ status }) => status?.nodes ?? [])
  const silent = new Set(rows.filter(({ reason }) => reason === UNREACHABLE).map(({ node }) => node))
  return new Map(
    [...agents].map(([node, life]) => [node, life.unjudged && silent.has(node) ? { ...life, fresh: false } : life]),
  )
}

/** The node whose agent's Lease this is. */
function nodeOf(leaseName: string): string | undefined {
  const prefix = agentLeaseName('')
  return leaseName.startsWith(prefix) ? leaseName.slice(prefix.length) : undefined
}

function renewalOf({ metadata, spec }: Lease): Renewal {
  return { time: spec?.renewTime ?? '', version: Number(metadata.resourceVersion) }
}

/** Whether the API server has told everything as it is now. */
async function isTold(watch: ResourceWatch<Lease>): Promise<boolean> {
  try {
    await watch.refresh()
    return true
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    return false
  }
}

/** Trouble once, however often it is tried again; and when it is over. */
function connectionLog(resource: Resource, { logger, signal }: ClusterViewSettings) {
  let trouble: string | undefined
  return {
    onConnected() {
      if (trouble !== undefined) logger.info(`Watching ${resource.plural} again`)
      trouble = undefined
    },
    onDisconnected(error: KubeError) {
      if (signal.aborted || error.message === trouble) return
      trouble = error.message
      logger.warn(`${error.message}${error.status === 404 ? MISSING : ''}; trying again`)
    },
  }
}

const MISSING =
  ' (the CustomResourceDefinitions are missing: the chart has them, where crds.enabled is true, and deploy/install.yaml)'
