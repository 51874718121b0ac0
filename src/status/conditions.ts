import type { DesiredCondition } from '../api/conditions.ts'
import type { Family } from '../lib/ip-address.ts'
import type { Backups } from './backups.ts'
import { HANDING_OVER } from './handing-over.ts'
import type { Mastership, RouterReport } from './mastership.ts'
import type { NodeHealth } from './node-health.ts'
import type { Planned } from './planned.ts'
import { type Row, UNREACHABLE } from './rows.ts'
import {
  addressClaims,
  disturbances,
  OF_ADDRESSES,
  OTHER_MASTER,
  otherMasters,
  type Trouble,
  together,
  type WhoIs,
} from './troubles.ts'

export interface Findings {
  readonly plan: Planned
  /** Those that it has. */
  readonly families: readonly Family[]
  readonly masterships: ReadonlyMap<Family, Mastership>
  readonly reports: readonly RouterReport[]
  readonly whoIs: WhoIs
  readonly rows: readonly Row[]
  readonly backups: Backups
  readonly health: NodeHealth
}

/** All six, always: what is not known says so. */
export function conditionsOf(findings: Findings): DesiredCondition[] {
  return [
    { type: 'Accepted', ...accepted(findings) },
    ready(findings),
    redundant(findings),
    splitBrain(findings),
    addressConflict(findings),
    degraded(findings),
  ]
}

/** Where no agent reports, what is known of the first one's silence. */
function accepted({ plan, health }: Findings): Planned['accepted'] {
  const [first] = health.silentAgents
  if (plan.accepted.reason !== 'NoAgent' || !first) return plan.accepted
  const [node, why] = first
  return { ...plan.accepted, message: `${plan.accepted.message} On ${node}: ${why}` }
}

function ready(findings: Findings): DesiredCondition {
  const { plan, families, masterships, rows, health } = findings
  const type = 'Ready'
  if (plan.members.length === 0 && rows.length === 0) return notAccepted(type, findings)
  const split = splitTrouble(findings)
  if (split !== undefined) return { type, status: 'False', reason: 'SplitBrain', message: split.message }
  const leaving = families.flatMap(family => masterships.get(family)?.leaving ?? [])
  const missing = families.filter(family => !masterships.get(family)?.master && !masterships.get(family)?.leaving)
  if (missing.length === 0 && leaving[0]) {
    const message = 'The MASTER hands over: it answers until the next one has announced itself'
    return { type, status: 'True', reason: HANDING_OVER, message }
  }
  if (missing.length === 0) return { type, status: 'True', reason: 'MasterElected', message: masterSentence(findings) }
  const waiting = rows.every(({ node, reason }) => reason === 'NotReported' && !health.silentAgents.has(node))
  const of = families.length > 1 ? ` for ${missing.join(' and ')}` : ''
  const concerned = rows.filter(({ family }) => missing.includes(family))
  return waiting
    ? {
        type,
        status: 'False',
        reason: 'Waiting',
        message: `Waiting for the agents of ${nodesOf(rows)} to report on it`,
      }
    : { type, status: 'False', reason: 'NoMaster', message: `No node is MASTER${of}: ${describe(concerned)}` }
}

function notAccepted(type: string, findings: Findings): DesiredCondition {
  const message = `No node serves it, for it is not accepted: ${accepted(findings).message}`
  return { type, status: 'False', reason: 'NotAccepted', message }
}

function masterSentence({ families, masterships }: Findings): string {
  const masters = families.map(family => ({ family, node: masterships.get(family)?.master?.node }))
  const [first] = masters
  if (masters.every(({ node }) => node === first?.node)) return `${first?.node} is MASTER`
  return masters.map(({ family, node }) => `${node} is MASTER for ${family}`).join(', ')
}

function redundant(findings: Findings): DesiredCondition {
  const { plan, rows, backups } = findings
  const type = 'Redundant'
  if (plan.members.length === 0) return notAccepted(type, findings)
  const planned = new Set(plan.members.map(({ node }) => node))
  if (planned.size === 1) {
    const message = `${[...planned][0]} alone takes part: when it fails, nobody takes over. Let more nodes match, or give them the subnet`
    return { type, status: 'False', reason: 'SingleNode', message }
  }
  if (backups.healthy.length > 0) {
    const message = `${join(backups.healthy)} ${backups.healthy.length === 1 ? 'stands' : 'stand'} by`
    return { type, status: 'True', reason: 'BackupReady', message }
  }
  const others = rows.filter(({ state, node }) => state !== 'MASTER' && planned.has(node))
  return { type, status: 'False', reason: 'NoBackup', message: `No node stands by: ${describe(others)}` }
}

function splitBrain(findings: Findings): DesiredCondition {
  const type = 'SplitBrain'
  const split = splitTrouble(findings)
  return split === undefined
    ? { type, status: 'False', reason: 'NotSplit', message: 'No two nodes are MASTER at the same time' }
    : { type, status: 'True', ...split }
}

/** By what two nodes report; else by what one that is MASTER hears. */
function splitTrouble(findings: Findings): Trouble | undefined {
  const { families, masterships, reports, whoIs } = findings
  const split = families.flatMap(family => {
    const claims = masterships.get(family)?.split ?? []
    return claims.length > 1 ? [{ family, claims }] : []
  })
  const [first] = split
  if (!first) return together(otherMasters(reports, whoIs))
  const nodes = first.claims.map(({ node, link }) => `${node} (${link})`).sort()
  const where = split.map(({ family }) => family).join(' and ')
  const message = `${join(nodes)} are MASTER for ${where} at the same time: ${whySplit(first.claims, groups(split))}`
  return { reason: 'TwoMasters', message }
}

/** Which of them hears which, as far as they say. */
function whySplit(claims: readonly RouterReport[], group: string): string {
  const heard = claims.flatMap(({ node, observations = [] }) =>
    observations.flatMap(({ reason, message, source }) => {
      const other = source === undefined ? undefined : claims.find(({ primaryAddress }) => primaryAddress === source)
      return other ? [{ node, other: other.node, reason, message }] : []
    }),
  )
  const refusal = heard.find(({ reason }) => reason !== OTHER_MASTER && !OF_ADDRESSES.has(reason))
  if (refusal) return `on ${refusal.node} ${refusal.message} (it is ${refusal.other})`
  const [way] = heard.filter(({ reason }) => reason === OTHER_MASTER)
  if (way)
    return `${way.node} hears ${way.other}, which does not hear ${way.node}. See that IP protocol 112 passes from ${way.node} to ${way.other}, to ${group}`
  return `they do not hear each other. See that IP protocol 112 passes between them, to ${group}`
}

function addressConflict({ families, masterships, reports, whoIs }: Findings): DesiredCondition {
  const type = 'AddressConflict'
  const trouble = together(addressClaims(reports, whoIs))
  if (trouble) return { type, status: 'True', ...trouble }
  const masters = families.flatMap(family => masterships.get(family)?.master ?? [])
  if (masters.length === 0) {
    return { type, status: 'Unknown', reason: 'NoMaster', message: 'Only a MASTER asks who else has an address' }
  }
  const silent = masters.find(({ primaryAddress }) => primaryAddress === undefined)
  if (silent) {
    const message = `The agent on ${silent.node} is of a version that does not ask who else has an address`
    return { type, status: 'Unknown', reason: 'NotChecked', message }
  }
  const message = 'No other host says that it has one of the addresses; the MASTER asks every 2s'
  return { type, status: 'False', reason: 'NoOtherHolder', message }
}

function degraded({ reports, whoIs }: Findings): DesiredCondition {
  const type = 'Degraded'
  if (!reports.some(({ fresh }) => fresh)) {
    return { type, status: 'Unknown', reason: 'NotReported', message: 'No agent reports on it' }
  }
  const trouble = together(disturbances(reports, whoIs))
  if (trouble) return { type, status: 'True', ...trouble }
  return { type, status: 'False', reason: 'NothingWrong', message: 'What nodes hear of each other is as it should be' }
}

function groups(split: readonly { family: Family }[]): string {
  return split.map(({ family }) => (family === 'IPv4' ? '224.0.0.18' : 'ff02::12')).join(' and ')
}

/** What each node has, worst first: what an operator must see to, then what passes by itself. */
function describe(rows: readonly Row[]): string {
  const faults = rows.filter(({ state }) => state === 'FAULT')
  const others = rows.filter(({ state }) => state !== 'FAULT')
  return [...faults, ...others].map(sentenceFor).filter(isFirst).join('; ')
}

function isFirst(text: string, i: number, all: readonly string[]): boolean {
  return all.indexOf(text) === i
}

function sentenceFor({ node, state, reason, message }: Row): string {
  if (reason === UNREACHABLE) return `${node} is unreachable (${message})`
  return state === 'BACKUP' ? `${node} is BACKUP` : `${node} is ${state} (${message ?? reason})`
}

function nodesOf(rows: readonly Row[]): string {
  return join([...new Set(rows.map(({ node }) => node))])
}

/** `node1, node2 and node3` */
function join(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}
