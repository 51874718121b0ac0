/* Controllers and API servers come and go; what answers for an address doesn't notice. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Daemon, scratchFolder, startAgent } from '../lab/daemons.ts'
import { FaultyApiServer } from '../lab/faulty-api-server.ts'
import type { LabNode } from '../lab/lan.ts'
import { apiOutage } from './api-outage.ts'
import { LiveCluster } from './live-cluster.ts'

const ADDRESS = '192.168.1.100'
const WEB = { addresses: [`${ADDRESS}/24`] }

describe('agents whose controller or API server is gone', () => {
  let cluster: LiveCluster
  let client: LabNode
  before(async () => {
    cluster = await LiveCluster.start(['node1', 'node2', 'node3'])
    client = cluster.lan.addNode({ name: 'client', addresses: ['192.168.1.9/24'] })
  })
  afterEach(() => cluster.reset())
  after(() => cluster.close())

  test('a killed leader and a restarted one move nothing; whoever leads plans what comes later', async () => {
    const [first = ''] = await cluster.ready('web', WEB)
    await cluster.startController('b')
    await cluster.until('b follows', () => cluster.controllerSaid('b').includes('The controller a leads'))
    const unmoved = await nothingMoves(cluster)
    await cluster.stopController('a', 'SIGKILL')
    await cluster.until('b leads', () => cluster.controllerSaid('b').includes('This controller leads'))
    await unmoved()

    await cluster.ready('later', { addresses: ['192.168.1.101/24'] })
    assert.equal(cluster.latest('web').master, first)
    const stillUnmoved = await nothingMoves(cluster)
    assert.equal(await cluster.stopController('b'), 0)
    await cluster.startController('c')
    await cluster.until('c leads', () => cluster.controllerSaid('c').includes('This controller leads'))
    await stillUnmoved()
    assert.equal(cluster.latest('web').master, first)
    await cluster.api.kubectl(['cordon', first])
    await cluster.until('c plans', () => cluster.latest('web').master !== first)
    await cluster.api.kubectl(['uncordon', first])
    await cluster.settled('web')
  })

  test('without API server and etcd no failover is missed, whatever is restarted; once they are back the status is true and nothing is planned anew', async t => {
    const ranked = await cluster.ready('web', WEB)
    const outage = await apiOutage(cluster, { address: ADDRESS, name: 'web', client, lasts: 20_000 })
    const { failovers, longestUnanswered, statusTrueAfter } = outage
    t.diagnostic(JSON.stringify(outage))
    // An advert is missed for 0.6 s; the rest is for machines that are busy.
    for (const took of failovers) assert.ok(took < 5000, `${took} ms`)
    assert.ok(longestUnanswered < 5000, `${longestUnanswered} ms`)
    assert.ok(statusTrueAfter < 10_000, `${statusTrueAfter} ms`)
    const [first = ''] = ranked
    cluster.restore(first)
    await cluster.startAgent(first)
    await cluster.settled('web')
    assert.deepEqual(cluster.ranked('web'), ranked)
    await cluster.apply('web', { addresses: [`${ADDRESS}/24`, '192.168.1.120/24'] })
    await cluster.heldBy('192.168.1.120', first)
  })

  test('a leader whose writes are refused leads no longer before another does, and tries to write nothing afterwards', async () => {
    for (const identity of cluster.controllers) await cluster.stopController(identity)
    const server = await FaultyApiServer.open(cluster.api)
    try {
      await cluster.startController('refused', server.kubeconfig(await cluster.controllerKubeconfig()))
      await cluster.until('it leads', () => cluster.controllerSaid('refused').includes('This controller leads'))
      await cluster.ready('web', WEB)
      await cluster.startController('heir')
      server.behave('RefusedWrites')
      // What it goes on trying.
      await cluster.apply('later', { addresses: ['192.168.1.101/24'] })
      await cluster.until('the heir leads', () => cluster.controllerSaid('heir').includes('This controller leads'))
      const [ended = '', began = ''] = [
        timeOf(cluster.controllerSaid('refused'), 'This controller leads no longer'),
        timeOf(cluster.controllerSaid('heir'), 'This controller leads'),
      ]
      assert.ok(ended !== '' && ended < began, `${ended} and ${began}`)
      await cluster.settled('later')
      server.behave('Well')
      await cluster.until('it follows', () => cluster.controllerSaid('refused').includes('The controller heir leads'))
      await sleep(1000)
      const writes = server.asked.filter(({ behaviour, method, path }) => {
        return behaviour !== 'Well' && method !== 'GET' && !path.includes('/leases/')
      })
      const after = writes.filter(({ at }) => performance.timeOrigin + at > Date.parse(ended) + 50)
      assert.ok(writes.length > 0 && after.length === 0, JSON.stringify([ended, performance.timeOrigin, writes]))
      await cluster.stopController('refused')
    } finally {
      await server.close()
    }
  })

  test('what was deleted while an agent was down is never held by it again, however eager its last spec was', async () => {
    const owner = { ...WEB, advertisementInterval: '10ms', priorities: [{ node: 'node1', priority: 255 }] }
    await cluster.apply('web', owner)
    await cluster.heldBy(ADDRESS, 'node1')
    cluster.agent('node1').kill('SIGKILL')
    await cluster.agent('node1').ended
    await cluster.api.kubectl(['delete', 'vip', 'web', '--timeout=10s'])
    await cluster.until('the controller knows', async () => {
      return (await cluster.virtualIPNode('node1')).spec.virtualRouters.length === 0
    })
    const agent = await cluster.startAgent('node1')
    await cluster.heldBy(ADDRESS)
    await cluster.until('it has heard of it', async () => {
      const { metadata, status } = await cluster.virtualIPNode('node1')
      return status?.observedGeneration === metadata.generation
    })
    assert.doesNotMatch(agent.output(), /MASTER/)
  })

  test('an API server that is silent and not gone costs nothing either', async () => {
    const [first = '', second = ''] = await cluster.ready('web', WEB)
    cluster.api.freeze()
    try {
      cluster.crash(first)
      await cluster.heldBy(ADDRESS, second)
      cluster.agent(second).kill('SIGKILL')
      await cluster.startAgent(second)
      await cluster.until('it serves again', () => cluster.holders(ADDRESS).length === 1)
    } finally {
      cluster.api.thaw()
    }
    await cluster.until('the status is right again', () => cluster.latest('web').master === cluster.holders(ADDRESS)[0])
  })

  test('an agent without a kubeconfig says so in a sentence and ends with 1', async () => {
    assert.equal(await cluster.stopAgent('node1'), 0)
    const agent = agentWith(cluster.node('node1'), '/nowhere/kubeconfig')
    assert.equal(await agent.ended, 1)
    assert.match(
      agent.output(),
      /Cannot read kubeconfig \/nowhere\/kubeconfig: ENOENT \(use --kubeconfig FILE or set KUBECONFIG\)/,
    )
  })

  test('an agent whose credentials are refused says so and ends with 1 where its disk has nothing, and else goes on', async () => {
    await cluster.ready('web', { ...WEB, priorities: [{ node: 'node1', priority: 100 }] })
    assert.equal(await cluster.stopAgent('node1'), 0)
    const first = agentWith(cluster.node('node1'), refused(cluster.api.kubeconfig))
    assert.equal(await first.ended, 1)
    assert.match(first.output(), /401 .*check the token or certificate/)
    const agent = agentWith(cluster.node('node1'), refused(cluster.api.kubeconfig), cluster.stateDir)
    await cluster.heldBy(ADDRESS, 'node1')
    assert.match(agent.output(), /401 .*check the token or certificate/)
    assert.equal(await agent.stop(), 0)
  })
})

/** What is so now; the result asserts that it has stayed so, and stays for a moment. */
async function nothingMoves(cluster: LiveCluster): Promise<() => Promise<void>> {
  await cluster.calm()
  const generations = async () => (await cluster.virtualIPNodes()).map(({ metadata }) => metadata.generation)
  const told = await generations()
  const before = cluster.transitions()
  const written = cluster.seen.length
  return async () => {
    await sleep(2000)
    assert.equal(cluster.transitions(), before)
    assert.deepEqual(await generations(), told)
    assert.deepEqual(cluster.seen.slice(written), [])
  }
}

/** When it said so (RFC 3339). */
function timeOf(said: string, sentence: string): string | undefined {
  return said
    .split('\n')
    .find(line => line.includes(sentence))
    ?.split(' ')[0]
}

function agentWith(node: LabNode, kubeconfig: string, stateDir = scratchFolder()): Daemon {
  return startAgent(node, { stateDir, args: ['--kubeconfig', kubeconfig] })
}

function refused(kubeconfig: string): string {
  const file = `${scratchFolder()}/refused.kubeconfig`
  writeFileSync(file, readFileSync(kubeconfig, 'utf8').replace(/"token": "[^"]+"/, '"token": "wrong"'))
  return file
}
