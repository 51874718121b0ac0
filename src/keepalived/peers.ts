import { parseIpAddress } from '../lib/ip-address.ts'
import { familyOf } from './addresses.ts'
import { type Given, inBlocks, integerBetween, optional, type Say } from './given.ts'
import type { Statement } from './syntax.ts'
import { withoutEqual } from './without-equal.ts'

export interface Peer {
  readonly address: string
  readonly minTTL?: number
}

export function readPeers(block: readonly Statement[], held: string | undefined, say: Say): Given<Peer>[] {
  const blocks = block.filter(({ keyword }) => keyword === 'unicast_peer')
  const peers = new Map<string, Given<Peer>>()
  for (const entry of inBlocks(block, 'unicast_peer')) {
    const { keyword, line } = entry
    const address = isOfFamily(held)({ keyword: 'unicast_peer', words: [keyword], line })
    if (address === undefined)
      say(line, 'unicast_peer', `"${keyword}" is no address that it could be sent to: left out`)
    else if (peers.has(address)) say(line, 'unicast_peer', `"${keyword}" is there already: left out`)
    else peers.set(address, { value: { address, ...optional('minTTL', readMinTTL(entry, say)) }, line })
  }
  const [first] = blocks
  if (first && peers.size === 0)
    say(first.line, 'unicast_peer', 'names no peer: adverts go by multicast, as with keepalived')
  return [...peers.values()]
}

function readMinTTL({ words, line }: Statement, say: Say): number | undefined {
  let minTTL: number | undefined
  for (let i = 0; i < words.length; i += 2) {
    const [option = '', number = ''] = words.slice(i)
    if (option === 'min_ttl') minTTL = integerBetween(1, 255)({ keyword: option, words: [number], line })
    else say(line, option, withoutEqual(option))
  }
  return minTTL
}

/** The address that a statement gives, of the same family as those to be held. */
export function isOfFamily(held: string | undefined): (statement: Statement) => string | undefined {
  return ({ words }) => {
    const address = parseIpAddress(words[0] ?? '')
    return address && (held === undefined || address.family === familyOf(held)) ? address.text : undefined
  }
}
