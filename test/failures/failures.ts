/*
 * What breaks, ours beside keepalived's: docs/failures.md. Run by `make failures`, inside namespaces of its own. MINUTES: of this part (default:
 * 25; 0: the page alone is written anew). ONLY=kill,freeze: those rows. BATCH=1: so many events of one kind at most in one go, to try them.
 * Each part takes whatever there are the fewest events of, records what it found, and writes the page anew.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { machine } from '../bench/results.ts'
import { recordedNames, recordedRuns, recordRun } from '../lab/ledger.ts'
import { type Choice, missing, nextOf } from './choice.ts'
import { pageOf } from './page.ts'
import type { Peer } from './peer.ts'
import type { Row } from './row.ts'
import { ROWS } from './rows.ts'
import { Findings } from './tally.ts'

const NAME = 'failures'
const DOCUMENT = fileURLToPath(new URL('../../docs/failures.md', import.meta.url))
/** What a batch takes as long as none of its kind was made, in ms. */
const BATCH_TAKES = 40_000
/** What daemons said is in it. */
const MOST_OF_AN_ERROR = 600
/** One after the other: then it is this machine that has broken. */
const MOST_FAILURES = 3

const { MINUTES = '25', BATCH = '5', ONLY = '' } = process.env
const minutes = Number(MINUTES)
if (!(minutes >= 0 && minutes <= 30)) throw new Error(`MINUTES=${MINUTES}: a part takes 0 to 30 minutes`)
const mostAtOnce = Number(BATCH)
const only = ONLY.split(',').filter(Boolean)
for (const name of only) {
  if (ROWS.some(row => row.name === name)) continue
  throw new Error(`ONLY: there is no row ${name}: ${ROWS.map(row => row.name).join(', ')}`)
}

const started = performance.now()
const end = started + minutes * 60_000
const before = recordedRuns(NAME)
const findings = new Findings()
/** By row and peer: how long one event took here, in ms. */
const paces = new Map<string, number>()

if (minutes > 0) {
  process.on('SIGINT', finish).on('SIGTERM', finish)
  await measure()
}
finish()

async function measure(): Promise<void> {
  let failures = 0
  const rows = await possible(ROWS.filter(({ name }) => only.length === 0 || only.includes(name)))
  for (;;) {
    const choice = nextOf(rows, [...before, findings])
    if (!choice) return
    const times = Math.min(choice.row.batch, choice.wanted, mostAtOnce)
    if (performance.now() + expected(choice.row, choice.peer, times) > end) return
    failures = (await batch(choice, times)) ? 0 : failures + 1
    progress(choice, rows)
    if (failures === MOST_FAILURES) return say(`${failures} batches in a row have failed: this part ends here`)
  }
}

/** Whether it came to its end. */
async function batch({ row, peer }: Choice, times: number): Promise<boolean> {
  const began = performance.now()
  let isDone = true
  try {
    await row.run(peer, times, figures => {
      findings.add(row, peer, figures)
      say(`${row.name}, ${peer.name}: ${inWords(figures)}`)
    })
  } catch (error) {
    isDone = false
    findings.fail(row, peer)
    say(`${row.name}, ${peer.name}: FAILED: ${String(error).slice(0, MOST_OF_AN_ERROR)}`)
  }
  paces.set(`${row.name} ${peer.name}`, (performance.now() - began) / times)
  return isDone
}

/** Rows that this machine lets us make. */
async function possible(rows: readonly Row[]): Promise<Row[]> {
  const kept: Row[] = []
  for (const row of rows) {
    const refusal = await row.refusal?.()
    if (refusal === undefined) kept.push(row)
    else say(`${row.name}: this machine refuses it: ${refusal}`)
  }
  return kept
}

function expected(row: Row, peer: Peer, events: number): number {
  const known = paces.get(`${row.name} ${peer.name}`)
  return known === undefined ? (BATCH_TAKES * events) / row.batch : known * events
}

function progress({ row, peer }: Choice, rows: readonly Row[]): void {
  const rest = missing(rows, [...before, findings])
  const left = rest.reduce((sum, each) => sum + expected(each.row, each.peer, each.events), 0)
  const full =
    rest.length === 0
      ? 'the table has all that is wanted'
      : `the table is full in about ${(left / 60_000).toFixed(0)} minutes more`
  const ends = new Date(Date.now() + end - performance.now()).toISOString().slice(11, 16)
  const took = ((paces.get(`${row.name} ${peer.name}`) ?? 0) / 1000).toFixed(1)
  say(`${took} s an event; this part ends by ${ends} UTC; ${full}`)
}

function finish(): never {
  const seconds = Math.round((performance.now() - started) / 1000)
  if (Object.keys(findings.counts).length > 0) {
    const command = [
      'make failures',
      `MINUTES=${minutes}`,
      ...(only.length > 0 ? [`ONLY=${only.join(',')}`] : []),
    ].join(' ')
    recordRun(NAME, { command, seconds, counts: findings.counts, samples: findings.samples })
  }
  const others = recordedNames()
    .filter(name => name !== NAME)
    .map(name => ({ name, parts: recordedRuns(name) }))
  writeFileSync(DOCUMENT, pageOf(ROWS, recordedRuns(NAME), others, machine()))
  say('The table is in docs/failures.md')
  process.exit(0)
}

function inWords(figures: object): string {
  return Object.entries(figures)
    .map(([name, figure]) => `${name} ${typeof figure === 'number' ? Math.round(figure * 10) / 10 : 'no end'}`)
    .join('; ')
}

function say(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  process.stderr.write(`${seconds.padStart(5)} s  ${text}\n`)
}
