import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { VirtualIP } from '../../src/api/virtual-ip.ts'
import { VIRTUAL_IPS } from '../../src/kube/resources.ts'
import { watchResource } from '../../src/kube/watch.ts'
import { type ApiServer, startApiServer } from '../lab/api-server.ts'
import { eventually, scratchFolder } from '../lab/daemons.ts'
import { type LabNode, type Lan, labTime, openLan } from '../lab/lan.ts'
import { startProber, startResponder } from '../lab/prober.ts'
import { listen } from './adverts.ts'
import { startLogged } from './virtual-routers.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/kube-vrrp', import.meta.url))

interface Cluster {
  readonly api: ApiServer
  readonly lan: Lan
  readonly nodes: readonly LabNode[]
  readonly client: LabNode
  boot(node: LabNode): Promise<void>
  close(): Promise<void>
}

async function startCluster(): Promise<Cluster> {
  const folder = scratchFolder()
  const lan = openLan({ bridge: 'br-cluster', addresses: ['192.168.1.254/24'] })
  const api = await startApiServer({ dir: folder, address: '192.168.1.254' })
  const nodes = ['node1', 'node2', 'node3'].map((name, i) => lan.addNode({ name, addresses: [`192.168.1.1${i}/24`] }))
  const client = lan.addNode({ name: 'client', addresses: ['192.168.1.200/24'] })
  const kubeconfig = await api.kubeconfigOf('controller')
  const controller = spawn(PROGRAM, ['controller', '--kubeconfig', kubeconfig], { stdio: 'ignore' })
  const boot = async (node: LabNode) => {
    const args = ['agent', '--node', node.name, '--state-dir', `${folder}/state`]
    startLogged(node, folder, PROGRAM, [...args, '--kubeconfig', await api.kubeconfigOf(`agent:${node.name}`)])
    startResponder(node)
  }
  for (const node of nodes) await boot(node)
  const reported = () => api.kubectl(['get', 'vipnode', '-o', 'jsonpath={.items[*].status.links[*].name}'])
  await eventually('every agent has reported its links', async () => (await reported()).split(' ').length === 3)
  return {
    api,
    lan,
    nodes,
    client,
    boot,
    async close() {
      controller.kill('SIGKILL')
      lan.close()
      await api.close()
    },
  }
}

const virtualIP = (name: string, address: string) =>
  `apiVersion: kube-vrrp.io/v1alpha1\nkind: VirtualIP\nmetadata: {name: ${name}}\nspec: {addresses: ["${address}"]}\n`

/** From the start of `kubectl apply`, in ms. */
export interface Applied {
  readonly firstAnswer: number
  readonly kubectl: number
}

export async function measureApply(runs: number, progress: (done: number) => void): Promise<Applied[]> {
  const cluster = await startCluster()
  const samples: Applied[] = []
  try {
    for (let run = 0; run < runs; run++) {
      const address = `192.168.1.${100 + run}`
      const prober = startProber(cluster.client, address, 5)
      await sleep(1000 + Math.random() * 200)
      const at = labTime()
      await cluster.api.kubectl(['apply', '-f', '-'], virtualIP(`vip${run}`, `${address}/24`))
      const kubectl = labTime() - at
      await cluster.api.kubectl(['wait', '--for=condition=Ready', `vip/vip${run}`, '--timeout=30s'])
      await sleep(500)
      const [first] = (await prober.stop()).answers
      if (first) samples.push({ firstAnswer: first.at - at, kubectl })
      progress(run + 1)
    }
  } finally {
    await cluster.close()
  }
  return samples
}

/** From the successor's first advert to the watch event of the VirtualIP that names it, in ms; several VirtualIPs fail over at once. */
export async function measureStatus(
  crashes: number,
  virtualIPs: number,
  progress: (done: number) => void,
): Promise<number[]> {
  const cluster = await startCluster()
  const { api, lan, nodes, client } = cluster
  const adverts = listen(client)
  const changes: { name: string; vrid: number; master: string; at: number }[] = []
  const watching = new AbortController()
  const samples: number[] = []
  try {
    watchResource<VirtualIP>({
      client: api.client,
      resource: VIRTUAL_IPS,
      signal: watching.signal,
      onChange: (name, current, previous) => {
        const { master, virtualRouterID: vrid } = current?.status ?? {}
        if (master === undefined || vrid === undefined || master === previous?.status?.master) return
        changes.push({ name, vrid, master, at: labTime() })
      },
    })
    const names = Array.from({ length: virtualIPs }, (_, i) => `vip${i}`)
    await api.kubectl(
      ['apply', '-f', '-'],
      names.map((name, i) => virtualIP(name, `192.168.1.${100 + i}/24`)).join('---\n'),
    )
    const ready = () => api.kubectl(['get', 'vip', '-o', 'jsonpath={.items[*].status.backups}'])
    const settled = async () => {
      await eventually('all are redundant', async () => (await ready()) === names.map(() => '2/2').join(' '), {
        within: 60_000,
      })
    }
    for (let crash = 0; crash < crashes; crash++) {
      await settled()
      await sleep(1000 + Math.random() * 200)
      const node = nodes[crash % nodes.length]
      if (!node) throw new Error('There are no nodes')
      const mastered = names.filter(name => changes.findLast(change => change.name === name)?.master === node.name)
      const at = lan.crash(node)
      for (const name of mastered) {
        const change = await eventually(`${name} has another MASTER`, () =>
          changes.find(change => change.name === name && change.at > at),
        )
        const source = nodes.find(({ name }) => name === change.master)?.addresses[0]?.split('/')[0]
        const advert = adverts.heard.find(
          heard => heard.at > at && heard.virtualRouterID === change.vrid && heard.source === source,
        )
        if (advert) samples.push(change.at - advert.at)
      }
      lan.restore(node)
      await cluster.boot(node)
      progress(crash + 1)
    }
  } finally {
    watching.abort()
    adverts.close()
    await cluster.close()
  }
  return samples
}
