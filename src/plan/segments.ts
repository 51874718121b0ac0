import { contains, formatPrefix, isLinkLocal, networkOf, type Prefix, parsePrefix } from '../lib/ip-address.ts'
import type { PlanAgent } from './plan-input.ts'

/** A link as its agent reports it. */
export interface Place {
  readonly node: string
  readonly link: string
  readonly carrier: boolean
  /** The link's own addresses. */
  readonly own: readonly Prefix[]
  readonly segment: Segment
}

/**
 * A name for a broadcast domain: all links whose subnets overlap, on whichever node. Two real ones under one name cost nothing but
 * VRIDs; one real one under two names could have a VRID twice.
 */
export type Segment = string

/** Where a virtual router is whose link nobody reports: it could be on any segment. */
export const ANYWHERE: Segment = 'any segment'

export function overlap(a: ReadonlySet<Segment>, b: ReadonlySet<Segment>): boolean {
  return a.has(ANYWHERE) || b.has(ANYWHERE) || !a.isDisjointFrom(b)
}

/** Links with nothing but link-local addresses could be on any wire. */
const NO_SUBNET: Segment = 'link-local'

export interface Segments {
  /** In the order the agent reports its links. */
  on(node: string): readonly Place[]
  /** Undefined where the agent does not report the link (now). */
  of(node: string, link: string): Segment | undefined
  readonly places: readonly Place[]
}

export function segmentsOf(agents: readonly PlanAgent[]): Segments {
  const links = agents.flatMap(({ node, status }) =>
    (status?.links ?? []).map(({ name, carrier, subnets }) => ({
      node,
      link: name,
      carrier,
      own: subnets.flatMap(text => parsePrefix(text) ?? []),
    })),
  )
  const nameOf = joinOverlapping(links.map(({ own }) => own.filter(({ address }) => !isLinkLocal(address))))
  const places = links.map((link, i) => ({ ...link, segment: nameOf[i] ?? NO_SUBNET }))
  const byNode = Map.groupBy(places, ({ node }) => node)
  const on = (node: string) => byNode.get(node) ?? []
  return { on, of: (node, link) => on(node).find(place => place.link === link)?.segment, places }
}

/** For each list of subnets, the name of the group it is in: the smallest network in it, in the order of their bytes. */
function joinOverlapping(lists: readonly (readonly Prefix[])[]): (Segment | undefined)[] {
  const networks = new Map<string, Prefix>()
  const keys = lists.map(list =>
    list.map(prefix => {
      const network = networkOf(prefix)
      const key = formatPrefix(network)
      if (!networks.has(key)) networks.set(key, network)
      return key
    }),
  )
  const groups = new Groups()
  for (const [outer, inner] of nested(networks)) groups.join(outer, inner)
  for (const [first, ...rest] of keys) for (const key of rest) groups.join(first ?? key, key)
  const names = new Map<string, string>()
  for (const key of [...networks.keys()].sort()) {
    const root = groups.root(key)
    if (!names.has(root)) names.set(root, key)
  }
  return keys.map(([first]) => (first === undefined ? undefined : names.get(groups.root(first))))
}

/** Every network with the innermost one that holds it. Sorted by bytes, then length, a network comes right after those around it. */
function nested(networks: ReadonlyMap<string, Prefix>): [string, string][] {
  const around: [string, Prefix][] = []
  return [...networks]
    .sort(([, a], [, b]) => compareNetworks(a, b))
    .flatMap(([key, network]) => {
      while (around.length > 0 && !holds(around.at(-1), network)) around.pop()
      const outer = around.at(-1)
      around.push([key, network])
      return outer ? [[outer[0], key] satisfies [string, string]] : []
    })
}

function holds(outer: [string, Prefix] | undefined, inner: Prefix): boolean {
  return outer !== undefined && outer[1].length <= inner.length && contains(outer[1], inner.address)
}

function compareNetworks(a: Prefix, b: Prefix): number {
  const [left, right] = [a.address.bytes, b.address.bytes]
  if (left.length !== right.length) return left.length - right.length
  const differs = left.findIndex((byte, i) => byte !== right[i])
  return differs < 0 ? a.length - b.length : (left[differs] ?? 0) - (right[differs] ?? 0)
}

/** Disjoint sets of keys. */
class Groups {
  readonly #parents = new Map<string, string>()

  root(key: string): string {
    let root = key
    for (let parent = this.#parents.get(root); parent !== undefined; parent = this.#parents.get(root)) root = parent
    if (root !== key) this.#parents.set(key, root)
    return root
  }

  join(a: string, b: string): void {
    const [left, right] = [this.root(a), this.root(b)]
    if (left !== right) this.#parents.set(right, left)
  }
}
