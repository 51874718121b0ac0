/* docs/simulation.md: what all recorded parts of `make simulate` come to. */
import { readFileSync, writeFileSync } from 'node:fs'
import { type RecordedRun, recordedRuns } from '../lab/ledger.ts'

const PATH = new URL('../../docs/simulation.md', import.meta.url)
const HEADING = '## Long runs\n'

/** The page as it is. */
export function simulationPage(): string {
  return readFileSync(PATH, 'utf8')
}

/** The page with what these parts come to. */
export function withLongRuns(page: string, runs: readonly RecordedRun[]): string {
  const from = page.indexOf(HEADING) + HEADING.length
  const to = page.indexOf('\n## ', from)
  return `${page.slice(0, from)}\n${longRuns(runs)}${page.slice(to)}`
}

function longRuns(runs: readonly RecordedRun[]): string {
  const sum = (key: string) => runs.reduce((total, { counts }) => total + (counts[key] ?? 0), 0)
  const seconds = runs.reduce((total, run) => total + run.seconds, 0)
  const pace = seconds > 0 ? sum('engineSteps') / seconds : 0
  return `| | |
|---|---|
| worlds | ${figure(sum('runs'))} |
| engine steps | ${figure(sum('engineSteps'))} |
| faults injected | ${figure(sum('faultsInjected'))} |
| hours that went by in them | ${figure(sum('simulatedSeconds') / 3600)} |
| **violations** | **${figure(sum('violations'))}** |

${runs.length} ${runs.length === 1 ? 'part' : 'parts'}, ${figure(seconds / 60)} minutes of one core that others used too, ${figure(pace)} engine steps a second; commits ${commits(runs)}.
`
}

function figure(count: number): string {
  return Math.round(count).toLocaleString('en')
}

function commits(runs: readonly RecordedRun[]): string {
  return [...new Set(runs.map(({ commit }) => commit))].join(', ')
}

/** Writes what all parts come to. */
export function writePage(): void {
  writeFileSync(PATH, withLongRuns(simulationPage(), recordedRuns('simulate')))
}

if (import.meta.main) writePage()
