/* The chart as a whole: what it installs, and that everything made from it is as it is. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { outdatedFiles } from '../../charts/generate.ts'
import { customResourceDefinitions } from '../../src/api/crds.ts'
import { agentLeaseName, CONTROLLER_LEASE, GROUP, PASSWORD_SECRET } from '../../src/api/names.ts'
import { AGENT_PODS } from '../../src/controller/agent-pod.ts'
import { readSettings } from '../../src/settings.ts'
import { toolPath } from '../lab/api-server.ts'
import { CHART, helm, type Rendered, render, valuesAt } from './render.ts'

const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url))
const EVERYTHING = {
  'agent.allowProcessChecks': true,
  'agent.allowExecChecks': true,
  'agent.fileCheckFolders': ['/run/load'],
  'agent.podCheckNamespaces': ['web', 'db'],
  'prometheus.podMonitor.enabled': true,
  'prometheus.prometheusRule.enabled': true,
  'prometheus.grafanaDashboard.enabled': true,
}

interface PodSpec {
  readonly hostNetwork?: boolean
  readonly securityContext?: object
  readonly automountServiceAccountToken?: boolean
  readonly containers: readonly {
    readonly name: string
    readonly args: readonly string[]
    readonly securityContext?: object
    readonly volumeMounts?: readonly { readonly name: string }[]
  }[]
  readonly volumes?: readonly object[]
}

function podOf(objects: readonly Rendered[], kind: 'DaemonSet' | 'Deployment') {
  const { spec } = find(objects, kind) as unknown as {
    spec: { template: { metadata: { labels: Readonly<Record<string, string>> }; spec: PodSpec } }
  }
  const [container] = spec.template.spec.containers
  assert.ok(container)
  return { labels: spec.template.metadata.labels, spec: spec.template.spec, container }
}

function find(objects: readonly Rendered[], kind: string): Rendered {
  const found = objects.find(object => object.kind === kind)
  assert.ok(found, kind)
  return found
}

test('helm lint has nothing to say', async () => {
  await helm(['lint', '--strict', CHART])
  await helm(['lint', '--strict', CHART, '--values=-'], JSON.stringify(valuesAt({ 'agent.allowExecChecks': true })))
})

test('what is made from values.yaml, src/api and the chart is up to date (else: make generate)', () => {
  assert.deepEqual(outdatedFiles(), [])
})

suite('by default', () => {
  let objects: readonly Rendered[]
  before(async () => {
    objects = await render()
  })

  test('the CustomResourceDefinitions are those of src/api, and stay when the release is removed', () => {
    const rendered = objects.filter(({ kind }) => kind === 'CustomResourceDefinition')
    for (const { metadata } of rendered) assert.equal(metadata.annotations?.['helm.sh/resource-policy'], 'keep')
    const crds = [...customResourceDefinitions().values()] as Rendered[]
    const byName = (crds: readonly Rendered[]) =>
      Object.fromEntries(crds.map(({ metadata, spec }) => [metadata.name, spec]))
    assert.deepEqual(byName(rendered), byName(crds))
  })

  test('an agent is uid 0 without any capability but two, on the host’s network, and writes to its state folder alone', () => {
    const { spec, container } = podOf(objects, 'DaemonSet')
    assert.equal(spec.hostNetwork, true)
    assert.deepEqual(spec.securityContext, { seccompProfile: { type: 'RuntimeDefault' } })
    assert.deepEqual(container.securityContext, {
      runAsUser: 0,
      runAsGroup: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    })
    assert.ok(!('hostPID' in spec) && !('shareProcessNamespace' in spec))
    assert.deepEqual(spec.volumes, [
      { name: 'state', hostPath: { path: '/var/lib/kube-vrrp', type: 'DirectoryOrCreate' } },
    ])
    assert.deepEqual(
      container.volumeMounts?.map(({ name }) => name),
      ['state'],
    )
  })

  test('a controller is an ordinary user without capabilities or volumes, on the pods’ network', () => {
    const { spec, container } = podOf(objects, 'Deployment')
    assert.ok(!('hostNetwork' in spec) && !('volumes' in spec))
    assert.deepEqual(spec.securityContext, {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })

  test('the controller finds the agents’ pods by their labels and the name of their container', () => {
    const { labels, container } = podOf(objects, 'DaemonSet')
    for (const label of AGENT_PODS.split(',')) {
      const [name = '', value] = label.split('=')
      assert.equal(labels[name], value)
    }
    assert.equal(container.name, 'agent')
  })

  test('every selector finds its pods and no others', async () => {
    const all = await render(valuesAt(EVERYTHING))
    const [agents, controllers] = [podOf(all, 'DaemonSet').labels, podOf(all, 'Deployment').labels]
    const picks = (selector: object | undefined, labels: object) =>
      Object.entries(selector ?? {}).every(([name, value]) => (labels as Record<string, string>)[name] === value)
    const picked = all.flatMap(({ kind, spec }) => {
      const { selector, podSelector } = (spec ?? {}) as Record<string, { matchLabels?: object } | undefined>
      const { matchLabels } = selector ?? podSelector ?? {}
      return matchLabels ? [[kind, picks(matchLabels, agents), picks(matchLabels, controllers)]] : []
    })
    assert.deepEqual(picked.sort(), [
      ['DaemonSet', true, false],
      ['Deployment', false, true],
      ['NetworkPolicy', false, true],
      ['PodDisruptionBudget', false, true],
      ['PodMonitor', true, true],
    ])
  })

  test('names that the program knows are those that the rights are for', () => {
    const policy = JSON.stringify(find(objects, 'ValidatingAdmissionPolicy')['spec'])
    assert.ok(policy.includes(`'leases': '${agentLeaseName('')}' + variables.node`))
    const roles = JSON.stringify(objects.filter(({ kind }) => kind === 'Role'))
    assert.ok(roles.includes(`"resourceNames":["${CONTROLLER_LEASE}"]`))
    assert.ok(roles.includes(`"resourceNames":["${PASSWORD_SECRET}"]`))
    assert.ok(JSON.stringify(objects.filter(({ kind }) => kind === 'ClusterRole')).includes(`"apiGroups":["${GROUP}"]`))
  })
})

test('the program takes the arguments that it is given', async () => {
  const objects = await render(
    valuesAt({ ...EVERYTHING, 'agent.metrics.host': '::1', 'prometheus.podMonitor.enabled': false }),
  )
  const agent = readSettings(podOf(objects, 'DaemonSet').container.args, '0.0.0')
  assert.equal(agent.command, 'agent')
  const { logFormat, stateDir, metricsAddress, checksAllowed, fileCheckFolders, podCheckNamespaces } = {
    metricsAddress: '',
    ...agent.settings,
  } as Record<string, unknown>
  assert.deepEqual(
    { logFormat, stateDir, metricsAddress, checksAllowed, fileCheckFolders, podCheckNamespaces },
    {
      logFormat: 'json',
      stateDir: '/var/lib/kube-vrrp',
      metricsAddress: '[::1]:9180',
      checksAllowed: ['Process', 'Exec', 'File', 'Pods'],
      podCheckNamespaces: ['web', 'db'],
      fileCheckFolders: ['/run/load'],
    },
  )
  const controller = readSettings(podOf(objects, 'Deployment').container.args, '0.0.0')
  assert.equal(controller.command, 'controller')
  assert.ok(controller.command === 'controller' && controller.settings.leaderElect)
  assert.ok(controller.command === 'controller' && controller.settings.metricsAddress === ':9181')
})

test('two releases have no object of the cluster in common but the CustomResourceDefinitions', async () => {
  const names = async (release: string, namespace: string) =>
    (await render({}, { release, namespace }))
      .filter(({ metadata }) => metadata.namespace === undefined || metadata.namespace === 'default')
      .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
  const [one, other, third] = await Promise.all([names('kube-vrrp', 'a'), names('kube-vrrp', 'b'), names('vips', 'a')])
  assert.equal(one.length, 10)
  const crds = one.filter(name => name.startsWith('CustomResourceDefinition/'))
  assert.deepEqual(
    one.filter(name => other.includes(name)),
    crds,
  )
  assert.deepEqual(
    one.filter(name => third.includes(name)),
    crds,
  )
})

test('as a dependency of another chart it takes what Helm adds to its values', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kube-vrrp-parent-'))
  mkdirSync(join(folder, 'charts'))
  cpSync(CHART, join(folder, 'charts', 'kube-vrrp'), { recursive: true })
  const dependency = '{name: kube-vrrp, version: ">=0", condition: kube-vrrp.enabled}'
  writeFileSync(
    join(folder, 'Chart.yaml'),
    `apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies: [${dependency}]\n`,
  )
  const values = { global: { registry: 'x' }, 'kube-vrrp': { enabled: true, logLevel: 'debug' } }
  const objects = await render(values, { chart: folder })
  assert.ok(podOf(objects, 'DaemonSet').container.args.includes('--log-level=debug'))
  rmSync(folder, { recursive: true })
})

test('after an install the next commands are on the screen', async () => {
  const said = await helm(['install', 'vips', CHART, '--namespace=network', '--dry-run=client'])
  const notes = said.slice(said.indexOf('NOTES:'))
  for (const line of [
    'kubectl -n network rollout status daemonset/vips-kube-vrrp-agent',
    'kubectl label --overwrite namespace network pod-security.kubernetes.io/enforce=privileged',
    'kubectl apply -f - <<END',
    'kubectl wait --for=condition=Ready vip/web --timeout=60s',
    'kubectl get vip -w',
    'kubectl describe vip web',
  ]) {
    assert.ok(notes.includes(line), line)
  }
  assert.doesNotMatch(notes, /rbac\.create/)
  const without = await helm(['install', 'vips', CHART, '--dry-run=client', '--set=rbac.create=false'])
  assert.match(
    without,
    /nothing works until the accounts vips-kube-vrrp-agent and vips-kube-vrrp-controller have the rights/,
  )
})

suite('deploy/install.yaml', () => {
  const installed = parseAllDocuments(readFileSync(join(DEPLOY, 'install.yaml'), 'utf8')).map(
    document => document.toJS() as Rendered,
  )

  test('is the chart by default, after a namespace that lets agents run', async () => {
    const [namespace, ...others] = installed
    assert.equal(namespace?.kind, 'Namespace')
    assert.equal(namespace?.metadata.labels?.['pod-security.kubernetes.io/enforce'], 'privileged')
    const byName = (objects: readonly Rendered[]) =>
      new Map(
        objects.map(({ kind, metadata, apiVersion, ...rest }) => [
          `${apiVersion} ${kind}/${metadata.namespace}/${metadata.name}`,
          rest,
        ]),
      )
    assert.deepEqual(byName(others), byName(await render()))
    assert.doesNotMatch(JSON.stringify(installed), /helm/i)
  })

  test('has what others need before them, and no agent before what holds it to its own node', () => {
    const kinds = installed.map(({ kind }) => kind)
    const order = [
      'Namespace',
      'CustomResourceDefinition',
      'ServiceAccount',
      'ValidatingAdmissionPolicyBinding',
      'DaemonSet',
    ]
    const positions = order.map(kind => kinds.indexOf(kind))
    assert.deepEqual(
      positions,
      positions.toSorted((a, b) => a - b),
    )
  })

  test('can be built upon as a kustomization', async () => {
    const { stdout } = await promisify(execFile)(toolPath('kubectl'), ['kustomize', DEPLOY], { maxBuffer: 2 ** 24 })
    const built = parseAllDocuments(stdout).map(document => document.toJS() as Rendered)
    const names = (objects: readonly Rendered[]) =>
      objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort()
    assert.deepEqual(names(built), names(installed))
  })
})

test('every alert and panel is there when it is asked for', async () => {
  const objects = await render(valuesAt(EVERYTHING))
  const dashboard = find(objects, 'ConfigMap')['data'] as Record<string, string>
  const { panels } = JSON.parse(dashboard['kube-vrrp.json'] ?? '') as {
    panels: { id: number; gridPos: { x: number; w: number } }[]
  }
  assert.ok(panels.length > 15)
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  assert.ok(panels.every(({ gridPos: { x, w } }) => x + w <= 24))
})
