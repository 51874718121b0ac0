import type { RouterStateName } from '../api/virtual-ip.ts'
import type { Observation, Takeover } from '../api/virtual-ip-node.ts'
import type { Family } from '../lib/ip-address.ts'
import type { Instant, Millis } from '../lib/time.ts'

/** What a node's agent last said of one virtual router. */
export interface RouterReport {
  readonly node: string
  readonly family: Family
  readonly state: RouterStateName
  readonly priority: number
  readonly link: string
  /** RFC 3339, by the node's own clock. */
  readonly since: string
  readonly reason: string
  readonly message?: string
  readonly checks: readonly { readonly name: string; readonly passing: boolean; readonly message?: string }[]
  /** What its adverts are sent from; in FAULT, what they were sent from. */
  readonly primaryAddress?: string
  /** Of its link. */
  readonly mac?: string
  /** Whose adverts it hears as BACKUP, and their priority. */
  readonly activeAddress?: string
  readonly activePriority?: number
  readonly observations?: readonly Observation[]
  readonly lastTakeover?: Takeover
  /** When the report of this state arrived here, by our monotonic clock. */
  readonly reportedAt: Instant
  /** When the agent's Lease was last seen to be renewed, by the same clock. A renewal vouches for what was reported before it. */
  readonly leaseRenewedAt?: Instant
  /** Its Lease is fresh. */
  readonly fresh: boolean
}

export interface Mastership {
  /** The MASTER as far as anyone can know. */
  readonly master?: RouterReport
  /** Where there is none for a moment: who hands over. */
  readonly leaving?: RouterReport
  /** Others who said they were MASTER before and have not renewed since: they will say otherwise, or are dead. */
  readonly superseded: readonly RouterReport[]
  /** Who says to be MASTER, when it is certain that two do. */
  readonly split: readonly RouterReport[]
}

/**
 * Reports that arrived together, as after a restart of the controller when all are read at once, say nothing about which is newer, in ms.
 * Below it, the MASTER there was stays until the other's word is gone.
 */
const TOGETHER: Millis = 100

/** Who is MASTER, of one family. The newest report wins; a dead node's word does not count. */
export function mastership(reports: readonly RouterReport[], previousMaster: string | undefined): Mastership {
  const claims = reports.filter(({ fresh, state }) => fresh && state === 'MASTER')
  const latest = Math.max(...claims.map(({ reportedAt }) => reportedAt))
  const [master, ...others] = [...claims].sort(
    (a, b) =>
      Number(isNew(b, latest)) - Number(isNew(a, latest)) ||
      Number(hasRenewed(b, latest)) - Number(hasRenewed(a, latest)) ||
      Number(b.node === previousMaster) - Number(a.node === previousMaster) ||
      b.since.localeCompare(a.since) ||
      a.node.localeCompare(b.node),
  )
  if (!master) return { superseded: [], split: [] }
  const certain = claims.filter(claim => hasRenewed(claim, latest))
  return {
    master,
    superseded: others.filter(claim => !hasRenewed(claim, latest)),
    split: certain.length > 1 ? certain : [],
  }
}

function isNew({ reportedAt }: RouterReport, latest: Instant): boolean {
  return latest - reportedAt <= TOGETHER
}

/** Whether it still said so after the latest of them had spoken: a node that crashed can't have. */
function hasRenewed({ leaseRenewedAt }: RouterReport, latest: Instant): boolean {
  return leaseRenewedAt !== undefined && leaseRenewedAt > latest
}
