import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { startAsking } from '../lab/asking.ts'
import { type LabNode, labTime } from '../lab/lan.ts'
import type { LiveCluster } from './live-cluster.ts'

/** What was seen of an outage, in ms. */
export interface Outage {
  readonly lasted: number
  /** How often everything has happened. */
  readonly rounds: number
  /** From each crash of a MASTER's node to the first answer of its successor. */
  readonly failovers: readonly number[]
  /** The longest time in which nobody answered. */
  readonly longestUnanswered: number
  /** From when the API server answers again until the status says who is MASTER. */
  readonly statusTrueAfter: number
}

interface Settings {
  readonly address: string
  /** The VirtualIP that has the address: of all three nodes, and settled. */
  readonly name: string
  /** Where the address is asked for from. */
  readonly client: LabNode
  /** At least so long; in ms. */
  readonly lasts: number
  readonly say?: (sentence: string) => void
}

/** Every agent's Lease is old when nobody has renewed for so long. */
const ALL_LOOK_OLD = 12_000

/**
 * Neither API server nor etcd. Meanwhile, again and again: the MASTER's node crashes, and boots with nothing but its disk; its agent is killed
 * and started; another's is told to end and started; the controller is killed and started. At last the MASTER's node crashes and stays away.
 * Throws where an address is not where it should be, and where anything is planned anew or moves once the API server is back.
 */
export async function apiOutage(cluster: LiveCluster, settings: Settings): Promise<Outage> {
  const { address, name, client, lasts, say = () => {} } = settings
  const [first = '', second = '', third = ''] = cluster.ranked(name)
  await cluster.heldBy(address, first)
  await cluster.calm()
  const told = await generations(cluster)
  const asking = await startAsking(client, [address], 10)
  const crashes: number[] = []
  const began = performance.now()
  await cluster.api.stopWithEtcd()

  let rounds = 0
  try {
    do {
      say(`${Math.round((performance.now() - began) / 1000)} s without an API server, ${rounds} rounds`)
      crashes.push(labTime())
      cluster.crash(first)
      await cluster.heldBy(address, second)
      cluster.restore(first)
      const booted = await cluster.startAgent(first)
      await cluster.heldBy(address, first)
      assert.match(booted.output(), /the last spec on disk/)
      for (const identity of cluster.controllers) {
        await cluster.stopController(identity, 'SIGKILL')
        await cluster.bootController(identity)
      }
      cluster.agent(first).kill('SIGKILL')
      await cluster.startAgent(first)
      await cluster.stopAgent(third)
      await cluster.startAgent(third)
      await cluster.heldBy(address, first)
      await sleep(1000)
      rounds++
    } while (performance.now() - began < lasts - 2000)
    crashes.push(labTime())
    cluster.crash(first)
    await cluster.heldBy(address, second)
    await sleep(1000)
  } finally {
    await cluster.api.start()
  }
  const lasted = performance.now() - began
  const back = performance.now()
  const transitions = cluster.transitions()
  await cluster.until('the status is true', () => cluster.latest(name).master === second)
  const statusTrueAfter = performance.now() - back
  await sleep(ALL_LOOK_OLD)
  assert.deepEqual(await generations(cluster), told, 'nothing is planned anew')
  assert.equal(cluster.transitions(), transitions, 'nothing moves')
  assert.deepEqual(cluster.holders(address), [second])
  await cluster.until('who is dead is known', () => cluster.row(name, first) === 'FAULT AgentUnreachable')

  const claims = await asking.stop()
  const successor = cluster.node(second).mac
  const failovers = crashes.map(
    at => (claims.find(claim => claim.at > at && claim.mac === successor)?.at ?? Infinity) - at,
  )
  const gaps = claims.slice(1).map(({ at }, i) => at - (claims[i]?.at ?? at))
  return { lasted, rounds, failovers, longestUnanswered: Math.max(...gaps), statusTrueAfter }
}

async function generations(cluster: LiveCluster): Promise<readonly (readonly [string, number | undefined])[]> {
  return (await cluster.virtualIPNodes()).map(({ metadata }) => [metadata.name, metadata.generation])
}
