import { recordedRuns } from '../lab/ledger.ts'

/** Only what is later than this, in ms, is recorded one by one. */
const LATE = 1

export function isLate(lateness: number): boolean {
  return lateness > LATE
}

/** How late adverts were under each load, in ms, of all parts that were run: a table in Markdown. */
export function lateTable(): string {
  const samples = new Map<string, number[]>()
  const counts = new Map<string, number>()
  for (const run of recordedRuns('late')) {
    for (const [what, found] of Object.entries(run.samples ?? {})) {
      samples.set(what, [...(samples.get(what) ?? []), ...found])
    }
    for (const [what, count] of Object.entries(run.counts)) counts.set(what, (counts.get(what) ?? 0) + count)
  }
  return [
    '| load | changes a second | who | minutes | adverts | median | p99 | p99.9 | most | taken over |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...[...samples].map(([what, late]) => row(what, late, name => counts.get(name) ?? 0)),
  ].join('\n')
}

function row(what: string, late: readonly number[], count: (name: string) => number): string {
  const [load = '', who = ''] = what.split(': ')
  const [seconds, adverts] = [count(`${load}: seconds`), count(`${load}: adverts, ${who}`)]
  const sorted = late.toSorted((a, b) => b - a)
  const at = (share: number) => sorted[Math.floor((1 - share) * adverts)]?.toFixed(1) ?? `< ${LATE}`
  const pace = count(`${load}: changes`) / seconds
  const figures = [(seconds / 60).toFixed(1), adverts, at(0.5), at(0.99), at(0.999), at(1)]
  return `| ${[load, pace > 0 ? pace.toFixed(0) : '', who, ...figures, count(`${load}: takeovers, ${who}`)].join(' | ')} |`
}
