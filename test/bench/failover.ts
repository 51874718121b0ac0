import { setTimeout as sleep } from 'node:timers/promises'
import { type Daemon, eventually } from '../lab/daemons.ts'
import { type LabNode, labTime, openLan } from '../lab/lan.ts'
import { type Probed, startProber, startResponder } from '../lab/prober.ts'
import { type HeardAdvert, listen } from './adverts.ts'
import { addressOf, type Kind, startRouter, type Workload } from './virtual-routers.ts'

export type Event = 'Crash' | 'Stop'

/** One failover, in ms. */
export interface Failover {
  /** From the event to the first answer of the successor. */
  readonly fromEvent: number
  /** From the last advert of the MASTER to the first answer of the successor. */
  readonly fromLastAdvert: number
  /** From the last answer to the next. */
  readonly outage: number
}

interface Settings {
  readonly kind: Kind
  readonly interval: number | undefined
  readonly event: Event
  readonly runs: number
  /** Between two probes, in ms. */
  readonly pace: number
  readonly progress: (done: number) => void
}

/** `runs` failovers from priority 200 to priority 100, each at a random phase of the timers. */
export async function measureFailovers({ kind, interval, event, runs, pace, progress }: Settings): Promise<Failover[]> {
  const lan = openLan({ bridge: 'br-failover' })
  const master = { node: lan.addNode({ name: 'master', addresses: ['10.98.0.1/16'] }), priority: 200 }
  const backup = { node: lan.addNode({ name: 'backup', addresses: ['10.98.0.2/16'] }), priority: 100 }
  const client = lan.addNode({ name: 'client', addresses: ['10.98.0.9/16'] })
  const workload: Workload = { count: 1, interval }
  const period = interval ?? (kind === 'ours' ? 200 : 1000)
  const adverts = listen(client)
  const heardFrom = (node: LabNode, since: number) =>
    adverts.heard.findLast(
      ({ at, source, priority }) => at > since && priority > 0 && node.addresses[0]?.startsWith(`${source}/`),
    )
  const boot = (rank: typeof master): Daemon => {
    startResponder(rank.node)
    return startRouter(kind, workload, rank, [master, backup])
  }
  const moments: { at: number; lastAdvert: number }[] = []
  let probed: Probed
  try {
    boot(backup)
    let daemon = boot(master)
    const prober = startProber(client, addressOf(1), pace)
    for (let run = 0; run < runs; run++) {
      const since = labTime()
      await eventually('the MASTER advertises', () => heardFrom(master.node, since), {
        daemons: [daemon],
        within: 30_000,
      })
      await sleep(Math.max(1000, 2 * period) + Math.random() * period)
      const at = event === 'Crash' ? lan.crash(master.node) : labTime()
      if (event === 'Stop') daemon.kill('SIGTERM')
      await eventually('the BACKUP advertises', () => heardFrom(backup.node, at), { daemons: [daemon], within: 30_000 })
      const isMasters = ({ source }: HeardAdvert) => source === '10.98.0.1'
      const lastAdvert = adverts.heard.findLast(advert => isMasters(advert) && advert.at <= at)?.at ?? at
      moments.push({ at, lastAdvert })
      await sleep(500)
      if (event === 'Crash') lan.restore(master.node)
      else {
        await daemon.ended
        master.node.signal('SIGKILL')
      }
      daemon = boot(master)
      progress(run + 1)
    }
    probed = await prober.stop()
  } finally {
    adverts.close()
    lan.close()
  }
  return moments.flatMap(({ at, lastAdvert }) => {
    const first = probed.answers.findIndex(answer => answer.at > at && answer.node === 'backup')
    const [before, answer] = [probed.answers[first - 1], probed.answers[first]]
    return before && answer
      ? [{ fromEvent: answer.at - at, fromLastAdvert: answer.at - lastAdvert, outage: answer.at - before.at }]
      : []
  })
}

/** The gaps between answers when nothing happens: what the lab itself can't tell from an outage. In ms. */
export async function measureNoise(seconds: number, pace: number): Promise<number[]> {
  const lan = openLan({ bridge: 'br-noise' })
  try {
    const node = lan.addNode({ name: 'quiet', addresses: ['10.98.0.1/16'] })
    const client = lan.addNode({ name: 'client', addresses: ['10.98.0.9/16'] })
    startResponder(node)
    await sleep(1000)
    const prober = startProber(client, '10.98.0.1', pace)
    await sleep(1000 * seconds)
    const { answers } = await prober.stop()
    return answers.slice(100).map((answer, i) => answer.at - (answers[i + 99]?.at ?? answer.at))
  } finally {
    lan.close()
  }
}
