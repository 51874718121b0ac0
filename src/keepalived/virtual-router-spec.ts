import type { VirtualIPSpec } from '../api/virtual-ip.ts'
import { type Family, formatPrefix, fullLength, networkOf, parsePrefix } from '../lib/ip-address.ts'
import { formatDuration, type Millis } from '../lib/time.ts'
import { familyOf, type GivenAddress } from './addresses.ts'
import { checks } from './checks.ts'
import type { Given } from './given.ts'
import type { Instance } from './instance.ts'
import type { Group, Member, SayOf } from './member.ts'
import { agreedTransport } from './unicast.ts'

type Priorities = NonNullable<VirtualIPSpec['priorities']>

/**
 * What the instances say together. A VirtualIP says most things once for all nodes: where the nodes differ, the first one's word
 * counts, and the others are told of.
 */
export function specOf(
  group: Group,
  secretRef: { readonly name: string; readonly key: string },
  say: SayOf,
): { spec: VirtualIPSpec; password?: string } {
  const [first] = group
  sayNames(group, say)
  sayStates(group, say)
  const { version } = first.instance
  sayDifferences(
    group,
    'version',
    ({ version, line }) => ({ value: `${version}`, line }),
    'they do not hear each other',
    say,
  )
  const password = agreedPassword(group, say)
  const ranked = priorities(group, say)
  const preempting = preemption(group, say)
  const checksum = version === 3 && first.instance.rfcChecksum?.value === true
  const checked = checks(group, say)
  const transport = agreedTransport(group, say)
  return {
    spec: {
      ...agreedAddresses(group, say),
      ...agreedInterface(group, say),
      ...(first.instance.virtualRouterID ? { virtualRouterID: first.instance.virtualRouterID.value } : {}),
      version,
      advertisementInterval: formatDuration(agreedInterval(group, say)),
      ...(transport ? { transport } : {}),
      ...(password === undefined ? {} : { authentication: { type: 'PASS' as const, secretRef } }),
      priorities: ranked,
      ...(preempting ? { preemption: preempting } : {}),
      ...(checksum ? { checksum: 'RFC9568' as const } : {}),
      ...(checked.length > 0 ? { checks: checked } : {}),
    },
    ...(password === undefined ? {} : { password }),
  }
}

function sayNames([first, ...others]: Group, say: SayOf): void {
  for (const member of others) {
    const { name, line } = member.instance
    if (name === first.instance.name) continue
    say(member, line, 'vrrp_instance', `is "${first.instance.name}" on ${first.node}: that name is taken`)
  }
}

function sayStates(group: Group, say: SayOf): void {
  const best = highest(group)
  for (const member of group) {
    const { state } = member.instance
    if (!state) continue
    const without = 'not needed: the node of the highest priority becomes MASTER'
    const contrary = state.value === 'MASTER' && member !== best ? `, which is ${best.node}, not ${member.node}` : ''
    say(member, state.line, 'state', `${without}${contrary}`)
  }
}

function agreedPassword(group: Group, say: SayOf): string | undefined {
  const [first] = group
  const secret = ({ password }: Instance) => password && { value: password.value, line: password.line }
  for (const member of group) {
    const { password, version } = member.instance
    if (!password) continue
    if (version === 3) {
      say(member, password.line, 'auth_pass', 'version 3 has no authentication: left out, as by keepalived')
    } else if (new TextEncoder().encode(password.value).length > 8) {
      say(member, password.line, 'auth_pass', 'only the first 8 bytes go into adverts, as with keepalived')
    }
  }
  for (const member of group.slice(1)) {
    const own = secret(member.instance)
    if (own?.value === secret(first.instance)?.value) continue
    const sentence = `is not that of ${first.node}: they do not hear each other; that of ${first.node} is taken`
    say(member, own?.line ?? member.instance.line, 'auth_pass', sentence)
  }
  return first.instance.version === 2 ? first.instance.password?.value : undefined
}

function agreedAddresses(group: Group, say: SayOf): Pick<VirtualIPSpec, 'addresses' | 'addressOptions'> {
  const [first] = group
  const taken = heldBy(first.instance)
  for (const member of group.slice(1)) {
    const own = heldBy(member.instance)
    for (const { value, line, option } of own) {
      const same = taken.find(address => address.value === value)
      if (!same) say(member, line, 'virtual_ipaddress', `${value} is not there on ${first.node}: left out`)
      else if (JSON.stringify(same.option) !== JSON.stringify(option)) {
        say(member, line, 'virtual_ipaddress', `${value} is held otherwise on ${first.node}: as there`)
      }
    }
    const lacking = taken.filter(({ value }) => !own.some(address => address.value === value))
    if (lacking.length > 0) {
      const values = lacking.map(({ value }) => value).join(', ')
      const sentence = `lacks ${values}, which ${first.node} has: now held here too`
      say(member, member.instance.line, 'virtual_ipaddress', sentence)
    }
  }
  const addressOptions = taken.flatMap(({ option }) => option ?? [])
  return { addresses: taken.map(({ value }) => value), ...(addressOptions.length > 0 ? { addressOptions } : {}) }
}

/** All its addresses, those that are advertised first. */
export function heldBy({ addresses, excluded }: Instance): readonly GivenAddress[] {
  return [...addresses, ...excluded]
}

/** By name where the nodes agree on it, else by the subnet. */
function agreedInterface(group: Group, say: SayOf): { interface?: { name: string } | { subnet: string } } {
  const [first] = group
  const names = new Set(group.map(({ instance }) => instance.link?.value))
  const [name] = names
  if (names.size === 1 && name !== undefined) return { interface: { name } }
  const subnet = subnetOf(first.instance.addresses)
  const how =
    subnet === undefined
      ? 'each node takes the link whose subnet holds the address'
      : `the link is found by its subnet, ${subnet}`
  for (const member of group) {
    const { link, line } = member.instance
    if (!link) say(member, line, 'interface', `not given: ${how}`)
    else if (link.value !== name)
      say(member, link.line, 'interface', `is not that of ${first.node} (${name ?? 'none'}): ${how}`)
  }
  return subnet === undefined ? {} : { interface: { subnet } }
}

function subnetOf(addresses: readonly Given<string>[]): string | undefined {
  const prefixes = addresses.flatMap(({ value }) => parsePrefix(value) ?? [])
  const inSubnet = prefixes.find(({ address, length }) => length < fullLength(address.family))
  return inSubnet && formatPrefix(networkOf(inSubnet))
}

/** As keepalived rounds it: version 2 to seconds, version 3 to centiseconds. */
function agreedInterval(group: Group, say: SayOf): Millis {
  const [first] = group
  const { interval, version } = first.instance
  const asText = ({ interval, line }: Instance) => ({
    value: `${interval?.value ?? 1} s`,
    line: interval?.line ?? line,
  })
  const effect = version === 2 ? 'they do not hear each other' : 'a BACKUP goes by that of the MASTER'
  sayDifferences(group, 'advert_int', asText, effect, say)
  const wanted = 1000 * (interval?.value ?? 1)
  const [step, most] = version === 2 ? [1000, 255_000] : [10, 40_950]
  const possible = Math.min(most, Math.max(step, step * Math.round(wanted / step)))
  if (interval && Math.abs(possible - wanted) > 0.001) {
    const sentence = `version ${version} cannot say ${interval.value} s: ${formatDuration(possible)} is taken, as by keepalived`
    say(first, interval.line, 'advert_int', sentence)
  }
  return possible
}

function priorities(group: Group, say: SayOf): Priorities {
  const taken: { node: string; priority: number }[] = []
  for (const member of group) {
    const { instance, node } = member
    const wanted = priorityOf(instance)
    if (!instance.priority && wanted === 255) {
      say(member, instance.line, 'priority', 'not given with state MASTER: 255, the owner, as keepalived has it')
    }
    const equal = taken.find(({ priority }) => priority === wanted)
    const priority = freePriority(wanted, taken)
    if (equal) {
      const sentence = `${wanted} is that of ${equal.node} too, so that nodes take the addresses from each other: ${priority} is taken`
      say(member, instance.priority?.line ?? instance.line, 'priority', sentence)
    }
    taken.push({ node, priority })
  }
  return taken
}

/** 100 by default; without a priority, state MASTER means the owner. */
function priorityOf({ priority, state }: Instance): number {
  return priority?.value ?? (state?.value === 'MASTER' ? 255 : 100)
}

function freePriority(wanted: number, taken: Priorities): number {
  const isFree = (candidate: number) => !taken.some(({ priority }) => priority === candidate)
  const below = Array.from({ length: wanted }, (_, i) => wanted - i)
  const above = Array.from({ length: 255 - wanted }, (_, i) => wanted + i + 1)
  return [...below, ...above].find(isFree) ?? wanted
}

function highest(group: Group): Member {
  return group.reduce((best, member) => (priorityOf(member.instance) > priorityOf(best.instance) ? member : best))
}

/** It is the node of the highest priority that preempts or does not: its setting is the one that shows. */
function preemption(group: Group, say: SayOf): VirtualIPSpec['preemption'] {
  const best = highest(group)
  for (const member of group) sayIneffectivePreemption(member, say)
  const taken = preemptionOf(best.instance)
  for (const member of group) {
    const own = preemptionOf(member.instance)
    if (own === taken) continue
    const { nopreempt, preemptDelay, line } = member.instance
    const sentence = `differs from that of ${best.node}, which has the highest priority: that of ${best.node} is taken`
    say(member, (nopreempt ?? preemptDelay)?.line ?? line, nopreempt ? 'nopreempt' : 'preempt_delay', sentence)
  }
  if (taken === 'Never') return { mode: 'Never' }
  return taken === 0 ? undefined : { mode: 'Always', delay: formatDuration(Math.round(1000 * taken)) }
}

/** The delay in seconds. */
function preemptionOf({ state, nopreempt, preemptDelay }: Instance): 'Never' | number {
  if (state?.value === 'MASTER') return 0
  return nopreempt ? 'Never' : (preemptDelay?.value ?? 0)
}

function sayIneffectivePreemption(member: Member, say: SayOf): void {
  const { state, nopreempt, preemptDelay } = member.instance
  const without = state?.value === 'MASTER' ? 'with state MASTER' : nopreempt ? 'with nopreempt' : undefined
  if (preemptDelay && preemptDelay.value > 0 && without !== undefined) {
    say(member, preemptDelay.line, 'preempt_delay', `has no effect ${without}, as in keepalived: left out`)
  }
  if (nopreempt && state?.value === 'MASTER') {
    say(member, nopreempt.line, 'nopreempt', 'has no effect with state MASTER, as in keepalived: left out')
  }
}

function sayDifferences(
  [first, ...others]: Group,
  keyword: string,
  told: (instance: Instance) => Given<string>,
  effect: string,
  say: SayOf,
): void {
  const { value } = told(first.instance)
  for (const member of others) {
    const own = told(member.instance)
    if (own.value === value) continue
    const sentence = `${own.value} is not that of ${first.node} (${value}): ${effect}; that of ${first.node} is taken`
    say(member, own.line, keyword, sentence)
  }
}

export function familyOfMember({ instance }: Member): Family {
  return familyOf(instance.addresses[0]?.value ?? '')
}
