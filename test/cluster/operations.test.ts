/* What is done to a cluster on purpose, while a client outside asks for the address. */
import { after, afterEach, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { describedAs, install, installChart, masterOf, NAMESPACE, RELEASED_CHART, serve, settled } from './kube-vrrp.ts'
import { type Cluster, startCluster } from './lab/cluster.ts'
import { VERSION } from './lab/images.ts'
import { assertServed, observe } from './outages.ts'

const ADDRESS = '10.77.0.200'

suite('planned operations', () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ nodes: 3 })
    await installChart(cluster, RELEASED_CHART)
    await serve(cluster, 'web', { addresses: [`${ADDRESS}/24`] })
  })
  afterEach(t => cluster.explain(t))
  after(() => cluster.close())

  /** Nothing is lost, whatever is done on purpose. */
  const harmless = async (operation: string, action: () => Promise<unknown>) => {
    assertServed(await observe(cluster, operation, ADDRESS, action))
  }

  test('nothing: the noise of this machine', async () => {
    await harmless('nothing, for ten seconds', () => sleep(10_000))
  })

  test('rollout restart of the agents', async () => {
    await harmless('kubectl rollout restart daemonset', async () => {
      await cluster.kubectl('-n', NAMESPACE, 'rollout', 'restart', 'daemonset/kube-vrrp-agent')
      await cluster.kubectl('-n', NAMESPACE, 'rollout', 'status', 'daemonset/kube-vrrp-agent', '--timeout=120s')
      await settled(cluster, 'web')
    })
  })

  test('helm upgrade, from the first released chart to this one and another image', async () => {
    await harmless('helm upgrade', async () => {
      await install(cluster, '--set', `image.tag=${VERSION}-next`)
      await settled(cluster, 'web')
    })
  })

  test('kubectl cordon and drain move it first', async () => {
    const master = await masterOf(cluster, 'web')
    const elsewhere = () => settled(cluster, 'web', ({ status }) => status?.master !== master)
    await harmless('kubectl cordon', async () => {
      await cluster.kubectl('cordon', master)
      await elsewhere()
      await describedAs(cluster, 'web', new RegExp(`take part\\. ${master} ranks last, for it is cordoned`))
    })
    await cluster.kubectl('uncordon', master)
    await settled(cluster, 'web', ({ status }) => status?.master === master)
    await harmless('kubectl drain', async () => {
      await cluster.kubectl('drain', master, '--ignore-daemonsets', '--delete-emptydir-data')
      await elsewhere()
    })
    await cluster.kubectl('uncordon', master)
  })
})
