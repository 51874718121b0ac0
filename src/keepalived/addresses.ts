import type { AddressOption } from '../api/address-options.ts'
import { type Family, formatPrefix, fullLength, type Prefix, parsePrefix } from '../lib/ip-address.ts'
import type { Given, Say } from './given.ts'
import type { Statement } from './syntax.ts'
import { withoutEqual } from './without-equal.ts'

/** An address of an instance, with its prefix length where the file gives one. */
export interface GivenAddress extends Given<string> {
  /** How it is held, where that is not as by default. */
  readonly option?: AddressOption
}

/** Those that adverts list, all of the family of the first, as keepalived has it; and those that they don't, of either family. */
export interface Addresses {
  readonly advertised: readonly GivenAddress[]
  readonly excluded: readonly GivenAddress[]
}

/** Of an instance on this link. */
export function readAddresses(
  advertised: readonly Statement[],
  excluded: readonly Statement[],
  link: string | undefined,
  say: Say,
): Addresses {
  const seen = new Set<string>()
  const readAll = (
    keyword: string,
    entries: readonly Statement[],
    isPossible: (entry: Statement, prefix: Prefix) => boolean,
  ) =>
    entries.flatMap((entry): GivenAddress[] => {
      const { keyword: text, line } = entry
      const prefix = parsePrefix(text)
      if (!prefix) say(line, keyword, `"${text}" is no address: left out`)
      if (!prefix || !isPossible(entry, prefix)) return []
      if (seen.has(prefix.address.text)) {
        say(line, keyword, `"${text}" is there already: left out`)
        return []
      }
      seen.add(prefix.address.text)
      const value = text.includes('/') ? formatPrefix(prefix) : prefix.address.text
      const option = {
        ...readOptions(entry, prefix, link, say),
        ...(keyword === EXCLUDED ? { advertised: false } : {}),
      }
      const isDefault = Object.keys(option).length === 0
      return [{ value, line, ...(isDefault ? {} : { option: { address: prefix.address.text, ...option } }) }]
    })
  let first: string | undefined
  return {
    advertised: readAll('virtual_ipaddress', advertised, ({ keyword: text, line }, { address }) => {
      first ??= text
      if (familyOf(first) === address.family) return true
      say(line, 'virtual_ipaddress', `"${text}" is of another family than "${first}": left out, as by keepalived`)
      return false
    }),
    excluded: readAll(EXCLUDED, excluded, () => true),
  }
}

const EXCLUDED = 'virtual_ipaddress_excluded'
const OPTIONS_WITH_VALUE = new Set(['dev', 'label', 'scope', 'brd', 'broadcast', 'peer', 'preferred_lft'])

type Options = Omit<AddressOption, 'address'>

function readOptions({ words, line }: Statement, prefix: Prefix, link: string | undefined, say: Say): Options {
  const given = new Map<string, string>()
  for (let i = 0; i < words.length; i++) {
    const option = words[i] ?? ''
    if (OPTIONS_WITH_VALUE.has(option)) given.set(option, words[++i] ?? '')
    else say(line, option, withoutEqual(option))
  }
  const device = given.get('dev')
  for (const option of given.keys()) if (!READ.has(option)) say(line, option, withoutEqual(option))
  if (device !== undefined && link === undefined) {
    say(
      line,
      'dev',
      `the instance has no interface: the address goes to the link of the virtual router, not to ${device}`,
    )
  }
  return {
    ...(device === undefined || link === undefined || device === link ? {} : { link: device }),
    ...(prefix.address.family === 'IPv6'
      ? readIPv6Options(given, prefix, line, say)
      : readIPv4Options(given, device ?? link, line, say)),
  }
}

const READ = new Set(['dev', 'label', 'scope', 'preferred_lft'])

/** As keepalived: deprecated where it is 0, and where it is not given and the whole address. */
function readIPv6Options(given: ReadonlyMap<string, string>, { length }: Prefix, line: number, say: Say): Options {
  for (const option of ['label', 'scope']) {
    if (given.has(option)) say(line, option, 'no equal: an IPv6 address has none of its own')
  }
  const preferred = given.get('preferred_lft')
  if (preferred === undefined) return {}
  const deprecated = preferred === '0'
  return deprecated === (length === fullLength('IPv6')) ? {} : { deprecated }
}

function readIPv4Options(
  given: ReadonlyMap<string, string>,
  link: string | undefined,
  line: number,
  say: Say,
): Options {
  if (given.has('preferred_lft'))
    say(line, 'preferred_lft', 'no equal: the kernel does not look at that of an IPv4 address')
  const label = readLabel(given.get('label'), link, line, say)
  const scope = readScope(given.get('scope'), line, say)
  return { ...(label === undefined ? {} : { label }), ...(scope === undefined ? {} : { scope }) }
}

function readLabel(text: string | undefined, link: string | undefined, line: number, say: Say): string | undefined {
  if (text === undefined || text === link) return undefined
  const label = link !== undefined && text.startsWith(`${link}:`) ? text.slice(link.length + 1) : ''
  if (/^[-._A-Za-z0-9]{1,13}$/.test(label)) return label
  say(line, 'label', `"${text}" is not the name of the link, a colon and a word: the address gets no label`)
  return undefined
}

function readScope(text: string | undefined, line: number, say: Say): 'Link' | 'Host' | undefined {
  switch (text) {
    case undefined:
    case 'global':
      return undefined
    case 'link':
      return 'Link'
    case 'host':
      return 'Host'
  }
  say(line, 'scope', `"${text}" is not global, link or host: the address gets scope global`)
  return undefined
}

export function familyOf(address: string): Family {
  return address.includes(':') ? 'IPv6' : 'IPv4'
}
