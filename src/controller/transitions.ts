import { ABNORMAL, type Condition } from '../api/conditions.ts'
import type { VirtualIPStatus } from '../api/virtual-ip.ts'
import { failoverSentence } from '../status/failovers.ts'
import { isHandingOver } from '../status/handing-over.ts'

/** What happened to a VirtualIP, as its event and its log line say it. */
export interface Transition {
  readonly type: 'Normal' | 'Warning'
  /** CamelCase */
  readonly reason: string
  readonly note: string
}

/** What a new status says that the previous one did not: a node's state, that there is no MASTER, a condition. */
export function transitions(previous: VirtualIPStatus | undefined, next: VirtualIPStatus): Transition[] {
  return [
    ...nodeTransitions(previous, next),
    ...newFailovers(previous, next),
    ...masterLost(previous, next),
    ...conditionTransitions(previous, next),
  ]
}

type NodeEntry = NonNullable<VirtualIPStatus['nodes']>[number]

function nodeTransitions(previous: VirtualIPStatus | undefined, next: VirtualIPStatus): Transition[] {
  const before = new Map(previous?.nodes?.map(entry => [keyOf(entry), entry]))
  return (next.nodes ?? []).flatMap(entry => {
    const old = before.get(keyOf(entry))
    return old?.state === entry.state ? [] : [nodeTransition(entry, old)]
  })
}

function keyOf({ node, family }: NodeEntry): string {
  return `${family} ${node}`
}

function nodeTransition(entry: NodeEntry, old: NodeEntry | undefined): Transition {
  const { node, family, state, reason, message } = entry
  const from = old ? ` (was ${old.state})` : ''
  const why = [reason, message].filter(text => text !== undefined && text !== '').join(': ')
  const note = `${node} is ${state}${from} for ${family}${why ? `: ${why}` : ''}`
  switch (state) {
    case 'MASTER':
      return { type: 'Normal', reason: 'BecameMaster', note }
    case 'BACKUP':
      return { type: 'Normal', reason: 'BecameBackup', note }
    case 'INITIALIZE':
      return { type: 'Normal', reason: 'Initialized', note }
    case 'FAULT':
      return { type: 'Warning', reason: 'BecameFault', note }
  }
}

function newFailovers(previous: VirtualIPStatus | undefined, next: VirtualIPStatus): Transition[] {
  const known = new Set(previous?.failovers?.map(({ time, family, to }) => `${time} ${family} ${to}`))
  return (next.failovers ?? [])
    .filter(({ time, family, to }) => !known.has(`${time} ${family} ${to}`))
    .map(failover => ({
      type: failover.reason === 'ActiveDown' ? ('Warning' as const) : ('Normal' as const),
      reason: 'FailedOver',
      note: failoverSentence(failover),
    }))
}

/** Who is MASTER now is told by its own transition. */
function masterLost(previous: VirtualIPStatus | undefined, next: VirtualIPStatus): Transition[] {
  if (previous?.master === undefined || next.master !== undefined || isHandingOver(next)) return []
  return [
    { type: 'Warning', reason: 'NoMaster', note: `No node is known to be MASTER any more (it was ${previous.master})` },
  ]
}

function conditionTransitions(previous: VirtualIPStatus | undefined, next: VirtualIPStatus): Transition[] {
  return (next.conditions ?? []).flatMap(condition => {
    const old = previous?.conditions?.find(({ type }) => type === condition.type)
    if (!isNews(condition, old)) return []
    const note = `${condition.type} is ${condition.status}: ${condition.message}`
    return [{ type: isBad(condition) ? ('Warning' as const) : ('Normal' as const), reason: condition.reason, note }]
  })
}

/** Every VirtualIP begins without a MASTER and a BACKUP: at first sight only a refusal is news, or what should never be. */
function isNews(condition: Condition, old: Condition | undefined): boolean {
  const { type, status, reason } = condition
  if (status === 'Unknown') return false
  const refused = type === 'Accepted' && status === 'False'
  if (!old) return refused || (ABNORMAL.has(type) && status === 'True')
  const abnormal = ABNORMAL.has(type)
  // Whether there is trouble was not known, and there is none.
  if (abnormal && old.status === 'Unknown' && status === 'False') return false
  return old.status !== status || ((refused || (abnormal && status === 'True')) && old.reason !== reason)
}

function isBad({ type, status }: Condition): boolean {
  return status === (ABNORMAL.has(type) ? 'True' : 'False')
}
