import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
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

/** A folder and a cgroup for one cluster, locked until this process ends. Sweeps first what killed ones left. */
export async function claimRunFolder(): Promise<RunFolder> {
  mkdirSync(cached('runs'), { recursive: true })
  const sweeping = await lock(cached('runs.lock'))
  try {
    await sweep()
    const path = mkdtempSync(join(cached('runs'), 'run'))
    const held = tryLock(join(path, LOCK))
    const cgroup = cgroupOf(path)
    cgroup.create()
    return {
      path,
      cgroup,
      async remove() {
        await cgroup.remove()
        rmSync(path, { recursive: true, force: true })
        held?.release()
      },
    }
  } finally {
    sweeping.release()
  }
}

/**
 * Removes folders and cgroups of clusters whose process is dead; `within`: ms to wait for those that are just ending. Resolves with how
 * many there were.
 */
export async function sweepRunFolders({ within = 0 } = {}): Promise<number> {
  mkdirSync(cached('runs'), { recursive: true })
  const deadline = performance.now() + within
  let swept = 0
  do {
    const sweeping = await lock(cached('runs.lock'))
    swept += await sweep().finally(() => sweeping.release())
    if (readdirSync(cached('runs')).length === 0) break
    await sleep(100)
  } while (performance.now() < deadline)
  return swept
}

async function sweep(): Promise<number> {
  const runs = readdirSync(cached('runs')).map(name => join(cached('runs'), name))
  const dead = runs.filter(path => {
    const taken = tryLock(join(path, LOCK))
    taken?.release()
    return taken !== undefined
  })
  for (const path of dead) {
    await cgroupOf(path).remove()
    rmSync(path, { recursive: true, force: true })
  }
  return dead.length
}

function cgroupOf(path: string): Cgroup {
  return new Cgroup(`/kube-vrrp-${basename(path)}`)
}
