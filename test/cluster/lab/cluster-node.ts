import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { toolPath } from '../../lab/api-server.ts'
import { type Direction, type LabNode, type Lan, labTime } from '../../lab/lan.ts'
import { startResponder } from '../../lab/prober.ts'
import { CONTROL_PLANE, MAX_NODES, nodeAddress, nodeAddress6, nodeName, podSubnet, SERVICES } from './addresses.ts'
import type { Cgroup } from './cgroup.ts'
import { runCommand } from './command.ts'
import { copyContainerdRoot } from './containerd-root.ts'
import { writeNodeFiles, writeProxyFiles } from './node-files.ts'

export type NodeDaemon = 'containerd' | 'kubelet' | 'kube-proxy'

export interface ClusterNodeSettings {
  readonly lan: Lan
  /** From 1. */
  readonly number: number
  /** That its disk is a folder of. */
  readonly folder: string
  /** Of the run; the node's own is below it. */
  readonly cgroup: Cgroup
  readonly kubeconfig: string
}

const INIT = fileURLToPath(new URL('node-init', import.meta.url))
const ENTER = 'for file in $1; do echo $$ >"$file"; done; shift; exec "$@"'

/**
 * A machine with containerd and a kubelet, in namespaces and a cgroup of its own. As a LabNode, what it spawns and runs is in its network and
 * its cgroup, but sees the lab's files and processes; `inside` sees its own.
 */
export class ClusterNode implements LabNode {
  readonly number: number
  readonly name: string
  readonly address: string
  /** What survives a crash: `etc/kubernetes/manifests`, `var/lib/kube-vrrp`, `log/kubelet.log` and so on. */
  readonly disk: string
  readonly #lan: Lan
  readonly #link: LabNode
  readonly #cgroup: Cgroup
  #kubeconfig: string
  #state: 'off' | 'on' | 'crashed' = 'off'
  /** When it was last switched on, in ms of the wall clock. */
  #startedAt = 0

  constructor({ lan, number, folder, cgroup, kubeconfig }: ClusterNodeSettings) {
    this.number = number
    this.name = nodeName(number)
    this.address = nodeAddress(number)
    this.disk = join(folder, this.name)
    this.#lan = lan
    this.#cgroup = cgroup.child(this.name)
    this.#kubeconfig = kubeconfig
    const known = lan.nodes.get(this.name)
    if (known) lan.restore(known)
    this.#link =
      known ?? lan.addNode({ name: this.name, addresses: [`${this.address}/24`, `${nodeAddress6(number)}/64`] })
  }

  get mac(): string {
    return this.#link.mac
  }

  get addresses(): readonly string[] {
    return this.#link.addresses
  }

  get isUp(): boolean {
    return this.#state === 'on'
  }

  get startedAt(): number {
    return this.#startedAt
  }

  /** Switches it on, for the first time or after a crash: what was on its disk is there. Resolves before it is Ready. */
  async start(): Promise<void> {
    if (this.#state === 'on') throw new Error(`${this.name} is on already`)
    if (this.#state === 'crashed') this.#lan.restore(this.#link)
    if (!existsSync(this.disk)) await copyContainerdRoot(join(this.disk, 'var/lib/containerd'))
    const system = this.#cgroup.child('system')
    system.create()
    this.#writeFiles()
    this.#state = 'on'
    this.#startedAt = Date.now()
    this.#forwardPackets()
    const unshare = ['unshare', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc']
    const log = openSync(join(this.disk, 'boot.log'), 'a')
    const init = [INIT, this.name, this.disk, this.address, dirname(toolPath('kubelet'))]
    const first = this.spawn(unshare[0] ?? '', [...unshare.slice(1), ...init], { stdio: ['ignore', log, log] })
    const ended = new Promise<never>((_, reject) =>
      first.once('exit', status => {
        if (this.isUp) reject(new Error(`${this.name} ended with status ${status}: see ${this.disk}/boot.log`))
      }),
    )
    ended.catch(() => {})
    await Promise.race([this.#booted(), ended])
    startResponder(this)
  }

  /** Power loss: in one instant its link is cut and all that runs on it is dead. Returns when, in labTime. */
  async crash(): Promise<number> {
    const at = labTime()
    this.#lan.setCarrier(this.#link, false)
    this.#cgroup.kill()
    this.#state = 'crashed'
    this.#link.signal('SIGKILL')
    await this.#cgroup.remove()
    return at
  }

  /** As crash, and its disk is gone. */
  async destroy(): Promise<void> {
    if (this.isUp) await this.crash()
    rmSync(this.disk, { recursive: true, force: true })
  }

  /** Its cable is pulled: it sees no carrier. */
  cut(): number {
    this.#lan.setCarrier(this.#link, false)
    return labTime()
  }

  heal(): void {
    this.#lan.setCarrier(this.#link, true)
  }

  /** What it sends, is sent, or both, is lost; its carrier stays. Until `undrop`. */
  drop(direction: Direction = 'Both'): void {
    this.#lan.cut(this.#link, direction)
  }

  /** What it sends to the API server is lost; peers and clients are reached. Until `undrop`. */
  dropApi(): void {
    this.#lan.cut(this.#link, 'FromNode', `ip daddr { ${CONTROL_PLANE}, ${SERVICES} }`)
  }

  undrop(): void {
    this.#lan.uncut(this.#link)
  }

  /** All its processes stand still, pods' too; its kernel goes on, and answers echo requests. */
  async freeze(): Promise<void> {
    await this.#cgroup.freeze()
  }

  thaw(): void {
    this.#cgroup.thaw()
  }

  /** A static pod: its kubelet runs it whatever the API server says. */
  addManifest(name: string, pod: object): void {
    writeFileSync(this.#manifest(name), JSON.stringify(pod))
  }

  removeManifest(name: string): void {
    rmSync(this.#manifest(name))
  }

  /** What its kubelet reads from its next start on. */
  setKubeconfig(file: string): void {
    this.#kubeconfig = file
    this.#writeFiles()
  }

  runs(daemon: NodeDaemon): boolean {
    return this.#daemon(daemon).length > 0
  }

  /** SIGKILL; it is started again after half a second, or stays dead until `revive`. */
  kill(daemon: NodeDaemon, { staysDead = false } = {}): void {
    const hold = this.#hold(daemon)
    if (staysDead) writeFileSync(hold, '')
    const found = this.#daemon(daemon)
    if (found.length === 0) throw new Error(`No ${daemon} runs on ${this.name}`)
    for (const id of found) process.kill(id, 'SIGKILL')
  }

  revive(daemon: NodeDaemon): void {
    rmSync(this.#hold(daemon), { force: true })
  }

  /** Has it run from now on, and after each start. */
  startKubeProxy(kubeconfig: string): void {
    writeProxyFiles(this.disk, kubeconfig)
  }

  /** Of a container that runs here. Throws where it does not. */
  containerCgroup(id: string): Cgroup {
    const found = this.#cgroup.find(id)
    if (!found) throw new Error(`No container ${id} runs on ${this.name}`)
    return found
  }

  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    return spawn('sh', this.#entering(['nsenter', `--net=/run/netns/${this.name}`, '--', command, ...args]), options)
  }

  run(command: string, ...args: string[]): string {
    const entering = this.#entering(['nsenter', `--net=/run/netns/${this.name}`, '--', command, ...args])
    const { status, stdout, stderr, error } = spawnSync('sh', entering, { encoding: 'utf8' })
    if (status === 0) return stdout
    throw new Error(`${command} ${args.join(' ')} on ${this.name}: ${error?.message ?? `status ${status}`}\n${stderr}`)
  }

  /** Runs a program among the node's own files and processes; resolves with its output. */
  async inside(command: string, ...args: string[]): Promise<string> {
    const init = this.#firstProcess()
    if (init === undefined) throw new Error(`${this.name} is off`)
    const nsenter = ['nsenter', `--target=${init}`, '--all', '--', command, ...args]
    return runCommand('sh', this.#entering(nsenter))
  }

  signal(signal: NodeJS.Signals): void {
    this.#link.signal(signal)
  }

  /** The end of one of its daemons' logs. */
  log(daemon: NodeDaemon, lines = 30): string {
    const file = join(this.disk, 'log', `${daemon}.log`)
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-lines).join('\n') : ''
  }

  #entering(command: readonly string[]): string[] {
    return ['-c', ENTER, 'sh', this.#cgroup.child('system').entrances.join(' '), ...command]
  }

  #writeFiles(): void {
    writeNodeFiles({
      disk: this.disk,
      cgroup: this.#cgroup.path,
      podSubnet: podSubnet(this.number),
      kubeconfig: this.#kubeconfig,
    })
  }

  #daemon(name: NodeDaemon): readonly number[] {
    return this.#cgroup.child('system').processes.filter(id => commandOf(id) === name)
  }

  #manifest(name: string): string {
    return join(this.disk, 'etc/kubernetes/manifests', `${name}.yaml`)
  }

  #hold(daemon: NodeDaemon): string {
    mkdirSync(join(this.disk, 'hold'), { recursive: true })
    return join(this.disk, 'hold', daemon)
  }

  #forwardPackets(): void {
    const others = Array.from({ length: MAX_NODES }, (_, i) => i + 1).filter(number => number !== this.number)
    const routes = others.map(number => `route add ${podSubnet(number)} via ${nodeAddress(number)}`)
    const commands = [`route add ${SERVICES} via ${CONTROL_PLANE}`, ...routes].map(line => `ip ${line}`)
    this.#link.run('sh', '-ec', ['echo 1 >/proc/sys/net/ipv4/ip_forward', ...commands].join('\n'))
  }

  async #booted(): Promise<void> {
    const deadline = performance.now() + 10_000
    while (this.#firstProcess() === undefined) {
      if (performance.now() > deadline) throw new Error(`${this.name} does not boot: see ${this.disk}/boot.log`)
      await sleep(10)
    }
  }

  /** Its ID among the lab's processes; among the node's it is 1. */
  #firstProcess(): number | undefined {
    return this.#cgroup.child('system').processes.find(id => /^NSpid:\t\d+\t1$/m.test(readProcess(id, 'status')))
  }
}

function commandOf(id: number): string {
  return readProcess(id, 'comm').trim()
}

function readProcess(id: number, file: string): string {
  try {
    return readFileSync(`/proc/${id}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
