/*
 * Planned moves under probes: how many are lost, and how long both nodes answer. `test/lab/in-namespaces node test/bench/moves.ts [CYCLES]`
 * prints a table; 25 cycles, the default, are 100 moves of each pair. A cycle is a SIGTERM to the MASTER, its return, its priority
 * lowered, and raised again.
 */
import { execFileSync } from 'node:child_process'
import { ADDRESSES, type Kind, MOVES, type Move, type Moved } from '../lab/moving-pair.ts'
import type { Pinged } from '../lab/pings.ts'
import { lostIn, measureMoves, PROBE_EVERY } from './planned-moves.ts'

const cycles = Number(process.argv[2] ?? 25)
const INTERVAL = 200

interface Pair {
  readonly title: string
  readonly name: string
  readonly kinds: readonly [Kind, Kind]
  readonly args?: readonly string[]
}

const PAIRS: readonly Pair[] = [
  { title: 'kube-vrrp', name: 'ours', kinds: ['ours', 'ours'] },
  { title: 'kube-vrrp `--handover 0s`', name: 'letter', kinds: ['ours', 'ours'], args: ['--handover', '0s'] },
  { title: 'keepalived', name: 'theirs', kinds: ['keepalived', 'keepalived'] },
  { title: 'kube-vrrp, keepalived as its BACKUP', name: 'mixed', kinds: ['ours', 'keepalived'] },
]

const results = new Map<Pair, { moved: Moved[]; pinged: Pinged[] }>(
  PAIRS.map(pair => [pair, { moved: [], pinged: [] }]),
)
for (let cycle = 0; cycle < cycles; cycle++) {
  // In turn, so that a busy moment of the machine is nobody's alone.
  for (const [pair, result] of results) {
    const { moved, pinged } = await measureMoves({ ...pair, interval: INTERVAL })
    result.moved.push(...moved)
    result.pinged.push(...pinged)
  }
  process.stderr.write(`${cycle + 1} of ${cycles} cycles\n`)
}
process.stdout.write(`${table()}\n`)
process.exit(0)

function table(): string {
  const keepalived = /v[\d.]+/.exec(execFileSync('sh', ['-c', 'keepalived --version 2>&1']).toString())?.[0]
  const lines = PAIRS.flatMap(pair => MOVES.map(move => row(pair, move)))
  const longest = PAIRS.map(pair => {
    const { pinged } = results.get(pair) ?? { pinged: [] }
    const sent = pinged.reduce((sum, each) => sum + each.sent, 0)
    const slowest = Math.max(...pinged.map(each => each.slowest))
    return `${pair.title}: ${sent} probes, slowest answer ${slowest.toFixed(0)} ms`
  })
  return [
    `Adverts every ${INTERVAL} ms, a probe every ${PROBE_EVERY} ms by ICMP and by UDP to each of ${ADDRESSES.join(' and ')}; keepalived ${keepalived}.`,
    longest.join('; '),
    '',
    '| | move | moves | with a loss | probes lost | at most in one, of one stream | overlap in ms: median, most | gap in ms: most |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
  ].join('\n')
}

function row(pair: Pair, move: Move): string {
  const { moved, pinged } = results.get(pair) ?? { moved: [], pinged: [] }
  const moves = moved.filter(each => each.move === move)
  const losses = moves.map(each => pinged.map(stream => lostIn(stream, each, moved)))
  const total = losses.flat().reduce((sum, lost) => sum + lost, 0)
  const withLoss = losses.filter(each => each.some(lost => lost > 0)).length
  const overlaps = moves.flatMap(({ overlap }) => overlap).sort((a, b) => a - b)
  const median = overlaps[Math.floor(overlaps.length / 2)] ?? Number.NaN
  const most = overlaps.at(-1) ?? Number.NaN
  const gap = Math.max(0, -(overlaps[0] ?? 0))
  const figures = [moves.length, withLoss, total, Math.max(0, ...losses.flat())]
  return `| ${pair.title} | ${move} | ${figures.join(' | ')} | ${median.toFixed(1)}, ${most.toFixed(1)} | ${gap.toFixed(1)} |`
}
