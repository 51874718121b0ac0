import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { accessSync, constants, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type KubeClient, openClient } from '../../src/kube/client.ts'
import { hasReason } from '../../src/kube/kube-error.ts'
import type { KubeObject } from '../../src/kube/kube-object.ts'
import { NODES, type ObjectRef, PODS } from '../../src/kube/resources.ts'

/**
 * Who a kubeconfig is for. `agent:node1`: with a token that is bound to a pod on that node, as a kubelet gets it; the Node is created (Ready)
 * where there is none. `agent`: with one that is bound to nothing.
 */
export type Account = 'controller' | 'agent' | `agent:${string}`

export interface ApiServer {
  readonly url: string
  readonly caFile: string
  /** Of an administrator (system:masters). */
  readonly kubeconfig: string
  /** Open, as administrator. */
  readonly client: KubeClient
  /** Runs kubectl as administrator; rejects with what it said on stderr. */
  kubectl(args: readonly string[], input?: string): Promise<string>
  /** The file of a kubeconfig of one of `users`; `url`: where else to find an API server that has the same certificate. */
  kubeconfigOfUser(user: string, url?: string): string
  /** What kube-apiserver is run with, without the dashes: another one of the same etcd may be. */
  readonly flags: Readonly<Record<string, string>>
  /** The file of a kubeconfig with that account's rights. */
  kubeconfigOf(account: Account): Promise<string>
  /** Registers a Node, Ready, or gives it these labels. */
  createNode(name: string, labels?: Readonly<Record<string, string>>): Promise<void>
  /** Kills the API server; etcd and what it knows stay. */
  stop(): Promise<void>
  /** Kills etcd as well; its files stay. */
  stopWithEtcd(): Promise<void>
  /** Starts what was stopped again, at the same address; resolves when it answers. */
  start(): Promise<void>
  /** SIGSTOP: connections stay open and silent. */
  freeze(): void
  thaw(): void
  /** Ends all that was started. */
  close(): Promise<void>
}

export interface ApiServerSettings {
  /** Where state, logs and kubeconfigs go; must exist. */
  readonly dir: string
  /** Default: 127.0.0.1 */
  readonly address?: string
  /** Default: a free one. */
  readonly port?: number
  /** Whether to apply deploy/install.yaml (default: true). Nothing starts its pods, but its rights and resources are there. */
  readonly resources?: boolean
  /** Further users by name, with their group (default: none). */
  readonly users?: Readonly<Record<string, string>>
  /** Of kube-apiserver, without the dashes, over those it is given here. */
  readonly flags?: Readonly<Record<string, string>>
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const READY_WITHIN = 30_000

/** etcd and kube-apiserver, built by test/tools/build; ready in about 3 s. */
export async function startApiServer(settings: ApiServerSettings): Promise<ApiServer> {
  const { dir, address = '127.0.0.1', users = {} } = settings
  const [etcdPort, peerPort, freePort] = await freePorts(address, 3)
  const port = settings.port ?? freePort
  const url = `https://${address}:${port}`
  const adminToken = randomToken()
  const tokens = new Map(Object.keys(users).map(user => [user, randomToken()]))
  const certificates = join(dir, 'certificates')
  mkdirSync(certificates, { recursive: true })
  const accounts = [...tokens].map(([user, token]) => `${token},${user},${user},${users[user]}\n`)
  writeFileSync(join(dir, 'tokens.csv'), [`${adminToken},admin,admin,system:masters\n`, ...accounts].join(''))
  writeServiceAccountKeys(dir)

  const startEtcd = () => run(dir, 'etcd', etcdFlags)
  const etcdFlags = [
    `--data-dir=${join(dir, 'etcd')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=http://${address}:${etcdPort}`,
    `--advertise-client-urls=http://${address}:${etcdPort}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
    '--log-level=warn',
  ]
  let etcd = startEtcd()
  const flags: Readonly<Record<string, string>> = {
    'etcd-servers': `http://${address}:${etcdPort}`,
    'bind-address': address,
    'advertise-address': address,
    'secure-port': String(port),
    'cert-dir': certificates,
    'service-cluster-ip-range': '10.255.0.0/24',
    'endpoint-reconciler-type': 'none',
    'authorization-mode': 'RBAC',
    'token-auth-file': join(dir, 'tokens.csv'),
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-signing-key-file': join(dir, 'sa.key'),
    'service-account-key-file': join(dir, 'sa.pub'),
    ...settings.flags,
  }
  const startServer = () =>
    run(
      dir,
      'kube-apiserver',
      Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    )
  let server = startServer()

  const caFile = join(certificates, 'apiserver.crt')
  const kubeconfig = writeKubeconfig(dir, 'admin', { url, caFile, token: adminToken })
  let client: KubeClient | undefined
  const ready = async () => {
    // The server answers before its own objects (roles, priority levels, the namespace default) are there.
    await eventually(server, async () => isReady(url, adminToken, readFileSync(caFile)))
    client ??= openClient({ kubeconfig, namespace: 'kube-vrrp' })
  }
  const kubectlEnvironment = { KUBECONFIG: kubeconfig, KUBECACHEDIR: join(dir, 'kubectl-cache') }
  const kubectl = (args: readonly string[], input?: string) => runKubectl(kubectlEnvironment, args, input)
  const stop = () => end(server, 'SIGKILL')

  const api: ApiServer = {
    url,
    caFile,
    kubeconfig,
    kubectl,
    stop,
    get client() {
      if (!client) throw new Error('The API server is not ready')
      return client
    },
    async stopWithEtcd() {
      await Promise.all([stop(), end(etcd, 'SIGKILL')])
    },
    async start() {
      if (hasEnded(etcd)) etcd = startEtcd()
      server = startServer()
      await ready()
    },
    freeze: () => server.kill('SIGSTOP'),
    thaw: () => server.kill('SIGCONT'),
    async createNode(name, labels = {}) {
      await createNode(api.client, name, labels)
    },
    flags,
    kubeconfigOfUser(user, elsewhere = url) {
      const token = tokens.get(user)
      if (token === undefined) throw new Error(`The API server knows no user ${user}`)
      return writeKubeconfig(dir, user.replaceAll(':', '-'), { url: elsewhere, caFile, token })
    },
    async kubeconfigOf(account) {
      const token = await tokenOf(api.client, account)
      return writeKubeconfig(dir, account.replace(':', '-'), { url, caFile, token })
    },
    async close() {
      client?.close()
      await Promise.all([stop(), end(etcd, 'SIGKILL')])
    },
  }
  try {
    await ready()
    if (settings.resources ?? true) await applyResources(api)
  } catch (error) {
    await api.close()
    throw error
  }
  return api
}

/** Where a test server lies. */
export function toolPath(name: string): string {
  const { KUBEBUILDER_ASSETS, XDG_CACHE_HOME } = process.env
  const cache = join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'kube-vrrp', 'bin')
  for (const folder of KUBEBUILDER_ASSETS ? [KUBEBUILDER_ASSETS, cache] : [cache]) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {}
  }
  throw new Error(`Cannot find ${name} in ${cache} (run test/tools/build ${name})`)
}

function run(dir: string, name: string, args: readonly string[]): ChildProcess {
  const log = openSync(join(dir, `${name}.log`), 'a')
  return spawn(toolPath(name), args, { stdio: ['ignore', log, log] })
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  child.kill(signal)
  await exited
}

/** `attempt` until it succeeds; gives up when `server` ended. */
async function eventually<T>(server: ChildProcess, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + READY_WITHIN
  for (;;) {
    try {
      return await attempt()
    } catch (cause) {
      if (server.exitCode !== null) throw new Error(`kube-apiserver ended (status ${server.exitCode}): see its log`)
      if (performance.now() > deadline) throw new Error('kube-apiserver is not ready', { cause })
      await sleep(50)
    }
  }
}

function isReady(url: string, token: string, ca: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}/readyz`, {
      ca,
      agent: false,
      timeout: 1000,
      headers: { Authorization: `Bearer ${token}` },
    })
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', reject)
    request.on('response', response => {
      response.resume()
      if (response.statusCode === 200) resolve()
      else reject(new Error(`/readyz: ${response.statusCode}`))
    })
  })
}

async function runKubectl(environment: NodeJS.ProcessEnv, args: readonly string[], input = ''): Promise<string> {
  const running = promisify(execFile)(toolPath('kubectl'), args, {
    env: { ...process.env, ...environment },
    maxBuffer: 64 * 1024 * 1024,
  })
  running.child.stdin?.end(input)
  return (await running).stdout
}

async function applyResources(api: ApiServer): Promise<void> {
  await api.kubectl(['apply', '--server-side', '-f', join(ROOT, 'deploy', 'install.yaml')])
  await api.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s'])
}

async function createNode(client: KubeClient, name: string, labels: Readonly<Record<string, string>>): Promise<void> {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }
  await client.apply({ resource: NODES, name }, node, 'test')
  const now = new Date().toISOString()
  const ready = { type: 'Ready', status: 'True', reason: 'Test', message: '', lastTransitionTime: now }
  await client.mergePatch(
    { resource: NODES, name, subresource: 'status' },
    { status: { conditions: [{ ...ready, lastHeartbeatTime: now }] } },
  )
}

async function tokenOf(client: KubeClient, account: Account): Promise<string> {
  const [name, node] = account.split(':')
  const tokens = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    plural: `serviceaccounts/kube-vrrp-${name}/token`,
    namespaced: true,
  }
  const boundObjectRef = node === undefined ? undefined : await podOn(client, node)
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [], expirationSeconds: 24 * 3600, boundObjectRef },
  }
  const { status } = await client.create<{ status: { token: string } }>(tokens, request, 'kube-vrrp')
  return status.token
}

/** A pod of the agents' account on that node, for a token to be bound to; the node's name is in it. */
async function podOn(client: KubeClient, node: string): Promise<object> {
  const name = `token-${node}`
  await unlessThere(client, { resource: NODES, name: node }, () => createNode(client, node, {}))
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { nodeName: node, serviceAccountName: 'kube-vrrp-agent', containers: [{ name: 'none', image: 'none' }] },
  }
  const ref = { resource: PODS, name, namespace: 'kube-vrrp' }
  const { metadata } = await unlessThere(client, ref, () => client.create(PODS, pod, 'kube-vrrp'))
  return { apiVersion: 'v1', kind: 'Pod', name, uid: metadata.uid }
}

async function unlessThere(client: KubeClient, ref: ObjectRef, create: () => Promise<unknown>): Promise<KubeObject> {
  try {
    return await client.get<KubeObject>(ref)
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
    await create()
    return client.get<KubeObject>(ref)
  }
}

function writeKubeconfig(dir: string, name: string, access: { url: string; caFile: string; token: string }): string {
  const file = join(dir, `${name}.kubeconfig`)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        // A name that is in the certificate whatever the address.
        cluster: { server: access.url, 'tls-server-name': 'kubernetes', 'certificate-authority': access.caFile },
      },
    ],
    users: [{ name, user: { token: access.token } }],
    contexts: [{ name, context: { cluster: 'test', user: name } }],
    'current-context': name,
  }
  writeFileSync(file, JSON.stringify(config, null, 2), { mode: 0o600 })
  return file
}

function randomToken(): string {
  return randomBytes(16).toString('hex')
}

function writeServiceAccountKeys(dir: string): void {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(join(dir, 'sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
  writeFileSync(join(dir, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
}

/** Free when asked, all different. */
async function freePorts(address: string, count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, address, resolve))
      return server
    }),
  )
  return Promise.all(
    servers.map(async server => {
      const bound = server.address()
      await new Promise(resolve => server.close(resolve))
      if (typeof bound !== 'object' || !bound) throw new Error(`Cannot find a free port on ${address}`)
      return bound.port
    }),
  )
}
