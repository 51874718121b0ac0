/* What a client outside sees of an operation. */
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchAdverts } from '../lab/adverts.ts'
import { lostAt } from './lab/client.ts'
import type { Cluster } from './lab/cluster.ts'

export interface Outage {
  readonly operation: string
  /** Echo requests, one each millisecond. */
  readonly sent: number
  /** Without an answer for a second. */
  readonly lost: number
  /** Of those, who was asked just before and just after them was answered by different nodes. */
  readonly lostBetween: number
  /** The longest time between two answers, ms. */
  readonly gap: number
  /** Who answered, in order. */
  readonly answerers: readonly string[]
  /** Where two adverts were further apart than they should be: how far, ms. */
  readonly late: readonly number[]
}

/** Between two adverts, ms, as `serve` has it: the default. */
const INTERVAL = 200
/** Adverts that are no later than this are not late. */
const IN_TIME = 10
/** Who came late finds that out, asks who else is there, and tells its kernel. */
const RECOVERS = 100
const MOST_LAPSED = 500

/**
 * Nothing was lost, unless agents themselves stood still: where kubelets, containers and agents of three nodes share two cores, a loop may be kept from a
 * processor for longer than its kernel may answer for it (docs/decisions/0009). Then the same node is silent for a moment and goes on; or adverts were late, and
 * from one node to the next no more is lost than they were.
 */
export function assertServed({ operation, sent, lost, lostBetween, gap, late }: Outage): void {
  const excused = late.reduce((sum, pause) => sum + pause + RECOVERS, 0)
  const pauses = late.map(Math.round).join(', ') || 'none'
  const said = `${operation}: ${lost} of ${sent} probes lost, ${lostBetween} of them from one node to the next, ${gap} ms; late adverts (ms apart): ${pauses}`
  assert.ok(lostBetween <= excused && lost - lostBetween <= MOST_LAPSED, said)
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
  const adverts = await watchAdverts(cluster.client, address)
  await sleep(1500)
  await action().finally(() => sleep(1000))
  const [echoed, { answerers, probed }, times] = await Promise.all([echo.stop(), named.stop(), adverts.stop()])
  const { sent, lost, outage } = echoed
  const gap = Math.round(outage * 10) / 10
  const late = times.flatMap((at, i) => at - (times[i - 1] ?? at)).filter(pause => pause > INTERVAL + IN_TIME)
  const lostBetween = lostAt(echoed).filter(at => {
    const after = probed.answers.findIndex(({ sentAt }) => sentAt > at)
    const [from, to] = [probed.answers[after - 1], probed.answers[after]]
    return from && to && from.node !== to.node
  }).length
  const seen: Outage = {
    ...{ operation, sent, lost, lostBetween, gap },
    answerers: answerers.map(({ node }) => node),
    late,
  }
  const figures = process.env['KUBE_VRRP_OUTAGES']
  if (figures !== undefined) appendFileSync(figures, `${JSON.stringify(seen)}\n`)
  return seen
}
