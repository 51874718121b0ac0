/*
 * Ours beside keepalived's in one run, as Markdown: make bench > docs/benchmarks.md
 * bench.ts [--runs N] [--only noise,crash,defaults,stop,apply,status,cost]
 */
import { execFileSync } from 'node:child_process'
import { cpus, release } from 'node:os'
import { parseArgs } from 'node:util'
import { measureApply, measureStatus } from './cluster.ts'
import { type Cost, measureCost, type Role } from './cost.ts'
import { type Event, type Failover, measureFailovers, measureNoise } from './failover.ts'
import { FIGURES_HEAD, figuresOf, figuresRow } from './figures.ts'
import type { Kind } from './virtual-routers.ts'

const KINDS: readonly Kind[] = ['ours', 'keepalived']
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '30' },
    only: { type: 'string', default: 'noise,crash,stop,defaults,apply,status,cost' },
  },
})
const runs = Number(values.runs)
const wanted = new Set(values.only.split(','))
const progress = (what: string, of: number) => (done: number) => {
  process.stderr.write(`\r${what}: ${done} of ${of}${done === of ? '\n' : ''}`)
}
const print = (...lines: string[]) => process.stdout.write(`${lines.join('\n')}\n`)

const keepalived = execFileSync('sh', ['-c', 'keepalived --version 2>&1']).toString().split(/[ \n]/)[1]
print(
  '# Benchmarks',
  '',
  'Made by `make bench`: kube-vrrp and keepalived in one run, in the same namespaces on one machine, one after the other. Absolute figures',
  'belong to this machine; what travels is the comparison.',
  '',
  `- ${new Date().toISOString().slice(0, 10)}, Linux ${release()}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}, keepalived ${keepalived}`,
  '- Probes by UDP every 2 ms (every 5 ms for `apply`); answers name the node. All times in ms.',
)
if (wanted.has('noise')) await noise()
if (wanted.has('crash')) await failovers('Crash', 100, 'A crash, version 3 at 100 ms, priorities 200 and 100', 360.94)
if (wanted.has('stop'))
  await failovers('Stop', 100, 'A graceful stop (SIGTERM), version 3 at 100 ms, priorities 200 and 100')
if (wanted.has('defaults'))
  await failovers(
    'Crash',
    undefined,
    'A crash, with the defaults of each (ours: version 3 at 200 ms; keepalived: version 2 at 1 s)',
  )
if (wanted.has('apply')) await apply()
if (wanted.has('status')) await status()
if (wanted.has('cost')) await costs()

async function noise(): Promise<void> {
  process.stderr.write('noise: a quiet minute\n')
  const gaps = await measureNoise(60, 2)
  print(
    '',
    '## A quiet minute',
    '',
    'Gaps between answers while nothing happens: what this lab cannot tell from an outage.',
    '',
    FIGURES_HEAD,
    figuresRow('gap', gaps, 1),
  )
}

async function failovers(event: Event, interval: number | undefined, title: string, formula?: number): Promise<void> {
  print('', `## ${title}`, '', FIGURES_HEAD)
  const medians = new Map<Kind, number>()
  for (const kind of KINDS) {
    const report = progress(`${title}: ${kind}`, runs)
    const samples = await measureFailovers({ kind, interval, event, runs, pace: 2, progress: report })
    const row = (what: string, of: (failover: Failover) => number) =>
      print(figuresRow(`${kind}: ${what}`, samples.map(of)))
    row('event → first answer', ({ fromEvent }) => fromEvent)
    if (event === 'Crash') row('last advert → first answer', ({ fromLastAdvert }) => fromLastAdvert)
    row('longest gap between answers', ({ outage }) => outage)
    medians.set(
      kind,
      figuresOf(samples.map(({ fromLastAdvert, fromEvent }) => (event === 'Crash' ? fromLastAdvert : fromEvent)))
        .median,
    )
  }
  const [ours = Number.NaN, theirs = Number.NaN] = KINDS.map(kind => medians.get(kind))
  print(
    '',
    `Median ${event === 'Crash' ? 'after the last advert' : 'after the event'}, ours / keepalived: ${(ours / theirs).toFixed(3)}.`,
  )
  if (formula)
    print(
      `3 × interval + skew is ${formula} ms; our median is ${(ours / formula).toFixed(3)} of it (wanted: at most 1.02).`,
    )
}

async function apply(): Promise<void> {
  const count = Math.min(30, Math.max(20, runs))
  const samples = await measureApply(count, progress('apply', count))
  print(
    '',
    '## From `kubectl apply` to the first answer',
    '',
    'Wanted: p95 at most 500 ms, kubectl’s own run included.',
    '',
    FIGURES_HEAD,
    figuresRow(
      'first answer',
      samples.map(({ firstAnswer }) => firstAnswer),
    ),
    figuresRow(
      'of which kubectl’s own run',
      samples.map(({ kubectl }) => kubectl),
    ),
  )
}

async function status(): Promise<void> {
  const crashes = Math.max(9, Math.round(runs / 2))
  const samples = await measureStatus(crashes, 12, progress('status', crashes))
  print(
    '',
    '## From the successor’s first advert to `VirtualIP.status`',
    '',
    `Twelve VirtualIPs on three nodes, ${crashes} crashes; until a watch tells the new MASTER. Wanted: p99 at most 300 ms.`,
    '',
    FIGURES_HEAD,
    figuresRow('transition → status', samples),
  )
}

async function costs(): Promise<void> {
  const window = 10_000
  const found: Cost[] = []
  const cases = [1, 250].flatMap(routers => (['MASTER', 'BACKUP'] as const).map(role => ({ routers, role })))
  for (const [i, { routers, role }] of cases.entries()) {
    progress('cost', cases.length)(i + 1)
    // A B B A: what drifts on this machine hits both alike.
    for (const kind of ['ours', 'keepalived', 'keepalived', 'ours'] as const)
      found.push(await measureCost(kind, role, routers, window))
  }
  print(
    '',
    '## Processor and memory at 100 ms',
    '',
    `Of one core, over ${(2 * window) / 1000} s each; the other node runs keepalived, whoever is measured. Wanted at 250: at most 1.0 × as MASTER, 1.5 × as BACKUP.`,
    '',
    '| virtual routers | role | ours | keepalived | ratio | ours, MiB | keepalived, MiB |',
    '|---|---|---|---|---|---|---|',
  )
  for (const { routers, role } of cases) {
    const mean = (kind: Kind, of: (cost: Cost) => number) => meanOf(found, kind, role, routers, of)
    const [ours, theirs] = KINDS.map(kind => mean(kind, ({ processor }) => processor)) as [number, number]
    const memory = KINDS.map(kind => mean(kind, ({ resident }) => resident).toFixed(0))
    print(
      `| ${routers} | ${role} | ${ours.toFixed(2)} % | ${theirs.toFixed(2)} % | ${(ours / theirs).toFixed(2)} | ${memory.join(' | ')} |`,
    )
  }
}

function meanOf(found: readonly Cost[], kind: Kind, role: Role, routers: number, of: (cost: Cost) => number): number {
  const some = found.filter(cost => cost.kind === kind && cost.role === role && cost.routers === routers).map(of)
  return some.reduce((a, b) => a + b) / some.length
}
