import { setTimeout as sleep } from 'node:timers/promises'
import { LiveCluster } from '../apiserver/live-cluster.ts'
import { type LabNode, type Lan, labTime, openLan } from '../lab/lan.ts'
import { startPings } from '../lab/pings.ts'
import { seeded } from '../lab/random.ts'
import { type Span, startWatching } from '../lab/watching.ts'
import { type Agents, agents, prioritiesOf } from './agents.ts'
import { cause, type Side } from './cause.ts'
import { Chronicle } from './chronicle.ts'
import { type Bounds, judge, judgePings, type Verdict } from './judge.ts'
import { keepaliveds } from './keepaliveds.ts'
import { leftovers } from './leftovers.ts'
import { type Fault, type Scheduled, schedule } from './schedule.ts'
import { transcript } from './transcript.ts'
import { type Asked, virtualIPsOn } from './virtual-ips.ts'

export interface ChaosOptions {
  readonly seed: number
  /** Of faults. */
  readonly seconds: number
  readonly nodes: number
  /** Whether keepalived has the same faults, on a LAN of its own. */
  readonly keepalived: boolean
  readonly late: Bounds['late']
  readonly say: (line: string) => void
}

export interface SideOutcome extends Verdict {
  readonly who: 'ours' | 'keepalived'
  /** Asked by ARP and ND, and their answers. */
  readonly rounds: number
  readonly answers: number
  readonly pings: number
  readonly lostPings: number
  /** For how long nobody answered for an address each time, in ms, by what nodes or links suffered last before; by `loss` for as long as there is any. */
  readonly nobodyAfter: ReadonlyMap<Fault['kind'] | 'nothing', readonly number[]>
  /** ms in which nothing was asked, for who asks was not run. */
  readonly blind: number
  /** What happened around each violation. */
  readonly transcripts: readonly string[]
}

export interface Outcome {
  readonly faults: ReadonlyMap<Fault['kind'], number>
  readonly sides: readonly SideOutcome[]
  /** What was not as it should be when all was calm again; empty: nothing. */
  readonly wrongAtTheEnd: readonly string[]
}

const [ASK_EVERY, PING_EVERY] = [10, 20]
/** Before the first fault. */
const SETTLED = 1000

/** Real agents in a real cluster, to whom things happen, while somebody asks who has their addresses. */
export async function runChaos(options: ChaosOptions): Promise<Outcome> {
  const { nodes, seed, seconds, say } = options
  const names = Array.from({ length: nodes }, (_, i) => `node${i + 1}`)
  const asked = virtualIPsOn(nodes)
  const random = seeded(seed)
  const planned = schedule({ nodes, virtualIPs: asked.length }, seconds, random)
  say(`SEED=${seed}: ${planned.length} faults in ${seconds} s`)
  const cluster = await LiveCluster.start(names)
  const other = options.keepalived ? await keepalivedSide(names, asked) : undefined
  try {
    const ours = await ourSide(cluster, asked)
    const sides = other ? [ours, other] : [ours]
    const watches = await Promise.all(sides.map(side => watch(side, asked, options)))
    await sleep(SETTLED)
    const begun = labTime()
    const failed = await befall(planned, begun, sides, cluster, say)
    const wrongAtTheEnd = [...failed, ...(await leftovers(cluster, asked, say))]
    const outcomes: SideOutcome[] = []
    for (const end of watches) outcomes.push(await end(begun))
    const faults = new Map([...Map.groupBy(planned, ({ fault }) => fault.kind)].map(([kind, of]) => [kind, of.length]))
    return { faults, sides: outcomes, wrongAtTheEnd }
  } finally {
    await cluster.close()
    other?.lan.close()
  }
}

type WatchedSide = Side & { readonly who: SideOutcome['who'] }

async function ourSide(cluster: LiveCluster, asked: readonly Asked[]): Promise<WatchedSide & { daemons: Agents }> {
  for (const { name, addresses, interval, ranking } of asked) {
    const [v4, v6] = addresses
    await cluster.apply(name, {
      addresses: [`${v4}/24`, `${v6}/64`],
      advertisementInterval: `${interval}ms`,
      priorities: prioritiesOf(cluster, ranking),
    })
  }
  for (const { name } of asked) await cluster.settled(name)
  const observers = observersOn(cluster.lan, '')
  const chronicle = new Chronicle(cluster.nodes.map(({ name }) => name))
  const daemons = agents(cluster, asked)
  return { who: 'ours', lan: cluster.lan, nodes: cluster.nodes, observers, chronicle, daemons }
}

async function keepalivedSide(names: readonly string[], asked: readonly Asked[]): Promise<WatchedSide> {
  const lan: Lan = openLan({ bridge: 'br-keepalived' })
  const nodes = names.map((name, i) =>
    lan.addNode({ name: `k-${name}`, addresses: [`192.168.1.1${i}/24`, `fd00:1::1${i}/64`] }),
  )
  const observers = observersOn(lan, 'k-')
  const daemons = keepaliveds(lan, nodes, asked)
  for (const node of nodes.keys()) await daemons.start(node)
  return { who: 'keepalived', lan, nodes, observers, chronicle: new Chronicle(nodes.map(({ name }) => name)), daemons }
}

/** Who pings knows no more than it is told: the answers to who asks would mend what it believes. */
function observersOn(lan: Lan, prefix: string): Side['observers'] {
  const observer = (name: string, host: number): LabNode =>
    lan.addNode({ name: `${prefix}${name}`, addresses: [`192.168.1.${host}/24`, `fd00:1::${host}/64`] })
  return { asks: observer('asks', 99), pings: observer('pings', 98) }
}

/** Every fault at its time, to each side that it can befall; done when the last is over. Gives those that could not be caused. */
async function befall(
  planned: readonly Scheduled[],
  begun: number,
  sides: readonly WatchedSide[],
  cluster: LiveCluster,
  say: (line: string) => void,
): Promise<string[]> {
  const underWay: Promise<void>[] = []
  const failed: string[] = []
  for (const { at, fault } of planned) {
    await sleep(Math.max(0, begun + at - labTime()))
    say(`${((labTime() - begun) / 1000).toFixed(1).padStart(7)} s  ${sentence(fault)}`)
    if (fault.kind === 'api down' || fault.kind === 'api frozen' || fault.kind === 'controller') {
      const [ours] = sides
      if (ours) underWay.push(strikeControlPlane(fault.kind, fault.lasts, cluster, ours.chronicle).catch(failure))
    } else underWay.push(...sides.map(side => cause(side, fault).catch(failure)))

    function failure(error: unknown): void {
      failed.push(`${sentence(fault)}: ${error instanceof Error ? error.message : error}`)
    }
  }
  await Promise.all(underWay)
  return failed
}

async function strikeControlPlane(
  kind: 'api down' | 'api frozen' | 'controller',
  lasts: number,
  cluster: LiveCluster,
  chronicle: Chronicle,
): Promise<void> {
  switch (kind) {
    case 'api down':
      chronicle.note('the API server is killed')
      await cluster.api.stop()
      await sleep(lasts)
      await cluster.api.start()
      chronicle.note('the API server answers again')
      return
    case 'api frozen':
      chronicle.note('the API server stands still')
      cluster.api.freeze()
      await sleep(lasts)
      cluster.api.thaw()
      chronicle.note('the API server goes on')
      return
    case 'controller':
      chronicle.note('the controller is killed')
      await cluster.stopController('a', 'SIGKILL')
      await sleep(lasts)
      await cluster.startController('a')
      chronicle.note('the controller is started')
      return
  }
}

/** Asks until the result is called; what was asked before `since` does not count. */
async function watch(
  side: WatchedSide,
  asked: readonly Asked[],
  { late }: ChaosOptions,
): Promise<(since: number) => Promise<SideOutcome>> {
  const addresses = asked.flatMap(({ addresses }) => addresses)
  const watching = await startWatching(side.observers.asks, addresses, ASK_EVERY)
  const pinging = await startPings(side.observers.pings, addresses, PING_EVERY, ['ICMP'])
  const wallClock = Date.now() - labTime()
  return async since => {
    const [pings, watched] = await Promise.all([pinging.stop(), watching.stop()])
    const byMac = new Map(side.nodes.map(({ mac, name }) => [mac, name]))
    const nodeOf = (mac: string) => byMac.get(mac) ?? `the stranger ${mac}`
    const bounds: Bounds = { late, intervalOf: address => intervalOf(asked, address) }
    const { events } = side.chronicle
    const counted = { ...watched, byAddress: new Map([...watched.byAddress].map(([a, of]) => [a, after(since, of)])) }
    const verdict = judge(counted, nodeOf, events, bounds)
    const silent = pings.flatMap(({ address, lost }) =>
      judgePings(
        address,
        lost.filter(at => at >= since),
        PING_EVERY,
        watched.blind,
        events,
        bounds,
      ),
    )
    const violations = [...verdict.violations, ...silent].sort((a, b) => a.from - b.from)
    const logs = side.who === 'ours' ? (side.daemons as Agents).all : []
    return {
      ...verdict,
      violations,
      who: side.who,
      nobodyAfter: byFault(verdict.silences, side.chronicle),
      rounds: watched.rounds,
      answers: watched.answers,
      pings: pings.reduce((sum, { sent }) => sum + sent, 0),
      lostPings: pings.reduce((sum, { lost }) => sum + lost.length, 0),
      blind: watched.blind.reduce((sum, { from, to }) => sum + to - from, 0),
      transcripts: violations.map(violation =>
        transcript(violation, {
          ...{ done: side.chronicle.done, watched, nodeOf, logs, wallClock, pings },
          others: asked
            .filter(({ addresses }) => !addresses.includes(violation.address))
            .flatMap(({ name, addresses }) => [`virtualIP=${name} `, ...addresses.map(address => ` ${address}/`)]),
        }),
      ),
    }
  }
}

function after<T extends { from: number; to: number }>(since: number, spans: readonly T[]): T[] {
  return spans.filter(({ to }) => to > since).map(span => ({ ...span, from: Math.max(since, span.from) }))
}

function byFault(silences: readonly Span[], { faults }: Chronicle): SideOutcome['nobodyAfter'] {
  const kindOf = ({ from }: Span) => {
    const before = faults.filter(fault => fault.from <= from + ASK_EVERY && fault.kind !== 'priority')
    const last = before.find(({ kind, to }) => kind === 'loss' && to + ASK_EVERY >= from) ?? before.at(-1)
    return last?.kind ?? 'nothing'
  }
  return new Map(
    [...Map.groupBy(silences, kindOf)].map(([kind, of]) => [kind, of.map(({ from, to }) => Math.round(to - from))]),
  )
}

function intervalOf(asked: readonly Asked[], address: string): number {
  const found = asked.find(({ addresses }) => addresses.includes(address))
  if (!found) throw new Error(`Nobody asked for ${address}`)
  return found.interval
}

function sentence(fault: Fault): string {
  const lasts = fault.lasts > 0 ? ` for ${(fault.lasts / 1000).toFixed(2)} s` : ''
  const nodes = 'nodes' in fault ? fault.nodes : 'node' in fault ? [fault.node] : []
  const to = nodes.length > 0 ? ` ${nodes.map(node => `node${node + 1}`).join(' and ')}` : ''
  const of = 'virtualIP' in fault ? ` of web${fault.virtualIP + 1}` : ''
  return `${fault.kind}${to}${of}${lasts}`
}
