/* A MASTER that stops, for whatever reason, and does not say so. */
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../lab/daemons.ts'
import { labTime } from '../lab/lan.ts'
import { childrenOf, stopAtOnce } from '../lab/stop-at-once.ts'
import { type Bed, LOST, type Outcome, onOneBed } from './bed.ts'
import { enter, exhaust, inCgroup, refusalOf } from './cgroups.ts'
import { OURS_100, OURS_200, type Peer, THEIRS_100, THEIRS_200, UNFENCED_200 } from './peer.ts'
import { atMost, type Figure, type Row } from './row.ts'

const UNANSWERED = 'last advert → first answer of the successor'
const TAKEN_OVER = 'stop → first answer of the successor'
const ANSWERS_ON = 'stop → last answer of the one that stopped'
const TWO = 'two answerers'
const GONE = 'stop → its address is gone'
const TRANSITIONS = 'transitions to MASTER'
const EARLY = 'answers of the thawed one within an interval'
const TWO_LATER = 'two answerers, from the thaw until it is MASTER again'

const OF_A_CRASH: readonly Figure[] = [
  { name: UNANSWERED },
  { name: TAKEN_OVER },
  { name: TWO, limits: [atMost(0)] },
  { name: TRANSITIONS, unit: 'count', limits: [atMost(1)] },
  { name: LOST, unit: 'count' },
]
const OF_A_STOP: readonly Figure[] = [
  ...OF_A_CRASH,
  { name: ANSWERS_ON },
  { name: GONE, limits: [atMost(4000, 'p95'), atMost(8000)] },
]
const OF_A_FREEZE: readonly Figure[] = [
  ...OF_A_STOP,
  { name: EARLY, unit: 'count', limits: [atMost(0)] },
  { name: TWO_LATER },
]

/** Beyond the takeover, in ms: who answers still, answers on. */
const WATCHED = 1000
/** An answer so shortly before the end of that, in ms, is not the last. */
const STILL = 100
/** More than a freezer or the kernel's killer takes, in ms. */
const GONE_WITHIN = 12_000
/** Between what is done to processes and the event, in ms. */
const BEFORE = 200

export const CRASH: Row = {
  name: 'crash',
  title: 'A node crashes',
  text: 'SIGKILL to all its processes, and its port at the switch down, in the same instant.',
  figures: OF_A_CRASH,
  wanted: new Map([...of(15, 8)].filter(([peer]) => peer !== UNFENCED_200)),
  batch: 4,
  run: onOneBed(async bed => {
    const { pair } = bed
    const outcome = await takenOver(bed, pair.lan.crash(pair.nodes[0]), false)
    await pair.rebootFirst()
    return outcome
  }),
}

export const KILL: Row = {
  name: 'kill',
  title: 'SIGKILL',
  text: 'To the whole daemon. It is started again when another is MASTER and its own address gone, or, for keepalived, a second later.',
  figures: OF_A_STOP,
  wanted: of(40, 10),
  batch: 5,
  run: onOneBed(async bed => {
    const [daemon] = bed.pair.daemons
    const at = labTime()
    stopAtOnce(daemon, 'SIGKILL')
    const outcome = await takenOver(bed, at)
    await daemon.ended
    bed.pair.restart()
    return outcome
  }),
}

export const FREEZE: Row = {
  name: 'freeze',
  title: 'SIGSTOP, then SIGCONT',
  text: 'To the whole daemon. It is thawed when another is MASTER and its own address gone, or, for keepalived, a second later. Its priority is the higher one.',
  figures: OF_A_FREEZE,
  wanted: of(40, 10),
  batch: 5,
  run: onOneBed(bed => {
    const [daemon] = bed.pair.daemons
    return frozen(
      bed,
      async () => stopAtOnce(daemon, 'SIGSTOP'),
      () => stopAtOnce(daemon, 'SIGCONT'),
    )
  }),
}

export const CGROUP_FREEZE: Row = {
  name: 'cgroup-freeze',
  title: 'Its cgroup is frozen, then thawed',
  text: '`cgroup.freeze` of its cgroup, as a paused container; else as SIGSTOP.',
  figures: OF_A_FREEZE,
  wanted: of(10, 5),
  batch: 5,
  refusal: () => refusalOf(group => group.freeze()),
  run: (peer, times, found) =>
    inCgroup(group =>
      onOneBed(async bed => {
        const [daemon] = bed.pair.daemons
        enter(group, [daemon.process.pid ?? 0, ...childrenOf(daemon)])
        await sleep(BEFORE)
        return frozen(
          bed,
          () => group.freeze(),
          () => group.thaw(),
        )
      })(peer, times, found),
    ),
}

export const OUT_OF_MEMORY: Row = {
  name: 'oom',
  title: 'Killed for want of memory',
  text: `Its memory cgroup is full, and the kernel kills it; of keepalived both processes, as with \`memory.oom.group\`: else the one starts the other again. It stops
when its process is seen to have ended.`,
  figures: OF_A_STOP,
  wanted: of(10, 5),
  batch: 5,
  refusal: () => refusalOf(async group => group.allowMemory(1 << 30)),
  run: (peer, times, found) =>
    inCgroup(group =>
      onOneBed(async bed => {
        const [daemon] = bed.pair.daemons
        const [child] = childrenOf(daemon)
        const victim = child ?? daemon.process.pid ?? 0
        group.allowMemory(1 << 30)
        enter(group, [victim])
        await sleep(BEFORE)
        if (child !== undefined) daemon.kill('SIGSTOP')
        const at = await exhaust(group, victim)
        daemon.kill('SIGKILL')
        const outcome = await takenOver(bed, at)
        await daemon.ended
        bed.pair.restart()
        return outcome
      })(peer, times, found),
    ),
}

function of(ours: number, theirs: number): ReadonlyMap<Peer, number> {
  return new Map([
    [OURS_200, ours],
    [OURS_100, ours],
    [UNFENCED_200, 3],
    [THEIRS_200, theirs],
    [THEIRS_100, theirs],
  ])
}

async function frozen(bed: Bed, freeze: () => Promise<void>, thaw: () => void): Promise<Outcome> {
  const { pair, peer, heard } = bed
  const at = labTime()
  await freeze()
  const outcome = await takenOver(bed, at)
  const thawed = labTime()
  thaw()
  await sleep(2 * peer.interval)
  const [{ mac }] = pair.nodes
  const early = heard.answers.filter(
    claim => claim.mac === mac && claim.at >= thawed && claim.at < thawed + peer.interval,
  )
  await pair.isWithFirst()
  await sleep(2 * peer.interval)
  return { ...outcome, figures: { ...outcome.figures, [EARLY]: early.length, [TWO_LATER]: bed.twoAnswered(thawed) } }
}

/** What is common to all of them; `goes`: whether our kernel is there to be asked for the address. */
async function takenOver(bed: Bed, at: number, goes = true): Promise<Outcome> {
  await bed.secondAnswers(at)
  if (goes && bed.peer.kind === 'ours') {
    const isGone = () => bed.lastChange(0, false, at) !== undefined
    await eventually('its address is gone', isGone, { within: GONE_WITHIN }).catch(() => {})
    await sleep(BEFORE)
  } else await sleep(WATCHED)
  const end = labTime()
  const answeredOn = bed.answeredOn(0, at)
  const isStill = answeredOn > end - at - STILL
  const figures = {
    [UNANSWERED]: bed.unansweredSince(at),
    [TAKEN_OVER]: bed.takenOverAfter(at),
    [TWO]: isStill ? undefined : bed.twoAnswered(at),
    [TRANSITIONS]: bed.changed(0, true, at) + bed.changed(1, true, at),
    ...(goes ? { [ANSWERS_ON]: isStill ? undefined : answeredOn, [GONE]: bed.lastChange(0, false, at) } : {}),
  }
  return { from: at, until: end, figures }
}
