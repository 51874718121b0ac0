import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, eventually, scratchFolder, start, startAgent } from './daemons.ts'
import { type Holders, watchHolders } from './holders.ts'
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

interface Options {
  /** Of its nodes and its bridge; unique, of 8 characters at most. */
  readonly name: string
  readonly kinds: readonly [first: Kind, second: Kind]
  /** Of adverts, in ms */
  readonly interval: number
  /** Arguments of our agents. */
  readonly args?: readonly string[]
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
  readonly #lan: Lan
  readonly #options: Options
  readonly #holders: Holders[] = []
  readonly #sides: readonly [Side, Side]

  static async open(options: Options): Promise<MovingPair> {
    const pair = new MovingPair(options)
    const nodes = pair.#sides.map(({ node }) => node)
    for (const address of ADDRESSES) pair.#holders.push(await watchHolders(nodes, address))
    await pair.#isHeldBy(0)
    for (const node of nodes) {
      const answers = () => ['udp', 'udp6'].every(table => /:0007 /.test(node.run('cat', `/proc/net/${table}`)))
      await eventually(`${node.name} answers probes`, answers)
    }
    return pair
  }

  private constructor(options: Options) {
    const { name, kinds } = options
    this.#options = options
    this.#lan = openLan({ bridge: `br-${name}` })
    const node = (host: number) =>
      this.#lan.addNode({ name: `${name}${host}`, addresses: [`10.1.0.${host}/24`, `fd01::${host}/64`] })
    const nodes = [node(1), node(2)] as const
    this.client = node(9)
    for (const each of nodes) startResponder(each)
    const side = (index: 0 | 1, priority: number): Side => {
      const folder = scratchFolder()
      const parts = { node: nodes[index], kind: kinds[index], folder, host: index + 1, priority }
      return { ...parts, daemon: this.#boot(parts, nodes) }
    }
    this.#sides = [side(0, 200), side(1, 100)]
  }

  /** Both nodes' logs. */
  get daemons(): Daemon[] {
    return this.#sides.map(({ daemon }) => daemon)
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
        first.daemon = this.#boot(first, this.#nodes)
        break
      case 'lower':
        this.#rank(first, 50)
        break
      case 'raise':
        this.#rank(first, 200)
        break
    }
    await this.#isHeldBy(move === 'leave' || move === 'lower' ? 1 : 0)
    return { move, at, overlap: this.#holders.map(holders => overlapSince(holders, at)) }
  }

  /** Waits until the first node alone has the addresses. */
  async isWithFirst(): Promise<void> {
    await this.#isHeldBy(0)
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
    if (first.daemon.process.exitCode !== null || first.daemon.process.signalCode !== null) {
      first.daemon = this.#boot(first, this.#nodes)
    }
    await this.#isHeldBy(0)
    return [first.node.mac, second.node.mac]
  }

  close(): void {
    for (const holders of this.#holders) holders.close()
    this.#lan.close()
  }

  get #nodes(): readonly LabNode[] {
    return this.#sides.map(({ node }) => node)
  }

  #rank(side: Side, priority: number): void {
    side.priority = priority
    this.#write(side, this.#nodes)
    if (side.kind === 'keepalived') side.daemon.kill('SIGHUP')
  }

  #boot(side: Omit<Side, 'daemon'>, nodes: readonly LabNode[]): Daemon {
    const path = this.#write(side, nodes)
    if (side.kind === 'ours') {
      const args = ['--file', path, ...(this.#options.args ?? [])]
      return startAgent(side.node, { stateDir: side.folder, args })
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

  async #isHeldBy(index: 0 | 1): Promise<void> {
    const { name } = this.#sides[index].node
    const isSo = () => this.#holders.every(({ now }) => now.join() === name)
    await eventually(`${name} alone has the addresses`, isSo, { daemons: this.daemons })
  }
}

/** By the last change of the old holder and the first of the new one. */
function overlapSince({ changes }: Holders, since: number): number {
  const recent = changes.filter(({ at }) => at >= since)
  const began = recent.find(({ holds }) => holds)
  const ended = recent.findLast(({ holds }) => !holds)
  return (ended?.at ?? Number.NaN) - (began?.at ?? Number.NaN)
}
