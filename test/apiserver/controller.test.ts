import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Condition } from '../../src/api/conditions.ts'
import { API_VERSION, agentLeaseName } from '../../src/api/names.ts'
import type { VirtualIP, VirtualIPSpec, VirtualIPStatus } from '../../src/api/virtual-ip.ts'
import type { VirtualIPNode } from '../../src/api/virtual-ip-node.ts'
import { LEASES, NODES, VIRTUAL_IP_NODES, VIRTUAL_IPS } from '../../src/kube/resources.ts'
import { watchResource } from '../../src/kube/watch.ts'
import { type ApiServer, startApiServer } from '../lab/api-server.ts'
import { FakeAgent } from './fake-agent.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const DIR = mkdtempSync(join(tmpdir(), 'kube-vrrp-controller-'))

let api: ApiServer
let agents: FakeAgent[]
let controllers: Map<string, ChildProcess>
let watching: AbortController
/** Every status that any VirtualIP had, in order. */
let statuses: { readonly name: string; readonly status: VirtualIPStatus }[]

before(async () => {
  api = await startApiServer({ dir: DIR })
})

after(async () => {
  await api.close()
  rmSync(DIR, { recursive: true })
})

beforeEach(() => {
  agents = []
  controllers = new Map()
  statuses = []
  for (const name of ['a', 'b']) rmSync(logFile(name), { force: true })
  watching = new AbortController()
  watchResource<VirtualIP>({
    client: api.client,
    resource: VIRTUAL_IPS,
    signal: watching.signal,
    timing: { firstRetry: 50, lastRetry: 200 },
    onChange: (name, object) => {
      if (object?.status) statuses.push({ name, status: object.status })
    },
  })
})

afterEach(async () => {
  watching.abort()
  await Promise.all(agents.map(agent => agent.crash()))
  await Promise.all([...controllers.keys()].map(name => stopController(name, 'SIGTERM')))
  for (const [resource, namespace] of [[VIRTUAL_IPS], [VIRTUAL_IP_NODES], [NODES], [LEASES, 'kube-vrrp']] as const) {
    const { items } = await api.client.list<VirtualIP>(resource, namespace)
    await Promise.all(
      items.map(({ metadata: { name } }) => api.client.delete({ resource, name, ...(namespace && { namespace }) })),
    )
  }
})

/** A real process, as in a cluster, with the rights of deploy/install.yaml. */
async function startController(name = 'a', more: readonly string[] = []): Promise<void> {
  const log = openSync(logFile(name), 'a')
  const kubeconfig = await api.kubeconfigOf('controller')
  const args = [
    'controller',
    '--kubeconfig',
    kubeconfig,
    '--identity',
    name,
    '--metrics-address',
    '127.0.0.1:0',
    ...more,
  ]
  controllers.set(name, spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', log, log] }))
}

async function stopController(name: string, signal: NodeJS.Signals): Promise<number | null> {
  const child = controllers.get(name)
  controllers.delete(name)
  if (!child || child.exitCode !== null) return child?.exitCode ?? null
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  child.kill(signal)
  return exited
}

async function startAgents(count: number): Promise<void> {
  agents = Array.from({ length: count }, (_, i) => new FakeAgent({ api, node: `node${i + 1}` }))
  await Promise.all(agents.map(agent => agent.start()))
}

function agent(node: string): FakeAgent {
  const found = agents.find(candidate => candidate.node === node)
  assert.ok(found, `no agent on ${node}`)
  return found
}

function apply(name: string, spec: VirtualIPSpec): Promise<VirtualIP> {
  const object = { apiVersion: API_VERSION, kind: 'VirtualIP', metadata: { name }, spec }
  return api.client.apply({ resource: VIRTUAL_IPS, name }, object, 'test')
}

function latest(name: string): VirtualIPStatus {
  return statuses.findLast(entry => entry.name === name)?.status ?? {}
}

function condition(name: string, type: string): Condition | undefined {
  return latest(name).conditions?.find(candidate => candidate.type === type)
}

function is(name: string, type: string, status: string): boolean {
  return condition(name, type)?.status === status
}

/** Ranked as they were told. */
function members(name: string): { readonly node: string; readonly priority: number }[] {
  return agents
    .flatMap(({ node, spec }) =>
      spec.virtualRouters.filter(({ virtualIP }) => virtualIP === name).map(({ priority }) => ({ node, priority })),
    )
    .sort((a, b) => b.priority - a.priority)
}

function virtualIPNodes(): Promise<readonly VirtualIPNode[]> {
  return api.client.list<VirtualIPNode>(VIRTUAL_IP_NODES).then(({ items }) => items)
}

async function until(what: string, condition: () => boolean | Promise<boolean>, within = 30_000): Promise<number> {
  const started = performance.now()
  while (!(await condition())) {
    if (performance.now() - started > within) {
      const logs = ['a', 'b'].map(name => logOf(name).split('\n').slice(-15).join('\n'))
      assert.fail(
        `Not so within ${within} ms: ${what}\n${JSON.stringify(statuses.at(-1), null, 1)}\n${logs.join('\n')}`,
      )
    }
    await sleep(10)
  }
  return performance.now() - started
}

function logFile(name: string): string {
  return join(DIR, `controller-${name}.log`)
}

function logOf(name: string): string {
  try {
    return readFileSync(logFile(name), 'utf8')
  } catch {
    return ''
  }
}

/** web on three nodes, the first of them MASTER, and Ready. Gives the nodes in rank order. */
async function readyVirtualIP(): Promise<[string, string, string]> {
  await startAgents(3)
  await startController()
  await until('all agents to have reported', async () => {
    const reported = (await virtualIPNodes()).filter(({ status }) => status?.links)
    return reported.length === 3
  })
  await apply('web', { addresses: ['10.0.0.100/24'] })
  await until('three members', () => members('web').length === 3)
  const [first, second, third] = members('web').map(({ node }) => node)
  assert.ok(first && second && third)
  await agent(first).become('web', 'MASTER', 'Unheard')
  await until('Ready', () => is('web', 'Ready', 'True') && is('web', 'Redundant', 'True'))
  // The last that is written: who was to begin has begun.
  await until('the specs are final', () => agent(first).spec.virtualRouters.every(({ initial }) => !initial))
  return [first, second, third]
}

suite('the controller, with a real API server and agents that only speak to it', { timeout: 300_000 }, () => {
  test('turns a VirtualIP into specs, and reports into a status with conditions, columns and events', async () => {
    const [first, second, third] = await readyVirtualIP()
    assert.deepEqual(
      members('web').map(({ priority }) => priority),
      [250, 238, 226],
    )
    const [told] = agent(first).spec.virtualRouters
    assert.ok(told)
    const { virtualRouterID, initial: _, ...router } = told
    assert.ok(
      agent(first).told.some(({ virtualRouters }) => virtualRouters[0]?.initial),
      'a VRID that nobody uses',
    )
    await until('that ends with the first report', () => agent(first).spec.virtualRouters[0]?.initial === undefined)
    assert.deepEqual(router, {
      virtualIP: 'web',
      family: 'IPv4',
      version: 3,
      link: 'eth0',
      priority: 250,
      advertisementInterval: '200ms',
      addresses: ['10.0.0.100/24'],
      preemption: { mode: 'Always', delay: '0s' },
      checksum: 'PseudoHeader',
    })
    const status = latest('web')
    assert.equal(status.master, first)
    assert.equal(status.backups, '2/2')
    assert.equal(status.virtualRouterID, virtualRouterID)
    assert.deepEqual(
      status.nodes?.map(({ node, state }) => [node, state]),
      [
        [first, 'MASTER'],
        [second, 'BACKUP'],
        [third, 'BACKUP'],
      ],
    )
    assert.ok(is('web', 'Accepted', 'True') && is('web', 'SplitBrain', 'False'))
    assert.equal(condition('web', 'AddressConflict')?.status, 'Unknown')
    const table = await api.kubectl(['get', 'vip', 'web'])
    const [header = '', row = ''] = table.split('\n')
    assert.deepEqual(header.trim().split(/\s+/), ['NAME', 'ADDRESS', 'MASTER', 'READY', 'BACKUPS', 'VRID', 'AGE'])
    assert.match(row, new RegExp(`^web +10.0.0.100/24 +${first} +True +2/2 +${virtualRouterID} `))
    const events = async () => (await api.kubectl(['get', 'events', '-n', 'default', '-o', 'wide'])).split('\n')
    await until('an event', async () =>
      (await events()).some(line => /BecameMaster/.test(line) && /virtualip\/web/.test(line) && line.includes(first)),
    )
  })

  test('a failover is in the status at once; the dead MASTER is not shown as one, and a plain crash is no split brain', async () => {
    const [first, second] = await readyVirtualIP()
    const generations = agents.map(({ generation }) => generation)
    await agent(first).crash()
    const reported = agent(second).become('web', 'MASTER', 'ActiveDown')
    const took = await until('the new MASTER', () => latest('web').master === second)
    await reported
    assert.ok(took < 5000, `${took} ms`)
    const since = statuses.length
    await until(
      'that the crashed node is noticed',
      () => latest('web').nodes?.find(({ node }) => node === first)?.state !== 'MASTER',
    )
    await until('that the Lease is stale', () => logOf('a').includes(`The agent on ${first} has not renewed its Lease`))
    await sleep(500)
    assert.ok(statuses.slice(since).every(({ status }) => status.master === second))
    const split = statuses.filter(({ status }) =>
      status.conditions?.some(({ type, status }) => type === 'SplitBrain' && status === 'True'),
    )
    assert.deepEqual(split, [])
    assert.ok(is('web', 'Ready', 'True'))
    assert.equal(latest('web').backups, '1/2')
    assert.deepEqual(
      agents.slice(1).map(({ generation }) => generation),
      generations.slice(1),
      'the plan moved nothing',
    )
  })

  test('two nodes that both renew and both say MASTER are a split brain, until one yields', async () => {
    const [first, second] = await readyVirtualIP()
    await agent(second).become('web', 'MASTER', 'ActiveDown')
    await until('SplitBrain', () => is('web', 'SplitBrain', 'True'))
    assert.ok(is('web', 'Ready', 'False'))
    const message = condition('web', 'SplitBrain')?.message ?? ''
    assert.ok(message.includes(first) && message.includes(second), message)
    await agent(second).become('web', 'BACKUP', 'HigherPriorityHeard')
    await until('its end', () => is('web', 'SplitBrain', 'False') && is('web', 'Ready', 'True'))
    assert.equal(latest('web').master, first)
    const table = async () => api.kubectl(['get', 'events', '-n', 'default'])
    await until('its event', async () => /Warning +\S+ +virtualip\/web +SplitBrain is True/.test(await table()))
  })

  test('deleting ends within seconds though a node is dead, and that node finds nothing left to do when it is back', async () => {
    const [first] = await readyVirtualIP()
    await agent(first).crash()
    const started = performance.now()
    await api.kubectl(['delete', 'vip', 'web', '--timeout=20s'])
    await until('no node is told to run it', async () =>
      (await virtualIPNodes()).every(({ spec }) => spec.virtualRouters.length === 0),
    )
    assert.ok(performance.now() - started < 5000)
    await agent(first).start()
    await until('the dead one heard it', () => agent(first).spec.virtualRouters.length === 0)
  })

  test('the second of two VirtualIPs with one address is refused with a reason; the first is undisturbed', async () => {
    await readyVirtualIP()
    const told = agents.map(({ told }) => told.length)
    await apply('other', { addresses: ['10.0.0.100/24'] })
    await until('Accepted=False', () => is('other', 'Accepted', 'False'))
    assert.match(condition('other', 'Accepted')?.message ?? '', /10\.0\.0\.100.*web/)
    assert.ok(is('web', 'Ready', 'True'))
    assert.deepEqual(
      agents.map(({ told }) => told.length),
      told,
    )
  })

  test('a follower takes over from a killed leader within 15 s and moves nothing; then it plans', async () => {
    const [first] = await readyVirtualIP()
    await startController('b')
    await until('b follows', () => /The controller a leads/.test(logOf('b')))
    const before = await virtualIPNodes()
    const written = statuses.length
    await stopController('a', 'SIGKILL')
    const took = await until('b leads', () => /This controller leads/.test(logOf('b')))
    assert.ok(took < 15_000, `${took} ms`)
    await apply('second', { addresses: ['10.0.0.101/24'] })
    await until('b plans', () => members('second').length === 3)
    assert.deepEqual(
      statuses.slice(written).filter(({ name }) => name === 'web'),
      [],
    )
    assert.equal(latest('web').master, first)
    for (const { metadata, spec } of before) {
      const [router] = agent(metadata.name).spec.virtualRouters.filter(({ virtualIP }) => virtualIP === 'web')
      const [old] = spec.virtualRouters
      assert.deepEqual([router?.priority, router?.virtualRouterID], [old?.priority, old?.virtualRouterID])
    }
  })

  test('a leader that is told to end hands over without a wait', async () => {
    await startController('a')
    await until('a leads', () => logOf('a').includes('This controller leads'))
    const leader = async () =>
      (
        await api.client.get<{ spec: { holderIdentity: string } }>({
          resource: LEASES,
          name: 'kube-vrrp-controller',
          namespace: 'kube-vrrp',
        })
      ).spec.holderIdentity
    await startController('b')
    await until('b follows', () => logOf('b').split('The controller a leads').length > 1)
    assert.equal(await stopController('a', 'SIGTERM'), 0)
    const took = await until('b leads', async () => (await leader()) === 'b')
    assert.ok(took < 4000, `${took} ms`)
  })

  test('an outage of the API server ages nobody: afterwards everything is as it was', async () => {
    const [first] = await readyVirtualIP()
    const written = statuses.length
    const told = agents.map(({ told }) => [...told])
    await api.stop()
    try {
      await sleep(11_000)
    } finally {
      await api.start()
    }
    // Long enough for everyone to be stale by what was renewed before.
    await sleep(3000)
    assert.deepEqual(statuses.slice(written), [])
    assert.deepEqual(
      agents.map(({ told }) => told),
      told,
    )
    await apply('after', { addresses: ['10.0.0.102/24'] })
    await until('the controller works again', () => members('after').length === 3)
    assert.equal(latest('web').master, first)
    assert.ok(is('web', 'Ready', 'True') && is('web', 'Redundant', 'True'))
    assert.doesNotMatch(logOf('a'), /has not renewed/)
  })

  test('a node that left the cluster loses its object with its Lease, and not before', async () => {
    await startAgents(2)
    await startController()
    await until('both have one', async () => (await virtualIPNodes()).length === 2)
    await agent('node2').crash()
    await api.client.delete({ resource: NODES, name: 'node2' })
    await sleep(500)
    assert.equal((await virtualIPNodes()).length, 2)
    await api.client.delete({ resource: LEASES, name: agentLeaseName('node2'), namespace: 'kube-vrrp' })
    await until('one is left', async () => (await virtualIPNodes()).length === 1)
  })

  test('a spec that someone changed by hand is put right', async () => {
    const [first] = await readyVirtualIP()
    await api.client.mergePatch({ resource: VIRTUAL_IP_NODES, name: first }, { spec: { virtualRouters: [] } })
    await until('it is back', async () => {
      const node = await api.client.get<VirtualIPNode>({ resource: VIRTUAL_IP_NODES, name: first })
      return node.spec.virtualRouters.length === 1 && node.metadata.generation !== undefined
    })
  })

  test('writes nothing while nothing changes', async () => {
    await readyVirtualIP()
    await sleep(500)
    const versions = async () =>
      [...(await virtualIPNodes()), ...(await api.client.list<VirtualIP>(VIRTUAL_IPS)).items].map(
        ({ metadata }) => metadata.resourceVersion,
      )
    const before = await versions()
    await sleep(4000)
    assert.deepEqual(await versions(), before)
  })
})

suite('a controller that can not go on', { timeout: 60_000 }, () => {
  async function ending(name: string, args: readonly string[]): Promise<{ status: number | null; said: string }> {
    const log = join(DIR, `${name}.log`)
    const out = openSync(log, 'a')
    const child = spawn(process.execPath, [MAIN, 'controller', '--metrics-address', '127.0.0.1:0', ...args], {
      stdio: ['ignore', out, out],
    })
    const status = await new Promise<number | null>(resolve => child.once('exit', resolve))
    return { status, said: readFileSync(log, 'utf8') }
  }

  test('without a kubeconfig says so and ends with 1', async () => {
    const { status, said } = await ending('none', ['--kubeconfig', '/nowhere/kubeconfig'])
    assert.equal(status, 1)
    assert.match(
      said,
      /Cannot read kubeconfig \/nowhere\/kubeconfig: ENOENT \(use --kubeconfig FILE or set KUBECONFIG\)/,
    )
  })

  test('whose credentials are refused says so and ends with 1', async () => {
    const text = readFileSync(api.kubeconfig, 'utf8').replace(/"token": "[^"]+"/, '"token": "wrong"')
    const file = join(DIR, 'refused.kubeconfig')
    writeFileSync(file, text)
    const { status, said } = await ending('refused', ['--kubeconfig', file])
    assert.equal(status, 1)
    assert.match(said, /Cannot list virtualips: 401 .*check the token or certificate/)
  })
})
