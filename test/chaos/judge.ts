import type { Answered, Span, Watched } from '../lab/watching.ts'

/** What was wrong with nodes for a while; times in labTime. */
export type Impairment = Span &
  (
    | {
        /**
         * Stopped: killed or frozen. Off: without power or carrier. Starting: its agent has begun, and may not take part yet. Leaving: SIGTERM.
         * Only who has none of these is counted on to answer.
         */
        readonly kind: 'Stopped' | 'Off' | 'Starting' | 'Leaving'
        readonly node: string
      }
    | {
        /** These nodes and the others may not hear each other. */
        readonly kind: 'Apart'
        readonly nodes: readonly string[]
        /**
         * Who must answer meanwhile: on each side somebody, as who asks hears both; somebody of the others; somebody of all; nobody, where the
         * MASTER is heard and does not hear who asks.
         */
        readonly answers: 'EachSide' | 'Others' | 'Anybody' | 'NotSure'
      }
  )

/** What all is judged by. */
export interface Events {
  readonly nodes: readonly string[]
  readonly impairments: readonly Impairment[]
  /** When an address was taken from the node that answered. */
  readonly deletions: readonly number[]
}

export interface Bounds {
  /** Advertised, in ms, by address. */
  readonly intervalOf: (address: string) => number
  /** By how much, in ms, programs on this machine may be late to take over; and to hear who else has. */
  readonly late: { readonly toTakeOver: number; readonly toYield: number }
}

export interface Violation extends Span {
  readonly address: string
  readonly what: string
}

/** Milliseconds, added up over all addresses. */
export interface Verdict {
  readonly violations: readonly Violation[]
  /** Two answered: in a planned move or just after who had answered was stopped in one; because nodes did not hear each other; otherwise. */
  readonly two: { readonly planned: number; readonly apart: number; readonly otherwise: number }
  /** Nobody answered. */
  readonly nobody: number
  /** For how long at a time, each. */
  readonly silences: readonly Span[]
  /** How long each planned overlap was. */
  readonly overlaps: readonly number[]
}

/** From the winning advert to the loser's silence, if the loser hears it in time (decision 8). */
const UNTIL_ANNOUNCED = 50
/** When who asks was late, in ms before and after, those who answer may have been. */
const LATE_TOO = 1000
/** Rounds are not asked all the time. */
const ROUNDING = 30

/** Whether one answered for each address, wherever one could: but as decisions 8 and 9 say. */
export function judge(watched: Watched, nodeOf: (mac: string) => string, events: Events, bounds: Bounds): Verdict {
  const violations: Violation[] = []
  const overlaps: number[] = []
  const two = { planned: 0, apart: 0, otherwise: 0 }
  const silences: Span[] = []
  for (const [address, spans] of watched.byAddress) {
    const interval = bounds.intervalOf(address)
    for (const pair of twoAnswerers(spans)) {
      const names = pair.macs.map(nodeOf)
      const { apart, rest } = withoutApart(pair, names, events, 3 * interval + UNTIL_ANNOUNCED + bounds.late.toTakeOver)
      two.apart += seen(apart, watched.blind)
      for (const part of rest) {
        const nearby = { from: part.from - LATE_TOO, to: part.to + LATE_TOO }
        const late = bounds.late.toYield + notSeen(nearby, watched.blind)
        const until = Math.min(part.to, allowedUntil(part, names, events, interval, late))
        const planned = seen([{ from: part.from, to: until }], watched.blind)
        const beyond = seen([{ from: until, to: part.to }], watched.blind)
        two.planned += planned
        two.otherwise += beyond
        if (beyond === 0) overlaps.push(planned)
        else violations.push({ address, from: part.from, to: part.to, what: `${names.join(' and ')} both answer` })
      }
    }
    silences.push(...joined(spans.filter(({ macs }) => macs.length === 0)))
    violations.push(...rash(spans, nodeOf, events, interval).map(each => ({ address, ...each })))
    const bound = 4 * interval + bounds.late.toTakeOver
    for (const silence of silencesOf(spans, nodeOf, events, bound)) {
      if (seen([silence], watched.blind) > bound) violations.push({ address, ...silence })
    }
  }
  const nobody = seen(silences, watched.blind)
  return { violations: violations.sort((a, b) => a.from - b.from), two, nobody, silences, overlaps }
}

/**
 * Whether pings were answered wherever somebody was to answer: `lost` are the times of those that were not, `pace` ms apart. A ping goes where who asks
 * believes the address to be, so this holds the announcements to account.
 */
export function judgePings(
  address: string,
  lost: readonly number[],
  pace: number,
  blind: readonly Span[],
  events: Events,
  bounds: Bounds,
): Violation[] {
  const bound = 4 * bounds.intervalOf(address) + bounds.late.toTakeOver + UNTIL_ANNOUNCED
  const violations: Violation[] = []
  for (const { from, to, groups } of calmParts(events)) {
    if (groups.length === 0) continue
    const gone = runs(
      lost.filter(at => at >= from && at < to),
      pace,
    )
    for (const run of gone) {
      if (seen([run], blind) > bound) violations.push({ address, ...run, what: 'no ping is answered' })
    }
  }
  return violations
}

// ---- two answer

interface Pair extends Span {
  readonly macs: readonly [string, string]
}

/** Each two that answer at once, for as long as they do. */
function twoAnswerers(spans: readonly Answered[]): Pair[] {
  const done: Pair[] = []
  let open = new Map<string, Pair>()
  for (const { from, to, macs } of spans) {
    const still = new Map<string, Pair>()
    for (const [i, first] of macs.entries()) {
      for (const second of macs.slice(i + 1)) {
        const key = `${first} ${second}`
        still.set(key, { macs: [first, second], from: open.get(key)?.from ?? from, to })
      }
    }
    for (const [key, pair] of open) if (!still.has(key)) done.push(pair)
    open = still
  }
  return [...done, ...open.values()]
}

/** While the two may not have heard each other, or had not had `agreed` ms since to agree; and the rest of the time. */
function withoutApart(
  pair: Span,
  names: readonly string[],
  { impairments }: Events,
  agreed: number,
): { apart: Span[]; rest: Span[] } {
  let rest: Span[] = [{ from: pair.from, to: pair.to }]
  const apart: Span[] = []
  for (const impairment of impairments) {
    if (impairment.kind !== 'Apart') continue
    if (names.filter(name => impairment.nodes.includes(name)).length !== 1) continue
    const [from, to] = [impairment.from, impairment.to + agreed]
    apart.push(...rest.map(part => ({ from: Math.max(part.from, from), to: Math.min(part.to, to) })).filter(isSpan))
    rest = rest
      .flatMap(part => [
        { from: part.from, to: Math.min(part.to, from) },
        { from: Math.max(part.from, to), to: part.to },
      ])
      .filter(isSpan)
  }
  return { apart, rest }
}

/** Until when two that hear each other may answer, where all are late by so much. */
function allowedUntil(
  part: Span,
  names: readonly string[],
  { impairments }: Events,
  interval: number,
  late: number,
): number {
  const timeOut = interval + ROUNDING
  const stops = impairments.filter(each => each.kind === 'Stopped' && names.includes(each.node))
  let allowed = part.from + UNTIL_ANNOUNCED + timeOut + late
  for (const { from, to } of stops) {
    // Who may have been replaced waits as a Backup does when it is thawed or started again.
    if (from > part.to || part.from > to + 2 * interval) continue
    if (to - from < 3 * interval) allowed += to - from
    else return Math.max(part.from + late, from + timeOut)
  }
  return allowed
}

// ---- one answers too early

/** Who was replaced while it was stopped waits for three intervals at least, unless another leaves. */
function rash(
  spans: readonly Answered[],
  nodeOf: (mac: string) => string,
  { impairments }: Events,
  interval: number,
): Omit<Violation, 'address'>[] {
  return impairments.flatMap(stop => {
    const [thawed, until] = [stop.to, stop.to + 2 * interval]
    if (stop.kind !== 'Stopped') return []
    if (impairments.some(({ kind, from, to }) => kind === 'Leaving' && from < until && to > thawed - interval))
      return []
    const answers = ({ macs }: Answered) => macs.some(mac => nodeOf(mac) === stop.node)
    const before = spans.find(({ from, to }) => from < thawed && thawed <= to)
    if (!before || before.macs.length === 0 || answers(before)) return []
    const early = spans.find(span => span.from >= thawed && span.from < until && answers(span))
    return early ? [{ from: early.from, to: early.to, what: `${stop.node}, just thawed or started, answers` }] : []
  })
}

// ---- nobody answers

/** A time in which nothing begins or ends; of each of these groups somebody is well. */
interface CalmPart extends Span {
  readonly groups: readonly (readonly string[])[]
}

function silencesOf(
  spans: readonly Answered[],
  nodeOf: (mac: string) => string,
  events: Events,
  bound: number,
): { from: number; to: number; what: string }[] {
  const silences: { from: number; to: number; what: string }[] = []
  for (const part of calmParts(events)) {
    if (part.to - part.from <= bound) continue
    for (const group of part.groups) {
      const unanswered = spans.filter(
        ({ from, to, macs }) => to > part.from && from < part.to && !macs.some(mac => group.includes(nodeOf(mac))),
      )
      for (const { from, to } of joined(unanswered)) {
        const silence = { from: Math.max(from, part.from), to: Math.min(to, part.to) }
        silences.push({ ...silence, what: `nobody of ${group.join(', ')} answers` })
      }
    }
  }
  return silences
}

function calmParts({ nodes, impairments, deletions }: Events): CalmPart[] {
  const begins = impairments.filter(({ kind }) => kind !== 'Starting' && kind !== 'Leaving')
  const moments = [...deletions, ...begins.flatMap(({ from, to }) => [from, to])].sort((a, b) => a - b)
  const bounds = [Number.NEGATIVE_INFINITY, ...moments, Number.POSITIVE_INFINITY]
  return bounds.slice(1).map((to, i) => {
    const from = bounds[i] ?? to
    const during = impairments.filter(each => each.from < to && each.to > from)
    return { from, to, groups: groupsOf(nodes, during) }
  })
}

function groupsOf(nodes: readonly string[], during: readonly Impairment[]): string[][] {
  const ill = new Set<string>()
  let groups: string[][] = [[...nodes]]
  for (const impairment of during) {
    if (impairment.kind !== 'Apart') {
      ill.add(impairment.node)
      continue
    }
    const isApart = (name: string) => impairment.nodes.includes(name)
    switch (impairment.answers) {
      case 'EachSide':
        groups = groups.flatMap(group => [group.filter(isApart), group.filter(name => !isApart(name))])
        break
      case 'Others':
        groups = groups.map(group => group.filter(name => !isApart(name)))
        break
      case 'Anybody':
        for (const name of impairment.nodes) ill.add(name)
        break
      case 'NotSure':
        return []
    }
  }
  return groups.filter(group => group.some(name => !ill.has(name)))
}

// ---- spans

/** Milliseconds of these in which something was asked. */
function seen(spans: readonly Span[], blind: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + Math.max(0, span.to - span.from) - notSeen(span, blind), 0)
}

function notSeen({ from, to }: Span, blind: readonly Span[]): number {
  return blind.reduce((sum, each) => sum + Math.max(0, Math.min(to, each.to) - Math.max(from, each.from)), 0)
}

function joined(spans: readonly Span[]): Span[] {
  const result: { from: number; to: number }[] = []
  for (const { from, to } of spans) {
    const last = result.at(-1)
    if (last && last.to === from) last.to = to
    else result.push({ from, to })
  }
  return result
}

/** Times that follow one another without a gap. */
function runs(times: readonly number[], pace: number): Span[] {
  const result: { from: number; to: number }[] = []
  for (const at of times) {
    const last = result.at(-1)
    if (last && at - last.to < 2 * pace) last.to = at
    else result.push({ from: at, to: at })
  }
  return result
}

function isSpan({ from, to }: Span): boolean {
  return to > from
}
