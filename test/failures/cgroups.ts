import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cgroup } from '../cluster/lab/cgroup.ts'
import { labTime } from '../lab/lan.ts'

/** What a process takes before its cgroup is full, in bytes. */
const TAKEN = 32 << 20

/** Does something with a cgroup of its own, which is gone afterwards with all in it. */
export async function inCgroup(work: (group: Cgroup) => Promise<void>): Promise<void> {
  const group = new Cgroup('/kube-vrrp-failures')
  group.create()
  try {
    await work(group)
  } finally {
    await group.remove()
  }
}

/** Why this machine does not let us do that with a cgroup; undefined where it does. */
export async function refusalOf(work: (group: Cgroup) => Promise<void>): Promise<string | undefined> {
  try {
    await inCgroup(work)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export function enter(group: Cgroup, processes: readonly number[]): void {
  for (const entrance of group.entrances) for (const id of processes) writeFileSync(entrance, String(id))
}

/** Fills the memory of a group, so that the kernel kills this process of it; when that was seen, in labTime. */
export async function exhaust(group: Cgroup, victim: number): Promise<number> {
  // Above all others in its group.
  writeFileSync(`/proc/${victim}/oom_score_adj`, '1000')
  group.allowMemory(TAKEN)
  const entering = group.entrances.map(entrance => `echo $$ >${entrance}`)
  const hog = spawn('sh', ['-c', [...entering, 'exec tail /dev/zero'].join('\n')], { stdio: 'ignore' })
  const ended = once(hog, 'exit')
  for (const deadline = labTime() + 10_000; isAlive(victim); await sleep(1)) {
    if (labTime() > deadline) throw new Error(`The kernel has not killed process ${victim} for want of memory`)
  }
  const at = labTime()
  hog.kill('SIGKILL')
  await ended
  return at
}

function isAlive(id: number): boolean {
  return existsSync(`/proc/${id}/stat`) && !/\) [ZX]/.test(readFileSync(`/proc/${id}/stat`, 'utf8'))
}
