import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LabNode } from './lan.ts'

/** A host said that it has an address, when it was asked. */
export interface Claim {
  /** labTime */
  readonly at: number
  readonly address: string
  readonly mac: string
}

const ASKER = fileURLToPath(new URL('asker.ts', import.meta.url))

/** Asks from `client` by ARP and ND, every `pace` ms, who has the addresses. Resolves when it is answered. */
export async function startAsking(
  client: LabNode,
  addresses: readonly string[],
  pace: number,
): Promise<{ stop(): Promise<Claim[]> }> {
  const args = [ASKER, ...askerArguments(client, addresses, pace)]
  const child = client.spawn('node', args, { stdio: ['pipe', 'pipe', 'inherit'] })
  if (!child.stdout) throw new Error('An asker without output')
  const begun = once(child.stdout, 'data')
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  const ended = once(child, 'close')
  await begun
  return {
    async stop() {
      child.stdin?.end()
      await ended
      return output
        .trim()
        .split('\n')
        .map(line => line.split(' '))
        .map(([at, address = '', mac = '']) => ({ at: Number(at), address, mac }))
    },
  }
}

/** How often who asks whom, as asker.ts and watcher.ts want it. */
export function askerArguments(client: LabNode, addresses: readonly string[], pace: number): string[] {
  const index = client.run('cat', '/sys/class/net/eth0/ifindex').trim()
  const own6 = /inet6 (fe80[0-9a-f:]+)/.exec(client.run('ip', '-6', 'address', 'show', 'dev', 'eth0'))?.[1] ?? ''
  const own4 = client.addresses[0]?.split('/')[0] ?? ''
  return [String(pace), client.mac, own4, own6, index, ...addresses]
}
