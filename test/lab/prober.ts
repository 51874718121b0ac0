import { fileURLToPath } from 'node:url'
import type { LabNode } from './lan.ts'

/** Times are labTime. */
export interface Answer {
  readonly probe: number
  readonly sentAt: number
  readonly at: number
  /** Who answered; empty for ICMP, which does not say. */
  readonly node: string
}

export type ProbeProtocol = 'UDP' | 'ICMP'

export interface Probed {
  /** When each was. */
  readonly sent: readonly number[]
  /** In the order they came. */
  readonly answers: readonly Answer[]
}

const RESPONDER = fileURLToPath(new URL('responder.ts', import.meta.url))
const PROBE = fileURLToPath(new URL('probe.ts', import.meta.url))

/** Has `node` answer probes with its name. */
export function startResponder(node: LabNode): void {
  node.spawn('node', [RESPONDER, node.name], { stdio: 'ignore' })
}

/** Probes `address` from `client` every `pace` ms, until `stop`, which waits a second for answers that are missing. */
export function startProber(
  client: LabNode,
  address: string,
  pace: number,
  protocol: ProbeProtocol = 'UDP',
): { stop(): Promise<Probed> } {
  const child = client.spawn('node', [PROBE, address, String(pace), protocol], { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk
  })
  const ended = new Promise<void>(resolve => child.on('close', () => resolve()))
  return {
    async stop() {
      child.stdin?.end()
      await ended
      return JSON.parse(output) as Probed
    },
  }
}

/** The longest time between two answers that lies at least partly after `since`; who answered before and after it. */
export function longestGap({ answers }: Probed, since = 0): { ms: number; from: Answer; to: Answer } | undefined {
  let longest: { ms: number; from: Answer; to: Answer } | undefined
  for (const [i, to] of answers.entries()) {
    const from = answers[i - 1]
    if (!from || to.at < since) continue
    const ms = to.at - from.at
    if (!longest || ms > longest.ms) longest = { ms, from, to }
  }
  return longest
}

export function lost({ sent, answers }: Probed): number {
  return sent.length - new Set(answers.map(({ probe }) => probe)).size
}
