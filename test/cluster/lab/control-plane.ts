import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { type ApiServer, startApiServer, toolPath } from '../../lab/api-server.ts'
import { API_SERVICE, CONTROL_PLANE, MAX_NODES, nodeAddress, nodeName, podSubnet, SERVICES } from './addresses.ts'

/** etcd, API server, controller manager and scheduler, in the namespaces that `in-namespaces` made. */
export interface ControlPlane {
  readonly api: ApiServer
  close(): Promise<void>
}

const CONTROLLER_MANAGER = 'system:kube-controller-manager'
const SCHEDULER = 'system:kube-scheduler'
export const PROXY = 'system:kube-proxy'

/** Where its logs and state go is `folder`; there must be a link with CONTROL_PLANE's address. */
export async function startControlPlane(folder: string): Promise<ControlPlane> {
  mkdirSync(folder)
  execFileSync('ip', ['address', 'add', `${API_SERVICE}/32`, 'dev', 'lo'])
  for (let node = 1; node <= MAX_NODES; node++)
    execFileSync('ip', ['route', 'add', podSubnet(node), 'via', nodeAddress(node)])
  const nodes = Array.from({ length: MAX_NODES }, (_, i) => [nodeUser(nodeName(i + 1)), 'system:nodes'])
  const api = await startApiServer({
    dir: folder,
    address: CONTROL_PLANE,
    port: 443,
    resources: false,
    users: { ...Object.fromEntries(nodes), [CONTROLLER_MANAGER]: '', [SCHEDULER]: '', [PROXY]: '' },
    flags: {
      'bind-address': '0.0.0.0',
      'service-cluster-ip-range': SERVICES,
      'endpoint-reconciler-type': 'lease',
      'authorization-mode': 'Node,RBAC',
      'enable-admission-plugins': 'NodeRestriction',
      'allow-privileged': 'true',
      'kubelet-preferred-address-types': 'InternalIP',
      // Pods leave a dead node after seconds, not after five minutes.
      'default-not-ready-toleration-seconds': '5',
      'default-unreachable-toleration-seconds': '5',
    },
  })
  const start = (name: string, user: string, flags: readonly string[]) => {
    const log = openSync(join(folder, `${name}.log`), 'a')
    const access = ['--kubeconfig', api.kubeconfigOfUser(user), '--bind-address=127.0.0.1', '--leader-elect=false']
    return spawn(toolPath(name), [...access, ...flags], { stdio: ['ignore', log, log] })
  }
  const others = [
    start('kube-controller-manager', CONTROLLER_MANAGER, [
      '--use-service-account-credentials',
      `--root-ca-file=${api.caFile}`,
      `--service-account-private-key-file=${join(folder, 'sa.key')}`,
      `--service-cluster-ip-range=${SERVICES}`,
      '--node-monitor-period=1s',
      '--node-monitor-grace-period=12s',
    ]),
    start('kube-scheduler', SCHEDULER, []),
  ]
  return {
    api,
    async close() {
      await Promise.all(others.map(end))
      await api.close()
    },
  }
}

/** As whom a kubelet speaks. */
export function nodeUser(name: string): string {
  return `system:node:${name}`
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
