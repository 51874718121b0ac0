/*
 * Three nodes, a real API server, one VirtualIP, one failover you watch. With --shell: the same, left up with a shell.
 * Run by `make demo` and `make lab`, inside namespaces of its own.
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { VirtualIP } from '../../src/api/virtual-ip.ts'
import { VIRTUAL_IPS } from '../../src/kube/resources.ts'
import { watchResource } from '../../src/kube/watch.ts'
import { startApiServer, toolPath } from './api-server.ts'
import { eventually, scratchFolder, startAgent } from './daemons.ts'
import { type LabNode, labTime, openLan } from './lan.ts'
import { longestGap, lost, startProber, startResponder } from './prober.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const ADDRESS = '192.168.1.100'
const VIRTUAL_IP = `apiVersion: kube-vrrp.io/v1alpha1
kind: VirtualIP
metadata:
  name: web
spec:
  addresses: ["${ADDRESS}/24"]
`

const shell = process.argv.includes('--shell')
const started = labTime()
const folder = scratchFolder()
const lan = openLan({ addresses: ['192.168.1.254/24'] })

say('Starting etcd and kube-apiserver …')
mkdirSync(`${folder}/api`)
const api = await startApiServer({ dir: `${folder}/api`, address: '192.168.1.254' })
const nodes = ['node1', 'node2', 'node3'].map((name, i) =>
  lan.addNode({ name, addresses: [`192.168.1.1${i}/24`, `fd00:1::1${i}/64`] }),
)
const client = lan.addNode({ name: 'client', addresses: ['192.168.1.200/24', 'fd00:1::200/64'] })

say('Starting the controller, and an agent on each of node1, node2 and node3 …')
const controllerArgs = ['controller', '--kubeconfig', await api.kubeconfigOf('controller'), '--log-level', 'error']
const controller = spawn('node', ['--disable-warning=ExperimentalWarning', MAIN, ...controllerArgs], {
  stdio: ['ignore', 'ignore', 'inherit'],
})
for (const node of nodes) await boot(node)

say(`Applying a VirtualIP\n\n${VIRTUAL_IP.trimEnd().replaceAll(/^/gm, '    ')}\n`)
await api.kubectl(['apply', '-f', '-'], VIRTUAL_IP)
await api.kubectl(['wait', '--for=condition=Ready', 'vip/web', '--timeout=60s'])
await api.kubectl(['wait', '--for=jsonpath={.status.backups}=2/2', 'vip/web', '--timeout=60s'])
await table()

if (shell) await interactive()
else await failover()
controller.kill()
lan.close()
await api.close()
process.exit(0)

/** The agent of a node that has just been switched on, and something that answers probes. */
async function boot(node: LabNode): Promise<void> {
  const kubeconfig = await api.kubeconfigOf(`agent:${node.name}`)
  startAgent(node, { stateDir: `${folder}/state`, args: ['--kubeconfig', kubeconfig, '--log-level', 'warn'] })
  startResponder(node)
}

async function failover(): Promise<void> {
  const changes: { at: number; master: string | undefined }[] = []
  const watching = new AbortController()
  watchResource<VirtualIP & { metadata: { name: string } }>({
    client: api.client,
    resource: VIRTUAL_IPS,
    signal: watching.signal,
    onChange: (_, current) => changes.push({ at: labTime(), master: current?.status?.master }),
  })
  await eventually('the status is watched', () => changes.length > 0)
  const master = nodes.find(({ name }) => name === changes.at(-1)?.master)
  if (!master) throw new Error('The VirtualIP is Ready and names no MASTER')

  say(`Probing ${ADDRESS} from a fourth machine, 200 times a second …`)
  const prober = startProber(client, ADDRESS, 5)
  await sleep(2000)
  say(`${master.name} crashes now: its agent is killed and its link is cut in the same instant`)
  const crashedAt = lan.crash(master)
  const { at: toldAt } = await eventually('the status names another MASTER', () => {
    const last = changes.at(-1)
    return last?.master !== undefined && last.master !== master.name && last
  })
  await sleep(1500)
  const probed = await prober.stop()
  const gap = longestGap(probed, crashedAt)
  if (!gap) throw new Error('Nobody answered after the crash')

  say('What the prober saw:')
  print([
    ['took over', probed.answers.at(-1)?.node ?? 'nobody'],
    ['outage', `${gap.ms.toFixed(0)} ms from the last answer to the next`],
    ['after the crash', `${(gap.to.at - crashedAt).toFixed(0)} ms until ${gap.to.node} answered`],
    ['lost probes', `${lost(probed)} of ${probed.sent.length}`],
    [
      'in the status',
      `${(toldAt - crashedAt).toFixed(0)} ms after the crash, ${(toldAt - gap.to.at).toFixed(0)} ms after the first answer`,
    ],
  ])
  await table()

  say(`${master.name} comes back …`)
  lan.restore(master)
  await boot(master)
  await eventually('two BACKUPs stand by', async () => {
    const [current] = (await api.client.list<VirtualIP>(VIRTUAL_IPS)).items
    return current?.status?.master === master.name && current.status.backups === '2/2'
  })
  await table()
  watching.abort()
  say(`Done in ${((labTime() - started) / 1000).toFixed(0)} s; nothing is left behind.`)
}

async function interactive(): Promise<void> {
  say('The lab is yours: kubectl get vip -w · ip netns exec node1 ip address · exit')
  const path = [
    `${fileURLToPath(new URL('../../bin', import.meta.url))}`,
    dirname(toolPath('kubectl')),
    process.env['PATH'],
  ].join(':')
  const child = spawn(process.env['SHELL'] ?? 'sh', [], {
    stdio: 'inherit',
    env: { ...process.env, KUBECONFIG: api.kubeconfig, PATH: path },
  })
  await new Promise(resolve => child.on('exit', resolve))
}

async function table(): Promise<void> {
  const text = await api.kubectl(['get', 'vip'])
  process.stdout.write(`\n${`$ kubectl get vip\n${text}`.replaceAll(/^(?=.)/gm, '    ')}\n`)
}

function print(rows: readonly (readonly [string, string])[]): void {
  process.stdout.write(`\n${rows.map(([name, value]) => `    ${name.padEnd(18)}${value}\n`).join('')}\n`)
}

function say(text: string): void {
  const seconds = ((labTime() - started) / 1000).toFixed(1)
  process.stdout.write(`${seconds.padStart(6)} s  ${text}\n`)
}
