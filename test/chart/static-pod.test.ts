/* deploy/static-pod.yaml, beside the DaemonSet of the chart with its default values. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: unknown; readonly host?: string }
}

interface Container {
  readonly image: string
  readonly args: readonly string[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly imagePullPolicy: string
  readonly securityContext: object
  readonly resources: object
}

interface PodSpec {
  readonly containers: readonly [Container]
  readonly volumes: readonly { readonly name: string }[]
  readonly securityContext: object
  readonly hostNetwork: boolean
  readonly hostPID?: boolean
  readonly dnsPolicy: string
  readonly priorityClassName: string
  readonly terminationGracePeriodSeconds: number
}

const staticPod: PodSpec = parse(read('deploy/static-pod.yaml')).spec
const agents: PodSpec = parseAllDocuments(read('deploy/install.yaml'))
  .map(document => document.toJS())
  .find(({ kind }) => kind === 'DaemonSet').spec.template.spec

test('it has the image, the rights, the resources and the rank of the chart’s agents', () => {
  const shared = ({ containers: [container], securityContext, ...spec }: PodSpec) => {
    const { hostNetwork, hostPID, dnsPolicy, priorityClassName, terminationGracePeriodSeconds } = spec
    return {
      pod: { hostNetwork, hostPID, dnsPolicy, priorityClassName, terminationGracePeriodSeconds, securityContext },
      image: container.image.replace(/^docker\.io\//, ''),
      imagePullPolicy: container.imagePullPolicy,
      securityContext: container.securityContext,
      resources: container.resources,
    }
  }
  assert.deepEqual(shared(staticPod), shared(agents))
})

test('it is asked for the same as often, at a port of its own', () => {
  const probes = ({ containers: [{ startupProbe, livenessProbe, readinessProbe }] }: PodSpec) => [
    startupProbe,
    livenessProbe,
    readinessProbe,
  ]
  const timing = (spec: PodSpec) => probes(spec).map(({ httpGet: { path }, ...rest }) => ({ path, ...rest }))
  assert.deepEqual(timing(staticPod), timing(agents))
  for (const { httpGet } of probes(staticPod)) assert.deepEqual([httpGet.host, httpGet.port], ['127.0.0.1', 9182])
  assert.ok(staticPod.containers[0].args.includes('--metrics-address=127.0.0.1:9182'))
  assert.ok(agents.containers[0].args.includes('--metrics-address=:9180'))
})

test('it has the same state folder, an instance of its own, and nothing that a static pod may not have', () => {
  const state = ({ volumes }: PodSpec) => volumes.find(({ name }) => name === 'state')
  assert.deepEqual(state(staticPod), state(agents))
  assert.ok(staticPod.containers[0].args.includes('--instance=control-plane'))
  assert.doesNotMatch(JSON.stringify(staticPod), /serviceAccount|secretRef|configMap|"secret"/)
})

function read(path: string): string {
  return readFileSync(join(import.meta.dirname, '..', '..', path), 'utf8')
}
