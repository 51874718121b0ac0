import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LabNode } from './lan.ts'

/** A host said that it has an address. */
export interface Claim {
  /** labTime */
  readonly at: number
  readonly address: string
  readonly mac: string
}

export interface HeardAdvert {
  /** labTime */
  readonly at: number
  readonly family: 'IPv4' | 'IPv6'
  readonly virtualRouterID: number
  readonly priority: number
  readonly mac: string
}

/** What was heard so far, each in the order it came. */
export interface Heard {
  /** By who was asked. */
  readonly answers: readonly Claim[]
  /** By who was not asked: gratuitous ARP, unsolicited Neighbor Advertisements. */
  readonly announcements: readonly Claim[]
  readonly adverts: readonly HeardAdvert[]
}

export interface Asking extends Heard {
  /** All answers. */
  stop(): Promise<Claim[]>
}

const ASKER = fileURLToPath(new URL('asker.ts', import.meta.url))

/** Asks from `client` by ARP and ND, every `pace` ms, who has the addresses. Resolves when something is heard. */
export async function startAsking(client: LabNode, addresses: readonly string[], pace: number): Promise<Asking> {
  const args = [ASKER, ...askerArguments(client, addresses, pace)]
  const child = client.spawn('node', args, { stdio: ['pipe', 'pipe', 'inherit'] })
  if (!child.stdout) throw new Error('An asker without output')
  const answers: Claim[] = []
  const announcements: Claim[] = []
  const adverts: HeardAdvert[] = []
  const lines = createInterface(child.stdout).on('line', line => {
    const [time, what, ...rest] = line.split(' ')
    const at = Number(time)
    if (what === 'advert') {
      const [family, virtualRouterID, priority, mac = ''] = rest
      adverts.push({
        at,
        family: family === 'IPv4' ? 'IPv4' : 'IPv6',
        virtualRouterID: Number(virtualRouterID),
        priority: Number(priority),
        mac,
      })
    } else {
      const [address = '', mac = ''] = rest
      const claims = what === 'answer' ? answers : announcements
      claims.push({ at, address, mac })
    }
  })
  const ended = once(lines, 'close')
  await once(lines, 'line')
  return {
    answers,
    announcements,
    adverts,
    async stop() {
      child.stdin?.end()
      await ended
      return answers
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
