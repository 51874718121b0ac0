/* The seed's two keepalived.conf, imported and applied: the guide's floating address with its health check, on agents that allow it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { scratchFolder } from '../lab/daemons.ts'
import type { LabNode } from '../lab/lan.ts'
import { LiveCluster } from './live-cluster.ts'

const ADDRESS = '192.168.1.100'
const PROGRAM = fileURLToPath(new URL('../../bin/kube-vrrp', import.meta.url))
const SEED = fileURLToPath(new URL('../keepalived/seed', import.meta.url))

describe("the seed's two files, imported and applied", () => {
  let cluster: LiveCluster
  const nginx = `${scratchFolder()}/nginx`
  before(async () => {
    copyFileSync('/bin/sleep', nginx)
    cluster = await LiveCluster.start(['node1', 'node2'], {
      agentArgs: ['--allow-process-checks'],
      whereAgentsRun: withOwnProcesses,
    })
  })
  after(() => cluster.close())

  test('serve as in the guide: where nginx ends the address leaves, and comes back with it', async () => {
    const stop = new Map(['node1', 'node2'].map(name => [name, startBeside(cluster, name, nginx)]))
    const files = ['node1', 'node2'].map(name => `${name}=${SEED}/${name}.conf`)
    const { stdout: documents } = await promisify(execFile)(PROGRAM, ['import', ...files])
    await cluster.api.kubectl(['apply', '-f', '-'], documents)
    await cluster.settled('vi-1')
    await cluster.heldBy(ADDRESS, 'node1')
    assert.deepEqual(
      cluster.latest('vi-1').nodes?.map(({ node, state, priority }) => [node, state, priority]),
      [
        ['node1', 'MASTER', 100],
        ['node2', 'BACKUP', 90],
      ],
    )
    assert.equal(cluster.latest('vi-1').virtualRouterID, 51)

    stop.get('node1')?.()
    await cluster.heldBy(ADDRESS, 'node2')
    await cluster.until('the status says so', () => cluster.latest('vi-1').master === 'node2')
    await cluster.until('the priority fell by the weight', () => priorityOf(cluster, 'node1') === 80)
    const [check] = (await cluster.virtualIPNode('node1')).status?.virtualRouters?.[0]?.checks ?? []
    assert.deepEqual(check, { name: 'check_nginx', passing: false, message: 'No process nginx runs' })

    startBeside(cluster, 'node1', nginx)
    await cluster.heldBy(ADDRESS, 'node1')
    await cluster.settled('vi-1')
    assert.equal(priorityOf(cluster, 'node1'), 100)
  })

  test('are shown by kube-vrrp status as the API server has them', async () => {
    const status = async (...args: string[]) =>
      (await promisify(execFile)(PROGRAM, ['status', ...args, '--kubeconfig', cluster.api.kubeconfig])).stdout
    const [header = '', row = ''] = (await status()).split('\n')
    assert.match(header, /^NAME +ADDRESS +MASTER/)
    assert.match(row, /^vi-1 +192\.168\.1\.100\/24 +node1 /)
    assert.match(await status('vi-1'), /node1 +.*MASTER[\s\S]*node2 +.*BACKUP/)
    assert.deepEqual(JSON.parse(await status('-o', 'json')), [{ name: 'vi-1', status: cluster.latest('vi-1') }])
    await assert.rejects(status('nothing'), /There is no VirtualIP nothing/)
  })

  test('leave nothing behind when they are deleted', async () => {
    await cluster.reset()
    await cluster.heldBy(ADDRESS)
  })
})

function priorityOf(cluster: LiveCluster, node: string): number | undefined {
  return cluster.latest('vi-1').nodes?.find(row => row.node === node)?.priority
}

/** A node on which programs see only what they started: process checks look at all there is. */
function withOwnProcesses(node: LabNode): LabNode {
  const { name, mac, addresses } = node
  return {
    name,
    mac,
    addresses,
    spawn: (command, args = [], options = {}) =>
      node.spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', command, ...args], options),
    run: (command, ...args) => node.run(command, ...args),
    signal: signal => node.signal(signal),
  }
}

/** Starts a program among the processes that the node's agent sees; gives what ends it. */
function startBeside(cluster: LiveCluster, node: string, program: string): () => void {
  const [agent = ''] = childrenOf(cluster.agent(node).process.pid)
  const { pid: entering } = cluster.node(node).spawn('nsenter', ['--target', agent, '--pid', program, '3600'])
  return () => {
    for (const child of childrenOf(entering)) process.kill(Number(child), 'SIGKILL')
  }
}

function childrenOf(pid: number | undefined): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
}
