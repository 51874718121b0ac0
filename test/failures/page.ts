import { figuresOf, type Figures as Spread } from '../bench/figures.ts'
import { table } from '../bench/table.ts'
import type { RecordedRun } from '../lab/ledger.ts'
import type { Peer } from './peer.ts'
import type { Figure, Limit, Row } from './row.ts'
import { type Tally, tallyOf } from './tally.ts'

export interface Ledger {
  readonly name: string
  readonly parts: readonly RecordedRun[]
}

/** docs/failures.md. `others`: the ledgers of other long runs; `machine`: in a line. */
export function pageOf(
  rows: readonly Row[],
  parts: readonly RecordedRun[],
  others: readonly Ledger[],
  machine: string,
): string {
  const sections = [
    INTRODUCTION,
    `## What is wanted\n\n${wanted(rows, parts)}`,
    ...rows.map(row => sectionOf(row, parts)),
    `## Other long runs\n\n${othersOf(others)}`,
    `<sub>${provenance(parts)} ${machine}</sub>`,
  ]
  return `${sections.join('\n\n')}\n`
}

const INTRODUCTION = `# When something breaks

Written by \`make failures\` from \`docs/runs/failures.jsonl\`: kube-vrrp beside keepalived, by turns in the same run, on one lab (network namespaces on one bridge).
\`make failures MINUTES=30\` adds to whatever has the fewest events yet; \`make failures ONLY=kill,freeze\` to those rows only. Figures of code that has changed since
can be dropped by deleting lines of that file: each has the commit it ran on.

- Two nodes with one IPv4 and one IPv6 address, each a virtual router of VRRP 3, priorities 200 and 100; events come at random phases of all timers.
- An observer outside asks by ARP and by Neighbor Solicitation who has each address, every 10 ms, and hears adverts and announcements. So "two answerers" and "first
  answer" are what hosts see, to 10 ms: an answer of one host between two of another counts until the next question.
- A client, whose neighbor table nobody touches, sends 200 probes a second each by ICMP and by UDP to each address: 800 in all. One is lost when no answer came within 1 s.
- Of an event's two addresses the slower counts, so n is the number of events. Times are in ms; p95 by nearest rank.
- "No end": events where it had not ended, or not come, while it was watched; these are in n, and in no other column.
- What a figure is worth elsewhere is its ratio to the one beside it.`

interface Verdict {
  readonly row: Row
  readonly figure: Figure
  readonly peer: Peer
  readonly limit: Limit
  readonly bound: number
}

function wanted(rows: readonly Row[], parts: readonly RecordedRun[]): string {
  const verdicts = rows.flatMap(row =>
    row.figures.flatMap(figure =>
      (figure.limits ?? []).flatMap(limit =>
        [...row.wanted.keys()].flatMap((peer): Verdict[] => {
          const bound = limit.is(peer)
          return bound === undefined ? [] : [{ row, figure, peer, limit, bound }]
        }),
      ),
    ),
  )
  const lines = verdicts.flatMap(verdict => lineOf(verdict, parts))
  return lines.length === 0 ? 'Not run yet.' : table(['', 'figure', '', 'n', 'found', 'wanted', 'reached'], lines)
}

function lineOf({ row, figure, peer, limit, bound }: Verdict, parts: readonly RecordedRun[]): string[][] {
  const tally = tallyOf(parts, row, peer)
  const { samples, open } = tally.figures.get(figure.name) ?? { samples: [], open: 0 }
  if (samples.length + open + tally.failed === 0) return []
  const found = samples.length === 0 ? Number.NaN : figuresOf(samples)[limit.of]
  const isReached = open + tally.failed === 0 && (limit.of === 'min' ? found >= bound : found <= bound)
  const without = open + tally.failed === 0 ? '' : `, ${open + tally.failed} without`
  return [
    [
      row.title,
      figure.name,
      peer.name,
      String(samples.length + open),
      `${numberOf(found, figure)}${without}`,
      `${limit.of} ${limit.of === 'min' ? '≥' : '≤'} ${bound}`,
      isReached ? 'yes' : '**no**',
    ],
  ]
}

function sectionOf(row: Row, parts: readonly RecordedRun[]): string {
  const tallies = Array.from(row.wanted.keys(), peer => ({ peer, tally: tallyOf(parts, row, peer) }))
  const lines = row.figures.flatMap(figure =>
    tallies
      .filter(({ tally }) => tally.events > 0)
      .map(({ peer, tally }, i) => figureLine(figure, peer, tally, i === 0)),
  )
  const failed = tallies
    .filter(({ tally }) => tally.failed > 0)
    .map(({ peer, tally }) => `${peer.name} ${tally.failed} of ${tally.events}`)
  return [
    `## ${row.title}`,
    `${row.text} \`make failures ONLY=${row.name}\``,
    lines.length === 0 ? 'Not run yet.' : table(['', '', 'n', 'median', 'p95', 'max', 'no end'], lines),
    ...(failed.length === 0
      ? []
      : [
          `Events that could not be brought to an end, for the addresses were not where they belong within 20 s: ${failed.join(', ')}.`,
        ]),
  ].join('\n\n')
}

function figureLine(figure: Figure, { name }: Peer, tally: Tally, isFirst: boolean): string[] {
  const { samples, open } = tally.figures.get(figure.name) ?? { samples: [], open: 0 }
  const spread: Pick<Spread, 'median' | 'p95' | 'max'> =
    samples.length === 0 ? { median: Number.NaN, p95: Number.NaN, max: Number.NaN } : figuresOf(samples)
  const figures = [spread.median, spread.p95, spread.max].map(each => numberOf(each, figure))
  return [isFirst ? figure.name : '', name, String(samples.length + open), ...figures, open === 0 ? '' : String(open)]
}

function numberOf(figure: number, { unit }: Figure): string {
  if (Number.isNaN(figure)) return '–'
  return figure.toFixed(unit === 'count' || Math.abs(figure) >= 100 || figure === 0 ? 0 : 1)
}

function othersOf(others: readonly Ledger[]): string {
  if (others.length === 0) return 'None was recorded yet.'
  return others.map(othersSection).join('\n\n')
}

/** All counts of a ledger added up, all its samples put together. */
function othersSection({ name, parts }: Ledger): string {
  const counts = new Map<string, number>()
  const samples = new Map<string, number[]>()
  for (const part of parts) {
    for (const [what, count] of Object.entries(part.counts)) counts.set(what, (counts.get(what) ?? 0) + count)
    for (const [what, found] of Object.entries(part.samples ?? {}))
      samples.set(what, [...(samples.get(what) ?? []), ...found])
  }
  const measured = [...samples].filter(([, found]) => found.length > 0)
  return [
    `### ${name}`,
    provenance(parts),
    table(
      ['', 'in all'],
      Array.from(counts, ([what, count]) => [what, count.toLocaleString('en')]),
    ),
    ...(measured.length === 0
      ? []
      : [
          table(
            ['', 'n', 'median', 'p95', 'max'],
            measured.map(([what, found]) => {
              const { n, median, p95, max } = figuresOf(found)
              return [what, String(n), ...[median, p95, max].map(each => numberOf(each, { name: what }))]
            }),
          ),
        ]),
  ].join('\n\n')
}

function provenance(parts: readonly RecordedRun[]): string {
  const [first, last] = [parts[0], parts.at(-1)]
  if (!first || !last) return 'Not run yet.'
  const minutes = parts.reduce((sum, { seconds }) => sum + seconds, 0) / 60
  const commands = [...new Set(parts.map(({ command }) => command))].map(command => `\`${command}\``)
  const commits = [...new Set(parts.map(({ commit }) => commit))]
  const when = [first, last].map(({ at }) => at.slice(0, 16).replace('T', ' '))
  return `${parts.length} parts, ${minutes.toFixed(0)} minutes in all, ${when.join(' to ')} UTC, on ${commits.join(', ')}: ${commands.join(', ')}.`
}
