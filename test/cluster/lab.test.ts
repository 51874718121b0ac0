/* The machines themselves: three real kubelets, their pods' network, a client outside, and the ways in which they fail. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, startCluster } from './lab/cluster.ts'
import { WORKLOAD_IMAGE } from './lab/images.ts'

/** Answers with its node's name; asked for a URL, with what that answers. */
const ECHO = `
const { NODE_NAME, PORT, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env
require('node:http').createServer(async (request, response) => {
  const path = request.url.slice(1)
  const url = path === 'api' ? 'https://' + host + ':' + port + '/version' : path
  try {
    response.end(url === '' ? NODE_NAME : await (await fetch(url, { signal: AbortSignal.timeout(2000) })).text())
  } catch (error) {
    response.end(String(error.cause ?? error))
  }
}).listen(Number(PORT))
`
const [POD_PORT, HOST_PORT] = [8080, 8081]

describe('a cluster of three nodes', () => {
  let cluster: Cluster
  const [mounts, processes] = [mountPoints(), processIds()]
  before(async () => {
    cluster = await startCluster({ nodes: 3 })
    await cluster.apply(echo('echo', POD_PORT), echo('host-echo', HOST_PORT, { hostNetwork: true }))
    for (const name of ['echo', 'host-echo'])
      await cluster.kubectl('rollout', 'status', `daemonset/${name}`, '--timeout=60s')
  })
  afterEach(t => cluster.explain(t))
  after(() => cluster.close())

  test('a pod on each node reaches the API server at the address of its Service, and the pods of all nodes', async () => {
    const pods = await cluster.pods('default', 'app=echo')
    assert.deepEqual(
      pods.map(({ spec }) => spec.nodeName),
      ['node1', 'node2', 'node3'],
    )
    for (const pod of pods) {
      assert.match(await get(`${urlOf(pod)}api`), /"gitVersion": "v1\./)
      for (const other of pods) assert.equal(await get(`${urlOf(pod)}${urlOf(other)}`), other.spec.nodeName)
    }
  })

  test('the API server reaches kubelets, and through them what runs in a pod', async () => {
    const [pod] = await cluster.pods('default', 'app=echo')
    const said = await cluster.exec('default', pod?.metadata.name ?? '', 'node', '-p', 'process.env.NODE_NAME')
    assert.equal(said, 'node1\n')
  })

  test('the client outside reaches what is on the network of a node, and not the network of pods', async () => {
    for (const { name, address } of cluster.nodes) assert.equal(fetchedOutside(`http://${address}:${HOST_PORT}/`), name)
    const probing = cluster.client.probe({ address: 'fd00:77::11', protocol: 'ICMP' })
    await cluster.waitFor('IPv6 is answered', async () => (await probing.stop()).probed.answers.length > 0)
    const [pod] = await cluster.pods('default', 'app=echo')
    assert.match(fetchedOutside(pod ? urlOf(pod) : ''), /ENETUNREACH/)
  })

  for (const protocol of ['UDP', 'ICMP'] as const) {
    test(`a client that probes a node by ${protocol} a thousand times a second hears of an outage, and of none`, async () => {
      const { number, address } = cluster.node(2)
      const probing = cluster.client.probe({ address, protocol, every: 1 })
      await sleep(2000)
      const calm = await probing.stop()
      assert.equal(calm.lost, 0)
      assert.ok(calm.sent > 1000, `${calm.sent} sent`)
      assert.deepEqual(
        calm.answerers.map(({ node }) => node),
        [protocol === 'UDP' ? 'node2' : ''],
      )

      const again = cluster.client.probe({ address, protocol, every: 1 })
      await sleep(1000)
      cluster.node(number).drop('FromNode')
      await sleep(500)
      cluster.node(number).undrop()
      await sleep(1000)
      const { outage, lost } = await again.stop()
      assert.ok(outage >= 400, `${outage} ms`)
      assert.ok(lost >= 400, `${lost} lost`)
    })
  }

  test('a node that crashes is silent at once, is noticed, and when it is started again has its pods and its disk', async () => {
    const node = cluster.node(3)
    await node.inside('sh', '-c', 'echo kept >/var/lib/kube-vrrp/file')
    await node.crash()
    await notReady('node3')
    assert.deepEqual(await readyNodes(), ['node1', 'node2'])

    await node.start()
    await cluster.ready(node)
    await cluster.kubectl('rollout', 'status', 'daemonset/echo', '--timeout=60s')
    const [, , pod] = await cluster.pods('default', 'app=echo')
    await cluster.waitFor('its pod answers', async () => pod && (await get(urlOf(pod))) === 'node3')
    assert.equal(await node.inside('cat', '/var/lib/kube-vrrp/file'), 'kept\n')
  })

  test('who answers for an address is seen from outside: one node, two, another, nobody', async () => {
    const address = '10.77.0.222'
    const [one, two] = [cluster.node(1), cluster.node(2)]
    const hold = (node: typeof one) => node.run('ip', 'address', 'add', `${address}/32`, 'dev', 'eth0')
    const release = (node: typeof one) => node.run('ip', 'address', 'delete', `${address}/32`, 'dev', 'eth0')
    const watch = cluster.watchArp(address)
    const seen = (...nodes: string[]) =>
      cluster.waitFor(`${nodes.join()} answer`, () => watch.now.join() === nodes.join(), { within: 10 })
    hold(one)
    await seen('node1')
    assert.deepEqual(cluster.holders(address), ['node1'])
    hold(two)
    await seen('node1', 'node2')
    assert.deepEqual(cluster.holders(address), ['node1', 'node2'])
    release(one)
    await seen('node2')
    release(two)
    await seen()
    watch.close()
    assert.deepEqual(
      watch.changes.map(({ nodes }) => nodes.join()),
      ['node1', 'node1,node2', 'node2', ''],
    )
  })

  test('the process of a pod is killed, and is started again by its kubelet; frozen, it is silent until it is thawed', async () => {
    const [pod] = await cluster.pods('default', 'app=echo')
    assert.ok(pod)
    const frozen = await cluster.container('default', pod.metadata.name)
    assert.equal(frozen.node.name, 'node1')
    await frozen.freeze()
    await assert.rejects(fetch(urlOf(pod), { signal: AbortSignal.timeout(500) }), /TimeoutError/)
    frozen.thaw()
    assert.equal(await get(urlOf(pod)), 'node1')

    const { restartCount = 0 } = pod.status.containerStatuses?.[0] ?? {}
    frozen.kill()
    await cluster.waitFor('it runs again', async () => {
      const [again] = await cluster.pods('default', 'app=echo')
      const status = again?.status.containerStatuses?.[0]
      return again?.metadata.uid === pod.metadata.uid && status?.restartCount === restartCount + 1 && status.ready
    })
  })

  test('a kubelet that is dead stays so until it is revived, and its pods go on; one that is only killed comes back', async () => {
    const node = cluster.node(1)
    const [pod] = await cluster.pods('default', 'app=echo')
    assert.ok(pod)
    node.kill('kubelet', { staysDead: true })
    await notReady('node1')
    assert.equal(await get(urlOf(pod)), 'node1')
    node.revive('kubelet')
    await isReady('node1')
    node.kill('kubelet')
    await cluster.waitFor('it runs', () => node.runs('kubelet'))
  })

  test('a node that is frozen stands still, and only its kernel answers, until it is thawed', async () => {
    const node = cluster.node(1)
    await node.freeze()
    const probing = cluster.client.probe({ address: node.address, protocol: 'ICMP' })
    await assert.rejects(
      fetch(`http://${node.address}:${HOST_PORT}/`, { signal: AbortSignal.timeout(1000) }),
      /TimeoutError/,
    )
    assert.equal((await probing.stop()).lost, 0)
    node.thaw()
    assert.equal(await get(`http://${node.address}:${HOST_PORT}/`), 'node1')
  })

  test('a node that the API server does not hear is heard by clients', async () => {
    const node = cluster.node(1)
    const healthz = () => node.inside('node', '-e', FETCH, 'https://10.96.0.1/healthz')
    assert.match(await healthz(), /self-signed/)
    node.dropApi()
    assert.match(await healthz(), /TimeoutError/)
    assert.equal(fetchedOutside(`http://${node.address}:${HOST_PORT}/`), 'node1')
    node.undrop()
    await cluster.waitFor('it hears again', async () => (await healthz()).includes('self-signed'))
  })

  test('a node whose cable is pulled sees it, and is reached when it is in again', async () => {
    const node = cluster.node(1)
    node.cut()
    assert.match(node.run('ip', 'link', 'show', 'eth0'), /NO-CARRIER/)
    assert.match(fetchedOutside(`http://${node.address}:${HOST_PORT}/`), /EHOSTUNREACH|TimeoutError/)
    node.heal()
    await cluster.waitFor('it answers', () => fetchedOutside(`http://${node.address}:${HOST_PORT}/`) === 'node1')
  })

  test('the API server is killed and started again, and knows what it knew', async () => {
    await cluster.killApiServer()
    await assert.rejects(cluster.kubectl('get', 'nodes', '--request-timeout=2s'), /refused/)
    await cluster.startApiServer()
    assert.match(await cluster.kubectl('get', 'daemonset', 'echo'), /echo/)
  })

  test('a node is added, runs what belongs on every node, and is removed', async () => {
    const node = await cluster.addNode()
    assert.equal(node.name, 'node4')
    await cluster.waitFor('it answers', async () => {
      const pods = await cluster.pods('default', 'app=echo')
      const pod = pods.find(({ spec }) => spec.nodeName === 'node4')
      return pod && (await get(urlOf(pod))) === 'node4'
    })
    await cluster.removeNode(4)
    assert.doesNotMatch(await cluster.kubectl('get', 'nodes'), /node4/)
  })

  test('kubelets speak with an API server that runs on a node, at an address that the node has besides its own', async () => {
    const address = '10.77.0.224'
    const node = cluster.node(2)
    const server = await cluster.startApiServerOn(node)
    node.run('ip', 'address', 'add', `${address}/32`, 'dev', 'eth0')
    cluster.useApiServerAt(address)
    for (const { name } of cluster.nodes) {
      const connections = () => cluster.node(name).run('ss', '-Htn', 'state', 'established', 'dst', `${address}:6443`)
      await cluster.waitFor(`the kubelet of ${name} is connected`, () => connections() !== '')
    }
    await cluster.killApiServer()
    assert.match(await cluster.kubectlAt(address)('get', 'nodes'), /node3 +Ready/)
    await cluster.startApiServer()

    cluster.useApiServerAt('10.77.0.10', 443)
    server.kill('SIGKILL')
    node.run('ip', 'address', 'delete', `${address}/32`, 'dev', 'eth0')
    for (const { name } of cluster.nodes) await isReady(name)
  })

  test('a pod of a file among the manifests of a node runs without the API server', async () => {
    const node = cluster.node(2)
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'static', namespace: 'default' },
      spec: {
        hostNetwork: true,
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'echo',
            image: WORKLOAD_IMAGE,
            command: ['node', '-e', ECHO],
            env: [
              { name: 'NODE_NAME', value: 'static' },
              { name: 'PORT', value: '8082' },
            ],
          },
        ],
      },
    }
    await cluster.killApiServer()
    node.addManifest('static', pod)
    await cluster.waitFor('it answers', () => fetchedOutside(`http://${node.address}:8082/`) === 'static', {
      state: async () => node.log('kubelet'),
    })
    node.removeManifest('static')
    await cluster.startApiServer()
    await cluster.waitFor('it is gone', () => fetchedOutside(`http://${node.address}:8082/`) !== 'static')
  })

  test('with kube-proxy on every node, an external address of a Service is served by its pods, and pods still reach the API server', async () => {
    const address = '10.77.0.223'
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'echo' },
      spec: { selector: { app: 'echo' }, ports: [{ port: 80, targetPort: POD_PORT }], externalIPs: [address] },
    })
    await cluster.startKubeProxy()
    cluster.node(2).run('ip', 'address', 'add', `${address}/32`, 'dev', 'eth0')
    const answered = new Set<string>()
    await cluster.waitFor('pods of all nodes answer', () => {
      const text = fetchedOutside(`http://${address}/`)
      if (text.startsWith('node')) answered.add(text)
      return answered.size === 3
    })
    for (const pod of await cluster.pods('default', 'app=echo')) {
      // That of a node that is no more is listed for a while.
      if (pod.spec.nodeName !== 'node4') assert.match(await get(`${urlOf(pod)}api`), /"gitVersion": "v1\./)
    }
    cluster.node(2).run('ip', 'address', 'delete', `${address}/32`, 'dev', 'eth0')
  })

  test('closed, it leaves nothing: no process, cgroup, mount, namespace or file', async () => {
    const { folder } = cluster
    assert.ok(globSync(`/sys/fs/cgroup/*/kube-vrrp-${basename(folder)}`).length > 0)
    await cluster.close()
    assert.deepEqual(globSync(`/sys/fs/cgroup/*/kube-vrrp-${basename(folder)}`), [])
    assert.deepEqual(readdirSync('/run/netns'), [])
    assert.deepEqual(mountPoints(), mounts)
    assert.deepEqual(processIds(), processes)
    assert.equal(existsSync(folder), false)
  })

  function fetchedOutside(url: string): string {
    return cluster.client.run('node', '-e', FETCH, url)
  }

  async function notReady(name: string): Promise<void> {
    await cluster.waitFor(`${name} is no longer Ready`, async () => !(await readyNodes()).includes(name))
  }

  async function isReady(name: string): Promise<void> {
    await cluster.waitFor(`${name} is Ready`, async () => (await readyNodes()).includes(name))
  }

  async function readyNodes(): Promise<string[]> {
    const lines = (await cluster.kubectl('get', 'nodes', '--no-headers')).trim().split('\n')
    return lines.map(line => line.split(/\s+/)).flatMap(([name = '', state]) => (state === 'Ready' ? [name] : []))
  }
})

/** Exits at once, though a connection that it gave up may still be under way. */
const FETCH =
  'fetch(process.argv[1], { signal: AbortSignal.timeout(+(process.argv[2] ?? 2000)) }).then(r => r.text(), e => String(e.cause ?? e)).then(t => process.stdout.write(t, () => process.exit()))'

function echo(name: string, port: number, podSpec: object = {}): object {
  const env = [
    { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    { name: 'PORT', value: String(port) },
    { name: 'NODE_EXTRA_CA_CERTS', value: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt' },
  ]
  const container = { name: 'echo', image: WORKLOAD_IMAGE, command: ['node', '-e', ECHO], env }
  const labels = { app: name }
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...podSpec,
          terminationGracePeriodSeconds: 0,
          containers: [{ ...container, readinessProbe: { httpGet: { path: '/', port }, periodSeconds: 1 } }],
        },
      },
    },
  }
}

function urlOf({ status }: { readonly status: { readonly podIP?: string } }): string {
  return `http://${status.podIP}:${POD_PORT}/`
}

async function get(url: string): Promise<string> {
  return (await fetch(url, { signal: AbortSignal.timeout(5000) })).text()
}

/** Without that of `ip netns`, which it makes once for all. */
function mountPoints(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(folder => folder !== '/run/netns')
}

function processIds(): string[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name))
}
