import type { LiveCluster } from '../apiserver/live-cluster.ts'
import type { AgentDaemon } from '../lab/daemons.ts'
import type { NodeDaemons } from './cause.ts'
import { type Asked, PRIORITIES } from './virtual-ips.ts'

export interface Agents extends NodeDaemons {
  /** Every one that ever ran. */
  readonly all: readonly AgentDaemon[]
}

/** Our agents, in a cluster. */
export function agents(cluster: LiveCluster, asked: readonly Asked[]): Agents {
  const all = [...cluster.agents.values()]
  const ranking = asked.map(({ ranking }) => [...ranking])
  const nameOf = (node: number) => at(cluster.nodes, node).name
  return {
    all,
    async kill(node, signal) {
      const agent = cluster.agent(nameOf(node))
      cluster.agents.delete(nameOf(node))
      agent.kill(signal)
      await agent.ended
    },
    freeze: node => cluster.agent(nameOf(node)).kill('SIGSTOP'),
    thaw: node => cluster.agent(nameOf(node)).kill('SIGCONT'),
    async start(node) {
      all.push(await cluster.startAgent(nameOf(node)))
    },
    crash: node => cluster.crash(nameOf(node)),
    restore: node => cluster.restore(nameOf(node)),
    async rank(virtualIP, node) {
      const ranks = [node, ...at(ranking, virtualIP).filter(other => other !== node)]
      ranking[virtualIP] = ranks
      const spec = { priorities: prioritiesOf(cluster, ranks) }
      await cluster.api.kubectl([
        ...['patch', 'vip', at(asked, virtualIP).name, '--type=merge'],
        ...['--patch', JSON.stringify({ spec })],
      ])
    },
    addressOf: (virtualIP, family) => at(asked, virtualIP).addresses[family === 'IPv4' ? 0 : 1],
  }
}

export function prioritiesOf(
  cluster: LiveCluster,
  ranking: readonly number[],
): { readonly node: string; readonly priority: number }[] {
  return ranking.map((node, rank) => ({ node: at(cluster.nodes, node).name, priority: at(PRIORITIES, rank) }))
}

function at<T>(of: readonly T[], index: number): T {
  const found = of[index]
  if (found === undefined) throw new Error(`There is no ${index}`)
  return found
}
