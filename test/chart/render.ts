import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { toolPath } from '../lab/api-server.ts'

export const CHART = fileURLToPath(new URL('../../charts/kube-vrrp', import.meta.url))

/** An object as the chart renders it. */
export interface Rendered {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

export interface RenderOptions {
  readonly release?: string
  readonly namespace?: string
  readonly kubeVersion?: string
  readonly apiVersions?: readonly string[]
  readonly chart?: string
}

/** What the cluster has where Prometheus's operator is installed. */
export const MONITORING = ['monitoring.coreos.com/v1/PodMonitor', 'monitoring.coreos.com/v1/PrometheusRule']

/** By paths such as `agent.metrics.port`. */
export function valuesAt(paths: Readonly<Record<string, unknown>>): object {
  const values: Record<string, unknown> = {}
  for (const [path, value] of Object.entries(paths)) {
    const keys = path.split('.')
    const last = keys.pop() ?? ''
    let at = values
    for (const key of keys) {
      at[key] ??= {}
      at = at[key] as Record<string, unknown>
    }
    at[last] = value
  }
  return values
}

/** What `helm template` makes of these values. Rejects with helm's words. */
export async function render(values: object = {}, options: RenderOptions = {}): Promise<readonly Rendered[]> {
  const { release = 'kube-vrrp', namespace = 'kube-vrrp', kubeVersion, apiVersions = MONITORING } = options
  const text = await helm(
    [
      'template',
      release,
      options.chart ?? CHART,
      `--namespace=${namespace}`,
      ...(kubeVersion === undefined ? [] : [`--kube-version=${kubeVersion}`]),
      ...apiVersions.map(version => `--api-versions=${version}`),
      '--values=-',
    ],
    JSON.stringify(values),
  )
  return parseAllDocuments(text)
    .map(document => document.toJS() as Rendered | null)
    .filter(object => object !== null)
}

/** helm, with nothing of this user's; rejects with what it said. */
export function helm(args: readonly string[], input = '', environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const env = {
    ...process.env,
    ...Object.fromEntries(['CACHE', 'CONFIG', 'DATA'].map(name => [`HELM_${name}_HOME`, join(HOME, name)])),
    KUBECACHEDIR: join(HOME, 'kubectl'),
    ...environment,
  }
  return new Promise((resolve, reject) => {
    const child = spawn(toolPath('helm'), args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    const said = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', text => (said.stdout += text))
    child.stderr.setEncoding('utf8').on('data', text => (said.stderr += text))
    child.stdin.on('error', () => {})
    child.on('error', reject)
    child.on('close', code => (code === 0 ? resolve(said.stdout) : reject(new Error(said.stderr.trim()))))
    child.stdin.end(input)
  })
}

const HOME = mkdtempSync(join(tmpdir(), 'kube-vrrp-helm-'))
process.on('exit', () => rmSync(HOME, { recursive: true, force: true }))

/** Every field of every object, as `Kind/name path` → value. Objects in lists are told apart by their names; other lists are one value. */
export function fieldsOf(objects: readonly Rendered[]): Map<string, unknown> {
  const fields = new Map<string, unknown>()
  for (const object of objects) visit(object, `${object.kind}/${object.metadata.name} `, fields)
  return fields
}

function visit(value: unknown, path: string, fields: Map<string, unknown>): void {
  if (Array.isArray(value) && value.length > 0 && value.every(hasName)) {
    for (const item of value) visit(item, `${path}[${item.name}]`, fields)
  } else if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
    for (const [key, inner] of Object.entries(value))
      visit(inner, /[ ]$/.test(path) ? `${path}${key}` : `${path}.${key}`, fields)
  } else fields.set(path, value)
}

function hasName(item: unknown): item is { name: string } {
  return typeof item === 'object' && item !== null && 'name' in item && typeof item.name === 'string'
}

/** The fields that differ, with their new values; undefined: it is gone. */
export function changes(before: readonly Rendered[], after: readonly Rendered[]): Record<string, unknown> {
  const [old, current] = [fieldsOf(before), fieldsOf(after)]
  const paths = new Set([...old.keys(), ...current.keys()])
  const differs = (path: string) => JSON.stringify(old.get(path)) !== JSON.stringify(current.get(path))
  return Object.fromEntries([...paths].filter(differs).map(path => [path, current.get(path)]))
}
