import type { Check } from '../api/check.ts'
import { mayLookAtPods, mayRead } from '../api/check-rights.ts'
import { addsItsNumber } from '../api/file-number.ts'
import type { CheckToAllow } from '../api/virtual-ip-node.ts'
import { listing } from './listing.ts'
import type { PlanAgent } from './plan-input.ts'
import type { Refusal } from './refusal.ts'

/** What an agent must be started with for a check, and what that is for. */
interface Leave {
  readonly runs: string
  readonly flag: string
  readonly isGiven: (agent: PlanAgent) => boolean
}

/**
 * Looking at a node's processes, files and pods and running commands on it are the node's to allow: its agent's settings say so. The other kinds
 * need no leave: they do what any program on the network does.
 */
export function checkNotAllowed(checks: readonly Check[], members: readonly PlanAgent[]): Refusal | undefined {
  for (const check of checks) {
    const leave = leaveFor(check)
    if (!leave) continue
    const refusing = members.filter(agent => !leave.isGiven(agent)).map(({ node }) => node)
    if (refusing.length === 0) continue
    const [agents, them] = refusing.length === 1 ? ['the agent', 'it'] : ['the agents', 'them']
    const message = `Check ${check.name} ${leave.runs}, which ${agents} on ${listing(refusing)} must allow first: start ${them} with ${leave.flag}, or remove the check`
    return { refused: 'CheckNotAllowed', message }
  }
  return undefined
}

function leaveFor({ process, exec, file, pods }: Check): Leave | undefined {
  if (process) {
    const flag = "--allow-process-checks (the chart's value agent.allowProcessChecks)"
    return { runs: 'looks for a process', flag, isGiven: allows('Process') }
  }
  if (exec) {
    const flag = "--allow-exec-checks (the chart's value agent.allowExecChecks)"
    return { runs: 'runs a command', flag, isGiven: allows('Exec') }
  }
  if (pods) {
    const { namespace } = pods
    return {
      runs: `looks for pods in ${namespace}`,
      flag: `--pod-check-namespaces=${namespace} (the chart's value agent.podCheckNamespaces)`,
      isGiven: agent => allows('Pods')(agent) && mayLookAtPods(namespace, agent.status?.podCheckNamespaces ?? []),
    }
  }
  if (!file) return undefined
  const { path } = file
  const folder = path.slice(0, path.lastIndexOf('/')) || '/'
  return {
    runs: `reads ${path}`,
    flag: `--file-check-folders=${folder} (the chart's value agent.fileCheckFolders)`,
    isGiven: agent => allows('File')(agent) && mayRead(path, agent.status?.fileCheckFolders ?? []),
  }
}

function allows(kind: CheckToAllow): (agent: PlanAgent) => boolean {
  return ({ status }) => status?.checksAllowed?.includes(kind) ?? false
}

/**
 * The highest base priority that leaves the positive weights room: at 254 a priority ends (RFC 9568 §5.2.4 keeps 255 for the owner), and two
 * nodes that both end there would be equal. What the number in a file adds is not known.
 */
export function priorityCeiling(checks: readonly Check[]): number {
  const fixed = checks.filter(check => !addsItsNumber(check))
  const gain = fixed.reduce((sum, { weight = 0 }) => sum + Math.max(0, weight), 0)
  return Math.max(1, 254 - gain)
}

/** Checks whose weight changes nothing by itself: the first rank stays first although its check fails. `priorities`: in rank order. */
export function weakWeights(checks: readonly Check[], priorities: readonly number[]): string[] {
  const [first, second] = priorities
  if (first === undefined || second === undefined) return []
  const gap = first - second
  return checks
    .filter(check => check.weight !== undefined && !addsItsNumber(check) && Math.abs(check.weight) <= gap)
    .map(
      ({ name, weight = 0 }) =>
        `Warning: weight ${weight} of check ${name} is too small to make another node take over (the first has priority ${first}, the second ${second}): make it ${weight < 0 ? -(gap + 1) : gap + 1} or ${weight < 0 ? 'less' : 'more'}`,
    )
}
