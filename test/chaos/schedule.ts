/** How one node is set apart; the rest hear each other. In the words of VRRP's peers: who hears whom. */
export const SEPARATIONS = ['cut', 'mute', 'deaf', 'adverts mute', 'adverts deaf', 'loss'] as const
export type Separation = (typeof SEPARATIONS)[number]

/** What happens to one node: for a while (ms), or, for `rollout`, for as long as it takes. */
export type NodeFault =
  | { readonly kind: 'kill' | 'freeze' | 'crash' | 'link' | Separation; readonly node: number; readonly lasts: number }
  | { readonly kind: 'rollout'; readonly node: number; readonly lasts: 0 }

export type Fault =
  | NodeFault
  /** These nodes and the others do not hear each other. */
  | { readonly kind: 'partition'; readonly nodes: readonly number[]; readonly lasts: number }
  /** By hand, on the node that has it. */
  | { readonly kind: 'delete'; readonly virtualIP: number; readonly family: 'IPv4' | 'IPv6'; readonly lasts: 0 }
  /** This node gets the highest priority. */
  | { readonly kind: 'priority'; readonly virtualIP: number; readonly node: number; readonly lasts: 0 }
  /** The API server is killed or stands still; the controller is killed. */
  | { readonly kind: 'api down' | 'api frozen' | 'controller'; readonly lasts: number }

export const KINDS = [
  ...(['kill', 'freeze', 'crash', 'link', 'rollout', 'partition', 'delete', 'priority'] as const),
  ...(['api down', 'api frozen', 'controller'] as const),
  ...SEPARATIONS,
] as const satisfies readonly Fault['kind'][]

export interface Scheduled {
  /** ms from the beginning */
  readonly at: number
  readonly fault: Fault
}

export interface Field {
  readonly nodes: number
  readonly virtualIPs: number
}

/**
 * Faults at random moments until the last of them has ended: each kind once, kill and freeze twice, in random order, then again. One node at least is well, one
 * thing at a time separates nodes, and one at a time befalls the control plane; so whatever else happens meanwhile, somebody should answer.
 */
export function schedule(field: Field, seconds: number, random: () => number): Scheduled[] {
  const faults: Scheduled[] = []
  const end = seconds * 1000
  const busy = new Busy(field)
  let bag: Fault['kind'][] = []
  for (let at = 0; at < end; ) {
    if (bag.length === 0) bag = shuffled(ROUND, random)
    at += SHORTEST_REST + random() ** 2 * LONGEST_REST
    const free = bag.map(kind => busy.until(kind))
    const soonest = free.indexOf(Math.min(...free.map(until => Math.max(until, at))))
    const kind = bag[free.findIndex(until => until <= at)] ?? bag[soonest] ?? 'kill'
    bag = bag.toSpliced(bag.indexOf(kind), 1)
    at = Math.max(at, busy.until(kind))
    const fault = faultOf(kind, field, busy.wellNodes(at), random)
    const ends = at + fault.lasts
    if (ends > end) break
    busy.occupy(fault, ends)
    faults.push({ at: Math.round(at), fault })
  }
  return faults
}

const ROUND: readonly Fault['kind'][] = [...KINDS, 'kill', 'freeze']
const [SHORTEST_REST, LONGEST_REST] = [200, 2500]
/** An agent that starts on a busy machine, or a network that comes to agree, is left alone for as long. */
const RECOVERY = 3000
const MOST_NODES_AT_ONCE = 2

/** Until when what is occupied. */
class Busy {
  readonly #nodes: number[]
  #network = 0
  #controlPlane = 0

  constructor({ nodes }: Field) {
    this.#nodes = new Array(nodes).fill(0)
  }

  /** When a fault of that kind may begin. */
  until(kind: Fault['kind']): number {
    if (isOfControlPlane(kind)) return this.#controlPlane
    if (kind === 'delete') return 0
    const nodeIsFree = this.#nodes.toSorted((a, b) => b - a)[MOST_NODES_AT_ONCE - 1] ?? 0
    return separates(kind) ? Math.max(nodeIsFree, this.#network) : nodeIsFree
  }

  wellNodes(at: number): number[] {
    return this.#nodes.flatMap((until, node) => (until <= at ? [node] : []))
  }

  occupy(fault: Fault, ends: number): void {
    if (isOfControlPlane(fault.kind)) this.#controlPlane = ends + RECOVERY
    else if (separates(fault.kind)) this.#network = ends + RECOVERY
    if ('node' in fault && fault.kind !== 'priority') this.#nodes[fault.node] = ends + RECOVERY
  }
}

function isOfControlPlane(kind: Fault['kind']): boolean {
  return kind === 'api down' || kind === 'api frozen' || kind === 'controller' || kind === 'priority'
}

function separates(kind: Fault['kind']): boolean {
  return kind === 'partition' || SEPARATIONS.some(separation => separation === kind)
}

function faultOf(kind: Fault['kind'], field: Field, wellNodes: readonly number[], random: () => number): Fault {
  const one = <T>(of: readonly T[], otherwise: T): T => of[Math.floor(random() * of.length)] ?? otherwise
  const between = (least: number, most: number) => Math.round(least + random() ** 2 * (most - least))
  const node = one(wellNodes, 0)
  const virtualIP = Math.floor(random() * field.virtualIPs)
  switch (kind) {
    case 'rollout':
      return { kind, node, lasts: 0 }
    case 'partition': {
      const all = Array.from({ length: field.nodes }, (_, i) => i)
      return { kind, nodes: shuffled(all, random).slice(0, 1 + Math.floor(random() * 2)), lasts: between(300, 6000) }
    }
    case 'delete':
      return { kind, virtualIP, family: one(['IPv4', 'IPv6'], 'IPv4'), lasts: 0 }
    case 'priority':
      return { kind, virtualIP, node: Math.floor(random() * field.nodes), lasts: 0 }
    case 'api down':
    case 'api frozen':
    case 'controller':
      return { kind, lasts: between(1000, 8000) }
    case 'freeze':
    case 'link':
      return { kind, node, lasts: between(40, 4000) }
    case 'kill':
    case 'crash':
    case 'cut':
    case 'mute':
    case 'deaf':
    case 'adverts mute':
    case 'adverts deaf':
    case 'loss':
      return { kind, node, lasts: between(100, 5000) }
  }
}

function shuffled<T>(of: readonly T[], random: () => number): T[] {
  return of
    .map(each => ({ each, by: random() }))
    .sort((a, b) => a.by - b.by)
    .map(({ each }) => each)
}
