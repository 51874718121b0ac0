/*
 * Planned moves under probes: how many are lost, and how long both nodes answer. `test/lab/in-namespaces node test/bench/moves.ts [CYCLES]`
 * prints a table; 25 cycles, the default, are 100 moves of each pair. A cycle is a SIGTERM to the MASTER, its return, its priority
 * lowered, and raised again.
 */
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { ADDRESSES, type Kind, MOVES, type Move, type Moved, MovingPair } from '../lab/moving-pair.ts'
import { type Pinged, startPings } from '../lab/pings.ts'

const cycles = Number(process.argv[2] ?? 25)
/** Between two probes of one kind to one address. */
const PACE = 1
const INTERVAL = 200
/** Announcements repeated after a move, and the neighbors' answers to them, are part of it. */
const AFTER_A_MOVE = 600

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

interface Result {
  readonly moved: Moved[]
  readonly pinged: Pinged[]
}

const results = new Map<Pair, Result>(PAIRS.map(pair => [pair, { moved: [], pinged: [] }]))
for (let cycle = 0; cycle < cycles; cycle++) {
  // In turn, so that a busy moment of the machine is nobody's alone.
  for (const [pair, result] of results) await measure(pair, result)
  process.stderr.write(`${cycle + 1} of ${cycles} cycles\n`)
}
process.stdout.write(`${table()}\n`)
process.exit(0)

async function measure({ name, kinds, args = [] }: Pair, { moved, pinged }: Result): Promise<void> {
  const pair = await MovingPair.open({ name, kinds, interval: INTERVAL, args })
  try {
    // The announcements of the start are over.
    await sleep(1500)
    const pings = await startPings(pair.client, ADDRESSES, PACE)
    await sleep(200)
    for (const move of MOVES) {
      moved.push(await pair.move(move))
      await sleep(AFTER_A_MOVE)
    }
    pinged.push(...(await pings.stop()))
  } finally {
    pair.close()
  }
}

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
    `Adverts every ${INTERVAL} ms, a probe every ${PACE} ms by ICMP and by UDP to each of ${ADDRESSES.join(' and ')}; keepalived ${keepalived}.`,
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

/** Lost from the begin of this move to that of the next. */
function lostIn({ lost }: Pinged, { at }: Moved, moved: readonly Moved[]): number {
  const next = moved.find(each => each.at > at)?.at ?? Number.POSITIVE_INFINITY
  return lost.filter(sentAt => sentAt >= at && sentAt < next).length
}
