import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cached } from './cache.ts'
import { Cgroup } from './cgroup.ts'
import { lock, tryLock } from './lock.ts'

/** What one cluster has of its own: a folder, and a cgroup that is named after it. */
export interface RunFolder {
  readonly path: string
  readonly cgroup: Cgroup
  /** Kills what is in the cgroup; removes both. */
  remove(): Promise<void>
}

const LOCK = 'lock'
/** The environment variable that says who waits for the end of the clusters that are started with it. */
export const OWNER = 'KUBE_VRRP_CLUSTER_OWNER'

/** A folder and a cgroup for one cluster, locked until this process ends. Sweeps first what killed ones left. */
export async function claimRunFolder(): Promise<RunFolder> {
  mkdirSync(cached('runs'), { recursive: true })
  const sweeping = await lock(cached('runs.lock'))
  try {
    await sweep()
    const path = mkdtempSync(join(cached('runs'), 'run'))
    const held = tryLock(join(path, LOCK))
    writeFileSync(join(path, 'owner'), process.env[OWNER] ?? '')
    const cgroup = cgroupOf(path)
    cgroup.create()
    return {
      path,
      cgroup,
      async remove() {
        await cgroup.remove()
        const removing = await lock(cached('runs.lock'))
        rmSync(path, { recursive: true, force: true })
        removing.release()
        held?.release()
      },
    }
  } finally {
    sweeping.release()
  }
}

/** Removes folders and cgroups of clusters whose process is dead; waits 10 s for those of `owner` to end. */
export async function sweepRunFolders(owner?: string): Promise<void> {
  mkdirSync(cached('runs'), { recursive: true })
  for (const deadline = performance.now() + 10_000; ; await sleep(50)) {
    const sweeping = await lock(cached('runs.lock'))
    await sweep().finally(() => sweeping.release())
    const left = owner === undefined ? [] : runFolders().filter(path => ownerOf(path) === owner)
    if (left.length === 0) return
    if (performance.now() > deadline) throw new Error(`A cluster does not end: ${left.join(', ')}`)
  }
}

async function sweep(): Promise<void> {
  for (const path of runFolders()) {
    const taken = tryLock(join(path, LOCK))
    if (!taken) continue
    await cgroupOf(path).remove()
    rmSync(path, { recursive: true, force: true })
    taken.release()
  }
}

function runFolders(): string[] {
  return readdirSync(cached('runs')).map(name => join(cached('runs'), name))
}

function ownerOf(path: string): string | undefined {
  const file = join(path, 'owner')
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function cgroupOf(path: string): Cgroup {
  return new Cgroup(`/kube-vrrp-${basename(path)}`)
}
