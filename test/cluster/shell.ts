/*
 * A cluster of three nodes, left up with a shell where kubectl and helm work; `exit` ends it: shell.ts [NODES]. Run by `make cluster`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { runProgram } from '../lab/test-files.ts'
import { startCluster } from './lab/cluster.ts'
import { IMAGE, NEXT_IMAGE, WORKLOAD_IMAGE } from './lab/images.ts'
import { inClusterLab } from './lab/in-cluster-lab.ts'

const [nodes = '3', inside] = process.argv.slice(2)
if (inside === '--inside') await withShell(Number(nodes))
else process.exit(await outside())

async function outside(): Promise<number> {
  let ended = 0
  const again = ['node', fileURLToPath(import.meta.url), nodes, '--inside']
  const interrupted = await inClusterLab(async ({ wrapper, onStart }) => {
    ended = await runProgram([...wrapper, ...again], { stdin: 'inherit', onStart })
  })
  return interrupted || ended
}

async function withShell(count: number): Promise<void> {
  const cluster = await startCluster({ nodes: count })
  process.stdout.write(`
The cluster is yours; exit ends it.
  kubectl get nodes · helm install kube-vrrp charts/kube-vrrp --namespace kube-vrrp --create-namespace
  images: ${[IMAGE, NEXT_IMAGE, WORKLOAD_IMAGE].join(', ')}
  free for VirtualIPs: 10.77.0.200 and above, fd00:77::200 and above
  on a node: ip netns exec node1 …, as the client outside: ip netns exec client …
  disks and logs: ${cluster.folder}/node1

`)
  const env = { ...process.env, ...cluster.environment }
  const shell = spawn(process.env['SHELL'] ?? 'sh', [], { stdio: 'inherit', env })
  await once(shell, 'exit')
  await cluster.close()
}
