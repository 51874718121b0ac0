import { isFilePath } from '../api/file-path.ts'
import { type Family, formatPrefix, parseIpAddress, parsePrefix } from '../lib/ip-address.ts'
import { scriptCommand, splitCommand } from './script-command.ts'
import { parseSyntax, type Statement } from './syntax.ts'
import { withoutEqual } from './without-equal.ts'

/** A value and the line that gives it. */
export interface Given<T> {
  readonly value: T
  readonly line: number
}

/** What a keepalived.conf says of VRRP; what is absent is keepalived's default. */
export interface Configuration {
  readonly instances: readonly Instance[]
  readonly scripts: ReadonlyMap<string, Script>
  readonly files: ReadonlyMap<string, TrackFile>
  readonly processes: ReadonlyMap<string, TrackProcess>
}

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
  readonly addresses: readonly Given<string>[]
  readonly trackedScripts: readonly Given<Weighted>[]
  readonly trackedLinks: readonly Given<Weighted>[]
  readonly trackedFiles: readonly Given<Weighted>[]
  readonly trackedProcesses: readonly Given<Weighted>[]
  /** Of unicast; none: multicast. */
  readonly peers: readonly Given<Peer>[]
  readonly unicastSource?: Given<string>
  readonly unicastTTL?: Given<number>
}

export interface Peer {
  readonly address: string
  readonly minTTL?: number
}

/** A script, a link, a file or a process that is tracked, and what it weighs there. */
export interface Weighted {
  readonly name: string
  readonly weight?: number
  /** It weighs the other way round. */
  readonly reverse?: true
}

/** A vrrp_track_file. */
export interface TrackFile {
  readonly line: number
  readonly path: string
  readonly weight: number
  readonly reverse: boolean
}

/** A vrrp_track_process. */
export interface TrackProcess {
  readonly line: number
  /** The process's name. */
  readonly process: string
  readonly weight: number
  readonly reverse: boolean
}

export interface Script {
  readonly line: number
  readonly check: ReturnType<typeof scriptCommand>['check']
  /** In seconds. */
  readonly interval?: number
  /** In seconds. */
  readonly timeout?: number
  readonly fall?: number
  readonly rise?: number
  readonly weight?: number
  /** It weighs the other way round. */
  readonly reverse?: true
}

/** Says something of a row of the text. */
export type Say = (line: number, keyword: string, sentence: string) => void

/** What `text` says of VRRP. Everything else in it is said, by row. */
export function readConfiguration(text: string, say: Say): Configuration {
  const { statements: top, problems } = parseSyntax(text)
  for (const { line, keyword, sentence } of problems) say(line, keyword, sentence)
  const version = globalVersion(top, say)
  return {
    scripts: new Map(top.flatMap(statement => readScript(statement, say))),
    files: new Map(top.flatMap(statement => readTrackFile(statement, say))),
    processes: new Map(top.flatMap(statement => readTrackProcess(statement, say))),
    instances: top.flatMap(statement => {
      switch (statement.keyword) {
        case 'vrrp_instance':
          return [readInstance(statement, version, say)]
        case 'global_defs':
        case 'vrrp_script':
        case 'vrrp_track_file':
        case 'vrrp_track_process':
        case 'track_process':
        case 'track_file':
          return []
      }
      say(statement.line, statement.keyword, withoutEqual(statement.keyword))
      return []
    }),
  }
}

function globalVersion(top: readonly Statement[], say: Say): 2 | 3 | undefined {
  const globals = top.filter(({ keyword }) => keyword === 'global_defs').flatMap(({ block = [] }) => block)
  sayOthers(globals, ['vrrp_version'], say)
  return read(globals, 'vrrp_version', say, readVersion)?.value
}

function readScript(statement: Statement, say: Say): [string, Script][] {
  if (statement.keyword !== 'vrrp_script') return []
  const { line, words, block = [] } = statement
  const [name] = words
  sayOthers(block, ['script', 'interval', 'timeout', 'fall', 'rise', 'weight'], say)
  const check = read(block, 'script', say, readCommand)?.value
  if (name === undefined || check === undefined) {
    say(line, 'vrrp_script', 'has no name or no command that could be run: left out')
    return []
  }
  const seconds = numberBetween(0.1, 3600)
  return [
    [
      name,
      {
        line,
        check,
        ...optional('interval', read(block, 'interval', say, seconds)?.value),
        ...optional('timeout', read(block, 'timeout', say, seconds)?.value),
        ...optional('fall', read(block, 'fall', say, integerBetween(1, 1000))?.value),
        ...optional('rise', read(block, 'rise', say, integerBetween(1, 1000))?.value),
        ...optional('weight', read(block, 'weight', say, integerBetween(-253, 253))?.value),
        ...(isReversed(block) ? { reverse: true } : {}),
      },
    ],
  ]
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

function readInstance(statement: Statement, globalVersion: 2 | 3 | undefined, say: Say): Instance {
  const { line, words, block = [] } = statement
  const [name = ''] = words
  sayOthers(block, INSTANCE_KEYWORDS, say)
  const authentication = inBlocks(block, 'authentication')
  const link = read(block, 'interface', say, ({ words }) => words[0])
  const addresses = readAddresses(inBlocks(block, 'virtual_ipaddress'), link?.value, say)
  const version = read(block, 'version', say, readVersion)
  const isIPv6 = addresses[0] !== undefined && familyOf(addresses[0].value) === 'IPv6'
  if (isIPv6 && version?.value === 2) say(version.line, 'version', 'version 2 has no IPv6: version 3 is used')
  return {
    name,
    line,
    addresses,
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

function readPeers(block: readonly Statement[], held: string | undefined, say: Say): Given<Peer>[] {
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
function isOfFamily(held: string | undefined): (statement: Statement) => string | undefined {
  return ({ words }) => {
    const address = parseIpAddress(words[0] ?? '')
    return address && (held === undefined || address.family === familyOf(held)) ? address.text : undefined
  }
}

const OFF = new Set(['off', 'false', 'no'])

function readState({ words }: Statement): 'MASTER' | 'BACKUP' | undefined {
  const [state] = words
  return state === 'MASTER' || state === 'BACKUP' ? state : undefined
}

function readVersion({ words }: Statement): 2 | 3 | undefined {
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

function readTrackFile(statement: Statement, say: Say): [string, TrackFile][] {
  const { keyword, line, words, block = [] } = statement
  if (keyword !== 'vrrp_track_file' && keyword !== 'track_file') return []
  const [name] = words
  sayOthers(block, ['file', 'weight'], say)
  const path = read(block, 'file', say, ({ words: [text = ''] }) => (isFilePath(text) ? text : undefined))?.value
  if (name === undefined || path === undefined) {
    say(line, keyword, 'has no name or no file with an absolute path: left out')
    return []
  }
  return [[name, { line, path, ...readWeight(block, 1, say) }]]
}

function readTrackProcess(statement: Statement, say: Say): [string, TrackProcess][] {
  const { keyword, line, words, block = [] } = statement
  if (keyword !== 'vrrp_track_process' && keyword !== 'track_process') return []
  const [name] = words
  sayOthers(block, ['process', 'weight'], say)
  const process = read(
    block,
    'process',
    say,
    ({ words }) => /^(?:.*\/)?([^/\s]{1,255})$/.exec(words[0] ?? '')?.[1],
  )?.value
  if (name === undefined || process === undefined) {
    say(line, keyword, 'has no name or no process that is only a name: left out')
    return []
  }
  return [[name, { line, process, ...readWeight(block, 0, say) }]]
}

function readWeight(block: readonly Statement[], otherwise: number, say: Say): { weight: number; reverse: boolean } {
  const weight = read(block, 'weight', say, integerBetween(-253, 253))?.value ?? otherwise
  return { weight, reverse: isReversed(block) }
}

function isReversed(block: readonly Statement[]): boolean {
  return block.findLast(({ keyword }) => keyword === 'weight')?.words[1] === 'reverse'
}

function readWeighted({ keyword: name, words, line }: Statement, say: Say): Given<Weighted> {
  const [option, number = '', ...rest] = words
  if (option === undefined) return { value: { name }, line }
  const weight = option === 'weight' ? integerBetween(-253, 253)({ keyword: option, words: [number], line }) : undefined
  const reverse = rest[0] === 'reverse'
  const isDirected = reverse || rest[0] === 'noreverse' || rest[0] === 'no_reverse'
  if (weight === undefined || rest.length > (isDirected ? 1 : 0)) {
    say(line, name, `"${words.join(' ')}" has no equal: ignored`)
    return { value: { name }, line }
  }
  return { value: reverse ? { name, weight, reverse } : { name, weight }, line }
}

function readCommand({ words, line }: Statement, say: Say): Script['check'] | undefined {
  const [text = '', ...ignored] = inSingleQuotes(words)
  // `</dev/tcp/…`: keepalived's own way to try a port.
  if (text === '' || text.startsWith('<')) return undefined
  if (ignored.length > 0) {
    say(
      line,
      'script',
      `"${ignored.join(' ')}" is ignored, as by keepalived: a command with arguments must be in quotes`,
    )
  }
  const { check, difference } = scriptCommand(splitCommand(text))
  if (difference !== undefined) say(line, 'script', difference)
  return check
}

/** Here, unlike elsewhere, keepalived takes single quotes for quotes. */
function inSingleQuotes(words: readonly string[]): readonly string[] {
  const [, quoted, rest = ''] = /^'([^']*)'(.*)$/.exec(words.join(' ')) ?? []
  return quoted === undefined ? words : [quoted, ...rest.split(' ').filter(word => word !== '')]
}

/** The addresses of an instance: all of the family of the first, as keepalived has it. */
function readAddresses(entries: readonly Statement[], link: string | undefined, say: Say): Given<string>[] {
  const addresses: Given<string>[] = []
  const seen = new Set<string>()
  for (const { keyword: text, words, line } of entries) {
    const prefix = parsePrefix(text)
    const [first] = addresses
    if (!prefix) say(line, 'virtual_ipaddress', `"${text}" is no address: left out`)
    else if (first && familyOf(first.value) !== prefix.address.family) {
      say(line, 'virtual_ipaddress', `"${text}" is of another family than "${first.value}": left out, as by keepalived`)
    } else if (seen.has(prefix.address.text)) say(line, 'virtual_ipaddress', `"${text}" is there already: left out`)
    else {
      seen.add(prefix.address.text)
      addresses.push({ value: text.includes('/') ? formatPrefix(prefix) : prefix.address.text, line })
    }
    sayAddressOptions(words, link, line, say)
  }
  return addresses
}

const OPTIONS_WITH_VALUE = new Set(['dev', 'label', 'scope', 'brd', 'broadcast', 'peer', 'preferred_lft'])

function sayAddressOptions(words: readonly string[], link: string | undefined, line: number, say: Say): void {
  for (let i = 0; i < words.length; i++) {
    const option = words[i] ?? ''
    const value = OPTIONS_WITH_VALUE.has(option) ? words[++i] : undefined
    if (option !== 'dev') say(line, option, withoutEqual(option))
    else if (value !== link) {
      say(line, 'dev', `no equal yet: the address goes to the link of the virtual router, not to ${value}`)
    }
  }
}

export function familyOf(address: string): Family {
  return address.includes(':') ? 'IPv6' : 'IPv4'
}

/** The last statement of this keyword counts, as for keepalived. */
function read<T>(
  statements: readonly Statement[],
  keyword: string,
  say: Say,
  value: (statement: Statement, say: Say) => T | undefined,
): Given<T> | undefined {
  const all = statements.filter(statement => statement.keyword === keyword)
  const last = all.at(-1)
  if (!last) return undefined
  for (const { line } of all.slice(0, -1)) say(line, keyword, 'said again further on, which counts')
  const found = value(last, say)
  if (found !== undefined) return { value: found, line: last.line }
  say(last.line, keyword, `"${last.words.join(' ')}" is not possible here: read as if it were not there`)
  return undefined
}

function numberBetween(least: number, most: number): (statement: Statement) => number | undefined {
  return ({ words }) => {
    const number = /^-?[0-9]+(\.[0-9]+)?$/.test(words[0] ?? '') ? Number(words[0]) : Number.NaN
    return number >= least && number <= most ? number : undefined
  }
}

function integerBetween(least: number, most: number): (statement: Statement) => number | undefined {
  return statement => {
    const number = numberBetween(least, most)(statement)
    return Number.isInteger(number) ? number : undefined
  }
}

function inBlocks(statements: readonly Statement[], keyword: string): Statement[] {
  return statements.filter(statement => statement.keyword === keyword).flatMap(({ block = [] }) => block)
}

function sayOthers(statements: readonly Statement[], known: readonly string[], say: Say): void {
  for (const { keyword, line } of statements) if (!known.includes(keyword)) say(line, keyword, withoutEqual(keyword))
}

function optional<Name extends string, T>(name: Name, value: T | undefined): { [Key in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: T })
}
