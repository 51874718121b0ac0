import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, scratchFolder, start } from '../lab/daemons.ts'
import type { LabNode, Lan } from '../lab/lan.ts'
import type { NodeDaemons } from './cause.ts'
import { type Asked, PRIORITIES } from './virtual-ips.ts'

/** A keepalived on every node, as it is started and configured by default. */
export function keepaliveds(lan: Lan, nodes: readonly LabNode[], asked: readonly Asked[]): NodeDaemons {
  const folders = nodes.map(scratchFolder)
  const daemons: Daemon[] = []
  const ranking = asked.map(({ ranking }) => [...ranking])
  const at = <T>(of: readonly T[], index: number): T => {
    const found = of[index]
    if (found === undefined) throw new Error(`There is no ${index}`)
    return found
  }

  return {
    async kill(node, signal) {
      const daemon = at(daemons, node)
      // Its parent would have the child that speaks VRRP leave in peace.
      if (signal === 'SIGKILL') signalAll(daemon, 'SIGKILL')
      else daemon.kill(signal)
      await daemon.ended
    },
    freeze: node => signalAll(at(daemons, node), 'SIGSTOP'),
    thaw: node => signalAll(at(daemons, node), 'SIGCONT'),
    async start(node) {
      const folder = at(folders, node)
      const pids = ['--pid', join(folder, 'pid'), '--vrrp_pid', join(folder, 'vrrp.pid')]
      const path = configure(node)
      const args = ['--vrrp', '--dont-fork', '--log-console', '--use-file', path, ...pids]
      daemons[node] = start(at(nodes, node), 'keepalived', args)
    },
    crash: node => void lan.crash(at(nodes, node)),
    restore: node => lan.restore(at(nodes, node)),
    async rank(virtualIP, node) {
      ranking[virtualIP] = [node, ...at(ranking, virtualIP).filter(other => other !== node)]
      for (const each of nodes.keys()) {
        configure(each)
        daemons[each]?.kill('SIGHUP')
      }
    },
    addressOf: (virtualIP, family) => at(asked, virtualIP).addresses[family === 'IPv4' ? 0 : 1],
  }

  function configure(node: number): string {
    const path = join(at(folders, node), 'keepalived.conf')
    const instances = asked.flatMap(({ name, addresses, interval }, i) =>
      addresses.map(
        (address, family) => `vrrp_instance ${name}_${family} {
  state BACKUP
  interface eth0
  version 3
  virtual_router_id ${51 + i}
  priority ${PRIORITIES[at(ranking, i).indexOf(node)]}
  advert_int ${interval / 1000}
  virtual_ipaddress {
    ${address}
  }
}
`,
      ),
    )
    writeFileSync(path, `global_defs {\n  router_id ${at(nodes, node).name}\n}\n${instances.join('')}`)
    return path
  }
}

function signalAll({ process: { pid } }: Daemon, signal: NodeJS.Signals): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  if (signal === 'SIGKILL') for (const child of children) process.kill(child, 'SIGSTOP')
  for (const each of [Number(pid), ...children]) process.kill(each, signal)
}
