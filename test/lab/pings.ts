import { fileURLToPath } from 'node:url'
import { startScript } from './background-script.ts'
import type { LabNode } from './lan.ts'

/** One address asked by one protocol at a steady pace. In ms. */
export interface Pinged {
  readonly address: string
  readonly protocol: 'ICMP' | 'UDP'
  readonly sent: number
  /** When those were sent that nobody answered within 1 s, in labTime. */
  readonly lost: number[]
  /** Between two answers. */
  readonly longestGap: number
  /** From a probe to its answer. */
  readonly slowest: number
  /** Answers beyond the first. */
  readonly duplicates: number
}

const PINGER = fileURLToPath(new URL('pinger.ts', import.meta.url))

/** Asks each address from `client` by ICMP and by UDP, unless told otherwise, every `pace` ms each, until `stop`. Resolves when it has begun. */
export async function startPings(
  client: LabNode,
  addresses: readonly string[],
  pace: number,
  protocols: readonly Pinged['protocol'][] = ['ICMP', 'UDP'],
): Promise<{ stop(): Promise<Pinged[]> }> {
  const pinger = await startScript(client, PINGER, [String(pace), protocols.join(), ...addresses])
  return {
    async stop() {
      const output = await pinger.stop()
      return JSON.parse(output.slice(output.indexOf('\n'))) as Pinged[]
    },
  }
}
