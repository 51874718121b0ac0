/* Somebody deletes the address of a MASTER. */
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../lab/daemons.ts'
import { labTime } from '../lab/lan.ts'
import { ADDRESSES } from '../lab/moving-pair.ts'
import { type Bed, LOST, type Outcome, onOneBed } from './bed.ts'
import { deletionOf } from './deletion.ts'
import { OURS_200, THEIRS_200 } from './peer.ts'
import { atMost, type Row } from './row.ts'

const BACK = 'deletion → it is announced again'
const TRANSITIONS = 'transitions'

/** In ms; a keepalived that does not mend it is started again after that. */
const WATCHED = 3000

export const DELETED: Row = {
  name: 'deleted',
  title: 'An address is deleted by hand',
  text: 'Both addresses of the MASTER, by netlink.',
  figures: [
    { name: BACK, limits: [atMost(20)] },
    { name: TRANSITIONS, unit: 'count', limits: [atMost(0)] },
    { name: LOST, unit: 'count' },
  ],
  wanted: new Map([
    [OURS_200, 20],
    [THEIRS_200, 5],
  ]),
  batch: 5,
  run: onOneBed(deleted),
}

async function deleted(bed: Bed): Promise<Outcome> {
  const { pair } = bed
  const [node] = pair.nodes
  const deletions = ADDRESSES.map(address => deletionOf(node, address))
  const at = labTime()
  for (const remove of deletions) remove()
  const isBack = () => bed.announcedAfter(at) !== undefined
  await eventually('it is announced', isBack, { within: WATCHED }).catch(() => {})
  await sleep(WATCHED / 2)
  const end = labTime()
  const figures = { [BACK]: bed.announcedAfter(at), [TRANSITIONS]: bed.changed(1, true, at) }
  if (!pair.isHeldBy(0)) {
    await pair.daemons[0].stop()
    pair.restart()
  }
  return { from: at, until: end, figures }
}
