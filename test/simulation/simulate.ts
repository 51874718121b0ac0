/*
 * Many worlds, one after the other, for MINUTES (default 10): `make simulate`. Each part goes on where the last recorded one ended, and is
 * recorded in docs/runs/simulate.jsonl and added up in docs/simulation.md. What fails is shrunk and told; SEED=… tells that one alone, as it was.
 */
import { recordedRuns, recordRun } from '../lab/ledger.ts'
import { describeFault } from './faults.ts'
import { writePage } from './page.ts'
import { type Plot, plotOf } from './plot.ts'
import { type Ended, runPlot } from './run-plot.ts'
import { shrink } from './shrink.ts'

const SECOND = 1000
const TOLD_EVERY = 30 * SECOND
/** The first seed: those before are the gate's. */
const FIRST = 1_000_000
const MOST_FAILURES = 5

const { SEED, MINUTES = '10', RECORD = 'simulate' } = process.env
process.exitCode = SEED === undefined ? await runPart(Number(MINUTES)) : await replay(Number(SEED))

async function replay(seed: number): Promise<number> {
  const plot = plotOf(seed)
  const { violation } = await tell(plot)
  if (!violation) return 0
  say(`\nThe same in a smaller world:\n`)
  await tell(await shrink(plot, violation.invariant))
  return 1
}

async function tell(plot: Plot): Promise<Ended> {
  const { faults, virtualIPs, ...conditions } = plot
  say(JSON.stringify(conditions))
  for (const [name, spec] of Object.entries(virtualIPs)) say(`${name}: ${JSON.stringify(spec)}`)
  for (const [after, fault] of faults) say(`  ${after.toFixed(1)} ms later: ${describeFault(fault)}`)
  const ended = await runPlot(plot, true)
  say(ended.transcript.join('\n'))
  say(ended.violation ? `${ended.violation.invariant}: ${ended.violation.sentence}` : 'Nothing is violated.')
  return ended
}

async function runPart(minutes: number): Promise<number> {
  if (!(minutes > 0)) throw new Error(`MINUTES=${MINUTES} is no number of minutes`)
  const first = nextSeed()
  const begun = performance.now()
  const counts = { runs: 0, engineSteps: 0, faultsInjected: 0, simulatedSeconds: 0, violations: 0 }
  let toldAt = begun
  say(`From seed ${first} on, for ${minutes} minutes`)
  for (let seed = first; performance.now() - begun < minutes * 60 * SECOND; seed++) {
    const { violation, engineSteps, faults, length } = await runPlot(plotOf(seed))
    counts.runs++
    counts.engineSteps += engineSteps
    counts.faultsInjected += faults
    counts.simulatedSeconds += length / SECOND
    if (violation) {
      counts.violations++
      say(`SEED=${seed} make simulate: ${violation.invariant}: ${violation.sentence}`)
      if (counts.violations === 1) await tell(await shrink(plotOf(seed), violation.invariant))
      if (counts.violations === MOST_FAILURES) break
    }
    if (performance.now() - toldAt < TOLD_EVERY) continue
    toldAt = performance.now()
    say(line(counts, (toldAt - begun) / SECOND))
  }
  const seconds = Math.round((performance.now() - begun) / SECOND)
  counts.simulatedSeconds = Math.round(counts.simulatedSeconds)
  say(line(counts, seconds))
  recordRun(RECORD, { command: `MINUTES=${minutes} make simulate`, seconds, seed: first, counts })
  if (RECORD === 'simulate') writePage()
  return counts.violations === 0 ? 0 : 1
}

function nextSeed(): number {
  return Math.max(FIRST, ...recordedRuns(RECORD).map(({ seed = 0, counts }) => seed + (counts['runs'] ?? 0)))
}

function line(counts: Readonly<Record<string, number>>, seconds: number): string {
  const { runs = 0, engineSteps = 0, faultsInjected = 0, violations = 0 } = counts
  const pace = Math.round(engineSteps / seconds)
  return `${Math.round(seconds)} s: ${runs} worlds, ${engineSteps} engine steps (${pace} a second), ${faultsInjected} faults, ${violations} violations`
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
