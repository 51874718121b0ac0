import { behind } from '../../lab/behind.ts'
import { type LabNode, labTime } from '../../lab/lan.ts'
import { longestGap, type Probed, type ProbeProtocol, startProber } from '../../lab/prober.ts'
import { FIRST } from '../../lab/run-first.ts'

export interface ProbeSettings {
  readonly address: string
  /** ICMP is answered by the kernel of whoever has the address; UDP says who it was (default). */
  readonly protocol?: ProbeProtocol
  /** Milliseconds (default: 5). */
  readonly every?: number
}

/** What a client saw from the first answer on. Times in ms; `At` in labTime. */
export interface Figures {
  readonly sent: number
  /** Sent after the first answer, and not answered within a second. */
  readonly lost: number
  /** The longest time between two answers, or from the last one to the end. */
  readonly outage: number
  readonly outageAt: number
  /** Who answered, each change of it, with when. */
  readonly answerers: readonly { readonly node: string; readonly at: number }[]
  readonly probed: Probed
}

export interface Probing {
  /** Ends it, a second after the last probe at the latest. */
  stop(): Promise<Figures>
}

/** Begins to probe an address. The prober runs before everything else on this machine, so that its own waits are not taken for outages. */
export function startProbing(client: LabNode, { address, protocol = 'UDP', every = 5 }: ProbeSettings): Probing {
  const prober = startProber(behind(client, ['env', FIRST]), address, every, protocol)
  return {
    async stop() {
      const stoppedAt = labTime()
      return figuresOf(await prober.stop(), stoppedAt)
    },
  }
}

const LOST_AFTER = 1000

export function figuresOf(probed: Probed, stoppedAt: number): Figures {
  const [first] = probed.answers
  if (!first)
    return { sent: probed.sent.length, lost: probed.sent.length, outage: Infinity, outageAt: 0, answerers: [], probed }
  const lost = lostAt({ probed }).length
  const gap = longestGap(probed)
  const last = probed.answers.at(-1) ?? first
  const end = { outage: stoppedAt - last.at, outageAt: last.at }
  const between = { outage: gap?.ms ?? 0, outageAt: gap?.from.at ?? first.at }
  const answerers = probed.answers.filter(({ node }, i) => node !== probed.answers[i - 1]?.node)
  return {
    sent: probed.sent.length,
    lost,
    ...(end.outage > between.outage ? end : between),
    answerers: answerers.map(({ node, at }) => ({ node, at })),
    probed,
  }
}

/** When those probes were sent that are lost, in labTime. */
export function lostAt({ probed }: Pick<Figures, 'probed'>): number[] {
  const inTime = probed.answers.filter(({ at, sentAt }) => at - sentAt <= LOST_AFTER)
  const answered = new Set(inTime.map(({ probe }) => probe))
  const since = probed.answers[0]?.sentAt ?? Number.POSITIVE_INFINITY
  return probed.sent.filter((at, probe) => at >= since && !answered.has(probe))
}
