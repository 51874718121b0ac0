import type { ObjectMeta } from '../api/object-meta.ts'

/** What is kept of an agent's pod. */
export interface AgentPod {
  readonly metadata: ObjectMeta
  /** Absent while it is not bound to one. */
  readonly node?: string
  readonly restarts: number
  /** How its container last ended before it was started again, e.g. `OOMKilled`. */
  readonly lastEnd?: string
  /** Why it is made to leave (evicted, preempted, deleted for a taint), e.g. `EvictionByEvictionAPI: Eviction API: evicting`. */
  readonly disrupted?: string
  /** Why nothing runs in it, e.g. `ImagePullBackOff: Back-off pulling image …`; absent while its container runs. */
  readonly trouble?: string
}

/** The chart's labels on agents' pods. */
export const AGENT_PODS = 'app.kubernetes.io/part-of=kube-vrrp,app.kubernetes.io/component=agent'

export function readAgentPod(object: unknown): AgentPod {
  const { metadata, spec, status } = object as RawPod
  const { name, resourceVersion } = metadata
  const container = status?.containerStatuses?.find(({ name }) => name === 'agent')
  const ended = container?.lastState?.terminated
  const disruption = status?.conditions?.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True')
  const trouble = troubleOf(status, container, ended)
  return {
    metadata: { name, ...(resourceVersion !== undefined && { resourceVersion }) },
    ...(spec?.nodeName !== undefined && { node: spec.nodeName }),
    restarts: container?.restartCount ?? 0,
    ...(ended && { lastEnd: endOf(ended) }),
    ...(disruption && { disrupted: sentence(disruption.reason ?? 'Disrupted', disruption.message) }),
    ...(trouble !== undefined && { trouble }),
  }
}

/** What an operator must hear of a change of an agent's pod, or undefined. */
export function newsOf(current: AgentPod, previous: AgentPod | undefined): string | undefined {
  if (!previous || current.node === undefined) return undefined
  if (current.restarts > previous.restarts) {
    const times = current.restarts === 1 ? '' : ` (restarts: ${current.restarts})`
    return `The agent on ${current.node} was started again${times}, for it had ended: ${current.lastEnd ?? 'nobody knows why'}`
  }
  if (current.disrupted !== undefined && previous.disrupted === undefined) {
    return `The agent on ${current.node} is made to leave: ${current.disrupted}`
  }
  const kind = kindOf(current.trouble)
  return kind !== undefined && kind !== kindOf(previous.trouble)
    ? `The agent on ${current.node} does not run: its pod ${current.metadata.name} is ${current.trouble}`
    : undefined
}

/** What a person must see to; undefined for what passes (a pod that starts, a container that ended and is started again). */
function kindOf(trouble: string | undefined): string | undefined {
  const word = trouble?.split(':', 1)[0] ?? ''
  if (/^(ErrImage|ImagePull|InvalidImage)/.test(word)) return 'Image'
  return /^(CrashLoopBackOff|Create\w+Error|RunContainerError|Evicted)$/.test(word) ? word : undefined
}

function troubleOf(
  status: RawPod['status'],
  container: RawContainer | undefined,
  ended: Terminated | undefined,
): string | undefined {
  if (status?.phase === 'Failed') return sentence(status.reason ?? 'Failed', status.message)
  if (!container) return status?.phase ?? 'Pending'
  const { waiting, terminated } = container.state ?? {}
  if (waiting) {
    const why = ended ? `it ended with ${endOf(ended)}` : waiting.message
    return sentence(waiting.reason ?? 'Waiting', why)
  }
  return terminated && endOf(terminated)
}

/** Kubelets' messages repeat themselves with every layer of software they came through. */
const LONGEST = 160

function sentence(word: string, why: string | undefined): string {
  if (why === undefined || why === '') return word
  return `${word}: ${why.length > LONGEST ? `${why.slice(0, LONGEST)}…` : why}`
}

/** `OOMKilled`, `Error (exit code 137, as by SIGKILL)` */
function endOf({ reason = 'Ended', exitCode }: Terminated): string {
  if (reason !== 'Error' || exitCode === undefined) return reason
  const signal = SIGNALS[exitCode - 128]
  return `${reason} (exit code ${exitCode}${signal === undefined ? '' : `, as by ${signal}`})`
}

const SIGNALS: Readonly<Record<number, string>> = { 6: 'SIGABRT', 9: 'SIGKILL', 11: 'SIGSEGV', 15: 'SIGTERM' }

interface RawPod {
  readonly metadata: ObjectMeta
  readonly spec?: { readonly nodeName?: string }
  readonly status?: {
    readonly phase?: string
    readonly reason?: string
    readonly message?: string
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[]
    readonly containerStatuses?: readonly RawContainer[]
  }
}

interface RawContainer {
  readonly name: string
  readonly restartCount?: number
  readonly state?: { readonly waiting?: { reason?: string; message?: string }; readonly terminated?: Terminated }
  readonly lastState?: { readonly terminated?: Terminated }
}

interface Terminated {
  readonly reason?: string
  readonly exitCode?: number
}
