import { execFileSync } from 'node:child_process'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { behind } from './behind.ts'
import type { Daemon } from './daemons.ts'
import { eventually, MAIN, scratchFolder } from './daemons.ts'
import { type LabNode, type Lan, openLan } from './lan.ts'
import type { Kind } from './moving-pair.ts'
import { type Spell, type Takeovers, watchTakeovers } from './takeovers.ts'
import { priorities, stream, virtualIP } from './virtual-ip-stream.ts'

interface Options {
  /** Who runs on both nodes; default: ours. */
  readonly kind?: Kind
  /** Of its nodes and bridges; unique, of 6 characters at most. */
  readonly name: string
  readonly links: number
  /** 1 … 255 */
  readonly routersPerLink: number
  /** Of adverts, in ms */
  readonly interval: number
  /** What all of its programs are run by, e.g. `nice -n -20`; default: nothing that matters. */
  readonly wrapper?: readonly [string, ...string[]]
}

const NOTHING = ['env'] as const
/** Priorities */
const [FIRST, SECOND] = [200, 100]
/** Kept between starts, as bin/kube-vrrp keeps it. */
const COMPILED = '/run/kube-vrrp-compiled'

/** Two nodes with many virtual routers on some links between them, and a client that sees whose they are. */
export class Crowd {
  readonly first: LabNode
  readonly second: LabNode
  readonly size: number
  readonly #options: Options
  readonly #lan: Lan
  readonly #file: string
  readonly #bridges: readonly string[]
  readonly #takeovers: Takeovers

  static async open(options: Options): Promise<Crowd> {
    const { name, links } = options
    const lan = openLan({ bridge: `br-${name}0` })
    const nodes = [1, 2, 9].map(host => lan.addNode({ name: `${name}${host}`, addresses: [`10.98.0.${host}/16`] })) as [
      LabNode,
      LabNode,
      LabNode,
    ]
    const bridges = Array.from({ length: links - 1 }, (_, i) => `br-${name}${i + 1}`)
    for (const [i, bridge] of bridges.entries()) addLink(bridge, i + 1, nodes)
    const names = Array.from({ length: links }, (_, i) => `eth${i}`)
    return new Crowd(
      options,
      lan,
      nodes,
      bridges,
      await watchTakeovers(behind(nodes[2], options.wrapper ?? NOTHING), names),
    )
  }

  private constructor(
    options: Options,
    lan: Lan,
    [first, second]: readonly [LabNode, LabNode, LabNode],
    bridges: readonly string[],
    takeovers: Takeovers,
  ) {
    this.first = first
    this.second = second
    this.size = options.links * options.routersPerLink
    this.#options = options
    this.#lan = lan
    this.#bridges = bridges
    this.#takeovers = takeovers
    this.#file = join(scratchFolder(), 'crowd.yaml')
    writeFileSync(this.#file, documents(options, first, second))
  }

  /** Logging to a file: a pipe that nobody reads for a moment would stop what is measured. */
  start(node: LabNode): Daemon {
    const folder = scratchFolder()
    const path = join(folder, 'output')
    const log = openSync(path, 'a')
    const [program, ...args] = this.#command(node, folder)
    const child = behind(node, this.#options.wrapper ?? NOTHING).spawn(program, args, {
      stdio: ['ignore', log, log],
      cwd: folder,
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
    })
    const ended = new Promise<number | null>(resolve => child.on('exit', resolve))
    return {
      process: child,
      node,
      ended,
      output: () => readFileSync(path, 'utf8'),
      kill: signal => {
        child.kill(signal)
      },
      stop: () => {
        child.kill('SIGTERM')
        return ended
      },
    }
  }

  #command(node: LabNode, folder: string): [string, ...string[]] {
    if (this.#options.kind === 'keepalived') {
      const file = join(folder, 'keepalived.conf')
      writeFileSync(file, keepalivedConf(this.#options, node, node === this.first ? FIRST : SECOND))
      const pids = ['--pid', join(folder, 'pid'), '--vrrp_pid', join(folder, 'vrrp.pid')]
      return ['keepalived', '--vrrp', '--dont-fork', '--log-console', '--use-file', file, ...pids]
    }
    const flags = ['--file', this.#file, '--node', node.name, '--state-dir', folder]
    return ['node', '--disable-warning=ExperimentalWarning', MAIN, 'agent', ...flags]
  }

  /** Waits until this node advertises, and answers for, all there are. All spells so far. */
  async isWith(node: LabNode, daemons: readonly Daemon[] = []): Promise<readonly Spell[]> {
    const isSo = async () => {
      const spells = await this.#takeovers.spells()
      const latest = new Map(spells.map(spell => [`${spell.link} ${spell.virtualRouterID}`, spell]))
      const mine = [...latest.values()].filter(({ mac, answeredAt }) => mac === node.mac && answeredAt !== undefined)
      return mine.length === this.size ? spells : undefined
    }
    return eventually(`all are with ${node.name}`, isSo, { within: 30_000, daemons })
  }

  spells(): Promise<readonly Spell[]> {
    return this.#takeovers.spells()
  }

  close(): void {
    this.#takeovers.close()
    this.#lan.close()
    for (const bridge of this.#bridges) execFileSync('ip', ['link', 'delete', bridge])
  }
}

/** A link `eth<number>` on each node, with the node's own MAC, on a bridge of its own. */
function addLink(bridge: string, number: number, nodes: readonly LabNode[]): void {
  ip(`link add ${bridge} address 02:00:00:00:01:00 type bridge mcast_snooping 0`, `link set ${bridge} up`)
  for (const { name, mac, addresses } of nodes) {
    const [port, link] = [`p-${name}-${number}`, `eth${number}`]
    const host = addresses[0]?.match(/\d+(?=\/)/)?.[0]
    ip(
      `link add ${port} type veth peer name ${link} address ${mac} netns ${name}`,
      `link set ${port} master ${bridge} up`,
      `-netns ${name} link set ${link} up`,
      `-netns ${name} address add 10.${98 + number}.0.${host}/16 dev ${link}`,
    )
  }
}

function ip(...commands: readonly string[]): void {
  for (const command of commands) execFileSync('ip', command.split(' '))
}

function documents({ links, routersPerLink, interval }: Options, first: LabNode, second: LabNode): string {
  return stream(
    ...routersOf({ links, routersPerLink }).map(({ link, id }) =>
      virtualIP(`vip-${link}-${id}`, {
        addresses: [`10.${98 + link}.100.${id}`],
        interface: { name: `eth${link}` },
        virtualRouterID: id,
        priorities: priorities({ [first.name]: FIRST, [second.name]: SECOND }),
        advertisementInterval: `${interval}ms`,
      }),
    ),
  )
}

function keepalivedConf(options: Options, node: LabNode, priority: number): string {
  const instances = routersOf(options).map(
    ({ link, id }) => `vrrp_instance VI_${link}_${id} {
  state BACKUP
  interface eth${link}
  version 3
  virtual_router_id ${id}
  priority ${priority}
  advert_int ${options.interval / 1000}
  virtual_ipaddress {
    10.${98 + link}.100.${id}
  }
}
`,
  )
  return `global_defs {\n  router_id ${node.name}\n}\n${instances.join('')}`
}

function routersOf({
  links,
  routersPerLink,
}: Pick<Options, 'links' | 'routersPerLink'>): { link: number; id: number }[] {
  return Array.from({ length: links * routersPerLink }, (_, i) => ({
    link: Math.floor(i / routersPerLink),
    id: (i % routersPerLink) + 1,
  }))
}
