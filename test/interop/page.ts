// docs/interop.md, of what is recorded; node test/interop/page.ts writes it.
import { writeFileSync } from 'node:fs'
import { type RecordedRun, recordedRuns } from '../lab/ledger.ts'
import { cellName, DIRECTIONS, PEERS } from './cells.ts'
import { DIALECTS, type Dialect, NOT_YET, type PeerName } from './dialects.ts'
import { type Direction, EVENTS, type EventName } from './events.ts'
import { packetInWords } from './packet-in-words.ts'
import { REFUSALS, type Refusal, refusalOf } from './refusals.ts'

/** docs/interop.md, of all parts that were run, oldest first. */
export function interopPage(runs: readonly RecordedRun[]): string {
  const total = runs.reduce((sum, { seconds }) => sum + seconds, 0)
  return `${INTRODUCTION}
${PEERS.map(peer => tableOf(peer, runs)).join('\n')}
## What peers refuse

${REFUSALS.map((refusal, i) => refusalText(refusal, i, runs)).join('\n')}
${runs.length} ${runs.length === 1 ? 'part' : 'parts'}, ${Math.ceil(total / 60)} minutes; commits ${[...new Set(runs.map(({ commit }) => commit))].join(', ')}.
`
}

export const PAGE = new URL('../../docs/interop.md', import.meta.url)

const INTRODUCTION = `# Interoperability

<!-- Written by make interop, from docs/runs/interop.jsonl. -->

Our agent and a router of another maker as the two halves of one virtual router, both as Debian 12 has them. \`make interop\` runs every cell and adds
up here (ONLY='FRR, version 2': those with that in their name). Who is MASTER is told by a third host, which hears all adverts and
asks by ARP or Neighbor Solicitation, every 20 ms, who has the address: a cell holds where all it sees is of one router, the right one.

- **ours first**: our priority is 200 and the peer's 100; **peer first**: the other way round.
- **takeover**: all of the first's processes are killed and its link goes down; the time is until the second answered. **preemption**: it
  is back, and MASTER again. **priority**: the first is lowered to 50 while it runs, and raised again. **addresses**: a second one is added to the first, and after six
  intervals to the other; nobody else may be MASTER meanwhile. **leave**: the first is told to end; its Priority 0 was heard, and the time is until the second answered.
- *held*: in all runs; times are the shortest and the longest. *n/a*: the peer can't, or refuses what it is sent (the number below), and says so in its own log.

Intervals: 1 s with version 2, 200 ms with version 3. FRR answers and advertises with its virtual MAC, on a macvlan; its nodes have \`arp_ignore\` 1, else
Linux answers for a BACKUP's address on another link. Its zebra is ended when it has set the macvlan's carrier down: where both daemons end at once it may not come to
that, and the macvlan answers on, beside the new MASTER.
`

function tableOf(peer: PeerName, runs: readonly RecordedRun[]): string {
  const rows = DIALECTS.flatMap(dialect =>
    DIRECTIONS.map(direction => {
      const cells = EVENTS.map(event => cellText(peer, dialect, direction, event, runs))
      return `| ${dialect.name} | ${direction} | ${cells.join(' | ')} |\n`
    }),
  )
  const later = NOT_YET.map(
    ({ name, why }) => `| ${name} | both | ${EVENTS.map(() => `n/a: ${why[peer]}`).join(' | ')} |\n`,
  )
  const head = `| | | ${EVENTS.join(' | ')} |\n|---|---|${EVENTS.map(() => '---|').join('')}\n`
  const version = runs.findLast(({ notes }) => notes?.[peer] !== undefined)?.notes?.[peer] ?? 'not run'
  return `## ${peer} ${version}\n\n${head}${rows.join('')}${later.join('')}`
}

function cellText(
  peer: PeerName,
  dialect: Dialect,
  direction: Direction,
  event: EventName,
  runs: readonly RecordedRun[],
): string {
  const cannot = dialect.cannot?.[peer]
  if (cannot !== undefined) return `n/a: ${cannot}`
  const name = cellName(peer, dialect, direction, event)
  const count = (verdict: string) => runs.reduce((sum, { counts }) => sum + (counts[`${name}: ${verdict}`] ?? 0), 0)
  const [held, refused, failed] = ['held', 'peer', 'failed'].map(count) as [number, number, number]
  const times = runs.flatMap(({ samples }) => samples?.[name] ?? [])
  const refusal = refusalOf(peer, dialect, direction, event)
  const parts = [
    ...(held > 0 ? [`held ${held}×${timesText(times)}`] : []),
    ...(refused > 0 && refusal ? [`n/a: refused, ${REFUSALS.indexOf(refusal) + 1} (${refused}×)`] : []),
    ...(failed > 0 ? [`**failed ${failed}×**`] : []),
  ]
  return parts.length > 0 ? parts.join('; ') : 'not run'
}

function timesText(times: readonly number[]): string {
  if (times.length === 0) return ''
  const [least, most] = [Math.min(...times), Math.max(...times)].map(ms => (ms / 1000).toFixed(2))
  return least === most ? `, ${least} s` : `, ${least}–${most} s`
}

/** The newest packet and complaint of each peer that has it. */
function refusalText(refusal: Refusal, index: number, runs: readonly RecordedRun[]): string {
  const evidence = refusal.peers.flatMap(peer => {
    const cell = cellsOf(peer, refusal).find(name => lastNote(runs, `${name}: says`) !== undefined)
    if (cell === undefined) return [`- ${peer}: not seen yet\n`]
    const packet = lastNote(runs, `${cell}: packet`) ?? ''
    const says = lastNote(runs, `${cell}: says`)
    return [
      `- ${peer} (${cell.replace(`${peer}, `, '')}) says \`${says}\` of\n\n      ${inGroups(packet)}\n\n  ${packetInWords(packet)}\n`,
    ]
  })
  return `**${index + 1}. ${refusal.name}** (${refusal.peers.join(' and ')}): ${refusal.sentence}.\n\n${evidence.join('')}`
}

function cellsOf(peer: PeerName, refusal: Refusal): string[] {
  return DIALECTS.flatMap(dialect =>
    DIRECTIONS.flatMap(direction =>
      EVENTS.filter(event => refusalOf(peer, dialect, direction, event) === refusal).map(event =>
        cellName(peer, dialect, direction, event),
      ),
    ),
  )
}

function lastNote(runs: readonly RecordedRun[], name: string): string | undefined {
  return runs.findLast(({ notes }) => notes?.[name] !== undefined)?.notes?.[name]
}

function inGroups(hex: string): string {
  return (hex.match(/.{1,8}/g) ?? []).join(' ')
}

if (import.meta.main) writeFileSync(PAGE, interopPage(recordedRuns('interop')))
