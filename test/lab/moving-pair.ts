import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, eventually, scratchFolder, start, startAgent } from './daemons.ts'
import { type HolderChange, type Holders, watchHolders } from './holders.ts'
import { type LabNode, type Lan, labTime, openLan } from './lan.ts'
import { startResponder } from './prober.ts'
import { priorities, stream, virtualIP } from './virtual-ip-stream.ts'

/** Who runs on a node. */
export type Kind = 'ours' | 'keepalived'

/** How an address moves although nothing has failed. */
export const MOVES = ['leave', 'return', 'lower', 'raise'] as const
export type Move = (typeof MOVES)[number]

export const ADDRESSES = ['10.1.0.100', 'fd01::100'] as const

/** What was seen of one move of both addresses, in ms. */
export interface Moved {
  readonly move: Move
  /** When it began, in labTime. */
  readonly at: number
  /** How long both nodes had the address, or, negative, neither; by address. */
  readonly overlap: readonly number[]
}

export interface PairOptions {
  /** Of its nodes and its bridge; unique, of 8 characters at most. */
  readonly name: string
  readonly kinds: readonly [first: Kind, second: Kind]
  /** Of adverts, in ms */
  readonly interval: number
  /** Arguments of our agents. */
  readonly args?: readonly string[]
  /** A module that is loaded before our agents. */
  readonly preload?: URL
}

interface Side {
  readonly node: LabNode
  readonly kind: Kind
  readonly folder: string
  readonly host: number
  priority: number
  daemon: Daemon
}

/** Two nodes with one VirtualIP of both families, the first of which is MASTER, and a client. */
export class MovingPair {
  readonly client: LabNode
  /** Takes no part: what it asks does not teach the client's neighbor table. */
  readonly observer: LabNode
  readonly lan: Lan
  readonly #options: PairOptions
  #holders: readonly Holders[] = []
  readonly #sides: readonly [Side, Side]

  static async open(options: PairOptions): Promise<MovingPair> {
    const pair = new MovingPair(options)
    try {
      await pair.#watch()
      await pair.isWithFirst()
    } catch (error) {
      pair.close()
      throw error
    }
    return pair
  }

  private constructor(options: PairOptions) {
    const { name, kinds } = options
    this.#options = options
    this.lan = openLan({ bridge: `br-${name}` })
    const node = (host: number) =>
      this.lan.addNode({ name: `${name}${host}`, addresses: [`10.1.0.${host}/24`, `fd01::${host}/64`] })
    const nodes = [node(1), node(2)] as const
    this.observer = node(8)
    this.client = node(9)
    for (const each of nodes) startResponder(each)
    const side = (index: 0 | 1, priority: number): Side => {
      const folder = scratchFolder()
      const parts = { node: nodes[index], kind: kinds[index], folder, host: index + 1, priority }
      return { ...parts, daemon: this.#boot(parts, nodes) }
    }
    this.#sides = [side(0, 200), side(1, 100)]
  }

  /** The first node's, and the second's. */
  get daemons(): [Daemon, Daemon] {
    const [first, second] = this.#sides
    return [first.daemon, second.daemon]
  }

  get nodes(): readonly [LabNode, LabNode] {
    const [first, second] = this.#sides
    return [first.node, second.node]
  }

  /** What either node's kernel told since this time, of all addresses. */
  changesSince(since: number): { readonly address: string; readonly changes: readonly HolderChange[] }[] {
    return ADDRESSES.map((address, i) => ({
      address,
      changes: (this.#holders[i]?.changes ?? []).filter(({ at }) => at >= since),
    }))
  }

  /**
   * `leave`: the first node's daemon gets SIGTERM; `return`: it is started again, and preempts. `lower`: its priority falls below the
   * other's; `raise`: it preempts by rising again.
   */
  async move(move: Move): Promise<Moved> {
    const [first] = this.#sides
    const at = labTime()
    switch (move) {
      case 'leave':
        await first.daemon.stop()
        break
      case 'return':
        first.daemon = this.#boot(first, this.nodes)
        break
      case 'lower':
        this.#rank(first, 50)
        break
      case 'raise':
        this.#rank(first, 200)
        break
    }
    await this.#waitFor(move === 'leave' || move === 'lower' ? 1 : 0)
    return { move, at, overlap: this.#holders.map(holders => overlapSince(holders, at)) }
  }

  /** Whether this node alone has the addresses now. */
  isHeldBy(index: 0 | 1): boolean {
    return this.#holders.every(({ now }) => now.join() === this.nodes[index].name)
  }

  /** Waits until the first node alone has the addresses. */
  async isWithFirst(): Promise<void> {
    await this.#waitFor(0)
  }

  /** Waits until neither node has any of the addresses. */
  async isWithNobody(): Promise<void> {
    const isSo = () => this.#holders.every(({ now }) => now.length === 0)
    await eventually('nobody has the addresses', isSo, { daemons: this.daemons })
  }

  /** Waits until the second node has the addresses, whatever the first does. */
  async secondHasTakenOver(): Promise<void> {
    const { name } = this.#sides[1].node
    const isSo = () => this.#holders.every(({ now }) => now.includes(name))
    await eventually(`${name} has the addresses`, isSo, { daemons: this.daemons })
  }

  /** What `act` does to the first node's daemon; then it is started again where it has ended. The first node's MAC, and the second's. */
  async disturb(act: (daemon: Daemon) => Promise<void>): Promise<readonly [string, string]> {
    const [first, second] = this.#sides
    await act(first.daemon)
    this.restart()
    await this.isWithFirst()
    return [first.node.mac, second.node.mac]
  }

  /** Starts the daemons again that have ended, in the same instant. */
  restart(): void {
    for (const side of this.#sides) {
      const { exitCode, signalCode } = side.daemon.process
      if (exitCode !== null || signalCode !== null) side.daemon = this.#boot(side, this.nodes)
    }
  }

  /** The first node, which was crashed, boots. */
  async rebootFirst(): Promise<void> {
    const [{ node, daemon }] = this.#sides
    await daemon.ended
    this.lan.restore(node)
    startResponder(node)
    await this.#watch()
    this.restart()
    await this.isWithFirst()
  }

  close(): void {
    for (const holders of this.#holders) holders.close()
    this.lan.close()
  }

  async #watch(): Promise<void> {
    for (const holders of this.#holders) holders.close()
    this.#holders = await Promise.all(ADDRESSES.map(address => watchHolders(this.nodes, address)))
    for (const node of this.nodes) {
      const answers = () => ['udp', 'udp6'].every(table => /:0007 /.test(node.run('cat', `/proc/net/${table}`)))
      await eventually(`${node.name} answers probes`, answers)
    }
  }

  #rank(side: Side, priority: number): void {
    side.priority = priority
    this.#write(side, this.nodes)
    if (side.kind === 'keepalived') side.daemon.kill('SIGHUP')
  }

  #boot(side: Omit<Side, 'daemon'>, nodes: readonly LabNode[]): Daemon {
    const path = this.#write(side, nodes)
    if (side.kind === 'ours') {
      const args = ['--file', path, ...(this.#options.args ?? [])]
      const { preload } = this.#options
      return startAgent(side.node, { stateDir: side.folder, args, ...(preload ? { preload } : {}) })
    }
    const pids = ['--pid', join(side.folder, 'pid'), '--vrrp_pid', join(side.folder, 'vrrp.pid')]
    return start(side.node, 'keepalived', ['--vrrp', '--dont-fork', '--log-console', '--use-file', path, ...pids])
  }

  #write(side: Omit<Side, 'daemon'>, nodes: readonly LabNode[]): string {
    const path = join(side.folder, 'configuration')
    writeFileSync(`${path}.new`, side.kind === 'ours' ? this.#file(side, nodes) : this.#conf(side))
    renameSync(`${path}.new`, path)
    return path
  }

  #file({ node, priority }: Omit<Side, 'daemon'>, nodes: readonly LabNode[]): string {
    const byNode = nodes.map((each, i): [string, number] => [each.name, each === node ? priority : i === 0 ? 200 : 100])
    return stream(
      virtualIP('web', {
        addresses: ADDRESSES.map(address => `${address}/${address.includes(':') ? 64 : 24}`),
        interface: { name: 'eth0' },
        virtualRouterID: 51,
        advertisementInterval: `${this.#options.interval}ms`,
        priorities: priorities(Object.fromEntries(byNode)),
      }),
    )
  }

  #conf({ node, priority }: Omit<Side, 'daemon'>): string {
    const instances = ADDRESSES.map(
      (address, i) => `vrrp_instance VI_${i} {
  state BACKUP
  interface eth0
  version 3
  virtual_router_id 51
  priority ${priority}
  advert_int ${this.#options.interval / 1000}
  virtual_ipaddress {
    ${address}
  }
}
`,
    )
    return `global_defs {\n  router_id ${node.name}\n}\n${instances.join('')}`
  }

  async #waitFor(index: 0 | 1): Promise<void> {
    const { name } = this.nodes[index]
    await eventually(`${name} alone has the addresses`, () => this.isHeldBy(index), { daemons: this.daemons })
  }
}

/** By the last change of the old holder and the first of the new one. */
function overlapSince({ changes }: Holders, since: number): number {
  const recent = changes.filter(({ at }) => at >= since)
  const began = recent.find(({ holds }) => holds)
  const ended = recent.findLast(({ holds }) => !holds)
  return (ended?.at ?? Number.NaN) - (began?.at ?? Number.NaN)
}
