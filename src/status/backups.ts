import type { Planned } from './planned.ts'
import type { Row } from './rows.ts'

export interface Backups {
  /** Nodes that stand by in every family they are planned for, in rank order. */
  readonly healthy: readonly string[]
  /** How many there should be, for one of the nodes is to be MASTER. */
  readonly planned: number
}

export function backupsOf({ members }: Planned, rows: readonly Row[]): Backups {
  const nodes = [...new Set(members.map(({ node }) => node))]
  const planned = Math.max(0, nodes.length - 1)
  const standingBy = nodes.filter(node => rows.every(row => row.node !== node || row.state === 'BACKUP'))
  return { healthy: standingBy, planned }
}
