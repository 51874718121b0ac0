/* Both nodes start in the same instant. */
import { setTimeout as sleep } from 'node:timers/promises'
import { labTime } from '../lab/lan.ts'
import { type Bed, type Outcome, onOneBed } from './bed.ts'
import { OURS_200, THEIRS_200 } from './peer.ts'
import { atMost, type Row } from './row.ts'

const MASTER = 'start → the one with the higher priority is MASTER'
const FIRST = 'its transitions to MASTER'
const SECOND = 'transitions of the other to MASTER'
const TWO = 'two answerers'

/** In ms */
const WATCHED = 2000

export const STARTS: Row = {
  name: 'starts',
  title: 'Both start at once',
  text: 'Nothing of either was running.',
  figures: [
    { name: MASTER },
    { name: FIRST, unit: 'count', limits: [atMost(1)] },
    { name: SECOND, unit: 'count', limits: [atMost(0)] },
    { name: TWO, limits: [atMost(0)] },
  ],
  wanted: new Map([
    [OURS_200, 10],
    [THEIRS_200, 5],
  ]),
  batch: 5,
  run: onOneBed(started),
}

async function started(bed: Bed): Promise<Outcome> {
  const { pair } = bed
  // The BACKUP first: nobody succeeds to the other then.
  for (const daemon of pair.daemons.toReversed()) await daemon.stop()
  await pair.isWithNobody()
  const at = labTime()
  pair.restart()
  await pair.isWithFirst()
  await sleep(WATCHED)
  const figures = {
    [MASTER]: bed.lastChange(0, true, at),
    [FIRST]: bed.changed(0, true, at),
    [SECOND]: bed.changed(1, true, at),
    [TWO]: bed.twoAnswered(at),
  }
  return { from: at, until: at, figures }
}
