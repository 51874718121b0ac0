/*
 * Ours beside keepalived and FRR's vrrpd, each way round, over every dialect that both speak; appends to docs/runs/interop.jsonl and writes
 * docs/interop.md: interop.ts [PART-OF-A-CELL'S-NAME]. Its status is 1 where a cell failed that is no known refusal of the peer.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { recordedRuns, recordRun } from '../lab/ledger.ts'
import { type CellName, cellName, DIRECTIONS, PEERS, pairName } from './cells.ts'
import { DIALECTS, type Dialect, type PeerName } from './dialects.ts'
import { type Direction, EVENTS, type EventName, type Outcome, Pair } from './events.ts'
import { interopPage, PAGE } from './page.ts'
import { refusalOf } from './refusals.ts'

interface Plan {
  readonly peer: PeerName
  readonly dialect: Dialect
  readonly direction: Direction
}

/** Pairs on the LANs of their own, side by side: nearly all of it is waiting. */
const AT_ONCE = 2

const only = process.argv[2] ?? ''
const started = Date.now()
const counts: Record<string, number> = {}
const samples: Record<string, number[]> = {}
const notes: Record<string, string> = { keepalived: versionOf('keepalived'), FRR: versionOf('/usr/lib/frr/vrrpd') }
let pairs = 0
let failed = 0

const waiting = PEERS.flatMap(peer =>
  DIALECTS.filter(({ cannot }) => cannot?.[peer] === undefined).flatMap(dialect =>
    DIRECTIONS.map((direction): Plan => ({ peer, dialect, direction })),
  ),
).filter(plan => pairName(plan.peer, plan.dialect, plan.direction).includes(only))
const total = waiting.length
process.stdout.write(`${total} pairs, ${AT_ONCE} at a time; about ${Math.ceil((total * 14) / 60)} minutes\n`)
await Promise.all(Array.from({ length: AT_ONCE }, work))
recordRun('interop', {
  command: `make interop${only === '' ? '' : ` ONLY='${only}'`}`,
  seconds: Math.round((Date.now() - started) / 1000),
  counts,
  samples,
  notes,
})
writeFileSync(PAGE, interopPage(recordedRuns('interop')))
const cells = Object.keys(counts).length
process.stdout.write(
  `${cells} cells in ${Math.round((Date.now() - started) / 1000)} s, ${failed} failed: docs/interop.md\n`,
)
process.exit(failed > 0 || cells === 0 ? 1 : 0)

async function work(): Promise<void> {
  for (let plan = waiting.shift(); plan; plan = waiting.shift()) await runAll(plan)
}

/** Where an event failed, the next begins with a new pair: what it would find is not how it should begin. */
async function runAll(plan: Plan): Promise<void> {
  let pair: Pair | undefined
  for (const event of EVENTS) {
    pair ??= newPair(plan)
    const opened = pair.isOpen ? undefined : await pair.open()
    const outcome = opened ?? (await pair.run(event))
    note(plan, event, outcome, pair)
    if (outcome.type === 'Held') continue
    await pair.close()
    pair = undefined
  }
  await pair?.close()
}

function newPair({ dialect, peer, direction }: Plan): Pair {
  pairs++
  return new Pair(`io${pairs}`, dialect, peer, direction)
}

function note({ peer, dialect, direction }: Plan, event: EventName, outcome: Outcome, pair: Pair): void {
  const name: CellName = cellName(peer, dialect, direction, event)
  const refusal = refusalOf(peer, dialect, direction, event)
  const said = refusal?.says.exec(pair.output(direction))?.[0]
  const isPeers = outcome.type === 'Failed' && said !== undefined
  const verdict = outcome.type === 'Held' ? 'held' : isPeers ? 'peer' : 'failed'
  counts[`${name}: ${verdict}`] = 1
  if (outcome.type === 'Held' && outcome.ms !== undefined) samples[name] = [Math.round(outcome.ms)]
  if (outcome.type === 'Failed') {
    notes[`${name}: why`] = outcome.why
    notes[`${name}: packet`] = outcome.packet
    if (said !== undefined) notes[`${name}: says`] = withoutTime(said)
  }
  if (verdict === 'failed') failed++
  const more =
    outcome.type === 'Held' ? (outcome.ms === undefined ? '' : ` ${Math.round(outcome.ms)} ms`) : ` ${outcome.why}`
  const left = `${waiting.length} of ${total} pairs wait`
  process.stdout.write(
    `${verdict === 'held' ? '✔' : verdict === 'peer' ? '·' : '✖'} ${name}: ${verdict}${more} (${left})\n`,
  )
}

/** keepalived and FRR begin a line with the time of day. */
function withoutTime(line: string): string {
  return line.replace(/^.*?\d\d:\d\d:\d\d( \d{4})?:? /, '').trim()
}

function versionOf(program: string): string {
  const said = execFileSync('sh', ['-c', `${program} --version 2>&1`], { encoding: 'utf8' })
  return /\d+\.\d+\.\d+/.exec(said)?.[0] ?? 'unknown'
}
