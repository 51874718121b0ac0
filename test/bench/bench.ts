/*
 * Ours beside keepalived's, as tables on standard output and in docs/benchmarks.md. Run by `make bench`, inside namespaces of its own:
 * bench.ts [--only crash,stop,defaults,apply,status,cost,noise] [--runs 30] [--noise SECONDS] [--window SECONDS]
 * A part that is not run keeps what an earlier run found.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureApply, measureStatus } from './cluster.ts'
import { type Cost, measureCosts } from './cost.ts'
import { type Event, measureFailovers, measureNoise } from './failover.ts'
import { reportOf } from './report.ts'
import {
  earlierResults,
  type Failovers,
  keepResults,
  type Measured,
  measured,
  type Part,
  type Results,
} from './results.ts'

const DOCUMENT = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url))
/** The start of every agent compiles its code; that is over by then, and so are repeated announcements. */
const SETTLED = 20_000
const VIRTUAL_IPS = 12

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'crash,stop,defaults,apply,status,cost,noise' },
    runs: { type: 'string', default: '30' },
    noise: { type: 'string', default: '60' },
    window: { type: 'string', default: '30' },
  },
})
const [runs, noise, window] = [values.runs, values.noise, values.window].map(Number) as [number, number, number]
const started = performance.now()

const parts: { readonly [P in Part]-?: () => Promise<Results[P]> } = {
  crash: () => failovers('crash', 'Crash', 100),
  stop: () => failovers('stop', 'Stop', 100),
  defaults: () => failovers('defaults', 'Crash', undefined),
  apply: async () => measured(await measureApply(runs, progress('apply', runs))),
  status: async () => {
    const latencies = await measureStatus(runs, VIRTUAL_IPS, progress('status', runs))
    return measured({ crashes: runs, virtualIPs: VIRTUAL_IPS, latencies })
  },
  cost: async () => measured({ seconds: window, costs: await costs() }),
  noise: async () => {
    progress('noise', 1)(0)
    return measured({ seconds: noise, gaps: await measureNoise(noise) })
  },
}

let results = earlierResults()
for (const name of values.only.split(',')) {
  if (!(name in parts)) throw new Error(`--only: there is no part ${name}: ${Object.keys(parts).join(', ')}`)
  const part = name as Part
  results = { ...results, [part]: await parts[part]() }
  keepResults(results)
}
const report = reportOf(results)
writeFileSync(DOCUMENT, report)
process.stdout.write(report)
say(`Done in ${((performance.now() - started) / 60_000).toFixed(1)} minutes; the tables are in docs/benchmarks.md`)
process.exit(0)

async function failovers(what: string, event: Event, interval: number | undefined): Promise<Measured<Failovers>> {
  return measured(await measureFailovers(event, interval, runs, progress(what, runs)))
}

async function costs(): Promise<Cost[]> {
  const cases = [1, 250].flatMap(routers => (['MASTER', 'BACKUP'] as const).map(role => ({ routers, role })))
  const found: Cost[] = []
  for (const [i, { routers, role }] of cases.entries()) {
    found.push(...(await measureCosts(role, routers, SETTLED, 1000 * window)))
    progress('cost', cases.length)(i + 1)
  }
  return found
}

function progress(what: string, of: number): (done: number) => void {
  return done => {
    if (done === of || done % 5 === 0) say(`${what}: ${done} of ${of}`)
  }
}

function say(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  process.stderr.write(`${seconds.padStart(5)} s  ${text}\n`)
}
