/* A new user: the README's steps, then what one would try next. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, suite, test } from 'node:test'
import { agentPod, describedAs, install, masterOf, NAMESPACE, serve, settled, virtualIP } from './kube-vrrp.ts'
import { type Cluster, startCluster } from './lab/cluster.ts'
import { runCommand } from './lab/command.ts'
import { WORKLOAD_IMAGE } from './lab/images.ts'
import { ROOT } from './lab/root.ts'
import { assertServed, observe } from './outages.ts'

const ADDRESS = '10.77.0.200'

suite('a new user', () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ nodes: 3 })
  })
  afterEach(t => cluster.explain(t))
  after(() => cluster.close())

  /** With the addresses of this network in place of the documents'. */
  const shell = (script: string) =>
    runCommand('sh', ['-ec', script.replaceAll('192.168.1.100', ADDRESS)], { env: cluster.environment, cwd: ROOT })

  test('follows the README word by word, and the address answers', async () => {
    const said: string[] = []
    for (const command of quickStart()) said.push(await shell(command))
    const text = said.join('')
    assert.match(text, /STATUS: deployed/)
    assert.match(text, /virtualip\.kube-vrrp\.io\/web created/)
    assert.match(text, /virtualip\.kube-vrrp\.io\/web condition met/)
    assert.match(text, /web +10\.77\.0\.200\/24 +node\d +True +2\/2/)
    const probing = cluster.client.probe({ address: ADDRESS, every: 10 })
    await cluster.waitFor('web is settled', () => settled(cluster, 'web'))
    const { answerers } = await probing.stop()
    assert.deepEqual(
      answerers.map(({ node }) => node),
      [await masterOf(cluster, 'web')],
    )
  })

  test('watches a failover by kubectl get vip -w, and finds it in the events', async () => {
    const master = await masterOf(cluster, 'web')
    const watching = shell('timeout 8 kubectl get vip web -w || true')
    await cluster.kubectl('cordon', master)
    const lines = (await watching).trim().split('\n')
    await cluster.kubectl('uncordon', master)
    const masters = lines.map(line => line.split(/\s+/)[2])
    assert.ok(
      masters.includes(master) && masters.some(name => /^node/.test(name ?? '') && name !== master),
      lines.join('\n'),
    )
    assert.match(await cluster.kubectl('events', '--for', 'vip/web'), /BecameMaster +VirtualIP\/web +node\d is MASTER/)
    await settled(cluster, 'web', ({ status }) => status?.master === master)
  })

  test('asks an agent itself, which needs no API server for the answer', async () => {
    const master = await masterOf(cluster, 'web')
    const said = await cluster.exec(NAMESPACE, await agentPod(cluster, master), 'kube-vrrp', 'status')
    assert.match(said, /web +10\.77\.0\.200\/24/)
    assert.match(said, /MASTER/)
  })

  test('finds an agent running with two capabilities and no more, and a controller without any', async () => {
    const status = async (pod: string) =>
      cluster.exec(NAMESPACE, pod, 'node', '-p', 'require("fs").readFileSync("/proc/1/status", "utf8")')
    const agent = await status(await agentPod(cluster, 'node1'))
    assert.match(agent, /CapEff:\t0{12}3000/)
    assert.match(agent, /NoNewPrivs:\t1/)
    assert.match(agent, /Seccomp:\t2/)
    const controller = await status('deployment/kube-vrrp-controller')
    assert.match(controller, /CapEff:\t0{16}/)
    assert.match(controller, /Uid:\t65532/)
    const listing = await cluster.node(1).inside('find', '/var/lib/kube-vrrp', '-printf', '%P %m %y\n')
    assert.match(listing, /^node1 700 d$/m)
    for (const line of listing.split('\n')) if (line.endsWith(' f')) assert.match(line, / 600 f$/)
  })

  test('writes a VirtualIP that can’t be, and is told what to do', async () => {
    const bad = (spec: string) =>
      cluster.apply(
        `{"apiVersion":"kube-vrrp.io/v1alpha1","kind":"VirtualIP","metadata":{"name":"bad"},"spec":${spec}}`,
      )
    await assert.rejects(bad('{"addresses":["10.77.0.300/24"]}'), /must be an IPv4 or IPv6 address/)
    await bad('{"addresses":["192.168.99.1/24"]}')
    await describedAs(cluster, 'bad', /No node has a link in 192\.168\.99\.0\/24: the agents report 10\.77\.0\.0\/24/)
    await cluster.kubectl('delete', 'vip', 'bad')
  })

  test('puts a service’s health in charge: nginx dies on the MASTER, and the address moves to where it lives', async () => {
    await install(cluster, '--set', 'agent.allowProcessChecks=true')
    await cluster.apply(nginx())
    await cluster.kubectl('rollout', 'status', 'daemonset/nginx', '--timeout=60s')
    await serve(cluster, 'web', {
      addresses: [`${ADDRESS}/24`],
      checks: [{ name: 'nginx', process: { name: 'nginx' }, interval: '1s', weight: -20 }],
    })
    const master = await masterOf(cluster, 'web')
    const seen = await observe(cluster, 'health check fails on the MASTER', ADDRESS, async () => {
      await cluster.kubectl('label', 'node', master, 'nginx=no')
      await cluster.waitFor('web moves', async () => (await masterOf(cluster, 'web')) !== master)
    })
    assertServed(seen)
    await describedAs(cluster, 'web', new RegExp(`Check nginx fails: No process nginx runs Node: ${master} `))
    await cluster.kubectl('label', 'node', master, 'nginx-')
    await settled(cluster, 'web', ({ status }) => status?.master === master)
  })

  test('puts pods behind the address: a Service with externalIPs', async () => {
    await cluster.startKubeProxy()
    await cluster.apply(exampleOf('docs/services.md').replaceAll('192.168.1.102', '10.77.0.202'), shop())
    await cluster.kubectl('rollout', 'status', 'deployment/shop', '--timeout=60s')
    await settled(cluster, 'shop')
    const ask = () => cluster.client.run('node', '-e', FETCH, 'http://10.77.0.202/')
    const answers = await cluster.waitFor('both pods answer', () => {
      const names = new Set(Array.from({ length: 20 }, ask))
      return names.size === 2 && [...names]
    })
    for (const name of answers) assert.match(name, /^shop-/)
    await cluster.node(await masterOf(cluster, 'shop')).crash()
    await cluster.waitFor('another node answers', () => /^shop-/.test(ask()))
  })

  test('uninstalls: no address is left within ten seconds, the resources are, and can be deleted', async () => {
    const probing = cluster.client.probe({ address: ADDRESS, every: 10 })
    const started = Date.now()
    await cluster.helm('uninstall', 'kube-vrrp', '--namespace', NAMESPACE)
    await cluster.waitFor(
      'the addresses are gone',
      () =>
        cluster.nodes
          .filter(({ isUp }) => isUp)
          .every(node => !/10\.77\.0\.20\d/.test(node.run('ip', '-4', '-o', 'addr'))),
      { within: 30 },
    )
    assert.ok(Date.now() - started < 10_000, `${Date.now() - started} ms`)
    await probing.stop()
    assert.equal((await virtualIP(cluster, 'web')).metadata.name, 'web')
    await cluster.kubectl('delete', 'vip', '--all', '--timeout=20s')
    await cluster.kubectl('delete', 'crd', 'virtualips.kube-vrrp.io', 'virtualipnodes.kube-vrrp.io', '--timeout=20s')
  })
})

/** The commands of the README's section on Helm, in their order. */
function quickStart(): string[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const section = readme.slice(readme.indexOf('## Install'), readme.indexOf('\n## ', readme.indexOf('## Install') + 1))
  const blocks = [...section.matchAll(/```console\n([\s\S]*?)```/g)].map(([, text = '']) => text)
  const commands = blocks.flatMap(text => text.split(/^\$ /m).slice(1))
  return commands.map(command => {
    const [first = ''] = command.split('\n')
    // A here document goes on until its end; everything else is one line, and what follows is its output.
    const end = /<<(\w+)/.exec(first)?.[1]
    return end === undefined ? first : command.slice(0, command.indexOf(`\n${end}`) + end.length + 2)
  })
}

/** The first YAML in a document. */
function exampleOf(document: string): string {
  const [, text] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, document), 'utf8')) ?? []
  if (text === undefined) throw new Error(`There is no YAML in ${document}`)
  return text
}

const FETCH =
  'fetch(process.argv[1], { signal: AbortSignal.timeout(2000) }).then(answer => answer.text()).then(text => process.stdout.write(text))'

/** A process called nginx on every node that is not labelled nginx=no. */
function nginx(): object {
  return workload('DaemonSet', 'nginx', {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'nginx', operator: 'NotIn', values: ['no'] }] }],
        },
      },
    },
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'nginx',
        image: WORKLOAD_IMAGE,
        imagePullPolicy: 'Never',
        command: ['sh', '-c', 'cp /bin/sleep /tmp/nginx && exec /tmp/nginx infinity'],
      },
    ],
  })
}

/** Two pods that answer HTTP with their names. */
function shop(): object {
  const script = "require('http').createServer((_, answer) => answer.end(require('os').hostname())).listen(8080)"
  const container = { name: 'shop', image: WORKLOAD_IMAGE, imagePullPolicy: 'Never', command: ['node', '-e', script] }
  return workload('Deployment', 'shop', { containers: [container] }, { replicas: 2 })
}

function workload(kind: string, app: string, podSpec: object, more: object = {}): object {
  const spec = {
    ...more,
    selector: { matchLabels: { app } },
    template: { metadata: { labels: { app } }, spec: podSpec },
  }
  return { apiVersion: 'apps/v1', kind, metadata: { name: app }, spec }
}
