import { setTimeout as sleep } from 'node:timers/promises'
import type { Direction, LabNode, Lan } from '../lab/lan.ts'
import type { Chronicle } from './chronicle.ts'
import type { Impairment } from './judge.ts'
import type { Fault, Separation } from './schedule.ts'

/** What runs on the nodes of one LAN. */
export interface Side {
  readonly lan: Lan
  readonly nodes: readonly LabNode[]
  /** They hear both sides of a partition. */
  readonly observers: { readonly asks: LabNode; readonly pings: LabNode }
  readonly chronicle: Chronicle
  readonly daemons: NodeDaemons
}

/** The daemon of each node, by the node's number. */
export interface NodeDaemons {
  /** Done when it has ended. */
  kill(node: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  freeze(node: number): void
  thaw(node: number): void
  start(node: number): Promise<void>
  /** The node is off. */
  crash(node: number): void
  /** The node is on, and no daemon runs on it. */
  restore(node: number): void
  /** The node gets the highest priority. */
  rank(virtualIP: number, node: number): Promise<void>
  /** Without prefix length. */
  addressOf(virtualIP: number, family: 'IPv4' | 'IPv6'): string
}

/** For as long, in ms, a daemon that was started is not counted on. */
const STARTING = 6000
const RECOVERING = 1000

/** Does to one side what the fault says, until it is over. */
export async function cause(side: Side, fault: Fault): Promise<void> {
  const over = side.chronicle.befalls(fault.kind)
  await act(side, fault)
  over()
}

async function act(side: Side, fault: Fault): Promise<void> {
  const { lan, chronicle, daemons } = side
  switch (fault.kind) {
    case 'kill': {
      const restarted = chronicle.begin({ kind: 'Stopped', node: nameOf(side, fault.node) })
      const ended = daemons.kill(fault.node, 'SIGKILL')
      chronicle.note(`SIGKILL on ${nameOf(side, fault.node)}`)
      await Promise.all([sleep(fault.lasts), ended])
      restarted()
      await startOn(side, fault.node)
      return
    }
    case 'freeze': {
      const thawed = chronicle.begin({ kind: 'Stopped', node: nameOf(side, fault.node) })
      daemons.freeze(fault.node)
      chronicle.note(`SIGSTOP on ${nameOf(side, fault.node)}`)
      await sleep(fault.lasts)
      daemons.thaw(fault.node)
      thawed()
      chronicle.note(`SIGCONT on ${nameOf(side, fault.node)}`)
      return
    }
    case 'crash': {
      const on = chronicle.begin({ kind: 'Off', node: nameOf(side, fault.node) })
      daemons.crash(fault.node)
      chronicle.note(`${nameOf(side, fault.node)} crashes`)
      await sleep(fault.lasts)
      daemons.restore(fault.node)
      on()
      await startOn(side, fault.node)
      return
    }
    case 'link': {
      const node = nodeOf(side, fault.node)
      const up = chronicle.begin({ kind: 'Off', node: node.name })
      lan.setCarrier(node, false)
      chronicle.note(`${node.name} loses its carrier`)
      await sleep(fault.lasts)
      lan.setCarrier(node, true)
      up()
      chronicle.note(`${node.name} has its carrier again`)
      chronicle.begin({ kind: 'Starting', node: node.name })(RECOVERING)
      return
    }
    case 'rollout': {
      const ended = chronicle.begin({ kind: 'Leaving', node: nameOf(side, fault.node) })
      chronicle.note(`SIGTERM on ${nameOf(side, fault.node)}`)
      await daemons.kill(fault.node, 'SIGTERM')
      ended()
      await startOn(side, fault.node)
      return
    }
    case 'partition': {
      const nodes = fault.nodes.map(node => nodeOf(side, node))
      const names = nodes.map(({ name }) => name)
      const healed = chronicle.begin({ kind: 'Apart', nodes: names, answers: 'EachSide' })
      lan.divide(nodes, Object.values(side.observers))
      chronicle.note(`${names.join(', ')} and the others no longer hear each other`)
      await sleep(fault.lasts)
      lan.undivide()
      healed()
      chronicle.note(`${names.join(', ')} and the others hear each other again`)
      return
    }
    case 'delete': {
      const address = daemons.addressOf(fault.virtualIP, fault.family)
      const holder = side.nodes.flatMap(node => prefixOn(node, address) ?? [])[0]
      if (!holder) {
        chronicle.note(`nobody has ${address}: it cannot be deleted`)
        return
      }
      holder.node.run('ip', 'address', 'delete', holder.prefix, 'dev', 'eth0')
      chronicle.deleted()
      chronicle.note(`${address} is deleted on ${holder.node.name}`)
      return
    }
    case 'priority':
      chronicle.note(
        `${nameOf(side, fault.node)} gets the highest priority of ${daemons.addressOf(fault.virtualIP, 'IPv4')}`,
      )
      await daemons.rank(fault.virtualIP, fault.node)
      return
    case 'cut':
    case 'mute':
    case 'deaf':
    case 'adverts mute':
    case 'adverts deaf':
    case 'loss': {
      const { direction, only, answers, says } = SEPARATE[fault.kind]
      const node = nodeOf(side, fault.node)
      const healed = chronicle.begin({ kind: 'Apart', nodes: [node.name], answers })
      lan.cut(node, direction, only)
      chronicle.note(`${node.name}: ${says}`)
      await sleep(fault.lasts)
      lan.uncut(node)
      healed()
      chronicle.note(`${node.name}: ${says}: over`)
      return
    }
    case 'api down':
    case 'api frozen':
    case 'controller':
      throw new Error(`${fault.kind} is not a fault of nodes`)
  }
}

interface Separate {
  readonly direction: Direction
  readonly only?: string
  readonly answers: Extract<Impairment, { kind: 'Apart' }>['answers']
  readonly says: string
}

const ADVERTS = 'meta l4proto 112'
const SEPARATE: Readonly<Record<Separation, Separate>> = {
  cut: { direction: 'Both', answers: 'Others', says: 'all is lost' },
  mute: { direction: 'FromNode', answers: 'Others', says: 'what it sends is lost' },
  deaf: { direction: 'ToNode', answers: 'NotSure', says: 'what it is sent is lost' },
  'adverts mute': { direction: 'FromNode', only: ADVERTS, answers: 'Anybody', says: 'adverts that it sends are lost' },
  'adverts deaf': { direction: 'ToNode', only: ADVERTS, answers: 'Anybody', says: 'adverts that it is sent are lost' },
  loss: {
    direction: 'Both',
    only: 'numgen random mod 100 < 25',
    answers: 'Anybody',
    says: 'a quarter of all is lost in either direction',
  },
}

async function startOn(side: Side, node: number): Promise<void> {
  const { chronicle } = side
  const started = chronicle.begin({ kind: 'Starting', node: nameOf(side, node) })
  chronicle.note(`${nameOf(side, node)} is started`)
  await side.daemons.start(node)
  started(STARTING)
}

function nodeOf({ nodes }: Side, number: number): LabNode {
  const node = nodes[number]
  if (!node) throw new Error(`There is no node ${number}`)
  return node
}

function nameOf(side: Side, number: number): string {
  return nodeOf(side, number).name
}

function prefixOn(node: LabNode, address: string): { node: LabNode; prefix: string } | undefined {
  const addresses = node.run('ip', '-oneline', 'address', 'show', 'dev', 'eth0').split(/\s+/)
  const prefix = addresses.find(word => word.startsWith(`${address}/`))
  return prefix === undefined ? undefined : { node, prefix }
}
