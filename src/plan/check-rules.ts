import type { Check } from '../api/virtual-ip.ts'
import { listing } from './listing.ts'
import type { PlanAgent } from './plan-input.ts'
import type { Refusal } from './refusal.ts'

const KINDS = {
  Process: { runs: 'looks for a process', flag: "--allow-process-checks (the chart's value agent.allowProcessChecks)" },
  Exec: { runs: 'runs a command', flag: "--allow-exec-checks (the chart's value agent.allowExecChecks)" },
} as const

/**
 * Looking at a node's processes and running commands on it are the node's to allow: its agent's settings say so. The other kinds need no leave:
 * they do what any program on the network does.
 */
export function checkNotAllowed(checks: readonly Check[], members: readonly PlanAgent[]): Refusal | undefined {
  for (const check of checks) {
    const kind = kindToAllow(check)
    if (!kind) continue
    const refusing = members.filter(({ status }) => !status?.checksAllowed?.includes(kind)).map(({ node }) => node)
    if (refusing.length === 0) continue
    const [agents, them] = refusing.length === 1 ? ['the agent', 'it'] : ['the agents', 'them']
    const message = `Check ${check.name} ${KINDS[kind].runs}, which ${agents} on ${listing(refusing)} must allow first: start ${them} with ${KINDS[kind].flag}, or remove the check`
    return { refused: 'CheckNotAllowed', message }
  }
  return undefined
}

function kindToAllow({ process, exec }: Check): keyof typeof KINDS | undefined {
  if (process) return 'Process'
  return exec ? 'Exec' : undefined
}

/**
 * The highest base priority that leaves the positive weights room: at 254 a priority ends (RFC 9568 §5.2.4 keeps 255 for the owner), and two
 * nodes that both end there would be equal.
 */
export function priorityCeiling(checks: readonly Check[]): number {
  const gain = checks.reduce((sum, { weight = 0 }) => sum + Math.max(0, weight), 0)
  return Math.max(1, 254 - gain)
}

/** Checks whose weight changes nothing by itself: the first rank stays first although its check fails. `priorities`: in rank order. */
export function weakWeights(checks: readonly Check[], priorities: readonly number[]): string[] {
  const [first, second] = priorities
  if (first === undefined || second === undefined) return []
  const gap = first - second
  return checks
    .filter(({ weight }) => weight !== undefined && Math.abs(weight) <= gap)
    .map(
      ({ name, weight = 0 }) =>
        `Warning: weight ${weight} of check ${name} is too small to make another node take over (the first has priority ${first}, the second ${second}): make it ${weight < 0 ? -(gap + 1) : gap + 1} or ${weight < 0 ? 'less' : 'more'}`,
    )
}
