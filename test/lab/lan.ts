import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { formatMessage, pad } from 'netlink/dist/structs.js'
import { NO_GROUPS, RouteSocket } from '../../src/linux/route-socket.ts'
import { inNamespace, requireLab } from './namespace.ts'

/** Milliseconds of CLOCK_MONOTONIC since the machine was booted: the same in every process. */
export function labTime(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

interface NodeOptions {
  /** At most 13 characters; unique among all LANs. */
  readonly name: string
  /** Of its eth0, with prefix lengths. */
  readonly addresses: readonly string[]
}

/** What the LAN loses: what the node sends, what it is sent, or both. */
export type Direction = 'FromNode' | 'ToNode' | 'Both'

/** A network namespace with one link, eth0, whose other end is a port of the LAN's bridge. */
export interface LabNode {
  readonly name: string
  readonly mac: string
  readonly addresses: readonly string[]
  /** Runs a program on the node; it ends with the node. */
  spawn(command: string, args?: readonly string[], options?: SpawnOptions): ChildProcess
  /** Runs a program on the node to its end; returns its output, or throws with it where it fails. */
  run(command: string, ...args: string[]): string
  /** To every process on the node. */
  signal(signal: NodeJS.Signals): void
}

export interface Lan {
  readonly bridge: string
  readonly nodes: ReadonlyMap<string, LabNode>
  addNode(options: NodeOptions): LabNode
  /** All its processes are killed and its port goes down, at once; returns when, in labTime. Its namespace stays until `restore`. */
  crash(node: LabNode): number
  /** A crashed node boots: nothing runs on it, and its eth0 has no more addresses than it was given first. */
  restore(node: LabNode): void
  /** Silent loss: the node's carrier stays. `only`: of what nft matches so, e.g. `ip daddr 10.0.0.1` (default: all). */
  cut(node: LabNode, direction?: Direction, only?: string): void
  /** Nothing where it is not cut. */
  uncut(node: LabNode): void
  /** These nodes and the others do not hear each other; who is at the bridge itself, and who is in `exempt`, hears them all. */
  divide(side: readonly LabNode[], exempt?: readonly LabNode[]): void
  undivide(): void
  /** The carrier of the node's eth0 goes or comes. */
  setCarrier(node: LabNode, carrier: boolean): void
  /** The node's own eth0 is set up or down. */
  setLink(node: LabNode, up: boolean): void
  /** Everything on every node ends; nodes and bridge are gone. */
  close(): void
}

interface LanOptions {
  /** At most 15 characters; unique. */
  readonly bridge?: string
  /** Of the bridge itself, so that servers in this namespace are reached from the nodes. */
  readonly addresses?: readonly string[]
}

/** A bridge that nodes are added to, in the namespaces that `in-namespaces` made. */
export function openLan({ bridge = 'br0', addresses = [] }: LanOptions = {}): Lan {
  requireLab()
  const nodes = new Map<string, LabNode>()
  /** A table stays when its device goes, and takes the next one of that name. */
  const tables = new Set<string>()
  const drop = (table: string) => {
    if (tables.delete(table)) nft(`delete table ${table}`)
  }
  ip([
    // A MAC of its own: else it takes the lowest of its ports, and changes it as they come and go.
    `link add ${bridge} address 02:00:00:00:01:00 type bridge mcast_snooping 0`,
    ...addresses.map(address => `address add ${address} dev ${bridge}${nodad(address)}`),
    `link set ${bridge} up`,
  ])

  return {
    bridge,
    nodes,
    addNode(options) {
      const node = new Namespace({ ...options, mac: macOf(nodes.size + 1) })
      plugIn(node, bridge)
      nodes.set(node.name, node)
      return node
    },
    crash(node) {
      const at = labTime()
      setUp(portOf(node), false)
      node.signal('SIGKILL')
      return at
    },
    restore(node) {
      unplug(node)
      plugIn(node, bridge)
    },
    cut(node, direction = 'Both', only = '') {
      const port = portOf(node)
      const hooks = direction === 'Both' ? ['ingress', 'egress'] : [direction === 'FromNode' ? 'ingress' : 'egress']
      const chains = hooks.map(
        hook => `chain ${hook} { type filter hook ${hook} device "${port}" priority 0; ${only} drop; }`,
      )
      nft(`table netdev ${port} {\n${chains.join('\n')}\n}`)
      tables.add(`netdev ${port}`)
    },
    uncut(node) {
      drop(`netdev ${portOf(node)}`)
    },
    divide(side, exempt = []) {
      const set = (members: readonly LabNode[]) => `{ ${members.map(node => `"${portOf(node)}"`).join(', ')} }`
      const others = set([...nodes.values()].filter(node => !side.includes(node) && !exempt.includes(node)))
      const rules = `iifname ${set(side)} oifname ${others} drop; iifname ${others} oifname ${set(side)} drop;`
      tables.add(`bridge ${bridge}`)
      nft(`table bridge ${bridge} { chain forward { type filter hook forward priority 0; ${rules} }; }`)
    },
    undivide() {
      drop(`bridge ${bridge}`)
    },
    setCarrier(node, carrier) {
      setUp(portOf(node), carrier)
    },
    setLink({ name }, up) {
      inNamespace(name, () => setUp('eth0', up))
    },
    close() {
      for (const node of nodes.values()) unplug(node)
      for (const table of tables) drop(table)
      ip([`link delete ${bridge}`])
    },
  }
}

class Namespace implements LabNode {
  readonly name: string
  readonly mac: string
  readonly addresses: readonly string[]
  readonly #children = new Set<ChildProcess>()

  constructor({ name, mac, addresses }: NodeOptions & { readonly mac: string }) {
    this.name = name
    this.mac = mac
    this.addresses = addresses
  }

  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, command, ...args], options)
    this.#children.add(child)
    child.on('exit', () => this.#children.delete(child))
    return child
  }

  run(command: string, ...args: string[]): string {
    const { status, stdout, stderr, error } = spawnSync('ip', ['netns', 'exec', this.name, command, ...args], {
      encoding: 'utf8',
    })
    if (status === 0) return stdout
    throw new Error(`${command} ${args.join(' ')} on ${this.name}: ${error?.message ?? `status ${status}`}\n${stderr}`)
  }

  signal(signal: NodeJS.Signals): void {
    // A child may not have entered the namespace yet.
    const children = [...this.#children].flatMap(({ pid }) => pid ?? [])
    for (const id of new Set([...children, ...processesIn(this.name)])) kill(id, signal)
  }
}

function plugIn(node: LabNode, bridge: string): void {
  const { name, mac, addresses } = node
  const port = portOf(node)
  ip([`netns add ${name}`])
  // Link-local addresses are usable at once.
  node.run('sh', '-c', 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad')
  ip([`link add ${port} type veth peer name eth0 address ${mac} netns ${name}`, `link set ${port} master ${bridge} up`])
  ip(
    [
      'link set lo up',
      'link set eth0 up',
      ...addresses.map(address => `address add ${address} dev eth0${nodad(address)}`),
    ],
    '-netns',
    name,
  )
}

function unplug(node: LabNode): void {
  node.signal('SIGKILL')
  ip([`link delete ${portOf(node)}`, `netns delete ${node.name}`])
}

function portOf({ name }: LabNode): string {
  return `p-${name}`
}

function macOf(number: number): string {
  return `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`
}

function nodad(address: string): string {
  return address.includes(':') ? ' nodad' : ''
}

function ip(commands: readonly string[], ...options: string[]): void {
  execFileSync('ip', [...options, '-batch', '-'], { input: commands.join('\n') })
}

function nft(ruleset: string): void {
  execFileSync('nft', ['-f', '-'], { input: ruleset })
}

function processesIn(name: string): number[] {
  const namespace = `net:[${statSync(`/run/netns/${name}`).ino}]`
  return readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .filter(id => {
      try {
        return readlinkSync(`/proc/${id}/ns/net`) === namespace
      } catch {
        return false
      }
    })
    .map(Number)
}

function kill(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Sets a link up or down; done when it returns, in some microseconds. */
function setUp(link: string, up: boolean): void {
  // struct ifinfomsg: flags and the mask of those to change; then its name, IFLA_IFNAME
  const body = new Uint32Array([0, 0, up ? IFF_UP : 0, IFF_UP])
  const name = Buffer.from(`${link}\0`)
  const attribute = Buffer.concat([new Uint8Array(Uint16Array.of(4 + name.length, IFLA_IFNAME).buffer), name])
  const data = [new Uint8Array(body.buffer), attribute]
  const socket = new RouteSocket(NO_GROUPS)
  socket.send(pad(formatMessage({ type: RTM_NEWLINK, flags: NLM_F_REQUEST, seq: 1, port: 0, data })))
  socket.close()
}

const [IFF_UP, IFLA_IFNAME, RTM_NEWLINK, NLM_F_REQUEST] = [1, 3, 16, 1]
