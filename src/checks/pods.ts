import type { PodsCheck } from '../api/check.ts'
import type { Millis } from '../lib/time.ts'
import { failed, type Outcome, type Run, unknown } from './run.ts'
import { within } from './time-limit.ts'

/** The pods on this node that some check asks for, as the API server told last. */
export interface PodWatch {
  /** Resolves once it is known how many of them are Ready: with that, or why it will not be. */
  readonly known: Promise<void>
  /** How many are Ready; a sentence where that is not known. */
  ready(): number | string
  close(): void
}

export interface Pods {
  /** Calls `look` when the first of them is Ready, and when none is any more, until it is closed. */
  watch(check: PodsCheck, look: () => void): PodWatch
}

/** Passes while a pod is Ready. Until anything is known of them it is waited for, for `limit` at most. */
export function lookForPods(watch: PodWatch, asked: string, limit: Millis): Run {
  const outcome = (): Outcome => {
    const ready = watch.ready()
    if (typeof ready === 'string') return unknown(ready)
    return ready > 0 ? { passed: true } : failed(`No pod ${asked} is Ready on this node`)
  }
  const known = within(limit, watch.known, undefined).then(outcome)
  return { outcome: known, ended: known.then(() => {}) }
}

/** `in web with app=nginx` */
export function podsText({ namespace, selector: { matchLabels = {}, matchExpressions = [] } }: PodsCheck): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`)
  const conditions = matchExpressions.map(({ key, operator, values = [] }) => [key, operator, ...values].join(' '))
  const asked = [...labels, ...conditions].join(', ')
  return `in ${namespace}${asked === '' ? '' : ` with ${asked}`}`
}
