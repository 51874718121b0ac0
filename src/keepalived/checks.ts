import type { Check } from '../api/check.ts'
import { formatDuration } from '../lib/time.ts'
import type { Given } from './given.ts'
import type { Group, Member, SayOf } from './member.ts'
import type { Script, Weighted } from './trackers.ts'

/** Every check of any node, on all of them. */
export function checks(group: Group, say: SayOf): Check[] {
  const all = group.map(member => ({ member, own: memberChecks(member, say) }))
  const found = new Map<string, MemberCheck & { readonly member: Member }>()
  for (const { member, own } of all) {
    for (const one of own) {
      const { check, keyword, line } = one
      const before = found.get(check.name)
      if (!before) found.set(check.name, { ...one, member })
      else if (JSON.stringify(before.check) !== JSON.stringify(check)) {
        const sentence = `"${check.name}" differs from that of ${before.member.node}: that of ${before.member.node} is taken`
        say(member, line, keyword, sentence)
      }
    }
  }
  for (const [name, { member, tracking }] of found) {
    for (const { member: other } of all.filter(({ own }) => !own.some(({ check }) => check.name === name))) {
      say(other, other.instance.line, tracking, `"${name}" is tracked on ${member.node} only: now here too`)
    }
  }
  return [...found.values()].map(({ check }) => check)
}

/** A check of a node, and the lines that say so. */
interface MemberCheck {
  readonly check: Check
  readonly line: number
  readonly keyword: string
  /** In an instance. */
  readonly tracking: string
}

function memberChecks(member: Member, say: SayOf): MemberCheck[] {
  const { trackedScripts, trackedLinks, trackedFiles, trackedProcesses } = member.instance
  const scripts = trackedScripts.flatMap(({ value, line }): MemberCheck[] => {
    const script = member.scripts.get(value.name)
    if (!script) {
      say(member, line, 'track_script', `there is no vrrp_script "${value.name}" to carry over: left out`)
      return []
    }
    const { weight = 0, reverse = false } = value.weight === undefined ? script : value
    const check = checkOf(value.name, script, weighing(weight, reverse))
    return [{ check, line: script.line, keyword: 'vrrp_script', tracking: 'track_script' }]
  })
  const links = trackedLinks.flatMap(given => linkChecks(given, member, say))
  const files = trackedFiles.flatMap(given => fileChecks(given, member, say))
  const processes = trackedProcesses.flatMap(given => processChecks(given, member, say))
  return [...scripts, ...links, ...files, ...processes]
}

function linkChecks({ value, line }: Given<Weighted>, member: Member, say: SayOf): MemberCheck[] {
  const { name, weight = 0, reverse = false } = value
  const keyword = 'track_interface'
  if (name === member.instance.link?.value) {
    const sentence = weight === 0 ? 'not needed' : 'no equal for its weight'
    say(member, line, keyword, `${sentence}: the link of the virtual router itself is a FAULT while it is down`)
    return []
  }
  if (name.length > 15 || /[/:\s]|^\.{1,2}$/.test(name)) {
    say(member, line, keyword, `"${name}" is no name of a link: left out`)
    return []
  }
  const check: Check = { name: `link-${name}`, link: { name }, ...weighing(weight, reverse) }
  return [{ check, line, keyword, tracking: keyword }]
}

/** The weight of keepalived's `reverse` counts with the other sign, and where the other would not count. */
function weighing(weight: number, reverse: boolean): Pick<Check, 'weight' | 'inverse'> {
  if (weight === 0) return reverse ? { inverse: true } : {}
  return reverse ? { inverse: true, weight: -weight } : { weight }
}

function fileChecks({ value, line }: Given<Weighted>, member: Member, say: SayOf): MemberCheck[] {
  const file = member.files.get(value.name)
  if (!file) {
    say(member, line, 'track_file', `there is no vrrp_track_file "${value.name}" to carry over: left out`)
    return []
  }
  const weight = value.weight ?? file.weight
  const reverse = value.weight === undefined ? file.reverse : value.reverse === true
  if (weight === 0) {
    const sentence = `"${value.name}": while the file is absent or has no number in it the check fails; for keepalived that is 0`
    say(member, line, 'track_file', sentence)
  }
  const check: Check = {
    name: `file-${value.name}`,
    file: { path: file.path },
    ...(weight === 0 ? weighing(0, reverse) : { weight: reverse ? -weight : weight }),
  }
  return [{ check, line: file.line, keyword: 'vrrp_track_file', tracking: 'track_file' }]
}

function processChecks({ value, line }: Given<Weighted>, member: Member, say: SayOf): MemberCheck[] {
  const tracked = member.processes.get(value.name)
  if (!tracked) {
    say(member, line, 'track_process', `there is no vrrp_track_process "${value.name}" to carry over: left out`)
    return []
  }
  const { process } = tracked
  const { weight, reverse = false } = value.weight === undefined ? tracked : { ...value, weight: value.weight }
  const check: Check = { name: `process-${value.name}`, process: { name: process }, ...weighing(weight, reverse) }
  return [{ check, line: tracked.line, keyword: 'vrrp_track_process', tracking: 'track_process' }]
}

function checkOf(
  name: string,
  { check, interval, timeout, fall, rise }: Script,
  weighed: Pick<Check, 'weight' | 'inverse'>,
): Check {
  const duration = (seconds: number) => formatDuration(Math.round(1000 * seconds))
  return {
    name,
    ...check,
    ...(interval === undefined ? {} : { interval: duration(interval) }),
    ...(timeout === undefined ? {} : { timeout: duration(timeout) }),
    ...(fall === undefined ? {} : { fall }),
    ...(rise === undefined ? {} : { rise }),
    ...weighed,
  }
}
