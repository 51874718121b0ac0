/* What each value of the chart changes in the objects, and that it changes nothing else. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, suite, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { leaves, readValues } from '../../charts/values-reference.ts'
import { changes, fieldsOf, type Rendered, render, valuesAt } from './render.ts'

interface Row {
  /** The values that are set; the first is what the row is about. */
  readonly set: Readonly<Record<string, unknown>>
  /** Every field that is another one then, by `Kind/name path`; undefined: it is gone. */
  readonly changes?: Readonly<Record<string, unknown>>
  /** The objects that are gone, by `Kind/name`; nothing else changes. */
  readonly removes?: RegExp
  /** Where too many fields change: what must be so. */
  readonly check?: (after: readonly Rendered[], before: readonly Rendered[]) => void
  readonly what?: string
}

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const AGENT = 'DaemonSet/kube-vrrp-agent'
const CONTROLLER = 'Deployment/kube-vrrp-controller'
const POD = 'spec.template.spec'
const AGENT_CONTAINER = `${AGENT} ${POD}.containers[agent]`
const CONTROLLER_CONTAINER = `${CONTROLLER} ${POD}.containers[controller]`
const POLICY = 'NetworkPolicy/kube-vrrp-controller spec'
const ENDPOINTS = 'PodMonitor/kube-vrrp spec.podMetricsEndpoints'
const ENDPOINT = {
  port: 'metrics',
  relabelings: [{ sourceLabels: ['__meta_kubernetes_pod_node_name'], targetLabel: 'node' }],
}
const DIGEST = `sha256:${'a'.repeat(64)}`
const SELECTOR = {
  'app.kubernetes.io/name': 'kube-vrrp',
  'app.kubernetes.io/instance': 'kube-vrrp',
  'app.kubernetes.io/component': 'controller',
}

const agentArgs = (...more: readonly string[]) => [
  'agent',
  '--log-level=info',
  '--log-format=json',
  '--state-dir=/var/lib/kube-vrrp',
  '--metrics-address=:9180',
  ...more,
]
const controllerArgs = (...more: readonly string[]) => [
  'controller',
  '--log-level=info',
  '--log-format=json',
  '--metrics-address=:9181',
  '--leader-elect=true',
  ...more,
]
const withArg = (args: readonly string[], flag: string, value: string) =>
  args.map(arg => (arg.startsWith(`${flag}=`) ? `${flag}=${value}` : arg))
const READ_PODS = { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] }
const probes = ['startupProbe', 'livenessProbe', 'readinessProbe']

/** What is set in one of two pods alike. */
function podRows(component: 'agent' | 'controller'): readonly Row[] {
  const workload = component === 'agent' ? AGENT : CONTROLLER
  const pod = `${workload} ${POD}`
  const container = `${pod}.containers[${component}]`
  const args = component === 'agent' ? agentArgs : controllerArgs
  const account = `kube-vrrp-${component}`
  const spread = `${pod}.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution`
  return [
    {
      set: { [`${component}.serviceAccount.create`]: false, [`${component}.serviceAccount.name`]: account },
      removes: new RegExp(`^ServiceAccount/${account}$`),
    },
    {
      set: { [`${component}.serviceAccount.name`]: 'own' },
      check: after => {
        assert.equal(find(after, 'ServiceAccount', 'own').kind, 'ServiceAccount')
        assert.equal(fieldsOf(after).get(`${pod}.serviceAccountName`), 'own')
        const bound = after.filter(({ kind }) => kind.endsWith('RoleBinding')).flatMap(({ subjects }) => subjects)
        assert.equal(bound.filter(subject => (subject as { name: string }).name === account).length, 0)
        const policy = JSON.stringify(after.find(({ kind }) => kind === 'ValidatingAdmissionPolicy'))
        assert.equal(policy.includes('system:serviceaccount:kube-vrrp:own'), component === 'agent')
      },
    },
    {
      set: { [`${component}.serviceAccount.annotations`]: { a: 'b' } },
      changes: { [`ServiceAccount/${account} metadata.annotations.a`]: 'b' },
    },
    {
      set: { [`${component}.resources`]: { limits: { cpu: '1' } } },
      changes: { [`${container}.resources.limits.cpu`]: '1' },
    },
    { set: { [`${component}.nodeSelector`]: { a: 'b' } }, changes: { [`${pod}.nodeSelector.a`]: 'b' } },
    {
      set: { [`${component}.tolerations`]: [{ key: 'a', operator: 'Exists' }] },
      changes: { [`${pod}.tolerations`]: [{ key: 'a', operator: 'Exists' }] },
    },
    {
      set: { [`${component}.affinity`]: { nodeAffinity: { a: 'b' } } },
      changes: {
        [`${pod}.affinity.nodeAffinity.a`]: 'b',
        ...(component === 'controller' && { [spread]: undefined }),
      },
    },
    { set: { [`${component}.priorityClassName`]: 'own' }, changes: { [`${pod}.priorityClassName`]: 'own' } },
    { set: { [`${component}.priorityClassName`]: '' }, changes: { [`${pod}.priorityClassName`]: undefined } },
    {
      set: { [`${component}.podAnnotations`]: { a: 'b' } },
      changes: { [`${workload} spec.template.metadata.annotations.a`]: 'b' },
    },
    {
      set: { [`${component}.podLabels`]: { a: 'b' } },
      changes: { [`${workload} spec.template.metadata.labels.a`]: 'b' },
    },
    {
      set: { [`${component}.podSecurityContext`]: { fsGroup: 5 } },
      changes: { [`${pod}.securityContext.fsGroup`]: 5 },
    },
    {
      set: { [`${component}.securityContext`]: { seLinuxOptions: { type: 'spc_t' } } },
      changes: { [`${container}.securityContext.seLinuxOptions.type`]: 'spc_t' },
    },
    {
      set: { [`${component}.terminationGracePeriodSeconds`]: 33 },
      changes: { [`${pod}.terminationGracePeriodSeconds`]: 33 },
    },
    ...probes.map(probe => ({
      set: { [`${component}.${probe}`]: { initialDelaySeconds: 7, failureThreshold: 9 } },
      changes: {
        [`${container}.${probe}.initialDelaySeconds`]: 7,
        [`${container}.${probe}.failureThreshold`]: 9,
      },
    })),
    {
      set: { [`${component}.extraArgs`]: ['--log-level=debug'] },
      changes: { [`${container}.args`]: args('--log-level=debug') },
    },
    {
      set: { [`${component}.extraEnv`]: [{ name: 'KUBERNETES_SERVICE_HOST', value: '10.0.0.1' }] },
      changes: {
        [`${container}.env[KUBERNETES_SERVICE_HOST].name`]: 'KUBERNETES_SERVICE_HOST',
        [`${container}.env[KUBERNETES_SERVICE_HOST].value`]: '10.0.0.1',
      },
    },
    {
      set: { [`${component}.extraVolumes`]: [{ name: 'data', hostPath: { path: '/data' } }] },
      changes: { [`${pod}.volumes[data].name`]: 'data', [`${pod}.volumes[data].hostPath.path`]: '/data' },
    },
    {
      set: { [`${component}.extraVolumeMounts`]: [{ name: 'data', mountPath: '/data' }] },
      changes: {
        [`${container}.volumeMounts[data].name`]: 'data',
        [`${container}.volumeMounts[data].mountPath`]: '/data',
      },
    },
    {
      set: { [`${component}.extraContainers`]: [{ name: 'beside', image: 'other' }] },
      changes: {
        [`${pod}.containers[beside].name`]: 'beside',
        [`${pod}.containers[beside].image`]: 'other',
      },
    },
  ]
}

const ROWS: readonly Row[] = [
  {
    set: { nameOverride: 'vips' },
    what: 'is in the names and in the label name, and in every selector',
    check: after => {
      const names = after.filter(({ kind }) => kind !== 'CustomResourceDefinition').map(({ metadata }) => metadata.name)
      assert.deepEqual(
        names.filter(name => !name.startsWith('kube-vrrp-vips')),
        [],
      )
      assert.deepEqual(
        after.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/name'] !== 'vips').map(nameOf),
        [],
      )
      const selectors = [...fieldsOf(after)].filter(([path]) => /atchLabels.app.kubernetes.io\/name$/.test(path))
      assert.equal(selectors.length, 5)
      assert.ok(selectors.every(([, value]) => value === 'vips'))
    },
  },
  {
    set: { fullnameOverride: 'vips' },
    what: 'begins every name',
    check: after => {
      const names = after.filter(({ kind }) => kind !== 'CustomResourceDefinition').map(({ metadata }) => metadata.name)
      assert.deepEqual(
        names.filter(name => !/^vips(-|$)/.test(name)),
        [],
      )
      assert.equal(fieldsOf(after).get(`DaemonSet/vips-agent ${POD}.serviceAccountName`), 'vips-agent')
    },
  },
  {
    set: { namespaceOverride: 'network' },
    what: 'is where everything namespaced is, but the role for events; and in the policy, the bindings and the alerts',
    check: after => {
      const elsewhere = after.filter(
        ({ metadata }) => metadata.namespace !== undefined && metadata.namespace !== 'network',
      )
      assert.deepEqual(elsewhere.map(nameOf), [
        'Role/kube-vrrp-controller.network',
        'RoleBinding/kube-vrrp-controller.network',
      ])
      assert.doesNotMatch(
        JSON.stringify(after.filter(({ kind }) => kind !== 'CustomResourceDefinition')),
        /"kube-vrrp:|namespace":"kube-vrrp"|namespace=\\"kube-vrrp/,
      )
      assert.match(JSON.stringify(after), /system:serviceaccount:network:kube-vrrp-agent/)
      assert.match(JSON.stringify(find(after, 'PrometheusRule')), /namespace=\\"network\\"/)
    },
  },
  {
    set: { commonLabels: { team: 'network' } },
    what: 'are on every object and pod, and in no selector',
    check: (after, defaults) => {
      const changed = changes(defaults, after)
      assert.ok(Object.keys(changed).every(path => /(^| |\.)metadata\.labels\.team$/.test(path)))
      assert.equal(Object.keys(changed).length, after.length + 2)
    },
  },
  {
    set: { 'image.repository': 'registry.example.org:5000/vrrp' },
    changes: {
      [`${AGENT_CONTAINER}.image`]: `registry.example.org:5000/vrrp:${version}`,
      [`${CONTROLLER_CONTAINER}.image`]: `registry.example.org:5000/vrrp:${version}`,
    },
  },
  {
    set: { 'image.tag': 'next' },
    changes: {
      [`${AGENT_CONTAINER}.image`]: 'kube-vrrp/kube-vrrp:next',
      [`${CONTROLLER_CONTAINER}.image`]: 'kube-vrrp/kube-vrrp:next',
    },
  },
  {
    set: { 'image.digest': DIGEST, 'image.tag': 'next' },
    changes: {
      [`${AGENT_CONTAINER}.image`]: `kube-vrrp/kube-vrrp@${DIGEST}`,
      [`${CONTROLLER_CONTAINER}.image`]: `kube-vrrp/kube-vrrp@${DIGEST}`,
    },
  },
  {
    set: { 'image.pullPolicy': 'Never' },
    changes: {
      [`${AGENT_CONTAINER}.imagePullPolicy`]: 'Never',
      [`${CONTROLLER_CONTAINER}.imagePullPolicy`]: 'Never',
    },
  },
  {
    set: { imagePullSecrets: [{ name: 'registry' }] },
    changes: {
      [`${AGENT} ${POD}.imagePullSecrets[registry].name`]: 'registry',
      [`${CONTROLLER} ${POD}.imagePullSecrets[registry].name`]: 'registry',
    },
  },
  {
    set: { logLevel: 'debug' },
    changes: {
      [`${AGENT_CONTAINER}.args`]: withArg(agentArgs(), '--log-level', 'debug'),
      [`${CONTROLLER_CONTAINER}.args`]: withArg(controllerArgs(), '--log-level', 'debug'),
    },
  },
  {
    set: { logFormat: 'text' },
    changes: {
      [`${AGENT_CONTAINER}.args`]: withArg(agentArgs(), '--log-format', 'text'),
      [`${CONTROLLER_CONTAINER}.args`]: withArg(controllerArgs(), '--log-format', 'text'),
    },
  },
  { set: { 'crds.enabled': false }, removes: /^CustomResourceDefinition\// },
  {
    set: { 'crds.keep': false },
    changes: {
      'CustomResourceDefinition/virtualipnodes.kube-vrrp.io metadata.annotations.helm.sh/resource-policy': undefined,
      'CustomResourceDefinition/virtualips.kube-vrrp.io metadata.annotations.helm.sh/resource-policy': undefined,
    },
  },
  { set: { 'rbac.create': false }, removes: /Role|Policy(Binding)?\/kube-vrrp-agent/ },
  {
    set: { 'agent.passwordSecret': 'own' },
    check: (after, defaults) => {
      const rules = (objects: readonly Rendered[]) => JSON.stringify(find(objects, 'Role', 'kube-vrrp-agent'))
      assert.deepEqual(Object.keys(changes(defaults, after)), ['Role/kube-vrrp-agent rules'])
      assert.equal(rules(after), rules(defaults).replace('kube-vrrp-passwords', 'own'))
    },
  },
  {
    set: { 'agent.passwordSecret': '' },
    changes: {
      'Role/kube-vrrp-agent rules': [
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'patch'] },
      ],
    },
  },
  {
    set: { 'agent.allowProcessChecks': true },
    changes: {
      [`${AGENT} ${POD}.hostPID`]: true,
      [`${AGENT_CONTAINER}.args`]: agentArgs('--allow-process-checks'),
    },
  },
  {
    set: { 'agent.allowExecChecks': true },
    changes: {
      [`${AGENT} ${POD}.shareProcessNamespace`]: true,
      [`${AGENT_CONTAINER}.args`]: agentArgs('--allow-exec-checks'),
    },
  },
  {
    set: { 'agent.allowExecChecks': true, 'agent.allowProcessChecks': true },
    what: "has the host's init reap what commands leave behind: the two namespaces exclude each other",
    changes: {
      [`${AGENT} ${POD}.hostPID`]: true,
      [`${AGENT_CONTAINER}.args`]: agentArgs('--allow-process-checks', '--allow-exec-checks'),
    },
  },
  {
    set: { 'agent.fileCheckFolders': ['/run/load', '/var/lib/app'] },
    changes: {
      [`${AGENT_CONTAINER}.args`]: agentArgs('--file-check-folders=/run/load,/var/lib/app'),
      ...Object.fromEntries(
        ['/run/load', '/var/lib/app'].flatMap((folder, i) => [
          [`${AGENT_CONTAINER}.volumeMounts[checked-${i}].name`, `checked-${i}`],
          [`${AGENT_CONTAINER}.volumeMounts[checked-${i}].mountPath`, folder],
          [`${AGENT_CONTAINER}.volumeMounts[checked-${i}].readOnly`, true],
          [`${AGENT_CONTAINER}.volumeMounts[checked-${i}].mountPropagation`, 'HostToContainer'],
          [`${AGENT} ${POD}.volumes[checked-${i}].name`, `checked-${i}`],
          [`${AGENT} ${POD}.volumes[checked-${i}].hostPath.path`, folder],
          [`${AGENT} ${POD}.volumes[checked-${i}].hostPath.type`, 'DirectoryOrCreate'],
        ]),
      ),
    },
  },
  {
    set: { 'agent.podCheckNamespaces': ['web', 'db'] },
    what: 'gives agents the pods of these namespaces to read, and nothing else',
    check: (after, before) => {
      const more = after.filter(object => !before.some(other => isDeepStrictEqual(other, object)))
      assert.deepEqual(more.map(object => `${object.metadata.namespace} ${nameOf(object)}`).sort(), [
        'db Role/kube-vrrp-agent.kube-vrrp',
        'db RoleBinding/kube-vrrp-agent.kube-vrrp',
        'kube-vrrp DaemonSet/kube-vrrp-agent',
        'web Role/kube-vrrp-agent.kube-vrrp',
        'web RoleBinding/kube-vrrp-agent.kube-vrrp',
      ])
      for (const role of more.filter(({ kind }) => kind === 'Role')) assert.deepEqual(role['rules'], [READ_PODS])
      const args = agentArgs('--pod-check-namespaces=web,db')
      assert.ok(JSON.stringify(find(more, 'DaemonSet')).includes(JSON.stringify(args)))
    },
  },
  {
    set: { 'agent.podCheckNamespaces': ['*'] },
    what: 'gives agents the pods of all namespaces to read, and nothing else',
    check: (after, before) => {
      const more = after.filter(object => !before.some(other => isDeepStrictEqual(other, object)))
      assert.deepEqual(more.map(({ kind }) => kind).sort(), ['ClusterRole', 'DaemonSet'])
      const { rules } = find(more, 'ClusterRole') as unknown as { rules: object[] }
      assert.deepEqual(rules.at(-1), READ_PODS)
    },
  },
  {
    set: { 'agent.startupDelay': '5s' },
    changes: { [`${AGENT_CONTAINER}.args`]: agentArgs('--startup-delay=5s') },
  },
  {
    set: { 'agent.setNonlocalBind': true },
    what: 'has one privileged init container, and no other container is',
    check: (after, before) => {
      const podOf = (objects: typeof after) => {
        const { spec } = find(objects, 'DaemonSet') as unknown as {
          spec: {
            template: { spec: { initContainers?: object[]; containers: { image: string; resources: object }[] } }
          }
        }
        return spec.template.spec
      }
      const { initContainers, ...rest } = podOf(after)
      assert.deepEqual(rest, podOf(before))
      const [{ image, resources } = assert.fail()] = rest.containers
      assert.deepEqual(initContainers, [
        {
          name: 'set-ip-nonlocal-bind',
          image,
          imagePullPolicy: 'IfNotPresent',
          args: ['set-ip-nonlocal-bind', '--log-level=info', '--log-format=json'],
          resources,
          securityContext: { privileged: true, runAsUser: 0, readOnlyRootFilesystem: true },
        },
      ])
    },
  },
  {
    set: { 'agent.delayAfterBoot': '2m' },
    changes: { [`${AGENT_CONTAINER}.args`]: agentArgs('--delay-after-boot=2m') },
  },
  {
    set: { 'agent.stateDir': '/data/vrrp' },
    changes: {
      [`${AGENT_CONTAINER}.args`]: withArg(agentArgs(), '--state-dir', '/data/vrrp'),
      [`${AGENT_CONTAINER}.volumeMounts[state].mountPath`]: '/data/vrrp',
      [`${AGENT} ${POD}.volumes[state].hostPath.path`]: '/data/vrrp',
    },
  },
  {
    set: { 'agent.metrics.host': '10.0.0.1' },
    changes: {
      [`${AGENT_CONTAINER}.args`]: withArg(agentArgs(), '--metrics-address', '10.0.0.1:9180'),
      ...Object.fromEntries(probes.map(probe => [`${AGENT_CONTAINER}.${probe}.httpGet.host`, '10.0.0.1'])),
    },
  },
  {
    set: { 'agent.metrics.host': 'fd00::1' },
    changes: {
      [`${AGENT_CONTAINER}.args`]: withArg(agentArgs(), '--metrics-address', '[fd00::1]:9180'),
      ...Object.fromEntries(probes.map(probe => [`${AGENT_CONTAINER}.${probe}.httpGet.host`, 'fd00::1'])),
    },
  },
  {
    set: { 'agent.metrics.host': '::' },
    changes: { [`${AGENT_CONTAINER}.args`]: withArg(agentArgs(), '--metrics-address', '[::]:9180') },
  },
  {
    set: { 'agent.metrics.port': 9999 },
    changes: {
      [`${AGENT_CONTAINER}.args`]: withArg(agentArgs(), '--metrics-address', ':9999'),
      [`${AGENT_CONTAINER}.ports[metrics].containerPort`]: 9999,
    },
  },
  {
    set: { 'agent.dnsPolicy': 'ClusterFirstWithHostNet' },
    changes: { [`${AGENT} ${POD}.dnsPolicy`]: 'ClusterFirstWithHostNet' },
  },
  {
    set: { 'agent.updateStrategy': { type: 'OnDelete' } },
    changes: {
      [`${AGENT} spec.updateStrategy.type`]: 'OnDelete',
      [`${AGENT} spec.updateStrategy.rollingUpdate.maxUnavailable`]: undefined,
    },
  },
  {
    set: { 'agent.updateStrategy': { rollingUpdate: { maxUnavailable: '10%' } } },
    changes: { [`${AGENT} spec.updateStrategy.rollingUpdate.maxUnavailable`]: '10%' },
  },
  { set: { 'agent.minReadySeconds': 30 }, changes: { [`${AGENT} spec.minReadySeconds`]: 30 } },
  ...podRows('agent'),
  { set: { 'controller.replicas': 3 }, changes: { [`${CONTROLLER} spec.replicas`]: 3 } },
  {
    set: {
      'controller.leaderElection.enabled': false,
      'controller.replicas': 1,
      'controller.podDisruptionBudget.enabled': false,
    },
    what: "takes away the rights to the leader's Lease, and never runs two",
    check: after => {
      const fields = fieldsOf(after)
      assert.deepEqual(fields.get(`${CONTROLLER_CONTAINER}.args`), withArg(controllerArgs(), '--leader-elect', 'false'))
      assert.equal(fields.get(`${CONTROLLER} spec.strategy.type`), 'Recreate')
      assert.equal(fields.get(`${CONTROLLER} spec.strategy.rollingUpdate.maxSurge`), undefined)
      assert.deepEqual(find(after, 'Role', 'kube-vrrp-controller')['rules'], [
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'list', 'watch', 'delete'] },
        { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
      ])
    },
  },
  {
    set: { 'controller.metrics.port': 9999 },
    changes: {
      [`${CONTROLLER_CONTAINER}.args`]: withArg(controllerArgs(), '--metrics-address', ':9999'),
      [`${CONTROLLER_CONTAINER}.ports[metrics].containerPort`]: 9999,
    },
  },
  {
    set: {
      'controller.topologySpreadConstraints': [
        { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' },
        {
          maxSkew: 1,
          topologyKey: 'rack',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { a: 'b' } },
        },
      ],
    },
    what: 'spreads the controllers where it does not say whom',
    changes: {
      [`${CONTROLLER} ${POD}.topologySpreadConstraints`]: [
        {
          labelSelector: { matchLabels: SELECTOR },
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'ScheduleAnyway',
        },
        {
          labelSelector: { matchLabels: { a: 'b' } },
          maxSkew: 1,
          topologyKey: 'rack',
          whenUnsatisfiable: 'DoNotSchedule',
        },
      ],
    },
  },
  { set: { 'controller.podDisruptionBudget.enabled': false }, removes: /^PodDisruptionBudget\// },
  {
    set: { 'controller.podDisruptionBudget.maxUnavailable': '50%' },
    changes: { 'PodDisruptionBudget/kube-vrrp-controller spec.maxUnavailable': '50%' },
  },
  ...podRows('controller'),
  { set: { 'networkPolicy.enabled': false }, removes: /^NetworkPolicy\// },
  {
    set: { 'networkPolicy.apiServerPorts': [7443] },
    changes: { [`${POLICY}.egress`]: [{ ports: [{ protocol: 'TCP', port: 7443 }] }] },
  },
  {
    set: { 'networkPolicy.metricsFrom': [{ namespaceSelector: { matchLabels: { a: 'b' } } }] },
    changes: {
      [`${POLICY}.ingress`]: [
        { ports: [{ protocol: 'TCP', port: 'metrics' }], from: [{ namespaceSelector: { matchLabels: { a: 'b' } } }] },
      ],
    },
  },
  {
    set: { 'networkPolicy.extraEgress': [{ ports: [{ protocol: 'UDP', port: 53 }] }] },
    changes: {
      [`${POLICY}.egress`]: [
        { ports: [443, 6443, 8443, 16443].map(port => ({ protocol: 'TCP', port })) },
        { ports: [{ protocol: 'UDP', port: 53 }] },
      ],
    },
  },
  { set: { 'prometheus.podMonitor.enabled': false }, removes: /^PodMonitor\// },
  { set: { 'prometheus.podMonitor.labels': { a: 'b' } }, changes: { 'PodMonitor/kube-vrrp metadata.labels.a': 'b' } },
  { set: { 'prometheus.podMonitor.interval': '30s' }, changes: { [ENDPOINTS]: [{ ...ENDPOINT, interval: '30s' }] } },
  {
    set: { 'prometheus.podMonitor.scrapeTimeout': '5s' },
    changes: { [ENDPOINTS]: [{ ...ENDPOINT, scrapeTimeout: '5s' }] },
  },
  {
    set: { 'prometheus.podMonitor.relabelings': [{ action: 'labeldrop', regex: 'pod' }] },
    changes: {
      [ENDPOINTS]: [{ ...ENDPOINT, relabelings: [...ENDPOINT.relabelings, { action: 'labeldrop', regex: 'pod' }] }],
    },
  },
  {
    set: { 'prometheus.podMonitor.metricRelabelings': [{ action: 'drop', regex: 'x' }] },
    changes: { [ENDPOINTS]: [{ ...ENDPOINT, metricRelabelings: [{ action: 'drop', regex: 'x' }] }] },
  },
  { set: { 'prometheus.prometheusRule.enabled': false }, removes: /^PrometheusRule\// },
  {
    set: { 'prometheus.prometheusRule.labels': { a: 'b' } },
    changes: { 'PrometheusRule/kube-vrrp metadata.labels.a': 'b' },
  },
  {
    set: { 'prometheus.prometheusRule.alertLabels': { team: 'network', severity: 'page' } },
    what: 'are on every alert, and win',
    check: (after, defaults) => {
      assert.deepEqual(
        rulesOf(after),
        rulesOf(defaults).map(rule => ({ ...rule, labels: { team: 'network', severity: 'page' } })),
      )
    },
  },
  {
    set: { 'prometheus.prometheusRule.extraRules': [{ alert: 'Own', expr: '1' }] },
    check: (after, defaults) => {
      assert.deepEqual(rulesOf(after), [...rulesOf(defaults), { alert: 'Own', expr: '1' }])
    },
  },
  { set: { 'prometheus.grafanaDashboard.enabled': false }, removes: /^ConfigMap\// },
  {
    set: { 'prometheus.grafanaDashboard.labels': { grafana_dashboard: 'yes' } },
    changes: { 'ConfigMap/kube-vrrp-dashboard metadata.labels.grafana_dashboard': 'yes' },
  },
  {
    set: { 'prometheus.grafanaDashboard.annotations': { folder: 'network' } },
    changes: { 'ConfigMap/kube-vrrp-dashboard metadata.annotations.folder': 'network' },
  },
]

/** Beside the defaults, so that every object there can be is there. */
const BASE = {
  'prometheus.podMonitor.enabled': true,
  'prometheus.prometheusRule.enabled': true,
  'prometheus.grafanaDashboard.enabled': true,
}

suite('the chart, with', { concurrency: 4 }, () => {
  let defaults: readonly Rendered[]
  before(async () => {
    defaults = await render(valuesAt(BASE))
  })

  for (const row of ROWS) {
    test(`${Object.keys(row.set).join(' and ')}${titleOf(row)}`, async () => {
      const after = await render(valuesAt({ ...BASE, ...row.set }))
      if (row.removes)
        assert.deepEqual(
          after,
          defaults.filter(object => !row.removes?.test(nameOf(object))),
        )
      if (row.removes) assert.notEqual(after.length, defaults.length)
      if (row.changes) assert.deepEqual(changes(defaults, after), row.changes)
      row.check?.(after, defaults)
    })
  }
})

test('every value of values.yaml is among them', () => {
  const values = readValues(readFileSync(new URL('../../charts/kube-vrrp/values.yaml', import.meta.url), 'utf8'))
  const shown = new Set(ROWS.map(({ set }) => Object.keys(set)[0]))
  assert.deepEqual(
    leaves(values)
      .map(({ path }) => path)
      .filter(path => !shown.has(path)),
    [],
  )
})

function titleOf({ what, changes: expected, removes }: Row): string {
  if (what !== undefined) return ` ${what}`
  if (removes) return ` leaves out ${removes.source} and nothing else`
  return expected ? ` changes ${Object.keys(expected).length} fields and nothing else` : ''
}

function nameOf({ kind, metadata }: Rendered): string {
  return `${kind}/${metadata.name}`
}

function find(objects: readonly Rendered[], kind: string, name?: string): Rendered {
  const found = objects.find(object => object.kind === kind && (name === undefined || object.metadata.name === name))
  assert.ok(found, `${kind} ${name ?? ''}`)
  return found
}

function rulesOf(objects: readonly Rendered[]): readonly object[] {
  const { groups } = find(objects, 'PrometheusRule')['spec'] as { groups: { rules: object[] }[] }
  return groups.flatMap(({ rules }) => rules)
}
