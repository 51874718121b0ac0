import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { VIRTUAL_IP_NODES } from '../../src/kube/resources.ts'
import { startApiServer } from '../lab/api-server.ts'

/** etcd, kube-apiserver and somebody who changes the first node's VirtualIPNode as often as they let him, all on one core. */
export interface ApiStorm {
  /** Files, by node. */
  readonly kubeconfigs: ReadonlyMap<string, string>
  begin(): void
  /** How many were made so far. */
  changes(): number
  close(): Promise<void>
}

interface ApiStormSettings {
  readonly folder: string
  readonly address: string
  readonly nodes: readonly [string, string]
  readonly spec: (priority: number) => object
  readonly core: string
}

const GENERATOR = fileURLToPath(new URL('change-node.ts', import.meta.url))

export async function startApiStorm({ folder, address, nodes, spec, core }: ApiStormSettings): Promise<ApiStorm> {
  // What this process starts runs where it runs itself.
  pin(core)
  const api = await startApiServer({ dir: folder, address })
  pin(null)
  const kubeconfigs = new Map<string, string>()
  for (const [i, node] of nodes.entries()) {
    const object = {
      apiVersion: VIRTUAL_IP_NODES.apiVersion,
      kind: VIRTUAL_IP_NODES.kind,
      metadata: { name: node },
      spec: spec(i === 0 ? 200 : 100),
    }
    await api.client.create(VIRTUAL_IP_NODES, object)
    kubeconfigs.set(node, await api.kubeconfigOf(`agent:${node}`))
  }
  let generator: ChildProcess | undefined
  let made = 0
  return {
    kubeconfigs,
    begin() {
      generator = spawn('taskset', ['--cpu-list', core, process.execPath, GENERATOR, api.kubeconfig, nodes[0]], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      createInterface(generator.stdout as Readable).on('line', line => {
        made = Number(line)
      })
    },
    changes: () => made,
    async close() {
      generator?.kill('SIGKILL')
      await api.close()
    },
  }
}

/** This process, and so what it starts from now on; null: wherever there is room. */
function pin(core: string | null): void {
  const list = core ?? '0-1023'
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', list, String(process.pid)], { stdio: 'ignore' })
}
