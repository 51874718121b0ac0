/* Values that can't be right: refused before anything is installed, with a sentence that says where or what to do. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { leaves, readValues, type Value } from '../../charts/values-reference.ts'
import { type RenderOptions, render, valuesAt } from './render.ts'

const VALUES = readValues(readFileSync(new URL('../../charts/kube-vrrp/values.yaml', import.meta.url), 'utf8'))

/** What helm says of these values; empty where it takes them. */
async function refusalOf(values: object, options: RenderOptions = {}): Promise<string> {
  try {
    await render(values, options)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

function groups(values: readonly Value[]): readonly Value[] {
  return values.flatMap(value => (value.group ? [value, ...groups(value.group)] : []))
}

/** As the schema names it: `/agent/metrics`. */
function pointer(path: string): string {
  return `/${path.replaceAll('.', '/')}`
}

suite('the schema refuses', { concurrency: 4 }, () => {
  test('a key that it does not know, in every group of values', async () => {
    const paths = groups(VALUES).map(({ path }) => path)
    const said = await refusalOf(
      valuesAt(Object.fromEntries(['', ...paths].map(path => [`${path}.nonsense`.replace(/^\./, ''), 1]))),
    )
    for (const path of ['', ...paths]) {
      assert.ok(said.includes(`at '${path && pointer(path)}': additional properties 'nonsense' not allowed`), path)
    }
  })

  test('a value of another type, for every value', async () => {
    const wrong = ({ schema: { type } }: Value) => (type === 'array' ? { a: 1 } : [[]])
    const said = await refusalOf(valuesAt(Object.fromEntries(leaves(VALUES).map(value => [value.path, wrong(value)]))))
    const accepted = leaves(VALUES).filter(({ path }) => !said.includes(`at '${pointer(path)}'`))
    assert.deepEqual(
      accepted.map(({ path }) => path),
      [],
    )
  })

  test('null where a value is needed; elsewhere null is the same as nothing', async () => {
    const all = leaves(VALUES).map(({ path }) => path)
    const said = await refusalOf(valuesAt(Object.fromEntries(all.map(path => [path, null]))))
    const needed = all.filter(path => isMissing(said, path))
    assert.ok(needed.includes('crds.keep') && needed.includes('image.repository') && !needed.includes('image.tag'))
    assert.ok(needed.length > 20 && needed.length < all.length - 20)
    const others = all.filter(path => !needed.includes(path))
    const unsaid = valuesAt(Object.fromEntries(others.map(path => [path, null])))
    assert.doesNotMatch(JSON.stringify(await render(unsaid)), /<nil>|%!/)
  })

  const wrong: readonly [path: string, value: unknown, words: RegExp][] = [
    ['controller.replicas', 0, /minimum: got 0, want 1/],
    ['controller.podDisruptionBudget.maxUnavailable', 0, /minimum: got 0, want 1/],
    ['controller.podDisruptionBudget.maxUnavailable', '0%', /does not match pattern/],
    ['controller.metrics.port', 80, /minimum: got 80, want 1,?024/],
    ['agent.metrics.port', 70_000, /maximum: got 70,?000, want 65,?535/],
    ['agent.metrics.host', 'eth0', /does not match pattern/],
    ['agent.stateDir', 'var/lib/kube-vrrp', /does not match pattern/],
    ['agent.stateDir', '/', /does not match pattern/],
    ['agent.dnsPolicy', 'ClusterFirst', /value must be one of 'Default', 'ClusterFirstWithHostNet'/],
    ['agent.passwordSecret', 'Web_Password', /does not match pattern/],
    ['agent.extraArgs', ['-v'], /'-v' does not match pattern/],
    ['agent.tolerations', [{ keyz: 'a' }], /additional properties 'keyz' not allowed/],
    ['agent.tolerations', [{ effect: 'NoRun' }], /value must be one of 'NoSchedule'/],
    ['agent.extraEnv', [{ value: 'a' }], /missing property 'name'/],
    ['agent.extraVolumeMounts', [{ name: 'a' }], /missing property 'mountPath'/],
    ['agent.livenessProbe', { httpGet: {} }, /additional properties 'httpGet' not allowed/],
    ['agent.updateStrategy', { type: 'Recreate' }, /value must be one of 'RollingUpdate', 'OnDelete'/],
    ['agent.podAnnotations', { a: 1 }, /got number, want string/],
    ['image.repository', 'kube-vrrp/kube-vrrp:0.1.0', /does not match pattern/],
    ['image.tag', 1.2, /got number, want string/],
    ['image.digest', 'sha256:abc', /does not match pattern/],
    ['image.pullPolicy', 'Sometimes', /value must be one of 'IfNotPresent', 'Always', 'Never'/],
    ['logLevel', 'verbose', /value must be one of 'trace', 'debug', 'info', 'warn', 'error'/],
    ['fullnameOverride', 'Not_A_Name', /does not match pattern/],
    ['fullnameOverride', 'a'.repeat(53), /maxLength: got 53, want 52/],
    ['networkPolicy.apiServerPorts', [], /minItems: got 0, want 1/],
    ['prometheus.podMonitor.interval', 'often', /does not match pattern/],
  ]
  for (const [path, value, words] of wrong) {
    test(`${path}: ${JSON.stringify(value).slice(0, 40)}`, async () => {
      const said = await refusalOf(valuesAt({ [path]: value }))
      assert.match(said, words)
      assert.ok(said.includes(`at '${pointer(path)}`), said)
    })
  }
})

const sentences: readonly [what: string, values: Record<string, unknown>, sentence: string][] = [
  [
    'several controllers that all write',
    { 'controller.leaderElection.enabled': false },
    'controller.replicas is 2 and controller.leaderElection.enabled is false: all of them would write. Set controller.replicas=1, or leave the election on',
  ],
  [
    'a PodDisruptionBudget for one controller',
    { 'controller.replicas': 1 },
    'controller.podDisruptionBudget.enabled with controller.replicas=1 protects nothing: set controller.podDisruptionBudget.enabled=false, or controller.replicas to 2 or more',
  ],
  [
    'a controller that is root and must not be',
    { 'controller.podSecurityContext.runAsUser': 0 },
    'controller.podSecurityContext has runAsNonRoot and runAsUser 0, which no kubelet starts: leave it at 65532',
  ],
  [
    'two agents on a node',
    { 'agent.updateStrategy.rollingUpdate.maxSurge': 1 },
    "agent.updateStrategy.rollingUpdate.maxSurge: two agents can't run on one node, for they share its network: remove it, and use maxUnavailable",
  ],
  [
    'agents that never may end',
    { 'agent.updateStrategy.rollingUpdate.maxUnavailable': 0 },
    'agent.updateStrategy.rollingUpdate.maxUnavailable must be 1 or more: an agent ends before the new one on its node begins',
  ],
  [
    'an agent that is not root',
    { 'agent.securityContext.runAsUser': 1000 },
    'agent.securityContext.runAsUser is 1000: agents must run as 0, for Kubernetes gives no other user the capabilities that are added (everything else is dropped)',
  ],
  [
    'an agent that must not be root',
    { 'agent.securityContext.runAsNonRoot': true },
    'agent.securityContext.runAsNonRoot: agents must run as uid 0, for Kubernetes gives no other user the capabilities that are added (everything else is dropped): remove it',
  ],
  [
    'a pod of agents that must not be root',
    { 'agent.podSecurityContext.runAsNonRoot': true },
    'agent.podSecurityContext.runAsNonRoot: agents must run as uid 0, for Kubernetes gives no other user the capabilities that are added (everything else is dropped): remove it',
  ],
  [
    'an agent without a capability',
    { 'agent.securityContext.capabilities.add': ['NET_ADMIN'] },
    "agent.securityContext.capabilities.add lacks NET_RAW, without which an agent can't hold addresses or speak VRRP: it needs NET_ADMIN and NET_RAW",
  ],
  [
    'an account that nobody names',
    { 'agent.serviceAccount.create': false },
    'agent.serviceAccount.create is false: say in agent.serviceAccount.name which account there is',
  ],
  [
    "a controllers' account that nobody names",
    { 'controller.serviceAccount.create': false },
    'controller.serviceAccount.create is false: say in controller.serviceAccount.name which account there is',
  ],
  [
    'one account for both',
    { 'agent.serviceAccount.name': 'vrrp', 'controller.serviceAccount.name': 'vrrp' },
    'agent.serviceAccount.name and controller.serviceAccount.name are both vrrp: give each its own, for an agent may write what belongs to its own node only',
  ],
  [
    'agents that Prometheus can not reach',
    { 'agent.metrics.host': '127.0.0.1', 'prometheus.podMonitor.enabled': true },
    'prometheus.podMonitor.enabled needs agents that Prometheus can reach: agent.metrics.host is 127.0.0.1. Leave it empty, or the monitor off',
  ],
]

suite('helm says what to do instead of', { concurrency: 4 }, () => {
  for (const [what, values, sentence] of sentences) {
    test(what, async () => {
      const said = await refusalOf(valuesAt(values))
      assert.ok(said.includes(`: ${sentence}\n`), said)
    })
  }

  test('the privileged agent, which has every capability, is no such case', async () => {
    const values = { 'agent.securityContext': { privileged: true, allowPrivilegeEscalation: true, capabilities: null } }
    assert.equal(await refusalOf(valuesAt(values)), '')
  })

  for (const [name, kind] of [
    ['podMonitor', 'PodMonitor'],
    ['prometheusRule', 'PrometheusRule'],
  ]) {
    test(`a ${kind} where Prometheus's operator is not installed`, async () => {
      const said = await refusalOf(valuesAt({ [`prometheus.${name}.enabled`]: true }), {
        apiVersions: ['monitoring.coreos.com/v1'],
      })
      const sentence = `prometheus.${name}.enabled: this cluster does not know a ${kind}. Install Prometheus's operator first, or leave this off (with helm template: --api-versions monitoring.coreos.com/v1/${kind})`
      assert.ok(said.includes(sentence), said)
    })
  }
})

suite('a cluster of version', () => {
  for (const kubeVersion of ['v1.30.9', 'v1.30.5-gke.7', '1.19.0', 'v1.30.14+k3s1']) {
    test(`${kubeVersion} is refused, with the reason`, async () => {
      const said = await refusalOf({}, { kubeVersion })
      assert.match(
        said,
        /kube-vrrp needs Kubernetes 1\.31 or later, and this is v?1\.[0-9.]+\S*: the rules in its CustomResourceDefinitions use CEL's isIP\(\) and isCIDR\(\)/,
      )
      assert.match(said, /Upgrade the cluster first/)
    })
  }
  for (const kubeVersion of ['v1.31.0', 'v1.31.2-gke.1', 'v1.31.0-alpha.1', 'v1.32.1+k3s1', 'v1.40.0']) {
    test(`${kubeVersion} is taken`, async () => assert.equal(await refusalOf({}, { kubeVersion }), ''))
  }
})

function isMissing(said: string, path: string): boolean {
  const at = path.lastIndexOf('.')
  const [parent, name] = [path.slice(0, Math.max(at, 0)), path.slice(at + 1)]
  const line = said.split('\n').find(text => text.includes(`at '${parent && pointer(parent)}': missing propert`))
  return line?.includes(`'${name}'`) ?? false
}
