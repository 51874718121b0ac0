import type { VirtualIP } from '../api/virtual-ip.ts'
import type { VirtualIPFile } from '../api/virtual-ip-file.ts'
import type { LinkStatus } from '../api/virtual-ip-node.ts'
import { formatPrefix, fullLength, ipAddressFromBytes, networkOf, type Prefix, parsePrefix } from '../lib/ip-address.ts'
import { demandOf } from '../plan/demand.ts'
import type { PlanInput } from '../plan/plan.ts'
import { isRefusal } from '../plan/refusal.ts'

/**
 * File mode: every node plans for itself and must come to the same plan from the same file, so what only this node knows must not count.
 * The others are taken to have the links this one has, and nobody to have heard anything. A subnet of the file that this node is not (or
 * not now) on gets a link that stands in for it, with the subnet as its name: the ranks stay what they are elsewhere, and its virtual
 * router can say what it misses. Pure.
 */
export function filePlanInput(file: VirtualIPFile, links: readonly LinkStatus[]): PlanInput {
  const wanted = file.virtualIPs.flatMap(({ spec }) => spec.addresses.flatMap(text => parsePrefix(text) ?? []))
  const addresses = new Set(wanted.map(({ address }) => address.text))
  const reported = [
    ...links.map(({ name, subnets }) => ({
      name,
      carrier: true,
      subnets: subnets.flatMap(text => subnetOf(text, addresses)),
    })),
    // Without carrier: a link that is there goes before.
    ...standIns(file.virtualIPs, addresses),
  ]
  const named = file.virtualIPs.flatMap(({ spec }) => (spec.priorities ?? []).map(({ node }) => node))
  const nodes = [...new Set([...file.nodes.map(({ name }) => name), ...named])].sort()
  return {
    virtualIPs: file.virtualIPs,
    addressesUnknown: true,
    nodes: nodes.map(name => {
      const node = file.nodes.find(candidate => candidate.name === name)
      return { name, labels: node?.labels ?? {}, ready: true, unschedulable: node?.unschedulable ?? false }
    }),
    agents: nodes.map(node => ({
      node,
      alive: true,
      confirmed: true,
      status: { links: reported, checksAllowed: ['Process', 'Exec', 'File'], fileCheckFolders: ['/'] },
    })),
  }
}

/** An address of the file that somebody put on a link is no subnet. */
function subnetOf(text: string, addresses: ReadonlySet<string>): string[] {
  const prefix = parsePrefix(text)
  if (!prefix || (isHost(prefix) && addresses.has(prefix.address.text))) return []
  return [formatPrefix(withoutHost(prefix, addresses))]
}

function isHost({ address, length }: Prefix): boolean {
  return length === fullLength(address.family)
}

/** The host part is this node's own and would differ on the others. It is as low as it can be, but none of the file's: the plan takes it for a node's. */
function withoutHost(prefix: Prefix, addresses: ReadonlySet<string>): Prefix {
  const { address, length } = networkOf(prefix)
  const bytes = Uint8Array.from(address.bytes)
  const last = bytes.length - 1
  for (let host = bytes[last] ?? 0; host < 256; host++) {
    bytes[last] = host
    const own = ipAddressFromBytes(bytes)
    if (!addresses.has(own.text)) return { address: own, length }
  }
  return { address, length }
}

interface StandIn {
  readonly name: string
  readonly carrier: false
  readonly subnets: string[]
}

/** For each VirtualIP and family whose link is not named, one that is on the subnets it asks for. */
function standIns(virtualIPs: readonly VirtualIP[], addresses: ReadonlySet<string>): StandIn[] {
  return virtualIPs.flatMap((virtualIP): StandIn[] => {
    const { name, subnet } = virtualIP.spec.interface ?? {}
    if (name !== undefined) return []
    if (subnet !== undefined) return [{ name: subnet, carrier: false, subnets: [subnet] }]
    const demand = demandOf(virtualIP)
    if (isRefusal(demand)) return []
    return demand.families.flatMap(({ onItsLink }) => {
      const [first] = onItsLink
      const subnets = onItsLink.map(prefix => formatPrefix(networkAround(prefix, addresses)))
      return first ? { name: formatPrefix(networkOf(first)), carrier: false, subnets } : []
    })
  })
}

/** Without a prefix length the subnet has to be guessed. */
function networkAround(prefix: Prefix, addresses: ReadonlySet<string>): Prefix {
  const guessed = prefix.address.family === 'IPv4' ? 24 : 64
  return withoutHost(isHost(prefix) ? { ...prefix, length: guessed } : prefix, addresses)
}
