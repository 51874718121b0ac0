import { setTimeout as sleep } from 'node:timers/promises'
import { labTime } from '../lab/lan.ts'
import { LOST, onOneBed } from './bed.ts'
import { OURS_100, THEIRS_100 } from './peer.ts'
import { atMost, type Row } from './row.ts'

const GAP = 'longest time between two answers to a question every 10 ms'
const TRANSITIONS = 'transitions'
const LASTS = 5000

/** What this lab can't tell from an outage. */
export const QUIET: Row = {
  name: 'quiet',
  title: 'Nothing happens',
  text: 'For 5 s: what the lab itself adds.',
  figures: [
    { name: GAP },
    { name: TRANSITIONS, unit: 'count', limits: [atMost(0)] },
    { name: LOST, unit: 'count', limits: [atMost(0)] },
  ],
  wanted: new Map([
    [OURS_100, 5],
    [THEIRS_100, 5],
  ]),
  batch: 2,
  run: onOneBed(async bed => {
    const at = labTime()
    await sleep(LASTS)
    const end = labTime()
    return { from: at, until: end, figures: { [GAP]: bed.longestGap(at, end), [TRANSITIONS]: bed.changes(at) } }
  }),
}
