import type { Cost, Role } from './cost.ts'
import { type Failover, PROBE_EVERY } from './failover.ts'
import { type Figures, figuresOf } from './figures.ts'
import type { Failovers, Measured, Results } from './results.ts'
import { table } from './table.ts'
import type { Kind } from './virtual-routers.ts'

/** docs/benchmarks.md */
export function reportOf(results: Results): string {
  const { noise, crash, defaults, stop, apply, status, cost } = results
  const sections = [
    INTRODUCTION,
    targets(results),
    crash &&
      section('A node crashes: version 3, 100 ms, priorities 200 and 100', crash, failovers(crash.value, 'Crash')),
    defaults &&
      section(
        'A node crashes: the defaults of each',
        defaults,
        `Ours: version 3 at 200 ms, priorities 250 and 238 as the plan gives them. keepalived: version 2 at 1 s, priorities 200 and 100.\n\n${failovers(defaults.value, 'Crash')}`,
      ),
    stop && section('A graceful stop: version 3, 100 ms, priorities 200 and 100', stop, failovers(stop.value, 'Stop')),
    apply && section('From `kubectl apply` to the first answer', apply, applyTable(apply.value)),
    status && section('From a transition to `VirtualIP.status`', status, statusTable(status.value)),
    cost && section('Processor and memory', cost, costTable(cost.value)),
    noise && section('A quiet minute', noise, noiseTable(noise.value)),
  ]
  return `${sections.filter(Boolean).join('\n\n')}\n`
}

const INTRODUCTION = `# Benchmarks

Written by \`make bench\`: kube-vrrp beside keepalived, in one run and one lab (network namespaces on one bridge), by turns. What a figure is
worth elsewhere is its ratio; in milliseconds it belongs to the machine below.

- A node crash is SIGKILL to all its processes and its port down at the switch in the same instant.
- A prober on another node asks the address by UDP every ${PROBE_EVERY} ms; answers name the node. Its ARP table is never touched.
- Another process on that node hears the adverts, so the last one before a crash is known.
- Before each event comes a random wait, so that all phases of the timers are met.
- Figures are in ms unless said otherwise; p95 and p99 by nearest rank.`

const CRASH_AT_100_MS = 3 * 100 + (156 * 100) / 256

// ---- what was aimed at

interface Target {
  readonly what: string
  readonly found: number
  readonly wanted: number
  readonly digits: number
}

function targets(results: Results): string {
  const rows = targetsOf(results).map(({ what, found, wanted, digits }) => [
    what,
    found.toFixed(digits),
    `≤ ${wanted.toFixed(digits)}`,
    found <= wanted ? 'yes' : '**no**',
  ])
  return rows.length > 0 ? `## What was aimed at\n\n${table(['', 'found', 'wanted', 'reached'], rows)}` : ''
}

function targetsOf({ crash, defaults, apply, status, cost }: Results): Target[] {
  const targets: Target[] = []
  const aim = (what: string, found: number, wanted: number, digits = 0) => {
    targets.push({ what, found, wanted, digits })
  }
  if (crash) {
    const [ours, theirs] = [medianAfterLastAdvert(crash.value.ours), medianAfterLastAdvert(crash.value.keepalived)]
    aim('crash at 100 ms, median after the last advert, over 3 × interval + skew', ours / CRASH_AT_100_MS, 1.02, 3)
    aim('crash at 100 ms, median after the last advert, over keepalived’s', ours / theirs, 1, 3)
  }
  if (defaults) aim('crash with defaults, p95', figuresOf(defaults.value.ours.map(outage)).p95, 650)
  if (apply)
    aim('`kubectl apply` to first answer, p95', figuresOf(apply.value.applied.map(a => a.firstAnswer)).p95, 500)
  if (status) aim('transition to status, p99', figuresOf(status.value.latencies).p99, 300)
  if (cost) {
    const ratio = (role: Role) =>
      only(cost.value.costs, 'ours', role, 250).processor / only(cost.value.costs, 'keepalived', role, 250).processor
    aim('processor at 250 virtual routers as MASTER, over keepalived’s', ratio('MASTER'), 1, 2)
    aim('processor at 250 virtual routers as BACKUP, over keepalived’s', ratio('BACKUP'), 1.5, 2)
  }
  return targets
}

function medianAfterLastAdvert(samples: readonly Failover[]): number {
  return figuresOf(samples.map(({ fromLastAdvert }) => fromLastAdvert)).median
}

function outage(failover: Failover): number {
  return failover.outage
}

// ---- tables

function section(title: string, { on, at }: Measured<unknown>, body: string): string {
  return `## ${title}\n\n${body}\n\n<sub>${at.slice(0, 16).replace('T', ' ')} UTC, ${on}</sub>`
}

const FIGURES = ['n', 'min', 'median', 'p95', 'max'] as const

function failovers({ ours, keepalived }: Failovers, event: 'Crash' | 'Stop'): string {
  const measures: readonly (readonly [string, (failover: Failover) => number])[] = [
    ...(event === 'Crash' ? ([['last advert → first answer', (f: Failover) => f.fromLastAdvert]] as const) : []),
    [`${event.toLowerCase()} → first answer`, f => f.fromEvent],
    ['last answer → first answer', outage],
  ]
  const rows = measures.flatMap(([what, of]) => {
    const [a, b] = [figuresOf(ours.map(of)), figuresOf(keepalived.map(of))]
    return [
      [what, 'kube-vrrp', ...figures(a), (a.median / b.median).toFixed(3)],
      ['', 'keepalived', ...figures(b), ''],
    ]
  })
  return table(['', '', ...FIGURES, 'median, ours / keepalived'], rows)
}

function applyTable({ applied, created, kubectlAlone }: NonNullable<Results['apply']>['value']): string {
  const row = (what: string, samples: readonly number[]) => [what, ...figures(figuresOf(samples))]
  return table(
    ['', ...FIGURES],
    [
      row(
        'start of `kubectl apply` → first answer',
        applied.map(({ firstAnswer }) => firstAnswer),
      ),
      row(
        '`kubectl apply` itself, from start to exit',
        applied.map(({ kubectl }) => kubectl),
      ),
      row('`kubectl version --client`: kubectl’s own start', kubectlAlone),
      row('the same VirtualIP created without kubectl → first answer', created),
    ],
  )
}

function statusTable({ crashes, virtualIPs, latencies }: NonNullable<Results['status']>['value']): string {
  const { p99, ...rest } = figuresOf(latencies)
  return `${virtualIPs} VirtualIPs on three nodes, each of which crashes and comes back in turn, ${crashes} crashes in all. From the new MASTER's first advert to
the event of a watch on the VirtualIP that names it.

${table(['', ...FIGURES, 'p99'], [['first advert → status', ...figures({ p99, ...rest }), p99.toFixed(0)]])}`
}

function costTable({ seconds, costs }: NonNullable<Results['cost']>['value']): string {
  const cases = [1, 250].flatMap(routers => (['MASTER', 'BACKUP'] as const).map(role => ({ routers, role })))
  const rows = cases.map(({ routers, role }) => {
    const [a, b] = [only(costs, 'ours', role, routers), only(costs, 'keepalived', role, routers)]
    return [
      String(routers),
      role,
      `${a.processor.toFixed(2)} %`,
      `${b.processor.toFixed(2)} %`,
      (a.processor / b.processor).toFixed(2),
      a.resident.toFixed(0),
      b.resident.toFixed(0),
      `${a.adverts.toFixed(0)} / ${b.adverts.toFixed(0)}`,
    ]
  })
  const head = [
    'virtual routers at 100 ms',
    '',
    'kube-vrrp',
    'keepalived',
    'ratio',
    'kube-vrrp, MiB',
    'keepalived, MiB',
    'adverts a second',
  ]
  return `Of one core, user and system, all processes and threads of the daemon, over ${seconds} s in which both kinds run side by side; the other end of the wire is
keepalived's, whoever is measured. Memory is resident memory, file-mapped pages included.

${table(head, rows)}`
}

function noiseTable({ seconds, gaps }: NonNullable<Results['noise']>['value']): string {
  const { n, median, p95, p99, max } = figuresOf(gaps)
  const head = ['seconds', 'answers', 'median', 'p95', 'p99', 'max']
  const row = [String(seconds), String(n), ...[median, p95, p99, max].map(gap => gap.toFixed(1))]
  return `Gaps between answers while a MASTER only advertises: what this lab can't tell from an outage.\n\n${table(head, [row])}`
}

function only(costs: readonly Cost[], kind: Kind, role: Role, routers: number): Cost {
  const found = costs.find(cost => cost.kind === kind && cost.role === role && cost.routers === routers)
  if (!found) throw new Error(`${kind} was not measured as ${role} of ${routers}`)
  return found
}

function figures({ n, min, median, p95, max }: Figures): string[] {
  return [String(n), ...[min, median, p95, max].map(figure => figure.toFixed(0))]
}
