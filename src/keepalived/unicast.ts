import type { Transport } from '../api/transport.ts'
import type { Group, Member, SayOf } from './member.ts'

/**
 * Who speaks to whom. keepalived names to each node the others; a VirtualIP names all of them once, each with its node, and each node takes
 * its own out. `undefined`: multicast.
 */
export function agreedTransport(group: Group, say: SayOf): Transport | undefined {
  const [first] = group
  for (const member of group) sayIneffective(member, say)
  for (const member of group.slice(1)) {
    if (speaksUnicast(member) === speaksUnicast(first)) continue
    const word = (speaks: boolean) => (speaks ? 'unicast' : 'multicast')
    const sentence = `${word(speaksUnicast(member))}, but ${first.node} speaks ${word(speaksUnicast(first))}: they do not hear each other; that of ${first.node} is taken`
    say(member, lineOf(member), 'unicast_peer', sentence)
  }
  if (!speaksUnicast(first)) return undefined
  const own = ownAddresses(group, say)
  sayStrangers(group, own, say)
  const ttl = agreedTTL(group, say)
  const minTTL = agreedMinTTL(group, say)
  return {
    mode: 'Unicast',
    peers: peersOf(group, own),
    ...(ttl !== undefined && { ttl }),
    ...(minTTL !== undefined && { minTTL }),
  }
}

function speaksUnicast({ instance }: Member): boolean {
  return instance.peers.length > 0
}

function sayIneffective(member: Member, say: SayOf): void {
  const { instance } = member
  if (speaksUnicast(member)) return
  if (instance.unicastSource)
    say(member, instance.unicastSource.line, 'unicast_src_ip', 'has no effect without unicast_peer, as in keepalived')
  if (instance.unicastTTL)
    say(member, instance.unicastTTL.line, 'unicast_ttl', 'has no effect without unicast_peer, as in keepalived')
}

/** By node: as it says itself, or as the others say of it. */
function ownAddresses(group: Group, say: SayOf): Map<string, string> {
  const own = new Map<string, string>()
  for (const { node, instance } of group) if (instance.unicastSource) own.set(node, instance.unicastSource.value)
  for (const member of group) {
    if (own.has(member.node)) continue
    const [found, ...more] = namedByAllOthers(member, group).filter(address => ![...own.values()].includes(address))
    if (found !== undefined && more.length === 0) own.set(member.node, found)
    else {
      const sentence = `has no unicast_src_ip, and which address is that of ${member.node} the other files do not tell: name the node at its address in spec.transport.peers`
      say(member, lineOf(member), 'unicast_peer', sentence)
    }
  }
  return own
}

function namedByAllOthers(member: Member, group: Group): string[] {
  const [first, ...rest] = group.filter(other => other !== member && speaksUnicast(other))
  const mine = peerTexts(member)
  const others = rest.map(peerTexts)
  return (first ? peerTexts(first) : []).filter(
    address => !mine.includes(address) && others.every(peers => peers.includes(address)),
  )
}

function sayStrangers(group: Group, own: ReadonlyMap<string, string>, say: SayOf): void {
  for (const member of group) {
    if (!speaksUnicast(member)) continue
    const peers = peerTexts(member)
    for (const [node, address] of own) {
      if (node === member.node || peers.includes(address)) continue
      const sentence = `lacks ${address} of ${node}: it does not send to it, and now does`
      say(member, lineOf(member), 'unicast_peer', sentence)
    }
  }
}

function peersOf(group: Group, own: ReadonlyMap<string, string>): NonNullable<Transport['peers']> {
  const nodes = [...own].map(([node, address]) => ({ node, address }))
  const known = new Set(own.values())
  const others = new Set(group.flatMap(peerTexts).filter(address => !known.has(address)))
  return [...nodes, ...[...others].map(address => ({ address }))]
}

/** Those that a virtual router of this family can send to. */
function peerTexts({ instance }: Member): string[] {
  return instance.peers.map(({ value }) => value.address)
}

/** One for all here; keepalived has one for each peer, and takes what has none from anywhere. */
function agreedMinTTL(group: Group, say: SayOf): number | undefined {
  const all = group.flatMap(({ instance }) => instance.peers)
  const given = all.flatMap(({ value }) => value.minTTL ?? [])
  const lowest = given.length === all.length ? Math.min(...given) : undefined
  for (const member of group) {
    for (const { value, line } of member.instance.peers) {
      if (value.minTTL === undefined || value.minTTL === lowest) continue
      const taken =
        lowest === undefined ? 'not every peer has one, so none is checked' : `the lowest, ${lowest}, is taken`
      say(member, line, 'min_ttl', `there is one for all peers, not one for each: ${taken}`)
    }
  }
  return lowest
}

function agreedTTL([first, ...others]: Group, say: SayOf): number | undefined {
  const taken = first.instance.unicastTTL?.value
  for (const member of others.filter(speaksUnicast)) {
    const own = member.instance.unicastTTL?.value
    if (own === taken) continue
    const word = (ttl: number | undefined) => ttl ?? 'the default'
    const sentence = `${word(own)} is not that of ${first.node} (${word(taken)}): that of ${first.node} is taken`
    say(member, member.instance.unicastTTL?.line ?? lineOf(member), 'unicast_ttl', sentence)
  }
  return taken
}

function lineOf({ instance }: Member): number {
  return instance.peers[0]?.line ?? instance.line
}
