import { uptime } from 'node:os'
import { join } from 'node:path'
import type { CheckToAllow } from '../api/virtual-ip-node.ts'
import { startCheck } from '../checks/check.ts'
import { Files } from '../checks/file.ts'
import type { Millis } from '../lib/time.ts'
import { openAddresses } from '../linux/addresses.ts'
import { openAnnouncementSocket } from '../linux/announcement-socket.ts'
import { missingCapabilities } from '../linux/capabilities.ts'
import { openFence } from '../linux/fence.ts'
import { openFrameSocket } from '../linux/frame-socket.ts'
import { type LinkTable, watchLinks } from '../linux/links.ts'
import { openOwnership } from '../linux/ownership.ts'
import { Routes } from '../linux/routes.ts'
import { readSysctl, writeSysctl } from '../linux/sysctl.ts'
import { openVrrpSocket } from '../linux/vrrp-socket.ts'
import type { VirtualIPPlan } from '../plan/plan.ts'
import { createAgentMetrics } from '../telemetry/agent-metrics.ts'
import { serveHealth } from '../telemetry/health-server.ts'
import type { Logger } from '../telemetry/logger.ts'
import { ClusterSource } from './cluster-source.ts'
import { ConfigStore } from './config-store.ts'
import { FileSource } from './file-source.ts'
import { AgentLinkStates } from './link-states.ts'
import { Loop } from './loop.ts'
import { machineClock } from './machine-clock.ts'
import { nonlocalBind } from './nonlocal-bind.ts'
import { Notify, type NotifySettings } from './notify.ts'
import { ownView } from './own-view.ts'
import { Paced } from './paced.ts'
import { readiness } from './readiness.ts'
import { ReadyPods } from './ready-pods.ts'
import { AgentRouteTable } from './route-table.ts'
import { type StartupDelay, startupWait } from './startup-delay.ts'
import { serveStatus } from './status-socket.ts'

/** What changes meanwhile is reported together: a thousand transitions are no thousand reports. */
const REPORT_EVERY: Millis = 50

export interface AgentOptions {
  /** File mode where it is given, cluster mode otherwise. */
  readonly file?: string
  readonly node: string
  readonly instance: string
  readonly stateDir: string
  /** Absent for an instance that is not named after its node: two agents on one host do not share a port. */
  readonly metricsAddress?: string
  readonly checksAllowed: readonly CheckToAllow[]
  /** Absolute paths below which file checks may read. */
  readonly fileCheckFolders: readonly string[]
  /** Whose pods checks may look at; `*`: all. */
  readonly podCheckNamespaces: readonly string[]
  readonly kubeconfig?: string
  readonly namespace: string
  /** How long at most to answer for an address that this node gives up, until its successor has announced it; 0: not at all. */
  readonly handover: Millis
  readonly startupDelay: StartupDelay
  /** Whether to let services of this node bind addresses that it does not hold. */
  readonly setNonlocalBind: boolean
  readonly version: string
  /** Told of every transition: see agent/notify.ts. */
  readonly notify: Omit<NotifySettings, 'complain'>
  /** How many log lines were left out so far, for nobody read those before. */
  readonly logLinesDropped: () => number
}

/** Where the spec comes from, and where the reports go. */
interface Source {
  /** Why what runs is not what was asked for, if so. */
  readonly problem: string | undefined
  linksChanged(): void
  statusChanged(running: Pick<Loop, 'status' | 'linkStatus'>): void
  reload(): void
  close(): Promise<void>
}

/**
 * Runs an agent until `signal` aborts; then Priority 0 is sent, addresses are handed over, and it returns: at once where `hurry` aborts.
 * Throws a sentence where it can't start.
 */
export async function runAgent(
  options: AgentOptions,
  logger: Logger,
  signal: AbortSignal,
  onReload: (reload: () => void) => void,
  hurry?: AbortSignal,
): Promise<void> {
  const missing = missingCapabilities()
  if (missing.length > 0) {
    throw new Error(
      `Cannot run an agent without ${missing.join(' and ')} (run it as root, or add them to the container's securityContext.capabilities)`,
    )
  }
  nonlocalBind(options.setNonlocalBind, { read: readSysctl, write: writeSysctl }, logger)
  const folder = join(options.stateDir, options.instance)
  const store = new ConfigStore(folder)

  // Whatever ends this function, also a file that can't be read, closes what was opened, in the reverse order.
  await using opened = new AsyncDisposableStack()
  let planned: ReadonlyMap<string, VirtualIPPlan> | undefined
  let loop: Loop | undefined
  let source: Source | undefined
  let reports: Paced | undefined
  const status = await serveStatus({
    path: join(folder, 'agent.sock'),
    status: () => ownView(options.node, loop?.told ?? [], loop?.status() ?? [], planned),
  })
  opened.defer(() => status.close())

  const metrics = createAgentMetrics({
    routers: () => loop?.routers() ?? [],
    refused: () => loop?.refused ?? new Map(),
    addressesHeld: () => loop?.addressesHeld() ?? 0,
    fence: () => loop?.fence() ?? { isThere: false, lapses: 0 },
    logLinesDropped: options.logLinesDropped,
  })
  if (options.metricsAddress) {
    const health = await serveHealth({
      address: options.metricsAddress,
      registry: metrics.registry,
      healthy: () => true,
      ready: () => (source ? readiness(source.problem, loop?.status() ?? []) : 'It has not read its configuration yet'),
    })
    opened.defer(() => health.close())
  }

  const notify = new Notify({ ...options.notify, complain: sentence => logger.warn(sentence) })
  opened.defer(() => notify.close())
  const ownership = openOwnership(folder)
  opened.defer(() => ownership.close())
  const addresses = await openAddresses(ownership.mark)
  opened.defer(() => addresses.close())
  const frames = openFrameSocket()
  opened.defer(() => frames.close())
  const announcements = openAnnouncementSocket(heard => loop?.heardAnnouncements(heard))
  opened.defer(() => announcements.close())
  const linkStates = new AgentLinkStates(() => links.links)
  const links: LinkTable = await watchLinks(returned => {
    linkStates.changed()
    if (loop?.linksChanged(returned)) source?.linksChanged()
  })
  opened.defer(() => links.close())

  const routes = new Routes()
  opened.defer(() => routes.close())
  const { node, podCheckNamespaces: namespaces, kubeconfig } = options
  const pods = new ReadyPods({ node, namespaces, kubeconfig })
  opened.defer(() => pods.close())
  const surroundings = {
    links: linkStates,
    files: new Files(options.fileCheckFolders),
    pods,
    routes: new AgentRouteTable(routes, () => links.links),
  }
  loop = new Loop({
    clock: machineClock,
    links,
    addresses,
    ownership,
    frames,
    openSocket: openVrrpSocket,
    readSysctl,
    startCheck: (check, onResult) => startCheck(check, onResult, surroundings),
    logger,
    isNeighbour: options.instance !== options.node,
    openFence: () => openFence(`kube-vrrp-${ownership.mark}`),
    handover: options.handover,
    startupWait: startupWait(options.startupDelay, uptime() * 1000),
    transitioned: transitioned => notify.tell(transitioned),
    observeLateness: seconds => metrics.observeLateness(seconds),
  })
  const running = loop
  opened.defer(async () => {
    // Also sweeps what a killed predecessor left, where no configuration was found to run.
    await running.close(hurry)
    reports?.flush()
    await source?.close()
  })

  const started = options.file === undefined ? await startCluster() : startFile(options.file)
  source = started
  reports = new Paced(machineClock, REPORT_EVERY, () => started.statusChanged(running))
  running.onStatusChanged = () => reports?.ask()
  reports.ask()
  onReload(() => started.reload())
  logger.info(
    { node: options.node, instance: options.instance, mark: ownership.mark },
    `Agent ${options.version} runs on ${options.node}`,
  )

  await aborted(signal)
  logger.info(
    options.handover > 0
      ? 'Leaving: Priority 0 is sent, and addresses are released when a successor has announced them'
      : 'Leaving: addresses are released, then Priority 0 is sent',
  )

  function startFile(file: string): Source {
    const source = new FileSource({
      file,
      node: options.node,
      links: () => running.linkStatus(),
      apply: ({ spec, passwords, plan }) => {
        planned = plan.virtualIPs
        running.setSpec(spec, { known: passwords, forbidden: {} }, false)
      },
      logger,
    })
    source.start()
    return {
      get problem() {
        return source.problem
      },
      linksChanged: () => source.linksChanged(),
      statusChanged: () => {},
      reload: () => source.reload(),
      close: async () => source.close(),
    }
  }

  async function startCluster(): Promise<Source> {
    return ClusterSource.start({
      node: options.node,
      namespace: options.namespace,
      ...(options.kubeconfig ? { kubeconfig: options.kubeconfig } : {}),
      version: options.version,
      checksAllowed: options.checksAllowed,
      fileCheckFolders: options.fileCheckFolders,
      podCheckNamespaces: options.podCheckNamespaces,
      store,
      apply: (spec, passwords, live) => running.setSpec(spec, passwords, live),
      lookForSleep: () => {
        running.lookForSleep()
        reports?.flush()
      },
      logger,
    })
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
