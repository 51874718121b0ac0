/* The chart as helm installs, upgrades and removes it: the objects, on a real API server. Nothing starts their pods here. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { customResourceDefinitions } from '../../src/api/crds.ts'
import { type KubeClient, openClient } from '../../src/kube/client.ts'
import { VIRTUAL_IP_NODES } from '../../src/kube/resources.ts'
import { CHART, helm, type Rendered, render, valuesAt } from '../chart/render.ts'
import { type ApiServer, startApiServer } from '../lab/api-server.ts'

const DIR = mkdtempSync(join(tmpdir(), 'kube-vrrp-chart-'))
const FIRST_RELEASE = fileURLToPath(new URL('../fixtures/kube-vrrp-0.1.0.tgz', import.meta.url))
const CRDS = ['virtualips.kube-vrrp.io', 'virtualipnodes.kube-vrrp.io']

let api: ApiServer

before(async () => {
  api = await startApiServer({ dir: DIR, resources: false })
})

after(async () => {
  await api.close()
  rmSync(DIR, { recursive: true })
})

afterEach(async () => {
  const releases = JSON.parse(await run('list', '--all-namespaces', '--output=json')) as Release[]
  for (const { name, namespace } of releases) await run('uninstall', name, `--namespace=${namespace}`)
  await api.kubectl(['delete', 'crd', '--ignore-not-found', ...CRDS])
})

interface Release {
  readonly name: string
  readonly namespace: string
}

function run(...args: readonly string[]): Promise<string> {
  return helm(args, '', { KUBECONFIG: api.kubeconfig })
}

/** With values on helm's standard input. */
function runWith(values: object, ...args: readonly string[]): Promise<string> {
  return helm([...args, '--values=-'], JSON.stringify(values), { KUBECONFIG: api.kubeconfig })
}

const IN_NAMESPACE = ['--namespace=kube-vrrp', '--create-namespace']

async function get<T = Rendered>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await api.kubectl(['get', '-o', 'json', ...args])) as T
}

async function isThere(...args: readonly string[]): Promise<boolean> {
  return (await api.kubectl(['get', '--ignore-not-found', ...args])) !== ''
}

async function specsOfCrds(): Promise<Record<string, unknown>> {
  const { items } = await get<{ items: { metadata: { name: string }; spec: { versions: unknown } }[] }>('crd', ...CRDS)
  return Object.fromEntries(items.map(({ metadata, spec }) => [metadata.name, spec.versions]))
}

function specsOfSource(): Record<string, unknown> {
  const crds = [...customResourceDefinitions().values()] as (Rendered & { spec: { versions: unknown } })[]
  return Object.fromEntries(crds.map(({ metadata, spec }) => [metadata.name, spec.versions]))
}

suite('helm install', () => {
  test('makes every object, and the API server serves VirtualIPs at once', async () => {
    await run('install', 'kube-vrrp', CHART, ...IN_NAMESPACE)
    const expected = await render()
    assert.ok(expected.length > 15)
    for (const { kind, apiVersion, metadata } of expected) {
      const type = `${kind}.${apiVersion.includes('/') ? apiVersion.replace(/(.*)\/(.*)/, '$2.$1') : ''}`
      const where = metadata.namespace === undefined ? [] : ['--namespace', metadata.namespace]
      assert.ok(await isThere(type, metadata.name, ...where), `${kind}/${metadata.name}`)
    }
    assert.deepEqual(await specsOfCrds(), specsOfSource())
    await api.kubectl(['wait', '--for=condition=Established', 'crd', ...CRDS, '--timeout=20s'])
    await apply({ kind: 'VirtualIP', metadata: { name: 'web' }, spec: { addresses: ['10.0.0.5'] } })
  })

  test('takes every value there is: what they become is right in the eyes of the API server', async () => {
    await apply(prometheusCrd('PodMonitor', 'podmonitors'), prometheusCrd('PrometheusRule', 'prometheusrules'))
    await api.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s'])
    await runWith(valuesAt(EVERY_VALUE), 'install', 'kube-vrrp', CHART, ...IN_NAMESPACE)
    const daemonSet = await get<{ spec: { template: { spec: Record<string, unknown> } } }>(
      'daemonset',
      'vips-agent',
      '--namespace=kube-vrrp',
    )
    const { hostPID, containers, volumes } = daemonSet.spec.template.spec as Record<string, readonly object[]>
    assert.deepEqual([hostPID, containers?.length, volumes?.length], [true, 2, 3])
    assert.ok(await isThere('podmonitor', 'vips', '--namespace=kube-vrrp'))
    assert.ok(await isThere('prometheusrule', 'vips', '--namespace=kube-vrrp'))
    assert.ok(await isThere('configmap', 'vips-dashboard', '--namespace=kube-vrrp'))
  })

  test('says what to do where Prometheus is to scrape, and its operator is not there', async () => {
    await api.kubectl(['delete', 'crd', '--ignore-not-found', 'podmonitors.monitoring.coreos.com'])
    await assert.rejects(
      run(
        'install',
        'kube-vrrp',
        CHART,
        ...IN_NAMESPACE,
        '--set=prometheus.podMonitor.enabled=true',
        '--set=prometheus.prometheusRule.enabled=false',
      ),
      /this cluster does not know a PodMonitor. Install Prometheus's operator first, or leave this off/,
    )
  })

  test('is refused in a namespace whose Pod Security level agents do not pass, with the command that mends it', async () => {
    await apply({ kind: 'Namespace', metadata: { name: 'strict', labels: { [LEVEL]: 'restricted' } } })
    const command = `kubectl label --overwrite namespace strict ${LEVEL}=privileged`
    await assert.rejects(run('install', 'kube-vrrp', CHART, '--namespace=strict'), (error: Error) => {
      assert.ok(error.message.includes(command), error.message)
      return /The namespace strict enforces the Pod Security level restricted/.test(error.message)
    })
    await api.kubectl(command.split(' ').slice(1))
    const notes = await run('install', 'kube-vrrp', CHART, '--namespace=strict')
    assert.doesNotMatch(notes, /kubectl label/)
  })

  test('a word that Kubernetes does not know, inside its own objects, is refused by its name', async () => {
    const values = valuesAt({ 'controller.podSecurityContext.runAsUsr': 5 })
    await assert.rejects(runWith(values, 'install', 'kube-vrrp', CHART, ...IN_NAMESPACE), /runAsUsr/)
  })

  test('of a second release in another namespace meets nothing of the first, whose policy is its own', async () => {
    await run('install', 'kube-vrrp', CHART, ...IN_NAMESPACE)
    await run('install', 'kube-vrrp', CHART, '--namespace=second', '--create-namespace', '--set=crds.enabled=false')
    for (const node of ['node1', 'node2']) {
      await api.createNode(node)
      await apply({ kind: 'VirtualIPNode', metadata: { name: node }, spec: { virtualRouters: [] } })
    }
    for (const namespace of ['kube-vrrp', 'second']) {
      const agent = await agentOnNode1(namespace)
      await report(agent, 'node1')
      await untilRefused(() => report(agent, 'node2'), /an agent on node "node1" may write node1 only, not node2/)
      agent.close()
    }
    // With one release gone, the other's policy still holds its own agents.
    await run('uninstall', 'kube-vrrp', '--namespace=kube-vrrp')
    const agent = await agentOnNode1('second')
    await assert.rejects(report(agent, 'node2'), /may write node1 only/)
    agent.close()
    await api.kubectl(['delete', 'vipnode', '--all'])
  })
})

suite('helm upgrade', () => {
  test('from the first release takes its objects over, and VirtualIPs stay', async () => {
    await run('install', 'kube-vrrp', FIRST_RELEASE, ...IN_NAMESPACE)
    await api.kubectl(['wait', '--for=condition=Established', 'crd', ...CRDS, '--timeout=20s'])
    await apply({ kind: 'VirtualIP', metadata: { name: 'web' }, spec: { addresses: ['10.0.0.5'] } })
    const { metadata } = await get<{ metadata: { uid: string } }>('vip', 'web')
    await run('upgrade', 'kube-vrrp', CHART, '--namespace=kube-vrrp')
    const after = await get<{ metadata: { uid: string } }>('vip', 'web')
    assert.equal(after.metadata.uid, metadata.uid)
    assert.deepEqual(await specsOfCrds(), specsOfSource())
    const [{ chart }] = JSON.parse(await run('list', '--namespace=kube-vrrp', '--output=json')) as [{ chart: string }]
    assert.match(chart, /^kube-vrrp-/)
  })

  test('upgrades the CustomResourceDefinitions too', async () => {
    const older = join(DIR, 'older')
    cpSync(CHART, older, { recursive: true })
    const file = join(older, 'files', 'crds', 'kube-vrrp.io_virtualips.yaml')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace(/maximum: 16\b/, 'maximum: 15'))
    await run('install', 'kube-vrrp', older, ...IN_NAMESPACE)
    assert.notDeepEqual(await specsOfCrds(), specsOfSource())
    await run('upgrade', 'kube-vrrp', CHART, '--namespace=kube-vrrp')
    assert.deepEqual(await specsOfCrds(), specsOfSource())
  })
})

suite('helm uninstall', () => {
  test('leaves the VirtualIPs and their definitions, which the next install takes up again', async () => {
    await run('install', 'kube-vrrp', CHART, ...IN_NAMESPACE)
    await api.kubectl(['wait', '--for=condition=Established', 'crd', ...CRDS, '--timeout=20s'])
    await apply({ kind: 'VirtualIP', metadata: { name: 'web' }, spec: { addresses: ['10.0.0.5'] } })
    await run('uninstall', 'kube-vrrp', '--namespace=kube-vrrp')
    assert.ok(!(await isThere('daemonset', 'kube-vrrp-agent', '--namespace=kube-vrrp')))
    assert.ok(!(await isThere('clusterrole', 'kube-vrrp-agent.kube-vrrp')))
    assert.ok(await isThere('vip', 'web'))
    await run('install', 'kube-vrrp', CHART, ...IN_NAMESPACE)
    assert.ok(await isThere('vip', 'web'))
    await run('uninstall', 'kube-vrrp', '--namespace=kube-vrrp')
    const vips = ['install', 'vips', CHART, '--namespace=second', '--create-namespace']
    await assert.rejects(run(...vips), /invalid ownership metadata/)
    await run(...vips, '--take-ownership')
    assert.ok(await isThere('vip', 'web'))
    await api.kubectl(['delete', 'vip', 'web', '--timeout=10s'])
  })

  test('takes the definitions with it where crds.keep is false', async () => {
    await run('install', 'kube-vrrp', CHART, ...IN_NAMESPACE, '--set=crds.keep=false')
    assert.ok(await isThere('crd', ...CRDS))
    await run('uninstall', 'kube-vrrp', '--namespace=kube-vrrp')
    await api.kubectl(['wait', '--for=delete', 'crd', ...CRDS, '--timeout=20s'])
  })
})

// ---- values and objects

const LEVEL = 'pod-security.kubernetes.io/enforce'

/** Everything that is rendered only when it is asked for. */
const EVERY_VALUE = {
  fullnameOverride: 'vips',
  commonLabels: { team: 'network' },
  'image.digest': `sha256:${'a'.repeat(64)}`,
  imagePullSecrets: [{ name: 'registry' }],
  'agent.allowProcessChecks': true,
  'agent.allowExecChecks': true,
  'agent.fileCheckFolders': ['/run/load'],
  'agent.podCheckNamespaces': ['default', '*'],
  'agent.metrics.host': '10.0.0.1',
  'agent.nodeSelector': { a: 'b' },
  'agent.affinity': {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }],
      },
    },
  },
  'controller.topologySpreadConstraints': [
    { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' },
  ],
  ...Object.fromEntries(
    ['agent', 'controller'].flatMap(component => [
      [`${component}.serviceAccount.annotations`, { a: 'b' }],
      [`${component}.podAnnotations`, { a: 'b' }],
      [`${component}.podLabels`, { a: 'b' }],
      [`${component}.securityContext.seLinuxOptions`, { type: 'spc_t' }],
      [`${component}.livenessProbe.initialDelaySeconds`, 5],
      [`${component}.extraArgs`, ['--log-level=debug']],
      [`${component}.extraEnv`, [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }]],
      [`${component}.extraVolumes`, [{ name: 'data', emptyDir: {} }]],
      [`${component}.extraVolumeMounts`, [{ name: 'data', mountPath: '/data' }]],
      [`${component}.extraContainers`, [{ name: 'beside', image: 'other' }]],
    ]),
  ),
  'networkPolicy.metricsFrom': [{ namespaceSelector: { matchLabels: { a: 'b' } } }],
  'networkPolicy.extraEgress': [{ ports: [{ protocol: 'UDP', port: 53 }] }],
  'prometheus.podMonitor': { enabled: true, labels: { a: 'b' }, interval: '30s', scrapeTimeout: '5s' },
  'prometheus.podMonitor.relabelings': [{ action: 'labeldrop', regex: 'pod' }],
  'prometheus.podMonitor.metricRelabelings': [{ action: 'drop', regex: 'x' }],
  'prometheus.prometheusRule': { enabled: true, labels: { a: 'b' }, alertLabels: { a: 'b' } },
  'prometheus.prometheusRule.extraRules': [{ alert: 'Own', expr: 'vector(1)' }],
  'prometheus.grafanaDashboard': { enabled: true, annotations: { a: 'b' } },
}

/** As the API server knows a kind of Prometheus's operator; what is in it is not looked at. */
function prometheusCrd(kind: string, plural: string): object {
  const [group, version] = ['monitoring.coreos.com', 'v1']
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  }
}

async function apply(...objects: readonly object[]): Promise<void> {
  const complete = objects.map(object => ({ apiVersion: apiVersionOf(object as Rendered), ...object }))
  await api.kubectl(['apply', '-f', '-'], complete.map(object => JSON.stringify(object)).join('\n---\n'))
}

function apiVersionOf({ kind }: Rendered): string {
  return kind.startsWith('VirtualIP') ? 'kube-vrrp.io/v1alpha1' : 'v1'
}

/** With the token of a pod of that namespace's agents on node1. */
async function agentOnNode1(namespace: string): Promise<KubeClient> {
  const containers = [{ name: 'none', image: 'none' }]
  const spec = { nodeName: 'node1', serviceAccountName: 'kube-vrrp-agent', containers }
  await apply({ kind: 'Pod', metadata: { name: 'agent', namespace }, spec })
  const bound = ['--bound-object-kind=Pod', '--bound-object-name=agent']
  const token = await api.kubectl(['create', 'token', 'kube-vrrp-agent', `--namespace=${namespace}`, ...bound])
  const config = parse(readFileSync(api.kubeconfig, 'utf8')) as { users: { user: { token: string } }[] }
  for (const { user } of config.users) user.token = token.trim()
  const kubeconfig = join(DIR, `agent.${namespace}.kubeconfig`)
  writeFileSync(kubeconfig, JSON.stringify(config))
  return openClient({ kubeconfig, namespace })
}

function report(agent: KubeClient, name: string): Promise<unknown> {
  const ref = { resource: VIRTUAL_IP_NODES, name, subresource: 'status' as const }
  return agent.mergePatch(ref, { status: { observedGeneration: 1 } })
}

/** A policy is obeyed a moment after it was created. */
async function untilRefused(attempt: () => Promise<unknown>, words: RegExp): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const said = await attempt().then(
      () => 'it was not refused',
      (error: Error) => error.message,
    )
    if (words.test(said)) return
    if (performance.now() > deadline) assert.match(said, words)
    await sleep(100)
  }
}
