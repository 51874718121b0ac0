import { setTimeout as sleep } from 'node:timers/promises'
import { ADDRESSES, MOVES, type Moved, MovingPair, type PairOptions } from '../lab/moving-pair.ts'
import { type Pinged, startPings } from '../lab/pings.ts'

/** Between two probes of one kind to one address, in ms. */
export const PROBE_EVERY = 1
/** Announcements repeated after a move, and the neighbors' answers to them, are part of it. */
const AFTER_A_MOVE = 600

/** Each planned move once, under probes. */
export async function measureMoves(options: PairOptions): Promise<{ moved: Moved[]; pinged: Pinged[] }> {
  const pair = await MovingPair.open(options)
  try {
    // The announcements of the start are over.
    await sleep(1500)
    const pings = await startPings(pair.client, ADDRESSES, PROBE_EVERY)
    await sleep(200)
    const moved: Moved[] = []
    for (const move of MOVES) {
      moved.push(await pair.move(move))
      await sleep(AFTER_A_MOVE)
    }
    return { moved, pinged: await pings.stop() }
  } finally {
    pair.close()
  }
}

/** Lost from the begin of this move to that of the next. */
export function lostIn({ lost }: Pinged, { at }: Moved, moved: readonly Moved[]): number {
  const next = moved.find(each => each.at > at)?.at ?? Number.POSITIVE_INFINITY
  return lost.filter(sentAt => sentAt >= at && sentAt < next).length
}
