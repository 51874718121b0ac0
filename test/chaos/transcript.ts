import type { Daemon } from '../lab/daemons.ts'
import type { Pinged } from '../lab/pings.ts'
import type { Watched } from '../lab/watching.ts'
import type { Violation } from './judge.ts'

export interface Evidence {
  readonly done: readonly { readonly at: number; readonly what: string }[]
  readonly watched: Watched
  readonly nodeOf: (mac: string) => string
  readonly logs: readonly Daemon[]
  readonly pings: readonly Pinged[]
  /** What the logs of others name, and of no interest here. */
  readonly others: readonly string[]
  /** Milliseconds of Date.now() at labTime 0. */
  readonly wallClock: number
}

const [BEFORE, AFTER] = [3000, 1000]
const MOST_LINES = 100

/** What was done, answered and said around a violation; times in ms since it began. */
export function transcript({ address, from, to, what }: Violation, evidence: Evidence): string {
  const { done, watched, nodeOf, logs, wallClock, pings, others } = evidence
  const lost = pings.find(each => each.address === address)?.lost ?? []
  const answers = (watched.byAddress.get(address) ?? []).map(span => {
    const who = span.macs.map(nodeOf).join(' and ') || 'nobody'
    return { at: span.from, what: `        ${who} answers (${(span.to - span.from).toFixed(0)} ms)` }
  })
  const said = logs.flatMap(({ node, output }) =>
    output()
      .split('\n')
      .flatMap(line => {
        const [, time = '', text] = /^(\S+Z) (?:INFO|WARN|ERROR)\s+(.*)/.exec(line) ?? []
        return text === undefined || others.some(other => text.includes(other))
          ? []
          : [{ at: Date.parse(time) - wallClock, what: `    ${node.name}: ${text}` }]
      }),
  )
  const lines = [
    ...done,
    ...answers,
    ...said,
    ...watched.blind.map(each => ({
      at: each.from,
      what: `who asks is blind for ${(each.to - each.from).toFixed(0)} ms`,
    })),
    ...lost
      .filter((at, i) => at - (lost[i - 1] ?? 0) > 100)
      .map(at => ({ at, what: '        pings begin to be lost' })),
  ]
    .filter(({ at }) => at > from - BEFORE && at < to + AFTER)
    .sort((a, b) => a.at - b.at)
    .map(line => `${(line.at - from).toFixed(0).padStart(8)}  ${line.what}`)
  const shown = lines.length > MOST_LINES ? ['…', ...lines.slice(-MOST_LINES)] : lines
  return [`${address}: ${what} for ${(to - from).toFixed(0)} ms`, ...shown].join('\n')
}
