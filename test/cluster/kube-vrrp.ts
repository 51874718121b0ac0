/* kube-vrrp as it is used on a cluster of the lab. */
import { join } from 'node:path'
import type { VirtualIP, VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { PODS, VIRTUAL_IPS } from '../../src/kube/resources.ts'
import type { Cluster } from './lab/cluster.ts'
import { ROOT } from './lab/root.ts'

export const CHART = join(ROOT, 'charts/kube-vrrp')
export const NAMESPACE = 'kube-vrrp'

/** The first released chart, as users have it. */
export const RELEASED_CHART = join(ROOT, 'test/fixtures/kube-vrrp-0.1.0.tgz')

/** `helm upgrade --install`, until everything is ready. */
export function install(cluster: Cluster, ...options: readonly string[]): Promise<void> {
  return installChart(cluster, CHART, ...options)
}

export async function installChart(cluster: Cluster, chart: string, ...options: readonly string[]): Promise<void> {
  const release = ['upgrade', '--install', 'kube-vrrp', chart, '--namespace', NAMESPACE, '--create-namespace']
  await cluster.helm(...release, '--wait', '--timeout', '120s', ...options)
}

/** Applied, and served by one node with the others standing by. */
export async function serve(cluster: Cluster, name: string, spec: VirtualIPSpec): Promise<VirtualIP> {
  await cluster.apply({ apiVersion: 'kube-vrrp.io/v1alpha1', kind: 'VirtualIP', metadata: { name }, spec })
  return settled(cluster, name)
}

export function virtualIP(cluster: Cluster, name: string): Promise<VirtualIP> {
  return cluster.api.get<VirtualIP>({ resource: VIRTUAL_IPS, name })
}

export function conditionOf({ status }: VirtualIP, type: string) {
  return status?.conditions?.find(condition => condition.type === type)
}

/** Resolves with it when it has a MASTER and every BACKUP that is planned, and `also` holds. */
export function settled(
  cluster: Cluster,
  name: string,
  also: (virtualIP: VirtualIP) => boolean = () => true,
  within = 60,
): Promise<VirtualIP> {
  return cluster.waitFor(
    `${name} is Ready with all its BACKUPs`,
    async () => {
      const found = await virtualIP(cluster, name)
      const [healthy, planned] = (found.status?.backups ?? '0/1').split('/')
      const isServed = conditionOf(found, 'Ready')?.status === 'True' && found.status?.master !== undefined
      return isServed && healthy === planned && also(found) ? found : undefined
    },
    { within, state: () => cluster.kubectl('describe', 'vip', name) },
  )
}

export async function masterOf(cluster: Cluster, name: string): Promise<string> {
  const { status } = await virtualIP(cluster, name)
  if (status?.master === undefined) throw new Error(`${name} has no MASTER: ${JSON.stringify(status)}`)
  return status.master
}

/** What `kubectl describe vip` says, in one line: what an operator reads. */
export async function described(cluster: Cluster, name: string): Promise<string> {
  return (await cluster.kubectl('describe', 'vip', name)).replaceAll(/\s+/g, ' ')
}

/** Resolves with what `kubectl describe vip` says once all of `words` are in it. */
export function describedAs(cluster: Cluster, name: string, ...words: readonly RegExp[]): Promise<string> {
  return cluster.waitFor(
    `kubectl describe vip ${name} says ${words.join(' and ')}`,
    async () => {
      const text = await described(cluster, name)
      return words.every(word => word.test(text)) && text
    },
    { state: () => cluster.kubectl('describe', 'vip', name) },
  )
}

/** Of the agent on a node, the one that is not going. */
export async function agentPod(cluster: Cluster, node: string): Promise<string> {
  const list = await cluster.api.list<Pod>(PODS, NAMESPACE, { labelSelector: 'app.kubernetes.io/component=agent' })
  const pod = list.items.find(({ metadata, spec }) => spec.nodeName === node && !metadata.deletionTimestamp)
  if (!pod) throw new Error(`No agent's pod is on ${node}`)
  return pod.metadata.name
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string; readonly uid: string }
  readonly spec: { readonly nodeName?: string }
  readonly status: {
    readonly phase?: string
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[]
  }
}
