/* Nothing has failed, and the MASTER moves all the same. */
import { lostIn, measureMoves } from '../bench/planned-moves.ts'
import { MOVES, type Move } from '../lab/moving-pair.ts'
import { OURS_200, THEIRS_200 } from './peer.ts'
import { atMost, type Figure, type Row } from './row.ts'

const WORDS: Readonly<Record<Move, string>> = {
  leave: 'SIGTERM',
  return: 'started again',
  lower: 'priority lowered',
  raise: 'priority raised',
}

export const PLANNED: Row = {
  name: 'moves',
  title: 'SIGTERM, and other planned moves',
  text: `All four in turn are one event, under 1,000 probes a second each by ICMP and UDP, IPv4 and IPv6, none of which ours may lose. Where both have the addresses
for less than no time, nobody has. [More of it](moves.md), with \`--handover 0s\` and keepalived as successor.`,
  figures: MOVES.flatMap((move): Figure[] => [
    { name: lostBy(move), unit: 'count', limits: [atMost(0)] },
    { name: overlapOf(move) },
  ]),
  wanted: new Map([
    [OURS_200, 25],
    [THEIRS_200, 5],
  ]),
  batch: 1,
  async run({ kind, interval }, times, found) {
    for (let i = 0; i < times; i++) {
      const { moved, pinged } = await measureMoves({ name: 'fail', kinds: [kind, kind], interval })
      const figures = moved.flatMap(each => [
        [lostBy(each.move), pinged.reduce((sum, stream) => sum + lostIn(stream, each, moved), 0)],
        [overlapOf(each.move), Math.max(...each.overlap)],
      ])
      found(Object.fromEntries(figures))
    }
  },
}

function lostBy(move: Move): string {
  return `${WORDS[move]}: probes lost`
}

function overlapOf(move: Move): string {
  return `${WORDS[move]}: both have the addresses`
}
