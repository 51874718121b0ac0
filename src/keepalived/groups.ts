import type { VirtualIP, VirtualIPSpec } from '../api/virtual-ip.ts'
import type { Group, SayOf } from './member.ts'

/** The group that the instances of a virtual router are in on its nodes. */
export function agreedGroup(members: Group, say: SayOf): string | undefined {
  const taken = members.find(({ instance }) => instance.syncGroup)
  const name = taken?.instance.syncGroup?.value
  if (!taken || name === undefined) return undefined
  for (const member of members) {
    const { syncGroup, line, name: own } = member.instance
    if (syncGroup?.value === name) continue
    const here = syncGroup ? `in "${syncGroup.value}" here` : 'in none here'
    const sentence = `"${own}" is in the group "${name}" on ${taken.node}, ${here}: "${name}" is taken`
    say(member, syncGroup?.line ?? line, 'vrrp_sync_group', sentence)
  }
  return groupName(name)
}

interface Found {
  readonly virtualIP: VirtualIP
  readonly members: Group
}

/** Without the groups that the plan would refuse: one node at a time is MASTER of all of a group, so that its virtual routers rank nodes alike. */
export function withPossibleGroups<T extends Found>(found: readonly T[], say: SayOf): T[] {
  return found.map(one => {
    const { spec } = one.virtualIP
    const first = found.find(other => spec.group !== undefined && other.virtualIP.spec.group === spec.group)
    if (!first || first === one || ranksAlike(first.virtualIP.spec, spec)) return one
    const [member] = one.members
    const sentence = `"${member.instance.name}" has other nodes than "${first.members[0].instance.name}", or ranks them otherwise: it is in no group; give them priorities of the same order, and the group "${spec.group}"`
    say(member, member.instance.syncGroup?.line ?? member.instance.line, 'vrrp_sync_group', sentence)
    const { group: _, ...without } = spec
    return { ...one, virtualIP: { ...one.virtualIP, spec: without } }
  })
}

function ranksAlike(one: VirtualIPSpec, other: VirtualIPSpec): boolean {
  return ranks(one) === ranks(other)
}

function ranks({ priorities = [] }: VirtualIPSpec): string {
  const ranked = [...priorities].sort((a, b) => b.priority - a.priority)
  return ranked.map(({ node, priority }) => (priority === 255 ? `${node} (255)` : node)).join()
}

/** As the API takes it. */
function groupName(name: string): string | undefined {
  const allowed = name.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  const trimmed = allowed.slice(0, 63).replace(/^-+|-+$/g, '')
  return trimmed === '' ? undefined : trimmed
}
