import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import koffi, { type KoffiFunc } from 'koffi'

/** A file locked by this process, until it is released or the process has ended, however it ends. */
export interface Lock {
  release(): void
}

export interface LockOptions {
  /** Beside others that share it (default: false). */
  readonly shared?: boolean
}

/** Locks a file, which is created where there is none; undefined where another process has it locked. */
export function tryLock(path: string, { shared = false }: LockOptions = {}): Lock | undefined {
  const descriptor = openSync(path, 'a')
  if (flock(descriptor, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0) return { release: () => closeSync(descriptor) }
  closeSync(descriptor)
  return undefined
}

/** Waits for the lock; calls `onWait` once where another process has it. */
export async function lock(
  path: string,
  { onWait, ...options }: LockOptions & { readonly onWait?: () => void } = {},
): Promise<Lock> {
  let isTold = false
  for (;;) {
    const taken = tryLock(path, options)
    if (taken) return taken
    if (!isTold) onWait?.()
    isTold = true
    await sleep(100)
  }
}

const flock = koffi.load(null).func('int flock(int, int)') as KoffiFunc<
  (descriptor: number, operation: number) => number
>
const [LOCK_SH, LOCK_EX, LOCK_NB] = [1, 2, 4]
