import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LabNode } from './lan.ts'

/** For so long one node alone advertised a virtual router; times in labTime, as the kernel stamped the packets. */
export interface Spell {
  readonly link: string
  readonly virtualRouterID: number
  readonly mac: string
  /** Its first advert. */
  readonly from: number
  /** Its last one so far; Priority 0 is none. */
  readonly until: number
  /** Its first answer to who asked by ARP, from its first advert on. */
  readonly answeredAt?: number | undefined
}

export interface Takeovers {
  /** All spells so far, by router and then in their order. */
  spells(): Promise<readonly Spell[]>
  close(): void
}

const WATCH = fileURLToPath(new URL('takeover-watch.ts', import.meta.url))

/** Watches from `client`, which takes no part, who is MASTER of each virtual router (IPv4) on these of its links. */
export async function watchTakeovers(client: LabNode, links: readonly string[]): Promise<Takeovers> {
  const child = client.spawn('node', [WATCH, ...links], { stdio: ['pipe', 'pipe', 'inherit'] })
  const { stdin, stdout } = child
  if (!stdin || !stdout) throw new Error('A watch without input or output')
  const lines = createInterface(stdout)
  await once(lines, 'line')
  return {
    async spells() {
      stdin.write('\n')
      const [line] = await once(lines, 'line')
      return JSON.parse(line) as Spell[]
    },
    close() {
      child.kill('SIGKILL')
    },
  }
}

/** Milliseconds from the old MASTER's last advert to the new one's first answer, for each router that changed hands in the last spell. */
export function unansweredTimes(spells: readonly Spell[]): number[] {
  return spells.flatMap((spell, i) => {
    const before = spells[i - 1]
    const isChange = before?.link === spell.link && before.virtualRouterID === spell.virtualRouterID
    const next = spells[i + 1]
    const isLast = next?.link !== spell.link || next.virtualRouterID !== spell.virtualRouterID
    return isChange && isLast ? [(spell.answeredAt ?? Number.NaN) - before.until] : []
  })
}
