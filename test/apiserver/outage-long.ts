/* API server and etcd away for long, while everything else comes and goes: outage-long.ts [MINUTES] (default: 10). */
import { recordRun } from '../lab/ledger.ts'
import { apiOutage } from './api-outage.ts'
import { LiveCluster } from './live-cluster.ts'

const ADDRESS = '192.168.1.100'
const minutes = Number(process.argv[2] ?? 10)
const say = (sentence: string) => process.stdout.write(`${sentence}\n`)

const cluster = await LiveCluster.start(['node1', 'node2', 'node3'])
try {
  const client = cluster.lan.addNode({ name: 'client', addresses: ['192.168.1.9/24'] })
  await cluster.ready('web', { addresses: [`${ADDRESS}/24`] })
  const lasts = minutes * 60_000
  const { lasted, rounds, failovers, longestUnanswered, statusTrueAfter } = await apiOutage(cluster, {
    address: ADDRESS,
    name: 'web',
    client,
    lasts,
    say,
  })
  const missed = failovers.filter(took => !Number.isFinite(took)).length
  recordRun('api-outage', {
    command: `make outage-long MINUTES=${minutes}`,
    seconds: Math.round(lasted / 1000),
    counts: { rounds, failovers: failovers.length, missed, controllerRestarts: rounds, agentRestarts: 3 * rounds },
    samples: {
      failoverMillis: failovers.filter(Number.isFinite).map(Math.round),
      longestUnansweredMillis: [Math.round(longestUnanswered)],
      statusTrueAfterMillis: [Math.round(statusTrueAfter)],
    },
  })
  say(
    `${Math.round(lasted / 1000)} s without an API server: ${failovers.length} crashes of the MASTER, ${missed} missed`,
  )
  say(
    `Nobody answered for ${Math.round(Math.max(...failovers))} ms at most; the status was true ${Math.round(statusTrueAfter)} ms after`,
  )
  process.exitCode = missed === 0 ? 0 : 1
} finally {
  await cluster.close()
}
