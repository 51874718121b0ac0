import type { Observation } from '../api/virtual-ip-node.ts'
import type { RouterReport } from './mastership.ts'

/** Something that is wrong: a reason for machines, a sentence for people. */
export interface Trouble {
  readonly reason: string
  readonly message: string
}

/** What a sender is to us, as a sentence says it behind its address; undefined where that is not known. */
export type WhoIs = (source: string) => string | undefined

/** Reasons of observations that have a condition of their own; every other one is in Degraded. */
export const OTHER_MASTER = 'OtherMaster'
export const OF_ADDRESSES: ReadonlySet<string> = new Set(['AddressClaimed', 'SameAddressOtherVRID'])

/** Nodes by what their adverts, or their frames, are sent from. */
export function whoIsWho(reports: readonly RouterReport[]): WhoIs {
  // An agent that does not say what it sends from may be anyone.
  const isComplete = reports.every(({ state, primaryAddress }) => state === 'FAULT' || primaryAddress !== undefined)
  return source => {
    const node = reports.find(({ primaryAddress, mac }) => source === primaryAddress || source === mac)?.node
    if (node !== undefined) return node
    return isComplete ? 'no node of this VirtualIP' : undefined
  }
}

/** A MASTER that hears another one go on. */
export function otherMasters(reports: readonly RouterReport[], whoIs: WhoIs): Trouble[] {
  return observed(reports, whoIs, ({ reason }) => reason === OTHER_MASTER)
}

/** Who else has the addresses. */
export function addressClaims(reports: readonly RouterReport[], whoIs: WhoIs): Trouble[] {
  return observed(reports, whoIs, ({ reason }) => OF_ADDRESSES.has(reason))
}

/** Everything else: routers that are not ours, adverts that are refused or say otherwise, and nodes that do not hear each other. */
export function disturbances(reports: readonly RouterReport[], whoIs: WhoIs): Trouble[] {
  return [
    ...notHeard(reports, whoIs),
    ...observed(reports, whoIs, ({ reason }) => reason !== OTHER_MASTER && !OF_ADDRESSES.has(reason)),
  ]
}

/** Whether a BACKUP follows another than who says to be MASTER: so it is in the moment of every failover, and then no longer. */
export function isInDoubt(reports: readonly RouterReport[]): boolean {
  return astray(reports).length > 0
}

function observed(
  reports: readonly RouterReport[],
  whoIs: WhoIs,
  isMeant: (observation: Observation) => boolean,
): Trouble[] {
  return reports
    .filter(({ fresh }) => fresh)
    .flatMap(({ node, observations = [] }) =>
      observations.filter(isMeant).map(({ reason, message, source }) => {
        const who = source === undefined ? undefined : whoIs(source)
        return { reason, message: `On ${node}: ${message}${who === undefined ? '' : ` (${source} is ${who})`}` }
      }),
    )
}

/** The first one's reason, and what all say, as far as a reader follows. */
export function together(troubles: readonly Trouble[]): Trouble | undefined {
  const [first] = troubles
  if (!first) return undefined
  const sentences = troubles.map(({ message }) => message).filter((text, i, all) => all.indexOf(text) === i)
  const rest = sentences.length - MOST_SENTENCES
  const shown = sentences.slice(0, MOST_SENTENCES).join('. ')
  return { reason: first.reason, message: rest > 0 ? `${shown}. And ${rest} more` : shown }
}

const MOST_SENTENCES = 4

// ---- who hears whom, by what both sides report

interface Astray {
  readonly backup: RouterReport
  readonly masters: readonly RouterReport[]
}

function astray(reports: readonly RouterReport[]): Astray[] {
  const alive = reports.filter(({ fresh, primaryAddress }) => fresh && primaryAddress !== undefined)
  return alive
    .filter(({ state }) => state === 'BACKUP')
    .map(backup => ({
      backup,
      masters: alive.filter(({ state, family }) => state === 'MASTER' && family === backup.family),
    }))
    .filter(({ backup: { activeAddress }, masters }) => {
      if (activeAddress === undefined) return masters.length > 0
      return masters.every(({ primaryAddress }) => primaryAddress !== activeAddress)
    })
}

function notHeard(reports: readonly RouterReport[], whoIs: WhoIs): Trouble[] {
  const certain = astray(reports).filter(isCertain)
  return certain.flatMap(({ backup, masters }): Trouble[] => {
    const { node, family, link, activeAddress, activePriority } = backup
    const [master] = masters
    if (activeAddress === undefined) {
      if (!master) return []
      const others = reports.filter(report => report.fresh && report.state === 'BACKUP' && report.family === family)
      const nobody = others.every(other => certain.some(({ backup }) => backup === other))
      const who = nobody && others.length > 1 ? 'no BACKUP hears' : `${node} does not hear`
      const where = nobody ? `out of ${master.node} (${master.link})` : `into ${node} (${link})`
      const message = `${master.node} is MASTER for ${family}, and ${who} it: let IP protocol 112 ${where}`
      return [{ reason: 'MasterNotHeard', message }]
    }
    const who = whoIs(activeAddress)
    if (who === undefined) return []
    const follows = `${node} follows ${activeAddress}${activePriority === undefined ? '' : ` (priority ${activePriority})`}, which is ${who}`
    const whileOther = master ? `, while ${master.node} is MASTER: they do not hear each other` : ''
    const todo = 'end that router, or give this VirtualIP a virtualRouterID that is free there'
    const reason = reports.some(({ primaryAddress }) => primaryAddress === activeAddress)
      ? 'MasterNotHeard'
      : 'ForeignRouter'
    return reason === 'ForeignRouter'
      ? [{ reason, message: `${follows}${whileOther}; ${todo}` }]
      : master
        ? [{ reason, message: `${follows}${whileOther}; let IP protocol 112 through between all nodes` }]
        : []
  })
}

/** Both have renewed their word since the later of them gave it: it is no failover that one has told of and the other not yet. */
function isCertain({ backup, masters }: Astray): boolean {
  const all = [backup, ...masters]
  const latest = Math.max(...all.map(({ reportedAt }) => reportedAt))
  return all.every(({ leaseRenewedAt }) => leaseRenewedAt !== undefined && leaseRenewedAt > latest)
}
