import { familyOf, type GivenAddress, readAddresses } from './addresses.ts'
import { type Given, inBlocks, integerBetween, numberBetween, optional, read, type Say, sayOthers } from './given.ts'
import { isOfFamily, type Peer, readPeers } from './peers.ts'
import type { Statement } from './syntax.ts'
import { readWeighted, type Weighted } from './trackers.ts'

/** A vrrp_instance; what is absent is keepalived's default. */
export interface Instance {
  readonly name: string
  readonly line: number
  readonly state?: Given<'MASTER' | 'BACKUP'>
  readonly link?: Given<string>
  readonly virtualRouterID?: Given<number>
  readonly priority?: Given<number>
  /** In seconds. */
  readonly interval?: Given<number>
  /** Of IPv6 always 3. */
  readonly version: 2 | 3
  readonly password?: Given<string>
  readonly nopreempt?: Given<true>
  /** In seconds. */
  readonly preemptDelay?: Given<number>
  /** v3_checksum_as_v2: without the pseudo-header. */
  readonly rfcChecksum?: Given<boolean>
  /** Of one family, each with its prefix length where the file gives one. */
  readonly addresses: readonly GivenAddress[]
  /** Held, and not advertised. */
  readonly excluded: readonly GivenAddress[]
  readonly trackedScripts: readonly Given<Weighted>[]
  readonly trackedLinks: readonly Given<Weighted>[]
  readonly trackedFiles: readonly Given<Weighted>[]
  readonly trackedProcesses: readonly Given<Weighted>[]
  /** The vrrp_sync_group that it is in. */
  readonly syncGroup?: Given<string>
  /** Of unicast; none: multicast. */
  readonly peers: readonly Given<Peer>[]
  readonly unicastSource?: Given<string>
  readonly unicastTTL?: Given<number>
}

const INSTANCE_KEYWORDS = [
  'state',
  'interface',
  'virtual_router_id',
  'priority',
  'advert_int',
  'version',
  'authentication',
  'nopreempt',
  'preempt_delay',
  'v3_checksum_as_v2',
  'virtual_ipaddress',
  'virtual_ipaddress_excluded',
  'track_script',
  'track_interface',
  'track_file',
  'track_process',
  'unicast_peer',
  'unicast_src_ip',
  'unicast_ttl',
  // These are what kube-vrrp does anyway.
  'preempt',
  'accept',
  'check_unicast_src',
  'track_src_ip',
]

export function readInstance(statement: Statement, globalVersion: 2 | 3 | undefined, say: Say): Instance {
  const { line, words, block = [] } = statement
  const [name = ''] = words
  sayOthers(block, INSTANCE_KEYWORDS, say)
  const authentication = inBlocks(block, 'authentication')
  const link = read(block, 'interface', say, ({ words }) => words[0])
  const [listed, unlisted] = [inBlocks(block, 'virtual_ipaddress'), inBlocks(block, 'virtual_ipaddress_excluded')]
  const { advertised: addresses, excluded } = readAddresses(listed, unlisted, link?.value, say)
  const version = read(block, 'version', say, readVersion)
  const isIPv6 = addresses[0] !== undefined && familyOf(addresses[0].value) === 'IPv6'
  if (isIPv6 && version?.value === 2) say(version.line, 'version', 'version 2 has no IPv6: version 3 is used')
  return {
    name,
    line,
    addresses,
    excluded,
    version: isIPv6 ? 3 : (version?.value ?? globalVersion ?? 2),
    trackedScripts: inBlocks(block, 'track_script').map(entry => readWeighted(entry, say)),
    trackedLinks: inBlocks(block, 'track_interface').map(entry => readWeighted(entry, say)),
    trackedFiles: inBlocks(block, 'track_file').map(entry => readWeighted(entry, say)),
    trackedProcesses: inBlocks(block, 'track_process').map(entry => readWeighted(entry, say)),
    peers: readPeers(block, addresses[0]?.value, say),
    ...optional('unicastSource', read(block, 'unicast_src_ip', say, isOfFamily(addresses[0]?.value))),
    ...optional('unicastTTL', read(block, 'unicast_ttl', say, integerBetween(1, 255))),
    ...optional('state', read(block, 'state', say, readState)),
    ...optional('link', link),
    ...optional('virtualRouterID', read(block, 'virtual_router_id', say, integerBetween(1, 255))),
    ...optional('priority', read(block, 'priority', say, integerBetween(1, 255))),
    ...optional('interval', read(block, 'advert_int', say, numberBetween(0.01, 255))),
    ...optional('password', readPassword(authentication, say)),
    ...optional(
      'nopreempt',
      read(block, 'nopreempt', say, () => true as const),
    ),
    ...optional('preemptDelay', read(block, 'preempt_delay', say, numberBetween(0, 1000))),
    ...optional(
      'rfcChecksum',
      read(block, 'v3_checksum_as_v2', say, ({ words }) => !OFF.has(words[0] ?? 'on')),
    ),
  }
}

const OFF = new Set(['off', 'false', 'no'])

function readState({ words }: Statement): 'MASTER' | 'BACKUP' | undefined {
  const [state] = words
  return state === 'MASTER' || state === 'BACKUP' ? state : undefined
}

export function readVersion({ words }: Statement): 2 | 3 | undefined {
  return words[0] === '2' ? 2 : words[0] === '3' ? 3 : undefined
}

function readPassword(authentication: readonly Statement[], say: Say): Given<string> | undefined {
  sayOthers(authentication, ['auth_type', 'auth_pass'], say)
  const type = read(authentication, 'auth_type', say, ({ words }) => words[0])
  const password = read(authentication, 'auth_pass', say, ({ words }) => words[0])
  if (type?.value === 'PASS') {
    if (!password)
      say(type.line, 'auth_type', 'there is no auth_pass: adverts carry no authentication, as with keepalived')
    return password
  }
  if (type) say(type.line, 'auth_type', `"${type.value}" has no equal: adverts carry no authentication`)
  else if (password)
    say(password.line, 'auth_pass', 'there is no auth_type: adverts carry no authentication, as with keepalived')
  return undefined
}
