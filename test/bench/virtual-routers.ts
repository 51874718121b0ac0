import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Daemon, scratchFolder } from '../lab/daemons.ts'
import type { LabNode } from '../lab/lan.ts'

/** Who runs on a node. */
export type Kind = 'ours' | 'keepalived'

export const KINDS: readonly Kind[] = ['ours', 'keepalived']

/** The virtual routers that two nodes share, by what both daemons can be told. */
export interface Workload {
  /** One of each VRID from 1 on; at most 250. */
  readonly count: number
  /** undefined: the daemon's own defaults, version and interval. */
  readonly interval: number | undefined
}

export interface Rank {
  readonly node: LabNode
  readonly priority: number
}

const AGENT = fileURLToPath(new URL('../../bin/kube-vrrp', import.meta.url))

/** The address of the virtual router with this VRID. */
export function addressOf(virtualRouterID: number): string {
  return `10.98.100.${virtualRouterID}`
}

/** Starts a daemon of that kind on `self`, one of the `ranks`, as users run it: with the logging it has by default. */
export function startRouter(kind: Kind, workload: Workload, self: Rank, ranks: readonly Rank[]): Daemon {
  const folder = scratchFolder()
  const file = join(folder, 'configuration')
  if (kind === 'ours') {
    writeFileSync(file, ourFile(workload, ranks))
    return startLogged(self.node, folder, AGENT, [
      ...['agent', '--file', file],
      ...['--node', self.node.name, '--state-dir', folder],
    ])
  }
  writeFileSync(file, keepalivedConf(workload, self))
  return startLogged(self.node, folder, 'keepalived', [
    ...['--vrrp', '--dont-fork', '--log-console', '--use-file', file],
    ...['--pid', join(folder, 'pid'), '--vrrp_pid', join(folder, 'vrrp.pid')],
  ])
}

/** With a file for its output: a pipe that nobody reads for a moment would stop what is measured. */
export function startLogged(node: LabNode, folder: string, command: string, args: readonly string[]): Daemon {
  const path = join(folder, 'output')
  const log = openSync(path, 'a')
  const child = node.spawn(command, args, { stdio: ['ignore', log, log] })
  const ended = new Promise<number | null>(resolve => child.on('exit', resolve))
  return {
    process: child,
    node,
    ended,
    output: () => readFileSync(path, 'utf8').slice(-2000),
    kill: signal => {
      child.kill(signal)
    },
    stop: () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}

function ourFile({ count, interval }: Workload, ranks: readonly Rank[]): string {
  const priorities = ranks.map(({ node, priority }) => `{node: ${node.name}, priority: ${priority}}`)
  return vrids(count)
    .map(
      id => `apiVersion: kube-vrrp.io/v1alpha1
kind: VirtualIP
metadata: {name: vip${id}}
spec:
  addresses: ["${addressOf(id)}"]
  interface: {name: eth0}
  virtualRouterID: ${id}
  priorities: [${priorities.join(', ')}]
${interval === undefined ? '' : `  advertisementInterval: ${interval}ms\n`}`,
    )
    .join('---\n')
}

function keepalivedConf({ count, interval }: Workload, { node, priority }: Rank): string {
  const instances = vrids(count).map(
    id => `vrrp_instance VI_${id} {
  state BACKUP
  interface eth0
  virtual_router_id ${id}
  priority ${priority}
${interval === undefined ? '' : `  version 3\n  advert_int ${interval / 1000}\n`}  virtual_ipaddress {
    ${addressOf(id)}
  }
}
`,
  )
  return `global_defs {\n  router_id ${node.name}\n}\n${instances.join('')}`
}

function vrids(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}
