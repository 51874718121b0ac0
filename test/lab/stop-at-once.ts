import { readFileSync } from 'node:fs'
import type { Daemon } from './daemons.ts'

/** A signal to a daemon and its children in one instant: keepalived's parent would have its child leave in peace. */
export function stopAtOnce(daemon: Daemon, signal: NodeJS.Signals): void {
  const children = childrenOf(daemon)
  for (const child of children) process.kill(child, 'SIGSTOP')
  daemon.kill(signal)
  for (const child of children) process.kill(child, signal)
}

/** Process IDs. */
export function childrenOf({ process: { pid } }: Daemon): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}
