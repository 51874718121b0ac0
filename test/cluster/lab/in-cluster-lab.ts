import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { OWNER, sweepRunFolders } from './run-folder.ts'

interface ClusterLab {
  /** What a program is run by so that it can start clusters. */
  readonly wrapper: readonly string[]
  isInterrupted(): boolean
  /** To be told of each program. */
  onStart(program: ChildProcess): void
}

/**
 * Does `work`, which runs programs by the wrapper, and then removes what they left, also after Ctrl-C or SIGTERM: those end what is run,
 * whose namespaces take its processes with them, but not its cgroups and folders. Resolves with the exit status that a signal calls for,
 * else 0.
 */
export async function inClusterLab(work: (lab: ClusterLab) => Promise<void>): Promise<number> {
  let status = 0
  let running: ChildProcess | undefined
  const owner = randomUUID()
  process.env[OWNER] = owner
  // Ctrl-C goes to every process of the terminal: what was started ends by itself.
  const onInterrupt = () => {
    status = 130
  }
  const onTerminate = () => {
    status = 143
    running?.kill('SIGTERM')
  }
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate)
  await sweepRunFolders()
  try {
    await work({
      wrapper: ['test/lab/in-namespaces'],
      isInterrupted: () => status !== 0,
      onStart: program => {
        running = program
      },
    })
  } finally {
    await sweepRunFolders(owner)
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate)
  }
  return status
}
