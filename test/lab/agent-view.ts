import { join } from 'node:path'
import type { VirtualIPStatus } from '../../src/api/virtual-ip.ts'
import { agentSource } from '../../src/cli/agent-source.ts'
import type { AgentDaemon, Daemon } from './daemons.ts'
import { eventually } from './daemons.ts'

export type Row = NonNullable<VirtualIPStatus['nodes']>[number]

/** What an agent says of a virtual router of its own, over its socket; undefined where it says nothing of it, or nothing at all. */
export async function rowOf(
  { node, stateDir }: AgentDaemon,
  virtualIP: string,
  { family = 'IPv4', instance = node.name }: { family?: 'IPv4' | 'IPv6'; instance?: string } = {},
): Promise<Row | undefined> {
  const entries = await agentSource(join(stateDir, instance, 'agent.sock'))
    .list()
    .catch(() => [])
  return entries.find(({ name }) => name === virtualIP)?.status.nodes?.find(row => row.family === family)
}

/** Waits until the agent says over its socket and in its log that it is in this state, for this reason where one is given. */
export function comesTo(
  agent: AgentDaemon,
  state: Row['state'],
  {
    virtualIP = 'web',
    reason,
    daemons = [],
    ...options
  }: {
    virtualIP?: string
    reason?: string
    family?: 'IPv4' | 'IPv6'
    instance?: string
    daemons?: readonly Daemon[]
  } = {},
): Promise<Row> {
  const what = `${agent.node.name} is ${state}${reason ? ` (${reason})` : ''} for ${virtualIP}`
  const isThere = async () => {
    const row = await rowOf(agent, virtualIP, options)
    const isSaid = state === 'INITIALIZE' || lastSaid(agent, virtualIP, options.family ?? 'IPv4') === state
    return isSaid && row?.state === state && (reason === undefined || row.reason === reason) ? row : undefined
  }
  return eventually(what, isThere, { daemons: [agent, ...daemons] })
}

/** The log is written behind the agent's back. */
function lastSaid(agent: Daemon, virtualIP: string, family: string): string | undefined {
  const line = transitions(agent).findLast(
    text => text.includes(` ${virtualIP}: `) && text.includes(` family=${family}`),
  )
  return line && / -> (\w+): /.exec(line)?.[1]
}

/** The lines in which an agent told of a transition. */
export function transitions(agent: Daemon): string[] {
  return agent
    .output()
    .split('\n')
    .filter(line => / -> (MASTER|BACKUP|FAULT|INITIALIZE)/.test(line))
}

/** Waits until the agent has written this. */
export async function says(agent: Daemon, text: string | RegExp): Promise<void> {
  const said = () => (typeof text === 'string' ? agent.output().includes(text) : text.test(agent.output()))
  await eventually(`${agent.node.name} says ${text}`, said, { daemons: [agent] })
}
