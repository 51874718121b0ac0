/* A node crashes while there is no API server. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { VirtualIP } from '../../src/api/virtual-ip.ts'
import { VIRTUAL_IPS } from '../../src/kube/resources.ts'
import { addressOf, type Cluster, PROBE_EVERY, startCluster, virtualIP } from '../bench/cluster.ts'
import { eventually } from '../lab/daemons.ts'
import { labTime } from '../lab/lan.ts'
import { startProber } from '../lab/prober.ts'
import { OURS_200 } from './peer.ts'
import { atMost, type Figures, type Row } from './row.ts'

const TAKEN_OVER = 'crash → first answer of the successor'
const STATUS = 'API server back → the status names the successor'

/** In ms */
const WATCHED = 3000
const SETTLED = 3000

export const API_DOWN: Row = {
  name: 'api-down',
  title: 'A node crashes while the API server is down',
  text: `Three nodes, the controller and a real API server, which is killed 1 s to 3 s before and started again 3 s after the crash; probed by UDP every ${PROBE_EVERY} ms.
keepalived has none to lose: see the first row.`,
  figures: [{ name: TAKEN_OVER }, { name: STATUS, limits: [atMost(5000)] }],
  wanted: new Map([[OURS_200, 10]]),
  batch: 3,
  async run(_, times, found) {
    const cluster = await startCluster()
    try {
      await cluster.api.client.create(VIRTUAL_IPS, virtualIP(0))
      for (let i = 0; i < times; i++) found(await crashed(cluster))
    } finally {
      await cluster.close()
    }
  },
}

async function crashed({ api, lan, nodes, client, boot }: Cluster): Promise<Figures> {
  const { metadata } = virtualIP(0)
  const status = async () => {
    const object: VirtualIP = await api.client.get({ resource: VIRTUAL_IPS, name: metadata.name })
    return object.status
  }
  const master = await eventually('all stand by, and have for a while', async () => {
    const before = await status()
    await sleep(SETTLED)
    const now = await status()
    const isSettled = [before, now].every(each => each?.backups === '2/2') && before?.master === now?.master
    return isSettled ? nodes.find(({ name }) => name === now?.master) : undefined
  })
  await api.stop()
  await sleep(1000 + Math.random() * 2000)
  const prober = startProber(client, addressOf(0), PROBE_EVERY)
  await sleep(1000)
  const at = lan.crash(master)
  await sleep(WATCHED)
  const { answers } = await prober.stop()
  const last = answers.findLast(answer => answer.at < at)
  if (last?.node !== master.name) throw new Error(`${master.name} is no longer MASTER, but ${last?.node}`)
  const first = answers.find(answer => answer.at > at && answer.node !== master.name)
  await api.start()
  const back = labTime()
  const isNamed = async () => first !== undefined && (await status())?.master === first.node && labTime()
  const named = await eventually('the status names the successor', isNamed).catch(() => undefined)
  lan.restore(master)
  await boot(master)
  return { [TAKEN_OVER]: first && first.at - at, [STATUS]: named && named - back }
}
