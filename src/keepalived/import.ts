import { DEFAULT_NAMESPACE, PASSWORD_SECRET } from '../api/names.ts'
import { describeFieldErrors, parseVirtualIP } from '../api/parse.ts'
import type { VirtualIP } from '../api/virtual-ip.ts'
import { readConfiguration } from './configuration.ts'
import type { Say } from './given.ts'
import { agreedGroup, withPossibleGroups } from './groups.ts'
import type { ReadIncluded } from './include.ts'
import type { Instance } from './instance.ts'
import type { Group, Member, SayOf } from './member.ts'
import { formatNote, type Note } from './note.ts'
import { workOut } from './rows.ts'
import type { Script, TrackFile, TrackProcess } from './trackers.ts'
import { familyOfMember, heldBy, specOf } from './virtual-router-spec.ts'

/** A node's keepalived.conf. */
export interface KeepalivedFile {
  readonly node: string
  /** As notes name it. */
  readonly file: string
  readonly text: string
  /** What its lines `@…` are for, keepalived's `-i`; by default the node's name up to its first dot. */
  readonly configID?: string
}

/** Every password under its VirtualIP's name: agents in a cluster may read one Secret. */
export interface PasswordSecret {
  readonly apiVersion: 'v1'
  readonly kind: 'Secret'
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly stringData: Readonly<Record<string, string>>
}

export interface Imported {
  /** For file mode and for the API server alike: the Secret, where there are passwords, before the VirtualIPs that refer to it. */
  readonly documents: readonly (PasswordSecret | VirtualIP)[]
  /** What has no equal or differs, in the order of files and lines. */
  readonly notes: readonly Note[]
}

/** The VirtualIPs that the nodes' keepalived files describe together. All that is in the files is in them or in the notes. */
export function importKeepalived(files: readonly KeepalivedFile[], include: ReadIncluded = () => []): Imported {
  const notes: RowNote[] = []
  const configIDs = new Set(files.map(configIDOf))
  const members = files.flatMap((file, order): Member[] => {
    const { rows, problems } = workOut(file, { configID: configIDOf(file), configIDs, include })
    const say: Say = (line, keyword, sentence) => {
      const at = rows[line - 1]?.at ?? { file: file.file, line: 1 }
      notes.push({ order, row: line, note: { ...at, keyword, sentence } })
    }
    for (const { line, keyword, sentence } of problems) say(line, keyword, sentence)
    const node = kubernetesName(file.node)
    if (node !== file.node) say(1, 'node', `"${file.node}" is no name for a node in Kubernetes: called "${node}"`)
    const { instances, scripts, files, processes } = readConfiguration(rows.map(({ text }) => text).join('\n'), say)
    sayUntracked(instances, scripts, say)
    sayUntrackedFiles(instances, files, say)
    sayUntrackedProcesses(instances, processes, say)
    return instances.map(instance => ({ node, say, instance, scripts, files, processes }))
  })
  const say: SayOf = (member, line, keyword, sentence) => member.say(line, keyword, sentence)
  const groups = virtualRouters(
    members.filter(member => isComplete(member, say)),
    say,
  )
  sayTwiceGiven(groups, say)
  const names = new Set<string>()
  const each = groups.flatMap(group => virtualIPOfGroup(group, names, say) ?? [])
  const found = withPossibleGroups(each, say)
  const documents = [...passwordSecret(found), ...found.map(({ virtualIP }) => virtualIP)]
  return { documents, notes: inOrder(notes) }
}

/** A note, whose file it is of, and in which row of it. */
interface RowNote {
  readonly order: number
  readonly row: number
  readonly note: Note
}

/** Each once, also where a file is included, or a line repeated, more than once. */
function inOrder(notes: readonly RowNote[]): Note[] {
  const sorted = [...notes].sort((a, b) => a.order - b.order || a.row - b.row)
  return [...new Map(sorted.map(({ note }) => [formatNote(note), note])).values()]
}

function configIDOf({ node, configID }: KeepalivedFile): string {
  return configID ?? node.replace(/\..*/s, '')
}

function sayUntracked(instances: readonly Instance[], scripts: ReadonlyMap<string, Script>, say: Say): void {
  const tracked = new Set(instances.flatMap(instance => instance.trackedScripts.map(({ value }) => value.name)))
  for (const [name, { line }] of scripts) {
    if (!tracked.has(name)) say(line, 'vrrp_script', `no instance tracks "${name}": left out`)
  }
}

function sayUntrackedFiles(instances: readonly Instance[], files: ReadonlyMap<string, TrackFile>, say: Say): void {
  const tracked = new Set(instances.flatMap(({ trackedFiles }) => trackedFiles.map(({ value }) => value.name)))
  for (const [name, { line }] of files) {
    if (!tracked.has(name)) say(line, 'vrrp_track_file', `no instance tracks "${name}": left out`)
  }
}

function sayUntrackedProcesses(
  instances: readonly Instance[],
  processes: ReadonlyMap<string, TrackProcess>,
  say: Say,
): void {
  const tracked = new Set(instances.flatMap(({ trackedProcesses }) => trackedProcesses.map(({ value }) => value.name)))
  for (const [name, { line }] of processes) {
    if (!tracked.has(name)) say(line, 'vrrp_track_process', `no instance tracks "${name}": left out`)
  }
}

function isComplete(member: Member, say: SayOf): boolean {
  const { name, line, virtualRouterID, addresses } = member.instance
  const missing = [
    ...(virtualRouterID ? [] : ['virtual_router_id']),
    ...(addresses.length > 0 ? [] : ['virtual_ipaddress']),
  ]
  if (missing.length > 0) say(member, line, 'vrrp_instance', `"${name}" has no ${missing.join(' and no ')}: left out`)
  return missing.length === 0
}

/** What makes a virtual router is its VRID and family on a segment; two on one node are told apart by their links. */
function virtualRouters(members: readonly Member[], say: SayOf): Group[] {
  const groups = groupBy(members, member => `${member.instance.virtualRouterID?.value} ${familyOfMember(member)}`)
  const separate = groups.flatMap(group => {
    const nodes = new Set(group.map(({ node }) => node))
    return nodes.size === group.length ? [group] : groupBy(group, ({ instance }) => instance.link?.value ?? '')
  })
  return separate.map(group => withoutRepeats(group, say))
}

function withoutRepeats([first, ...others]: Group, say: SayOf): Group {
  const kept: [Member, ...Member[]] = [first]
  for (const member of others) {
    const { instance, node } = member
    const before = kept.find(other => other.node === node)
    if (!before) kept.push(member)
    else {
      const sentence = `"${instance.name}" has the VRID and link of "${before.instance.name}": left out`
      say(member, instance.line, 'vrrp_instance', sentence)
    }
  }
  return kept
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): [T, ...T[]][] {
  const groups = new Map<string, [T, ...T[]]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group) group.push(item)
    else groups.set(key(item), [item])
  }
  return [...groups.values()]
}

/** Two virtual routers with one address: mostly a VRID that differs by mistake. */
function sayTwiceGiven(groups: readonly Group[], say: SayOf): void {
  const first = new Map<string, Member>()
  for (const group of groups) {
    for (const member of group) {
      const { instance, node } = member
      const { addresses, virtualRouterID } = instance
      const other = addresses
        .flatMap(({ value }) => first.get(withoutLength(value)) ?? [])
        .find(({ instance }) => instance.virtualRouterID?.value !== virtualRouterID?.value)
      if (other && virtualRouterID) {
        const sentence = `${virtualRouterID.value} on ${node}, but ${other.instance.virtualRouterID?.value} on ${other.node} for the same address: they are no pair, and both take it; give them one number`
        say(member, virtualRouterID.line, 'virtual_router_id', sentence)
      }
    }
    for (const member of group)
      for (const { value } of member.instance.addresses)
        if (!first.has(withoutLength(value))) first.set(withoutLength(value), member)
  }
}

function withoutLength(address: string): string {
  return address.replace(/\/.*/, '')
}

interface Found {
  readonly virtualIP: VirtualIP
  readonly members: Group
  readonly password?: string
}

function passwordSecret(found: readonly Found[]): PasswordSecret[] {
  const passwords = found.flatMap(({ virtualIP, password }): [string, string][] =>
    password === undefined ? [] : [[virtualIP.metadata.name, password]],
  )
  if (passwords.length === 0) return []
  const metadata = { name: PASSWORD_SECRET, namespace: DEFAULT_NAMESPACE }
  return [{ apiVersion: 'v1', kind: 'Secret', metadata, stringData: Object.fromEntries(passwords) }]
}

function virtualIPOfGroup(group: Group, names: Set<string>, say: SayOf): Found | undefined {
  const [first] = group
  const { instance } = first
  const name = unused(kubernetesName(instance.name) || `vrid-${instance.virtualRouterID?.value}`, names)
  const { spec, password } = specOf(group, { name: PASSWORD_SECRET, key: name }, say)
  const together = agreedGroup(group, say)
  const whole = together === undefined ? spec : { ...spec, group: together }
  const virtualIP = withPossibleAddresses(virtualIPOf(name, whole), first, say)
  const errors = parseVirtualIP(virtualIP)
  if (Array.isArray(errors)) {
    say(first, instance.line, 'vrrp_instance', `"${instance.name}" is left out: ${describeFieldErrors(errors)}`)
    return undefined
  }
  names.add(name)
  return { virtualIP, members: group, ...(password === undefined ? {} : { password }) }
}

function virtualIPOf(name: string, spec: VirtualIP['spec']): VirtualIP {
  return { apiVersion: 'kube-vrrp.io/v1alpha1', kind: 'VirtualIP', metadata: { name }, spec }
}

/** Without the addresses that no VirtualIP may have; one of them need not cost the others. */
function withPossibleAddresses(virtualIP: VirtualIP, member: Member, say: SayOf): VirtualIP {
  const errors = parseVirtualIP(virtualIP)
  if (!Array.isArray(errors)) return virtualIP
  const { metadata } = virtualIP
  const { addressOptions = [], ...spec } = virtualIP.spec
  const addresses = spec.addresses.filter((_, i) => {
    const error = errors.find(({ at }) => at[1] === 'addresses' && at[2] === i)
    const line = heldBy(member.instance)[i]?.line ?? member.instance.line
    if (error) say(member, line, 'virtual_ipaddress', `${error.message}: left out`)
    return !error
  })
  const texts = new Set(addresses.map(withoutLength))
  const options = addressOptions.filter(({ address }) => texts.has(address))
  return virtualIPOf(metadata.name, { ...spec, addresses, ...(options.length > 0 ? { addressOptions: options } : {}) })
}

/** Lower case letters, digits, dashes and dots; empty where nothing of `text` is left. */
function kubernetesName(text: string): string {
  const allowed = text.toLowerCase().replace(/[^a-z0-9.]+/g, '-')
  const labels = allowed.split('.').map(label => label.replace(/^-+|-+$/g, ''))
  return labels
    .filter(label => label !== '')
    .join('.')
    .slice(0, 240)
    .replace(/[-.]+$/, '')
}

function unused(name: string, names: ReadonlySet<string>): string {
  let candidate = name
  for (let i = 2; names.has(candidate); i++) candidate = `${name}-${i}`
  return candidate
}
