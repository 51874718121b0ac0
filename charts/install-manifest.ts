import { execFileSync } from 'node:child_process'
import { isDeepStrictEqual } from 'node:util'
import { parseAllDocuments, stringify } from 'yaml'

interface KubeObject {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
}

const NAME = 'kube-vrrp'

/** Helm looked after these; `kubectl apply` does not. */
const HELMS: ReadonlySet<string> = new Set(['helm.sh/chart', 'app.kubernetes.io/managed-by', 'helm.sh/resource-policy'])

/** Agents are on the host's network. */
const NAMESPACE = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: NAME,
    labels: {
      'app.kubernetes.io/name': NAME,
      'app.kubernetes.io/part-of': NAME,
      'pod-security.kubernetes.io/enforce': 'privileged',
      'pod-security.kubernetes.io/audit': 'privileged',
      'pod-security.kubernetes.io/warn': 'privileged',
    },
  },
}

/** deploy/install.yaml: the chart in `folder` with its default values, in the namespace kube-vrrp, as objects for kubectl. */
export function installManifest(helm: string, folder: string): string {
  const rendered = execFileSync(helm, ['template', NAME, folder, '--namespace', NAME], { encoding: 'utf8' })
  const objects = parseAllDocuments(rendered)
    .map(document => document.toJS() as KubeObject | null)
    .filter(object => object !== null)
  // kubectl goes from top to bottom: no agent before what holds it to its own node.
  const ordered = [...objects].sort((a, b) => rank(a) - rank(b))
  return [NAMESPACE, ...ordered.map(withoutHelm)].map(toYaml).join('---\n')
}

function rank({ kind }: KubeObject): number {
  const first = [
    'CustomResourceDefinition',
    'ServiceAccount',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
  ]
  return first.includes(kind) ? first.indexOf(kind) : first.length
}

function withoutHelm<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutHelm) as T
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => !HELMS.has(key))
  const cleaned = kept.map(([key, inner]): [string, unknown] => [key, withoutHelm(inner)])
  // What had only Helm's in it.
  const filled = cleaned.filter(([key, inner]) => !(key === 'annotations' && isDeepStrictEqual(inner, {})))
  return Object.fromEntries(filled) as T
}

function toYaml(object: object): string {
  return stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })
}
