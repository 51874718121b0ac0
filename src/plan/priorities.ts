/** The first rank's priority. */
const TOP = 250
/** From one rank to the next: little, so that Skew_Time stays short. */
const STEP = 12
/** At most: a check's `weight: -20` still passes the next rank. */
const MOST = 19
/** The first rank may be this far below TOP before it is moved up again. */
const SLACK = 36
const OWNER = 255
const HIGHEST = 254

/** A member, in its rank. */
export interface RankedNode {
  /** The priority that the user fixed. */
  readonly wanted?: number
  /** The priority it was last told. */
  readonly current?: number
  /** NotReady, cordoned or excluded now: it stands behind the others, and will return to `home`. */
  readonly rankedLast: boolean
  /** The priority it has or, ranked last, had. */
  readonly home?: number
  /** Every priority it may be running now. Where its agent is dead, none: the order among living nodes is what counts. */
  readonly mayRun: ReadonlySet<number>
  /** Priorities that no other node may have: those it may be running, and its home. */
  readonly reserved: ReadonlySet<number>
}

/*
 * Costs, each more than all of the next below it together (16 ranks).
 * OVER: with the positive weights of its checks it would reach 254, and meet others there.
 * OUT_OF_ORDER: until everyone has confirmed, a lower rank would pass a higher one that stays above it.
 * FAR: a failing check couldn't pass the next rank; or the first rank has sunk too low. The dearer the higher the rank, so that a gap which
 * can't be closed at once moves down, plan by plan, and off the end.
 * IN_THE_WAY: a node ranked last for a time could not return to above it.
 * CHANGE: a number other than the present one; a little less where the node has it anyhow.
 */
const OVER = 1e13
const OUT_OF_ORDER = 1e11
const FAR = 1e8
const IN_THE_WAY = 1e6
const CHANGE = 1e4
const OWN = 100

/**
 * A priority for each rank, falling, none of which another node may be running. Of all such rows the cheapest: present numbers stay where
 * the order allows, and what is new is STEP apart from TOP down. `others`: numbers that nodes which are no members may be running.
 * `ceiling`: the highest base priority that the checks' positive weights leave room for. Undefined where no number is left.
 */
export function assignPriorities(
  ranked: readonly RankedNode[],
  others: ReadonlySet<number>,
  ceiling: number,
): readonly (number | undefined)[] {
  if (ranked.length === 0) return []
  const users = countUsers(ranked, others)
  const asItIs = presentRow(ranked, users, ceiling) ?? unusedRow(ranked, users, ceiling)
  if (asItIs) return asItIs
  const costs = ranked.map((_, rank) => costOf(ranked, rank, users, ceiling))
  const row = cheapestRow(costs, ranked[0]?.wanted === undefined ? gapCosts : freeGaps)
  return row ?? [...assignPriorities(ranked.slice(0, -1), others, ceiling), undefined]
}

/** How many nodes may be running each priority. */
function countUsers(ranked: readonly RankedNode[], others: ReadonlySet<number>): Uint8Array {
  const users = new Uint8Array(OWNER + 1)
  for (const numbers of [others, ...ranked.map(({ reserved }) => reserved)]) {
    for (const number of numbers) users[number] = (users[number] ?? 0) + 1
  }
  return users
}

// ---- rows that need no search

/** The present numbers where nothing is wrong with them: a change would cost more than it could gain. Most plans change nothing. */
function presentRow(ranked: readonly RankedNode[], users: Uint8Array, ceiling: number): number[] | undefined {
  const row: number[] = []
  for (const { current, wanted } of ranked) {
    if (current === undefined || users[current] !== 1) return undefined
    if (wanted === undefined ? !follows(current, row.at(-1), ceiling) : current !== wanted) return undefined
    row.push(current)
  }
  return row
}

function follows(priority: number, previous: number | undefined, ceiling: number): boolean {
  if (previous !== undefined) return priority < previous && previous - priority <= MOST
  return priority <= ceiling && priority >= Math.min(TOP, ceiling) - SLACK
}

/** STEP apart from TOP down, or as the user fixed them, where nobody runs anything. */
function unusedRow(ranked: readonly RankedNode[], users: Uint8Array, ceiling: number): number[] | undefined {
  if (users.some(count => count > 0)) return undefined
  const row = ranked.map(({ wanted }, rank) => wanted ?? Math.min(TOP, ceiling) - STEP * rank)
  return row.every(priority => priority > 0) ? row : undefined
}

// ---- what a number costs

type Cost = (priority: number) => number

function costOf(ranked: readonly RankedNode[], rank: number, users: Uint8Array, ceiling: number): Cost {
  const self = ranked[rank]
  if (!self) return () => Infinity
  const { wanted, current, reserved } = self
  const { below, above } = boundsOf(ranked, rank)
  const returning = lowestReturn(ranked, self)
  const top = Math.min(TOP, ceiling)
  return priority => {
    if ((users[priority] ?? 0) > (reserved.has(priority) ? 1 : 0)) return Infinity
    let cost = priority < below && priority > above ? 0 : OUT_OF_ORDER
    if (wanted !== undefined) return priority === wanted ? cost : cost + CHANGE + Math.abs(priority - wanted)
    if (priority > HIGHEST) return Infinity
    if (priority > ceiling) cost += OVER
    if (priority > returning) cost += IN_THE_WAY
    if (priority !== current) cost += reserved.has(priority) ? CHANGE - OWN : CHANGE
    if (rank > 0) return cost
    return cost + Math.abs(top - priority) + (priority < top - SLACK ? FAR * ranked.length : 0)
  }
}

interface Bounds {
  /** Everyone who was above and stays above may be running this or more. */
  readonly below: number
  /** Everyone who was below and stays below may be running this or less. */
  readonly above: number
}

/** Nodes whose order stays as it is must not pass each other on the way, whoever hears of the change first. */
function boundsOf(ranked: readonly RankedNode[], rank: number): Bounds {
  const self = [...(ranked[rank]?.mayRun ?? [])]
  let [below, above] = [OWNER + 1, 0]
  ranked.forEach(({ mayRun }, other) => {
    if (mayRun.size === 0) return
    const [lowest, highest] = [Math.min(...mayRun), Math.max(...mayRun)]
    if (other < rank && self.every(priority => priority < lowest)) below = Math.min(below, lowest)
    if (other > rank && self.every(priority => priority > highest)) above = Math.max(above, highest)
  })
  return { below, above }
}

/** The lowest home of those who are ranked last now and belong above `self`. */
function lowestReturn(ranked: readonly RankedNode[], self: RankedNode): number {
  if (self.rankedLast) return OWNER
  return ranked.reduce(
    (lowest, { rankedLast, home = 0 }) => (rankedLast && home > (self.home ?? 0) ? Math.min(lowest, home) : lowest),
    OWNER,
  )
}

// ---- the cheapest row

/** What it costs that the next rank is lower by a gap of 1..MOST, and by more: then `far`, and 1 for each more. */
interface GapCosts {
  readonly near: readonly number[]
  readonly far: number
  readonly more: number
}
const gapCosts: GapCosts = {
  near: Array.from({ length: MOST + 1 }, (_, gap) => (gap - STEP) ** 2),
  far: FAR,
  more: 1,
}
const freeGaps: GapCosts = { near: Array(MOST + 1).fill(0), far: 0, more: 0 }

/** For each number, 1..255, the least cost of a row that ends there; Infinity where there is none. */
type LeastCosts = Float64Array

/** The falling row of numbers of least cost; undefined where there is none. */
function cheapestRow([first, ...rest]: readonly Cost[], gaps: GapCosts): number[] | undefined {
  let least: LeastCosts = new Float64Array(OWNER + 1).fill(Infinity)
  for (let priority = 1; first && priority <= OWNER; priority++) least[priority] = first(priority)
  const cameFrom: Uint8Array[] = []
  for (const [i, cost] of rest.entries()) {
    const next = oneRankLower(least, cost, { ...gaps, far: gaps.far * (rest.length - i) })
    least = next.least
    cameFrom.push(next.from)
  }
  return rowThatEndsCheapest(least, cameFrom)
}

function oneRankLower(
  higher: LeastCosts,
  cost: Cost,
  { near, far, more }: GapCosts,
): { least: LeastCosts; from: Uint8Array } {
  const least = new Float64Array(OWNER + 1).fill(Infinity)
  const from = new Uint8Array(OWNER + 1)
  let [distant, distantFrom] = [Infinity, 0]
  for (let priority = OWNER - 1; priority >= 1; priority--) {
    distant += more
    const entering = (higher[priority + MOST + 1] ?? Infinity) + far + more
    if (entering < distant) [distant, distantFrom] = [entering, priority + MOST + 1]
    const own = cost(priority)
    if (own === Infinity) continue
    let [best, bestFrom] = [distant, distantFrom]
    for (let gap = 1; gap <= MOST && priority + gap <= OWNER; gap++) {
      const reach = (higher[priority + gap] ?? Infinity) + (near[gap] ?? 0)
      if (reach < best) [best, bestFrom] = [reach, priority + gap]
    }
    least[priority] = best + own
    from[priority] = bestFrom
  }
  return { least, from }
}

function rowThatEndsCheapest(least: LeastCosts, cameFrom: readonly Uint8Array[]): number[] | undefined {
  let priority = least.reduce((best, cost, i) => (cost < (least[best] ?? Infinity) ? i : best), 0)
  if (priority === 0) return undefined
  const row = [priority]
  for (const from of [...cameFrom].reverse()) {
    priority = from[priority] ?? 0
    row.unshift(priority)
  }
  return row
}
