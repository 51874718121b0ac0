import { setTimeout as sleep } from 'node:timers/promises'
import { type Daemon, eventually } from '../lab/daemons.ts'
import { type LabNode, type Lan, labTime, openLan } from '../lab/lan.ts'
import { type Probed, startProber, startResponder } from '../lab/prober.ts'
import { type Adverts, listen } from './adverts.ts'
import { addressOf, KINDS, type Kind, type Rank, startRouter } from './virtual-routers.ts'

export type Event = 'Crash' | 'Stop'

/** One failover, in ms. */
export interface Failover {
  /** From the event to the first answer of the successor. */
  readonly fromEvent: number
  /** From the last advert of the MASTER to the first answer of the successor. */
  readonly fromLastAdvert: number
  /** From the last answer of the MASTER to the first of the successor. */
  readonly outage: number
}

/** Between two probes, in ms. */
export const PROBE_EVERY = 2
/** What must be over before the event: the start of the MASTER, the prober's own, announcements. */
const SETTLED = 1000
/** Until long after the successor's first advert its answers are waited for: a busy machine may be late with both programs. */
const ANSWERED = 700

/** `runs` failovers of each kind in turn, at random phases of the timers; `interval` undefined: each with its defaults. */
export async function measureFailovers(
  event: Event,
  interval: number | undefined,
  runs: number,
  progress: (done: number) => void,
): Promise<Record<Kind, Failover[]>> {
  const beds = { ours: new Bed('ours', interval), keepalived: new Bed('keepalived', interval) }
  const found: Record<Kind, Failover[]> = { ours: [], keepalived: [] }
  try {
    for (let run = 0; run < runs; run++) {
      for (const kind of KINDS) found[kind].push(await probedFailover(beds[kind], event))
      progress(run + 1)
    }
  } finally {
    for (const kind of KINDS) beds[kind].close()
  }
  return found
}

/** One whose prober saw the MASTER before the event: on a busy machine it may begin too late, which says nothing of who is measured. */
async function probedFailover(bed: Bed, event: Event): Promise<Failover> {
  for (let attempt = 1; attempt <= 3; attempt++) {
    const failover = await bed.failover(event)
    if (failover) return failover
    process.stderr.write('The prober began after the event; this run is made again\n')
  }
  throw new Error('The prober began after the event three times: this machine is too busy to measure on')
}

/** The gaps between answers, in ms, while a MASTER of ours does nothing but advertise every 100 ms. */
export async function measureNoise(seconds: number): Promise<number[]> {
  const bed = new Bed('ours', 100)
  try {
    const { answers } = await bed.probe(() => sleep(1000 * seconds))
    return answers.slice(1).map((answer, i) => answer.at - (answers[i]?.at ?? answer.at))
  } finally {
    bed.close()
  }
}

/** Ours by default: the plan's first two ranks. keepalived has one default for all, and who sets two sets them apart. */
const DEFAULT_PRIORITIES: Record<Kind, readonly [number, number]> = { ours: [250, 238], keepalived: [200, 100] }

/** A MASTER and a BACKUP, priorities 200 and 100 or the defaults, and a client. */
class Bed {
  readonly #kind: Kind
  readonly #interval: number | undefined
  readonly #lan: Lan
  readonly #master: Rank
  readonly #backup: Rank
  readonly #client: LabNode
  readonly #adverts: Adverts
  #daemon: Daemon

  constructor(kind: Kind, interval: number | undefined) {
    this.#kind = kind
    this.#interval = interval
    this.#lan = openLan({ bridge: `br-${kind}` })
    const node = (name: string, host: number) => this.#lan.addNode({ name, addresses: [`10.98.0.${host}/16`] })
    const [first, second] = interval === undefined ? DEFAULT_PRIORITIES[kind] : [200, 100]
    this.#master = { node: node(`${kind}-1`, 1), priority: first }
    this.#backup = { node: node(`${kind}-2`, 2), priority: second }
    this.#client = node(`${kind}-9`, 9)
    this.#adverts = listen(this.#client)
    this.#boot(this.#backup)
    this.#daemon = this.#boot(this.#master)
  }

  /** undefined: the MASTER was not heard to answer before it. */
  async failover(event: Event): Promise<Failover | undefined> {
    const { node } = this.#master
    let at = 0
    const probed = await this.probe(async () => {
      await sleep(SETTLED + Math.random() * this.#period())
      at = event === 'Crash' ? this.#lan.crash(node) : labTime()
      if (event === 'Stop') this.#daemon.kill('SIGTERM')
      await this.#advertises(this.#backup, at)
      await sleep(ANSWERED)
    })
    // Nothing of it comes once its port is down, so the last is the last.
    const lastAdvert = this.#lastAdvert(this.#master, 0)?.at ?? Number.NaN
    await this.#bringBack(event)
    const first = probed.answers.find(answer => answer.at > at && answer.node === this.#backup.node.name)
    const before = probed.answers.findLast(answer => answer.node === node.name)
    if (!before) return undefined
    if (!first) throw new Error(`${this.#kind}: nobody answered after the ${event}`)
    return { fromEvent: first.at - at, fromLastAdvert: first.at - lastAdvert, outage: first.at - before.at }
  }

  /** Probes the address while `work` is under way, from when its MASTER advertises. */
  async probe(work: () => Promise<void>): Promise<Probed> {
    await this.#advertises(this.#master, labTime())
    const prober = startProber(this.#client, addressOf(1), PROBE_EVERY)
    await work()
    return prober.stop()
  }

  close(): void {
    this.#adverts.close()
    this.#lan.close()
  }

  #boot(rank: Rank): Daemon {
    startResponder(rank.node)
    return startRouter(this.#kind, { count: 1, interval: this.#interval }, rank, [this.#master, this.#backup])
  }

  async #bringBack(event: Event): Promise<void> {
    const { node } = this.#master
    if (event === 'Crash') this.#lan.restore(node)
    else {
      await this.#daemon.ended
      node.signal('SIGKILL')
    }
    this.#daemon = this.#boot(this.#master)
  }

  async #advertises(rank: Rank, since: number): Promise<void> {
    await eventually(`${rank.node.name} advertises`, () => this.#lastAdvert(rank, since), { daemons: [this.#daemon] })
  }

  #lastAdvert({ node }: Rank, since: number) {
    return this.#adverts.heard.findLast(
      ({ at, source, priority }) => at > since && priority > 0 && node.addresses[0]?.startsWith(`${source}/`),
    )
  }

  #period(): number {
    return this.#interval ?? (this.#kind === 'ours' ? 200 : 1000)
  }
}
