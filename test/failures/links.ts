/* The MASTER's link goes, and it knows: nothing it says is heard. */
import { setTimeout as sleep } from 'node:timers/promises'
import { labTime } from '../lab/lan.ts'
import { type Bed, LOST, type Outcome, onOneBed } from './bed.ts'
import { OURS_200, THEIRS_200 } from './peer.ts'
import { atMost, type Figure, type Row } from './row.ts'

const TAKEN_OVER = 'loss → first answer of the successor'
const RELEASED = 'loss → it holds the address no longer'
const TWO = 'two answerers, from the loss until it is MASTER again'
const TRANSITIONS = 'transitions to MASTER until the link is back'
const BACK = 'link back → it is MASTER again'

/** In ms, after the takeover. */
const LASTS = 1500

const FIGURES: readonly Figure[] = [
  { name: TAKEN_OVER },
  { name: RELEASED },
  { name: TWO },
  { name: TRANSITIONS, unit: 'count', limits: [atMost(1)] },
  { name: BACK },
  { name: LOST, unit: 'count' },
]

const WANTED = new Map([
  [OURS_200, 10],
  [THEIRS_200, 5],
])

export const LINK_DOWN: Row = {
  name: 'link-down',
  title: 'The link is set down, and up',
  text: '`ip link set eth0 down` on the node, for about 2 s; IPv6 loses all its addresses by it.',
  figures: FIGURES,
  wanted: WANTED,
  batch: 5,
  run: onOneBed(bed => linkLost(bed, up => bed.pair.lan.setLink(bed.pair.nodes[0], up))),
}

export const CARRIER_LOSS: Row = {
  name: 'carrier-loss',
  title: 'The carrier is lost, and back',
  text: 'The port at the switch goes down for about 2 s.',
  figures: FIGURES,
  wanted: WANTED,
  batch: 5,
  run: onOneBed(bed => linkLost(bed, carrier => bed.pair.lan.setCarrier(bed.pair.nodes[0], carrier))),
}

async function linkLost(bed: Bed, set: (is: boolean) => void): Promise<Outcome> {
  const { pair } = bed
  const at = labTime()
  set(false)
  await bed.secondAnswers(at)
  await sleep(LASTS)
  const back = labTime()
  const lost = {
    [TAKEN_OVER]: bed.takenOverAfter(at),
    [RELEASED]: bed.lastChange(0, false, at),
    [TRANSITIONS]: bed.changed(0, true, at) + bed.changed(1, true, at),
  }
  set(true)
  await pair.isWithFirst()
  await sleep(LASTS)
  const figures = { ...lost, [TWO]: bed.twoAnswered(at), [BACK]: bed.lastChange(0, true, back) }
  return { from: at, until: back, figures }
}
