import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { scratchFolder } from './daemons.ts'

/** The writing end of a pipe that is full and that nobody reads: who writes to it and waits, waits for ever. */
export function blockedPipe(): number {
  const path = join(scratchFolder(), 'pipe')
  execFileSync('mkfifo', [path])
  // Both ends, so that neither is missing; one is never read.
  const filler = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  try {
    for (;;) writeSync(filler, Buffer.alloc(4096))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
  }
  const writer = openSync(path, constants.O_RDWR)
  closeSync(filler)
  return writer
}
