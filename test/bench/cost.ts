import { setTimeout as sleep } from 'node:timers/promises'
import { type Daemon, eventually } from '../lab/daemons.ts'
import { type LabNode, type Lan, labTime, openLan } from '../lab/lan.ts'
import { usageOn } from './processes.ts'
import { addressOf, KINDS, type Kind, type Rank, startRouter } from './virtual-routers.ts'

export type Role = 'MASTER' | 'BACKUP'

export interface Cost {
  readonly kind: Kind
  readonly role: Role
  readonly routers: number
  /** Of one core, in per cent. */
  readonly processor: number
  /** MiB */
  readonly resident: number
  /** That the MASTER sent meanwhile, a second. */
  readonly adverts: number
}

const INTERVAL = 100

/**
 * What each kind costs in one role over `window` ms, `settled` ms after the last start, both in the same time: what else this machine does
 * hits them alike. On the other side is keepalived, whoever is measured.
 */
export async function measureCosts(role: Role, routers: number, settled: number, window: number): Promise<Cost[]> {
  const beds = role === 'MASTER' ? KINDS.map(kind => new Bed(kind, ['keepalived'])) : [new Bed('keepalived', KINDS)]
  try {
    for (const bed of beds) await bed.start(routers)
    await sleep(settled)
    const measured = beds.flatMap(bed => (role === 'MASTER' ? [bed.master] : bed.backups))
    const master = (self: Member) => beds.find(bed => bed.backups.includes(self))?.master ?? self
    const begin = measured.map(self => reading(self, master(self)))
    await sleep(window)
    return measured.map((self, i) => {
      const [before, after] = [begin[i], reading(self, master(self))]
      if (!before) throw new Error('There is no first reading')
      const seconds = (after.at - before.at) / 1000
      return {
        kind: self.kind,
        role,
        routers,
        processor: (after.processor - before.processor) / 10 / seconds,
        resident: after.resident,
        adverts: (after.sent - before.sent) / seconds,
      }
    })
  } finally {
    for (const bed of beds) bed.close()
  }
}

interface Member extends Rank {
  readonly kind: Kind
}

/** A MASTER and its BACKUPs on a LAN. */
class Bed {
  readonly master: Member
  readonly backups: readonly Member[]
  readonly #lan: Lan

  constructor(master: Kind, backups: readonly Kind[]) {
    this.#lan = openLan({ bridge: `br-${master}` })
    const member = (kind: Kind, i: number): Member => ({
      kind,
      node: this.#lan.addNode({ name: `${master}-${i}`, addresses: [`10.98.0.${i}/16`] }),
      priority: i === 1 ? 200 : 110 - i,
    })
    this.master = member(master, 1)
    this.backups = backups.map((kind, i) => member(kind, i + 2))
  }

  /** The MASTER first, so that a BACKUP is never anything else. */
  async start(routers: number): Promise<void> {
    const ranks = [this.master, ...this.backups]
    const daemons: Daemon[] = []
    for (const member of ranks) {
      daemons.push(startRouter(member.kind, { count: routers, interval: INTERVAL }, member, ranks))
      await eventually(`${this.master.node.name} holds every address`, () => held(this.master.node) === routers, {
        daemons,
        within: 60_000,
      })
    }
    await sleep(3000)
    for (const { node } of this.backups) {
      if (held(node) > 0) throw new Error(`${node.name} is MASTER, and should be BACKUP`)
    }
  }

  close(): void {
    this.#lan.close()
  }
}

function reading(self: Member, master: Member) {
  return { at: labTime(), sent: framesFrom(master.node), ...usageOn(self.node) }
}

function held(node: LabNode): number {
  const addresses = node.run('ip', '-brief', '-4', 'address', 'show', 'eth0').split(/\s+/)
  return addresses.filter(address => address.startsWith(addressOf(0).slice(0, -1))).length
}

function framesFrom(node: LabNode): number {
  return Number(node.run('cat', '/sys/class/net/eth0/statistics/tx_packets'))
}
