/* What goes wrong in a cluster: a client outside goes on, and `kubectl describe vip` says what it was. */
import assert from 'node:assert/strict'
import { after, afterEach, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { agentPod, describedAs, install, masterOf, NAMESPACE, serve, settled, virtualIP } from './kube-vrrp.ts'
import { type Cluster, startCluster } from './lab/cluster.ts'
import { assertServed, observe } from './outages.ts'

const ADDRESS = '10.77.0.200'

suite('failures', () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ nodes: 3 })
    await install(cluster)
    await serve(cluster, 'web', { addresses: [`${ADDRESS}/24`] })
  })
  afterEach(t => cluster.explain(t))
  after(() => cluster.close())

  const observed = (operation: string, action: () => Promise<unknown>) => observe(cluster, operation, ADDRESS, action)
  const master = () => masterOf(cluster, 'web')
  const movedFrom = (node: string) =>
    cluster.waitFor(`web moves from ${node}`, async () => {
      const { status } = await virtualIP(cluster, 'web')
      return status?.master !== undefined && status.master !== node
    })
  const said = (...words: RegExp[]) => describedAs(cluster, 'web', ...words)

  test('a node crashes', async t => {
    const node = await master()
    const seen = await observed('node crash', async () => {
      await cluster.node(node).crash()
      t.after(() => (cluster.node(node).isUp ? undefined : cluster.node(node).start()))
      await movedFrom(node)
    })
    assert.ok(seen.gap < 3000, `${seen.gap} ms`)
    await said(
      new RegExp(
        `Last seen as MASTER; the agent on ${node} does not renew its Lease: its kubelet is silent as well: the node is down, or cut off from the API server Node: ${node} Priority: \\d+ Reason: AgentUnreachable`,
      ),
      new RegExp(`Warning BecameFault .*${node} is FAULT`),
    )
    await cluster.node(node).start()
    await cluster.ready(cluster.node(node))
    await settled(cluster, 'web', ({ status }) => status?.master === node)
  })

  test('a kubelet dies; its agent goes on', async t => {
    const node = await master()
    const seen = await observed('kubelet dead, agent alive', async () => {
      cluster.node(node).kill('kubelet', { staysDead: true })
      t.after(() => cluster.node(node).revive('kubelet'))
      await movedFrom(node)
    })
    assertServed(seen)
    await said(
      new RegExp(`The Node is not Ready: its kubelet is silent or in trouble, its agent is well Node: ${node}`),
    )
    cluster.node(node).revive('kubelet')
    await settled(cluster, 'web', ({ status }) => status?.master === node)
  })

  test('an agent is killed', async () => {
    const node = await master()
    const pod = await agentPod(cluster, node)
    await observed('agent SIGKILLed', async () => {
      const container = await cluster.container(NAMESPACE, pod, 'agent')
      container.kill()
      await said(
        new RegExp(
          `Warning AgentEnded .*The agent on ${node} was started again( \\(restarts: \\d+\\))?, for it had ended: Error \\(exit code 137, as by SIGKILL\\)`,
        ),
      )
      await settled(cluster, 'web')
    })
  })

  test('an agent has not enough memory', async () => {
    const node = await master()
    const { id } = await cluster.container(NAMESPACE, await agentPod(cluster, node), 'agent')
    await observed('agent OOM-killed', async () => {
      cluster
        .node(node)
        .containerCgroup(id)
        .allowMemory(512 * 1024)
      const ask = () => fetchMetrics(cluster, cluster.node(node).address)
      await cluster.waitFor('it dies', () =>
        Promise.all(Array.from({ length: 20 }, ask)).then(
          () => false,
          () => true,
        ),
      )
      await said(
        new RegExp(`Warning AgentEnded .*The agent on ${node} was started again.*, for it had ended: OOMKilled`),
      )
      await settled(cluster, 'web')
    })
  })

  test('an agent’s pod is evicted', async () => {
    const node = await master()
    const pod = await agentPod(cluster, node)
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace: NAMESPACE } }
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${pod}/eviction`
    const seen = await observed('agent’s pod evicted', async () => {
      await cluster.command('kubectl', ['create', '--raw', path, '-f', '-'], { input: JSON.stringify(eviction) })
      await said(new RegExp(`Warning AgentEnded .*The agent on ${node} is made to leave: EvictionByEvictionAPI`))
      await cluster.waitFor('there is another pod', async () => (await agentPod(cluster, node)) !== pod)
      await settled(cluster, 'web')
    })
    assertServed(seen)
  })

  test('an upgrade to an image that is not there: the other agents go on', async t => {
    const seen = await observed('upgrade to a broken image', async () => {
      t.after(() => cluster.helm('rollback', 'kube-vrrp', '--namespace', NAMESPACE, '--wait'))
      const broken = ['upgrade', 'kube-vrrp', '--reuse-values', '--set', 'image.tag=broken']
      await cluster.helm(...broken, '--namespace', NAMESPACE, 'charts/kube-vrrp')
      await said(/the agent's pod kube-vrrp-agent-\w+ is (ErrImagePull|ImagePullBackOff)/, /Backups: 1\/2/)
      await sleep(5000)
    })
    assertServed(seen)
    assert.equal((await virtualIP(cluster, 'web')).status?.backups, '1/2')
  })

  test('the controllers are killed', async () => {
    const seen = await observed('controllers killed', async () => {
      await cluster.kubectl(
        ...['delete', 'pods', '-n', NAMESPACE, '-l', 'app.kubernetes.io/component=controller'],
        ...['--grace-period=0', '--force'],
      )
      await cluster.kubectl('rollout', 'status', '-n', NAMESPACE, 'deployment/kube-vrrp-controller', '--timeout=60s')
      await serve(cluster, 'later', { addresses: ['10.77.0.201'] })
    })
    assertServed(seen)
    await cluster.kubectl('delete', 'vip', 'later')
  })

  test('the API server is gone for a while', async () => {
    const seen = await observed('API server restarted', async () => {
      await cluster.killApiServer()
      await sleep(5000)
      await cluster.startApiServer()
      await settled(cluster, 'web')
    })
    assertServed(seen)
  })

  test('a node is deleted, and one is added', async () => {
    const node = await master()
    await observed('node deleted', async () => {
      await cluster.removeNode(node)
      await movedFrom(node)
    })
    await cluster.waitFor('it is forgotten', async () => {
      const { status } = await virtualIP(cluster, 'web')
      return status?.nodes?.length === 2 && status.nodes.every(row => row.node !== node)
    })
    await said(/Message: node\d and node\d take part/)
    const seen = await observed('node added', async () => {
      const added = await cluster.addNode()
      await settled(cluster, 'web', ({ status }) => status?.nodes?.some(row => row.node === added.name) ?? false)
    })
    assertServed(seen)
  })

  test('labels change, so that other nodes are meant', async () => {
    const [first, second, third] = cluster.nodes.map(({ name }) => name)
    await cluster.kubectl('label', 'node', first ?? '', second ?? '', 'role=edge')
    await cluster.kubectl(
      'patch',
      'vip',
      'web',
      '--type=merge',
      '-p',
      '{"spec":{"nodeSelector":{"matchLabels":{"role":"edge"}}}}',
    )
    await settled(cluster, 'web', ({ status }) => status?.nodes?.length === 2)
    const node = await master()
    const seen = await observed('labels changed', async () => {
      await cluster.kubectl('label', 'node', third ?? '', 'role=edge')
      await cluster.kubectl('label', 'node', node, 'role-')
      await movedFrom(node)
      await settled(cluster, 'web', ({ status }) => status?.nodes?.every(row => row.node !== node) ?? false)
    })
    assertServed(seen)
  })
})

/** What an agent's /metrics says, asked from outside; makes it work for the answer. */
async function fetchMetrics(cluster: Cluster, address: string): Promise<string> {
  const script = 'fetch(process.argv[1]).then(answer => answer.text()).then(text => process.stdout.write(text))'
  return cluster.client.run('node', '-e', script, `http://${address}:9180/metrics`)
}
