import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../lab/daemons.ts'
import { type LabNode, labTime, openLan } from '../lab/lan.ts'
import { usageOn } from './processes.ts'
import { addressOf, type Kind, startRouter } from './virtual-routers.ts'

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
/** After that, the repeated announcements of a take-over are done on both sides (keepalived's after 5 s). */
const SETTLED = 8000

/** What one daemon costs in one role over `window` ms; on the other node is keepalived, whoever is measured. */
export async function measureCost(kind: Kind, role: Role, routers: number, window: number): Promise<Cost> {
  const lan = openLan({ bridge: 'br-cost' })
  const self = {
    node: lan.addNode({ name: 'self', addresses: ['10.98.0.1/16'] }),
    priority: role === 'MASTER' ? 200 : 100,
  }
  const peer = {
    node: lan.addNode({ name: 'peer', addresses: ['10.98.0.2/16'] }),
    priority: role === 'MASTER' ? 100 : 200,
  }
  const ranks = [self, peer]
  const master = role === 'MASTER' ? self : peer
  const backup = role === 'MASTER' ? peer : self
  const kindOf = (rank: typeof self) => (rank === self ? kind : 'keepalived')
  const workload = { count: routers, interval: INTERVAL }
  try {
    const daemons = [startRouter(kindOf(master), workload, master, ranks)]
    const settled = async (what: string, is: () => boolean) => {
      await eventually(what, is, { daemons, within: 60_000 })
      await sleep(SETTLED)
    }
    await settled('the MASTER holds every address', () => held(master.node) === routers)
    daemons.push(startRouter(kindOf(backup), workload, backup, ranks))
    await settled('the BACKUP holds none', () => held(backup.node) === 0 && held(master.node) === routers)
    const before = { at: labTime(), sent: framesFrom(master.node), ...usageOn(self.node) }
    await sleep(window)
    const after = { at: labTime(), sent: framesFrom(master.node), ...usageOn(self.node) }
    const seconds = (after.at - before.at) / 1000
    return {
      kind,
      role,
      routers,
      processor: (after.processor - before.processor) / 10 / seconds,
      resident: after.resident,
      adverts: (after.sent - before.sent) / seconds,
    }
  } finally {
    lan.close()
  }
}

function held(node: LabNode): number {
  const addresses = node.run('ip', '-brief', '-4', 'address', 'show', 'eth0').split(/\s+/)
  return addresses.filter(address => address.startsWith(addressOf(0).slice(0, -1))).length
}

function framesFrom(node: LabNode): number {
  return Number(node.run('cat', '/sys/class/net/eth0/statistics/tx_packets'))
}
