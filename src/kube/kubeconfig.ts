import { readFileSync, statSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
// The package's parts, not the whole: its index and its KubeConfig load every model there is (123 MB resident, 0.4 s; these: 48 MB, 0.06 s).
import {
  type Cluster,
  type Context,
  newClusters,
  newContexts,
  newUsers,
  type User,
} from '@kubernetes/client-node/dist/config_types.js'
import { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js'
import { FileAuth } from '@kubernetes/client-node/dist/file_auth.js'
import { parse } from 'yaml'
import type { Millis } from '../lib/time.ts'
import { KubeError } from './kube-error.ts'

/** Where the API server is and how to prove who we are. */
export interface ApiAccess {
  readonly server: URL
  /** What it was read from, for messages. */
  readonly source: string
  /** The pod's namespace; absent outside a cluster. */
  readonly namespace?: string
  /** TLS material and headers for a request that starts now: rotated files and tokens are picked up. */
  requestOptions(): Promise<RequestOptions>
}

/** The first there is of: `explicit`, $KUBECONFIG, the pod's service account, ~/.kube/config. Throws a KubeError (Misconfigured). */
export function findApiAccess(explicit?: string, environment: NodeJS.ProcessEnv = process.env): ApiAccess {
  if (explicit) return fromFiles([explicit])
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST, HOME } = environment
  const files = KUBECONFIG?.split(delimiter).filter(file => file !== '') ?? []
  if (files.length > 0) return fromFiles(files)
  if (KUBERNETES_SERVICE_HOST && exists(SERVICE_ACCOUNT.token)) return fromServiceAccount(environment)
  const own = join(HOME ?? homedir(), '.kube', 'config')
  if (exists(own)) return fromFiles([own])
  throw misconfigured(`Cannot find a kubeconfig: ${own} does not exist (use --kubeconfig FILE or set KUBECONFIG)`)
}

const SERVICE_ACCOUNT = {
  token: '/var/run/secrets/kubernetes.io/serviceaccount/token',
  ca: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
  namespace: '/var/run/secrets/kubernetes.io/serviceaccount/namespace',
}

/** How long TLS files are believed before they are read again. */
const FILES_FRESH: Millis = 60_000

interface Kubeconfig {
  readonly clusters: readonly Cluster[]
  readonly users: readonly User[]
  readonly contexts: readonly Context[]
  readonly currentContext: string | undefined
}

function fromFiles(files: readonly string[]): ApiAccess {
  const source = files.join(delimiter)
  const config = files.map(readKubeconfig).reduce(merge)
  const context = config.contexts.find(candidate => candidate.name === config.currentContext)
  if (!context) throw misconfigured(`Cannot use kubeconfig ${source}: it has no context "${config.currentContext}"`)
  const cluster = config.clusters.find(candidate => candidate.name === context.cluster)
  if (!cluster) throw misconfigured(`Cannot use kubeconfig ${source}: it has no cluster "${context.cluster}"`)
  const user = config.users.find(candidate => candidate.name === context.user) ?? { name: 'none' }
  return access(cluster, user, source)
}

function fromServiceAccount(environment: NodeJS.ProcessEnv): ApiAccess {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
  const user: User = { name: 'pod', authProvider: tokenFile(SERVICE_ACCOUNT.token) }
  const pod = access({ name: 'pod', server, caFile: SERVICE_ACCOUNT.ca, skipTLSVerify: false }, user, 'service account')
  return { ...pod, namespace: readFileSync(SERVICE_ACCOUNT.namespace, 'utf8').trim() }
}

/** The first file that sets a name or the current context wins, as in kubectl. */
function merge(first: Kubeconfig, second: Kubeconfig): Kubeconfig {
  return {
    clusters: [...first.clusters, ...second.clusters],
    users: [...first.users, ...second.users],
    contexts: [...first.contexts, ...second.contexts],
    currentContext: first.currentContext ?? second.currentContext,
  }
}

function readKubeconfig(file: string): Kubeconfig {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw misconfigured(
      `Cannot read kubeconfig ${file}: ${code(cause)} (use --kubeconfig FILE or set KUBECONFIG)`,
      cause,
    )
  }
  try {
    const root = dirname(file)
    const document = parse(text) as {
      clusters?: unknown
      users?: RawUser[]
      contexts?: unknown
      'current-context'?: string
    }
    return {
      clusters: newClusters(document.clusters).map(cluster => ({ ...cluster, ...absolute(root, cluster, 'caFile') })),
      users: newUsers(document.users).map((user, i) => ({
        ...user,
        ...absolute(root, user, 'certFile'),
        ...absolute(root, user, 'keyFile'),
        ...tokenFileOf(root, document.users?.[i]),
      })),
      contexts: newContexts(document.contexts),
      currentContext: document['current-context'] || undefined,
    }
  } catch (cause) {
    throw misconfigured(`Cannot use kubeconfig ${file}: ${cause instanceof Error ? cause.message : cause}`, cause)
  }
}

interface RawUser {
  readonly user?: { readonly tokenFile?: string }
}

function tokenFileOf(root: string, raw: RawUser | undefined): Pick<User, 'authProvider'> {
  const file = raw?.user?.tokenFile
  return file ? { authProvider: tokenFile(isAbsolute(file) ? file : join(root, file)) } : {}
}

function tokenFile(path: string) {
  return { name: 'tokenFile', config: { tokenFile: path } }
}

function absolute<K extends string>(
  root: string,
  object: { readonly [key in K]?: string },
  key: K,
): { [key in K]?: string } {
  const path: string | undefined = object[key]
  return (path && !isAbsolute(path) ? { [key]: join(root, path) } : {}) as { [key in K]?: string }
}

function access(cluster: Cluster, user: User, source: string): ApiAccess {
  const options = needsWholePackage(cluster, user) ? wholePackageOptions(cluster, user) : plainOptions(cluster, user)
  return { server: new URL(`${cluster.server}/`), source, requestOptions: options }
}

/** Proxies, impersonation and the old cloud log-ins are rare; those who use them pay for the package's KubeConfig. */
function needsWholePackage(cluster: Cluster, user: User): boolean {
  const provider: string | undefined = user.authProvider?.name
  return !!cluster.proxyUrl || !!user.impersonateUser || (provider !== undefined && provider !== 'tokenFile')
}

function wholePackageOptions(cluster: Cluster, user: User): () => Promise<RequestOptions> {
  const loaded = import('@kubernetes/client-node/dist/config.js').then(({ KubeConfig }) => {
    const config = new KubeConfig()
    config.loadFromClusterAndUser(cluster, user)
    return config
  })
  loaded.catch(() => {})
  return async () => {
    const options: RequestOptions = { headers: {} }
    await (await loaded).applyToHTTPSOptions(options)
    return options
  }
}

function plainOptions(cluster: Cluster, user: User): () => Promise<RequestOptions> {
  const authenticators = [new FileAuth(), new ExecAuth()]
  let tls: RequestOptions = {}
  let readAt: number | undefined
  return async () => {
    if (readAt === undefined || performance.now() - readAt > FILES_FRESH) {
      tls = tlsOptions(cluster, user)
      readAt = performance.now()
    }
    const options: RequestOptions = { ...tls, headers: {} }
    if (user.username) options.auth = `${user.username}:${user.password ?? ''}`
    if (user.token) options.headers = { Authorization: `Bearer ${user.token.trim()}` }
    await authenticators.find(candidate => candidate.isAuthProvider(user))?.applyAuthentication(user, options)
    return options
  }
}

function tlsOptions(cluster: Cluster, user: User): RequestOptions {
  return {
    ...(cluster.skipTLSVerify && { rejectUnauthorized: false }),
    ...(cluster.tlsServerName && { servername: cluster.tlsServerName }),
    ...material('ca', cluster.caFile, cluster.caData),
    ...material('cert', user.certFile, user.certData),
    ...material('key', user.keyFile, user.keyData),
  }
}

function material(name: 'ca' | 'cert' | 'key', file: string | undefined, data: string | undefined): RequestOptions {
  if (data) return { [name]: Buffer.from(data, 'base64') }
  return file ? { [name]: readFileSync(file) } : {}
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function misconfigured(message: string, cause?: unknown): KubeError {
  return new KubeError(message, { reason: 'Misconfigured', cause })
}

function code(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
}
