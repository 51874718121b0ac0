/* The MASTER is cut off, wholly or one way, and comes back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Direction, labTime } from '../lab/lan.ts'
import { ADDRESSES } from '../lab/moving-pair.ts'
import { type Bed, type Outcome, onOneBed, until } from './bed.ts'
import { OURS_100, OURS_200, THEIRS_100, THEIRS_200 } from './peer.ts'
import { atLeast, atMost, atMostIntervals, type Figure, type Row } from './row.ts'

const UNANSWERED = 'last advert → first answer of the other'
const ONE = 'heal → one MASTER'
const TWO = 'two answerers after the heal'
const ANNOUNCED = 'heal → the winner announces'
const TIMES = 'announcements of the winner, of each address, within 1.5 s'
const CHANGES = 'transitions from the heal on'
const LOST_LATER = 'probes lost from the heal on'

const LONGEST = 60
/** After the heal, in ms. */
const WATCHED = 1500

const OF_A_SPLIT: readonly Figure[] = [
  { name: UNANSWERED },
  { name: ONE, limits: [atMostIntervals(2)] },
  { name: TWO, limits: [atMostIntervals(2)] },
  { name: ANNOUNCED, limits: [atMostIntervals(2)] },
  { name: TIMES, unit: 'count', limits: [atLeast(2)] },
  { name: CHANGES, unit: 'count', limits: [atMost(1)] },
  { name: LOST_LATER, unit: 'count' },
]

export const SPLIT: Row = {
  name: 'split',
  title: 'Cut off, and healed',
  text: '1 s to 60 s long, half of them below 1.7 s: nothing passes between the MASTER and all others.',
  figures: OF_A_SPLIT,
  wanted: wanted(20, 5),
  batch: 4,
  run: onOneBed(bed => split(bed, 'Both')),
}

export const MUTE: Row = {
  name: 'mute',
  title: 'Not heard, and healed',
  text: 'As before, but it hears all others.',
  figures: OF_A_SPLIT,
  wanted: wanted(15, 4),
  batch: 4,
  run: onOneBed(bed => split(bed, 'FromNode')),
}

export const DEAF: Row = {
  name: 'deaf',
  title: 'Hears nothing, and healed',
  text: 'As before, but all others hear it: they have no reason to take over, and it answers nobody meanwhile.',
  figures: [
    { name: TWO, limits: [atMost(0)] },
    { name: CHANGES, unit: 'count', limits: [atMost(0)] },
    { name: LOST_LATER, unit: 'count', limits: [atMost(0)] },
  ],
  wanted: wanted(15, 4),
  batch: 4,
  run: onOneBed(deafened),
}

function wanted(ours: number, theirs: number): Row['wanted'] {
  return new Map([
    [OURS_200, ours],
    [OURS_100, ours],
    [THEIRS_200, theirs],
    [THEIRS_100, theirs],
  ])
}

async function split(bed: Bed, direction: Direction): Promise<Outcome> {
  const { pair } = bed
  const end = labTime() + duration()
  const at = labTime()
  pair.lan.cut(pair.nodes[0], direction)
  await bed.secondAnswers(at)
  const unanswered = bed.unansweredSince(at)
  await until(end)
  const { healed, whole } = heal(bed)
  await pair.isWithFirst()
  await sleep(WATCHED)
  const [{ mac }] = pair.nodes
  const announcements = bed.heard.announcements.filter(claim => claim.mac === mac && claim.at >= healed)
  return {
    from: whole,
    until: labTime(),
    lostAs: LOST_LATER,
    figures: {
      [UNANSWERED]: unanswered,
      [ONE]: bed.lastChange(1, false, healed),
      [TWO]: bed.twoAnswered(healed),
      [ANNOUNCED]: bed.announcedAfter(healed),
      [TIMES]: Math.min(...ADDRESSES.map(address => announcements.filter(claim => claim.address === address).length)),
      [CHANGES]: bed.changes(healed),
    },
  }
}

async function deafened(bed: Bed): Promise<Outcome> {
  const { pair } = bed
  const end = labTime() + duration()
  const at = labTime()
  pair.lan.cut(pair.nodes[0], 'ToNode')
  await until(end)
  const { whole } = heal(bed)
  await sleep(WATCHED)
  return {
    from: whole,
    until: labTime(),
    lostAs: LOST_LATER,
    figures: { [TWO]: bed.twoAnswered(at), [CHANGES]: bed.changes(at) },
  }
}

/** In ms; most are short, so that many can be made. */
function duration(): number {
  return 1000 * LONGEST ** (Math.random() ** 3)
}

/** Between which times, in labTime. */
function heal({ pair }: Bed): { healed: number; whole: number } {
  const healed = labTime()
  pair.lan.uncut(pair.nodes[0])
  return { healed, whole: labTime() }
}
