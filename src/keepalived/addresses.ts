import { type Family, formatPrefix, parsePrefix } from '../lib/ip-address.ts'
import type { Given, Say } from './given.ts'
import type { Statement } from './syntax.ts'
import { withoutEqual } from './without-equal.ts'

/** The addresses of an instance: all of the family of the first, as keepalived has it. */
export function readAddresses(entries: readonly Statement[], link: string | undefined, say: Say): Given<string>[] {
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
