/* Very many virtual routers, when everything happens to all of them at once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { figuresOf } from '../bench/figures.ts'
import { Crowd } from '../lab/crowd.ts'
import { type LabNode, labTime } from '../lab/lan.ts'
import { stopAtOnce } from '../lab/stop-at-once.ts'
import { type Spell, unansweredTimes } from '../lab/takeovers.ts'
import { OURS_100, type Peer, THEIRS_100 } from './peer.ts'
import { atMost, type Figures, type Row } from './row.ts'

const STARTED = 'both started at once: changes of MASTER'
const MEDIAN = 'killed: last advert → first answer of the successor, median of all'
const SLOWEST = 'killed: last advert → first answer of the successor, slowest'
const TAKEN_OVER = 'killed: changes of MASTER'
const RETURNED = 'returned: changes of MASTER'
const BACK = 'returned: of these back to the other one'
const SETTLED = 'returned: start → all are with it'

const PER_LINK = 255
/** That nothing else comes of it, in ms. */
const WATCHED = 3000

export const STORM_255 = storm(1, 'A virtual router of every VRID: 255')
export const STORM_1020 = storm(4, 'A virtual router of every VRID on four links: 1,020')

function storm(links: number, title: string): Row {
  const size = links * PER_LINK
  return {
    name: `storm-${size}`,
    title,
    text: `Adverts every 100 ms, one IPv4 address each. Both daemons are started at once, and, when all have come to be with the node of the higher priority within 30 s, the MASTER of all is killed (SIGKILL), and, 3 s after all have answered on the other
node, started again, with the higher priority. Every change of MASTER of a virtual router is counted from the adverts, and who became MASTER is asked by ARP at once, and
again every 20 ms.`,
    figures: [
      { name: STARTED, unit: 'count' },
      { name: MEDIAN },
      { name: SLOWEST, limits: [atMost(450)] },
      { name: TAKEN_OVER, unit: 'count', limits: [atMost(size)] },
      { name: RETURNED, unit: 'count', limits: [atMost(size)] },
      { name: BACK, unit: 'count', limits: [atMost(0)] },
      { name: SETTLED },
    ],
    wanted: new Map([
      [OURS_100, 5],
      [THEIRS_100, 3],
    ]),
    batch: 1,
    async run(peer, times, found) {
      for (let i = 0; i < times; i++) found(await event(links, peer))
    },
  }
}

async function event(links: number, { kind, interval }: Peer): Promise<Figures> {
  const crowd = await Crowd.open({ name: 'storm', kind, links, routersPerLink: PER_LINK, interval })
  try {
    const begun = labTime()
    const second = crowd.start(crowd.second)
    const first = crowd.start(crowd.first)
    const isStarted = await settles(crowd, crowd.first)
    const started = { [STARTED]: (await changesSince(crowd, begun)).length }
    if (!isStarted) return { ...NEVER, ...started }

    await sleep(Math.random() * interval)
    const killedAt = labTime()
    stopAtOnce(first, 'SIGKILL')
    await first.ended
    const unanswered = figuresOf(unansweredTimes(await crowd.isWith(crowd.second, [second])))
    await sleep(WATCHED)
    const takenOver = await changesSince(crowd, killedAt)

    const returnedAt = labTime()
    crowd.start(crowd.first)
    const isBack = await settles(crowd, crowd.first)
    const settled = labTime() - WATCHED
    const returned = await changesSince(crowd, returnedAt)
    return {
      ...started,
      [MEDIAN]: unanswered.median,
      [SLOWEST]: unanswered.max,
      [TAKEN_OVER]: takenOver.length,
      [RETURNED]: returned.length,
      [BACK]: returned.filter(({ mac }) => mac === crowd.second.mac).length,
      [SETTLED]: isBack ? settled - returnedAt : undefined,
    }
  } finally {
    crowd.close()
  }
}

/** Where two that are started at once do not settle, nothing else can happen to them. */
const NEVER: Figures = Object.fromEntries(
  [MEDIAN, SLOWEST, TAKEN_OVER, RETURNED, BACK, SETTLED].map(name => [name, undefined]),
)

/** Whether all come to be with this node; resolves a while after it. */
async function settles(crowd: Crowd, node: LabNode): Promise<boolean> {
  const isSo = await crowd.isWith(node).then(
    () => true,
    () => false,
  )
  await sleep(WATCHED)
  return isSo
}

async function changesSince(crowd: Crowd, since: number): Promise<Spell[]> {
  return (await crowd.spells()).filter(({ from }) => from > since)
}
