/** JSON Schema, draft 2020-12, as far as the chart's values need it. */
export interface Schema {
  readonly $schema?: string
  readonly title?: string
  readonly description?: string
  readonly type?: 'string' | 'integer' | 'boolean' | 'array' | 'object' | readonly ('string' | 'integer' | 'number')[]
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
}

/** A group of the chart's own values, each documented by itself; everything else is one value, however deep. */
const groups = new WeakSet<Schema>()
/** Values that may be null, which Helm takes for absent. */
const optional = new WeakSet<Schema>()

export function isGroup(schema: Schema): boolean {
  return groups.has(schema)
}

function group(properties: Readonly<Record<string, Schema>>): Schema {
  const required = Object.keys(properties).filter(name => !optional.has(properties[name] as Schema))
  const schema: Schema = { type: 'object', additionalProperties: false, required, properties }
  groups.add(schema)
  return schema
}

function maybe(schema: Schema): Schema {
  const own = { ...schema }
  optional.add(own)
  return own
}

// ---- what values are made of

const BOOLEAN: Schema = { type: 'boolean' }
const COUNT: Schema = { type: 'integer', minimum: 0 }
/** Below 1024 needs a capability that neither component has. */
const PORT: Schema = { type: 'integer', minimum: 1024, maximum: 65_535 }
const STRINGS: Schema = { type: 'object', additionalProperties: { type: 'string' } }
const ANYTHING: Schema = { type: 'object' }
const QUANTITIES: Schema = { type: 'object', additionalProperties: { type: ['string', 'number'] } }
const ONE_OR_MORE_OR_PERCENT: Schema = { type: ['integer', 'string'], minimum: 1, pattern: '^[1-9][0-9]?%$|^100%$' }

const stringOf = (pattern: string, maxLength?: number): Schema => ({
  type: 'string',
  pattern,
  ...(maxLength !== undefined && { maxLength }),
})
const oneOf = (...values: readonly string[]): Schema => ({ type: 'string', enum: values })
const listOf = (items: Schema): Schema => ({ type: 'array', items })
const DNS_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'

/** An object of Kubernetes with all its fields. */
function fields(properties: Readonly<Record<string, Schema>>, ...required: readonly string[]): Schema {
  return { type: 'object', additionalProperties: false, ...(required.length > 0 && { required }), properties }
}

/** An object of Kubernetes that has more fields than these. */
function withFields(properties: Readonly<Record<string, Schema>>, ...required: readonly string[]): Schema {
  return { type: 'object', ...(required.length > 0 && { required }), properties }
}

// ---- Kubernetes's

const TOLERATION = fields({
  key: { type: 'string' },
  operator: oneOf('Exists', 'Equal', 'Lt', 'Gt'),
  value: { type: 'string' },
  effect: oneOf('NoSchedule', 'PreferNoSchedule', 'NoExecute'),
  tolerationSeconds: { type: 'integer' },
})
const AFFINITY = fields({ nodeAffinity: ANYTHING, podAffinity: ANYTHING, podAntiAffinity: ANYTHING })
const RESOURCES = fields({ requests: QUANTITIES, limits: QUANTITIES, claims: listOf(ANYTHING) })
const PROBE = fields({
  initialDelaySeconds: COUNT,
  periodSeconds: { type: 'integer', minimum: 1 },
  timeoutSeconds: { type: 'integer', minimum: 1 },
  failureThreshold: { type: 'integer', minimum: 1 },
  terminationGracePeriodSeconds: { type: 'integer', minimum: 1 },
})
const POD_SECURITY_CONTEXT = withFields({ runAsUser: COUNT, runAsGroup: COUNT, runAsNonRoot: BOOLEAN })
const SECURITY_CONTEXT = withFields({
  runAsUser: COUNT,
  runAsGroup: COUNT,
  runAsNonRoot: BOOLEAN,
  privileged: BOOLEAN,
  allowPrivilegeEscalation: BOOLEAN,
  readOnlyRootFilesystem: BOOLEAN,
  capabilities: fields({ add: listOf({ type: 'string' }), drop: listOf({ type: 'string' }) }),
})
const ENVIRONMENT_VARIABLE = fields(
  { name: { type: 'string' }, value: { type: 'string' }, valueFrom: ANYTHING },
  'name',
)
const VOLUME = withFields({ name: { type: 'string' } }, 'name')
const VOLUME_MOUNT = withFields({ name: { type: 'string' }, mountPath: { type: 'string' } }, 'name', 'mountPath')
const CONTAINER = withFields({ name: { type: 'string' }, image: { type: 'string' } }, 'name', 'image')
const TOPOLOGY_SPREAD_CONSTRAINT = withFields(
  {
    maxSkew: { type: 'integer', minimum: 1 },
    topologyKey: { type: 'string' },
    whenUnsatisfiable: oneOf('DoNotSchedule', 'ScheduleAnyway'),
  },
  'maxSkew',
  'topologyKey',
  'whenUnsatisfiable',
)
const UPDATE_STRATEGY = fields(
  {
    type: oneOf('RollingUpdate', 'OnDelete'),
    // maxSurge and a maxUnavailable of 0 are refused by a template, which says why.
    rollingUpdate: fields({
      maxUnavailable: { type: ['integer', 'string'] },
      maxSurge: { type: ['integer', 'string'] },
    }),
  },
  'type',
)

// ---- the chart's

const SERVICE_ACCOUNT = group({
  create: BOOLEAN,
  name: maybe(stringOf(`^(${DNS_LABEL}(\\.${DNS_LABEL})*)?$`, 253)),
  annotations: maybe(STRINGS),
})

/** What agents and controllers both have. */
const POD = {
  serviceAccount: SERVICE_ACCOUNT,
  resources: maybe(RESOURCES),
  nodeSelector: maybe(STRINGS),
  tolerations: maybe(listOf(TOLERATION)),
  affinity: maybe(AFFINITY),
  priorityClassName: maybe({ type: 'string' }),
  podAnnotations: maybe(STRINGS),
  podLabels: maybe(STRINGS),
  podSecurityContext: maybe(POD_SECURITY_CONTEXT),
  securityContext: maybe(SECURITY_CONTEXT),
  terminationGracePeriodSeconds: COUNT,
  startupProbe: PROBE,
  livenessProbe: PROBE,
  readinessProbe: PROBE,
  extraArgs: maybe(listOf(stringOf('^--'))),
  extraEnv: maybe(listOf(ENVIRONMENT_VARIABLE)),
  extraVolumes: maybe(listOf(VOLUME)),
  extraVolumeMounts: maybe(listOf(VOLUME_MOUNT)),
  extraContainers: maybe(listOf(CONTAINER)),
}

/** As the agent's flags take it (lib/time.ts). */
const DURATION = stringOf('^([0-9]+(\\.[0-9]+)?(ms|s|m|h))*$')

const AGENT = group({
  ...POD,
  passwordSecret: maybe(stringOf(`^(${DNS_LABEL}(\\.${DNS_LABEL})*)?$`, 253)),
  allowProcessChecks: BOOLEAN,
  allowExecChecks: BOOLEAN,
  podCheckNamespaces: maybe(listOf(stringOf(`^(\\*|${DNS_LABEL})$`, 63))),
  fileCheckFolders: maybe(listOf(stringOf('^(/[^/,:]+)+$'))),
  stateDir: stringOf('^/[^:]*[^:/]$'),
  startupDelay: maybe(DURATION),
  delayAfterBoot: maybe(DURATION),
  setNonlocalBind: BOOLEAN,
  metrics: group({ host: maybe(stringOf('^[0-9A-Fa-f:.]*$')), port: PORT }),
  dnsPolicy: oneOf('Default', 'ClusterFirstWithHostNet'),
  updateStrategy: UPDATE_STRATEGY,
  minReadySeconds: COUNT,
})

const CONTROLLER = group({
  ...POD,
  replicas: { type: 'integer', minimum: 1 },
  leaderElection: group({ enabled: BOOLEAN }),
  metrics: group({ port: PORT }),
  topologySpreadConstraints: maybe(listOf(TOPOLOGY_SPREAD_CONSTRAINT)),
  podDisruptionBudget: group({ enabled: BOOLEAN, maxUnavailable: ONE_OR_MORE_OR_PERCENT }),
})

const NETWORK_POLICY = group({
  enabled: BOOLEAN,
  apiServerPorts: { type: 'array', minItems: 1, items: { type: 'integer', minimum: 1, maximum: 65_535 } },
  metricsFrom: maybe(listOf(fields({ podSelector: ANYTHING, namespaceSelector: ANYTHING, ipBlock: ANYTHING }))),
  extraEgress: maybe(listOf(fields({ ports: listOf(ANYTHING), to: listOf(ANYTHING) }))),
})

const PROMETHEUS_DURATION = stringOf('^([0-9]+(ms|s|m|h))*$')
const PROMETHEUS = group({
  podMonitor: group({
    enabled: BOOLEAN,
    labels: maybe(STRINGS),
    interval: maybe(PROMETHEUS_DURATION),
    scrapeTimeout: maybe(PROMETHEUS_DURATION),
    relabelings: maybe(listOf(ANYTHING)),
    metricRelabelings: maybe(listOf(ANYTHING)),
  }),
  prometheusRule: group({
    enabled: BOOLEAN,
    labels: maybe(STRINGS),
    alertLabels: maybe(STRINGS),
    extraRules: maybe(listOf(ANYTHING)),
  }),
  grafanaDashboard: group({ enabled: BOOLEAN, labels: maybe(STRINGS), annotations: maybe(STRINGS) }),
})

/** Every value of the chart. Their descriptions and defaults are in values.yaml. */
export const VALUES: Schema = group({
  nameOverride: maybe(stringOf(`^(${DNS_LABEL})?$`, 52)),
  fullnameOverride: maybe(stringOf(`^(${DNS_LABEL})?$`, 52)),
  namespaceOverride: maybe(stringOf(`^(${DNS_LABEL})?$`, 63)),
  commonLabels: maybe(STRINGS),
  image: group({
    // A tag at its end belongs in tag.
    repository: stringOf('^[^\\s:@]+(:[0-9]+/[^\\s:@]+)?$'),
    tag: maybe(stringOf('^[A-Za-z0-9_.-]*$', 128)),
    digest: maybe(stringOf('^(sha256:[a-f0-9]{64})?$')),
    pullPolicy: oneOf('IfNotPresent', 'Always', 'Never'),
  }),
  imagePullSecrets: maybe(listOf(fields({ name: { type: 'string' } }, 'name'))),
  logLevel: oneOf('trace', 'debug', 'info', 'warn', 'error'),
  logFormat: oneOf('json', 'text'),
  crds: group({ enabled: BOOLEAN, keep: BOOLEAN }),
  rbac: group({ create: BOOLEAN }),
  agent: AGENT,
  controller: CONTROLLER,
  networkPolicy: NETWORK_POLICY,
  prometheus: PROMETHEUS,
})

/** What a chart that has this one as a dependency may add to its values: Helm does it for every chart. */
export const DEPENDENCY_VALUES: Readonly<Record<string, Schema>> = {
  global: { type: 'object', description: "The parent chart's values for all its dependencies; unused here." },
  enabled: { type: 'boolean', description: 'For the condition of a dependency in a parent chart; unused here.' },
}
