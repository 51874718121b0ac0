/* What a client outside sees of an operation. */
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './lab/cluster.ts'

export interface Outage {
  readonly operation: string
  /** Echo requests, one each millisecond. */
  readonly sent: number
  /** Without an answer for a second. */
  readonly lost: number
  /** The longest time between two answers, ms. */
  readonly gap: number
  /** Who answered, in order. */
  readonly answerers: readonly string[]
}

/**
 * On a quiet machine none is lost (docs/outages.md). Where kubelets, containers and agents of three nodes share two cores, a loop may stand still
 * for longer than its interval's fence lasts, and two BACKUPs may take over from one that leaves: for a moment nobody answers.
 */
const MOST_LOST = 250

/** The address was answered for all the time, but for what a busy machine makes of it. */
export function assertServed({ operation, sent, lost, gap }: Outage): void {
  assert.ok(lost <= MOST_LOST, `${operation}: ${lost} of ${sent} probes lost, ${gap} ms`)
}

/**
 * Probes `address` at 1,000 echo requests a second (and by UDP, which says who answers) while `action` goes on, and a second before and after
 * it. The figures go into the table that the gate prints.
 */
export async function observe(
  cluster: Cluster,
  operation: string,
  address: string,
  action: () => Promise<unknown>,
): Promise<Outage> {
  const echo = cluster.client.probe({ address, protocol: 'ICMP', every: 1 })
  const named = cluster.client.probe({ address, every: 5 })
  await sleep(1500)
  await action().finally(() => sleep(1000))
  const [{ sent, lost, outage }, { answerers }] = await Promise.all([echo.stop(), named.stop()])
  const gap = Math.round(outage * 10) / 10
  const seen: Outage = { operation, sent, lost, gap, answerers: answerers.map(({ node }) => node) }
  const figures = process.env['KUBE_VRRP_OUTAGES']
  if (figures !== undefined) appendFileSync(figures, `${JSON.stringify(seen)}\n`)
  return seen
}
