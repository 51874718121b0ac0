/*
 * make chaos: MINUTES of faults (default 5) by SEED (default: a new one), ours beside keepalived's; ends with 1 where a promise was broken, and adds a line
 * to docs/runs/chaos.jsonl.
 */
import { recordRun } from '../lab/ledger.ts'
import { runChaos, type SideOutcome } from './chaos.ts'

const { MINUTES = '5', SEED = String(Math.floor(Math.random() * 2 ** 31)) } = process.env
const [minutes, seed] = [Number(MINUTES), Number(SEED)]
if (!(minutes > 0 && minutes <= 30))
  fail(`MINUTES is more than 0 and at most 30, and not ${MINUTES}: run more parts for more`)
if (!Number.isSafeInteger(seed)) fail(`SEED is an integer, and not ${SEED}`)

const seconds = minutes * 60
const outcome = await runChaos({
  seed,
  seconds,
  nodes: 4,
  keepalived: true,
  late: { toTakeOver: 500, toYield: 0 },
  say,
})
const [ours, keepalived] = outcome.sides
for (const transcript of ours?.transcripts ?? []) say(`\n${transcript}`)
say('')
for (const side of outcome.sides) say(`${summary(side)}\n${silences(side)}`)
for (const sentence of outcome.wrongAtTheEnd) say(`When all was calm again: ${sentence}`)

const faults = Object.fromEntries([...outcome.faults].map(([kind, count]) => [`fault: ${kind}`, count]))
const all = [...outcome.faults.values()].reduce((sum, count) => sum + count, 0)
recordRun('chaos', {
  command: `make chaos MINUTES=${minutes} SEED=${seed}`,
  seconds,
  seed,
  counts: {
    faults: all,
    ...faults,
    ...countsOf(ours),
    ...countsOf(keepalived),
    'wrong at the end': outcome.wrongAtTheEnd.length,
  },
  samples: Object.assign({}, ...outcome.sides.map(samplesOf)),
})
process.exit((ours?.violations.length ?? 1) + outcome.wrongAtTheEnd.length > 0 ? 1 : 0)

function countsOf(side: SideOutcome | undefined): Record<string, number> {
  if (!side) return {}
  const counts = {
    rounds: side.rounds,
    answers: side.answers,
    pings: side.pings,
    'pings lost': side.lostPings,
    violations: side.violations.length,
    'two answer, planned, ms': side.two.planned,
    'two answer, apart, ms': side.two.apart,
    'two answer, otherwise, ms': side.two.otherwise,
    'nobody answers, ms': side.nobody,
    'blind, ms': side.blind,
  }
  return Object.fromEntries(Object.entries(counts).map(([what, count]) => [`${side.who}: ${what}`, Math.round(count)]))
}

function samplesOf({ who, overlaps, nobodyAfter }: SideOutcome): Record<string, readonly number[]> {
  const silences = [...nobodyAfter].map(([kind, each]) => [`${who}: nobody answers after ${kind}, ms`, each])
  return { [`${who}: planned overlap, ms`]: overlaps.map(Math.round), ...Object.fromEntries(silences) }
}

/** Longest first. */
function silences({ nobodyAfter }: SideOutcome): string {
  const rows = [...nobodyAfter].map(([kind, each]) => ({ kind, each, sum: each.reduce((sum, ms) => sum + ms, 0) }))
  return rows
    .sort((a, b) => b.sum - a.sum)
    .map(
      ({ kind, each, sum }) => `  nobody after ${kind}: ${sum} ms in ${each.length}, at most ${Math.max(...each)} ms`,
    )
    .join('\n')
}

function summary({ who, violations, two, nobody, answers, pings, lostPings, blind }: SideOutcome): string {
  const [planned, apart, otherwise, none, unseen] = [two.planned, two.apart, two.otherwise, nobody, blind].map(
    Math.round,
  )
  return `${who}: ${violations.length} violations in ${answers} answers; two answered for ${otherwise} ms (and for ${planned} ms in planned moves, ${apart} ms while apart), nobody for ${none} ms; ${lostPings} of ${pings} pings lost; not seen: ${unseen} ms`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fail(sentence: string): never {
  process.stderr.write(`${sentence}\n`)
  process.exit(2)
}
