import type { Given, Say } from './given.ts'
import type { Instance } from './instance.ts'
import type { Statement } from './syntax.ts'
import { withoutEqual } from './without-equal.ts'

/** A vrrp_sync_group. */
interface SyncGroup {
  readonly name: string
  readonly line: number
  readonly instances: readonly Given<string>[]
  /** What its instances track with a weight counts. */
  readonly weighs: boolean
}

/** What kube-vrrp does anyway. */
const NOT_NEEDED = ['sync_group_tracking_weight', 'global_tracking']

/** The instances, those of a sync group with its name. */
export function withSyncGroups(instances: readonly Instance[], top: readonly Statement[], say: Say): Instance[] {
  const groups = top.flatMap(statement => readSyncGroup(statement, say))
  for (const group of groups) sayOdd(group, instances, say)
  return instances.map(instance => {
    const group = groups.find(({ instances }) => instances.some(({ value }) => value === instance.name))
    return group ? { ...instance, syncGroup: { value: group.name, line: group.line } } : instance
  })
}

function readSyncGroup({ keyword, words, line, block = [] }: Statement, say: Say): SyncGroup[] {
  if (keyword !== 'vrrp_sync_group') return []
  const [name] = words
  const lists = block.filter(({ keyword }) => keyword === 'group').flatMap(({ block = [] }) => block)
  const instances = lists.flatMap(({ keyword, words, line }) => [keyword, ...words].map(value => ({ value, line })))
  for (const { keyword, line } of block) {
    if (keyword.startsWith('track_')) {
      say(line, keyword, 'no equal in a group: track it in one of its instances, which counts for all of them')
    } else if (keyword !== 'group' && !NOT_NEEDED.includes(keyword)) say(line, keyword, withoutEqual(keyword))
  }
  if (name === undefined || instances.length < 2) {
    say(line, keyword, 'has no name, or fewer than two instances: left out')
    return []
  }
  return [{ name, line, instances, weighs: block.some(({ keyword }) => keyword === 'sync_group_tracking_weight') }]
}

function sayOdd(group: SyncGroup, instances: readonly Instance[], say: Say): void {
  const own = group.instances.flatMap(({ value, line }) => {
    const instance = instances.find(({ name }) => name === value)
    if (!instance) say(line, 'vrrp_sync_group', `there is no vrrp_instance "${value}": left out`)
    return instance ?? []
  })
  if (group.weighs || !own.some(tracks)) return
  const sentence =
    'keepalived leaves out what its instances track with a weight, for they are in a group; here it weighs on all of them'
  say(group.line, 'vrrp_sync_group', sentence)
}

function tracks({ trackedScripts, trackedLinks, trackedFiles, trackedProcesses }: Instance): boolean {
  return trackedScripts.length + trackedLinks.length + trackedFiles.length + trackedProcesses.length > 0
}
