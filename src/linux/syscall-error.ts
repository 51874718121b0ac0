import { constants } from 'node:os'

export type Capability = 'CAP_NET_ADMIN' | 'CAP_NET_RAW'

interface Circumstances {
  /** The capability without which the kernel answers EPERM or EACCES. */
  readonly needs?: Capability
  /** What to know or to do, where it isn't a capability. */
  readonly hint?: string
  readonly cause?: unknown
}

/** The kernel refused: `Cannot add address 10.0.0.5/32 on eth0: EPERM (the agent needs CAP_NET_ADMIN)`. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError'
  /** The name of the error number, e.g. `EPERM`. */
  readonly errno: string

  /** `action` is what could not be done, in the infinitive: `add address 10.0.0.5/32 on eth0`. */
  constructor(action: string, errno: string, { needs, hint, cause }: Circumstances = {}) {
    const why = hint ?? (needs && isRefusal(errno) ? `the agent needs ${needs}` : undefined)
    super(`Cannot ${action}: ${errno}${why ? ` (${why})` : ''}`, { cause })
    this.errno = errno
  }
}

function isRefusal(errno: string): boolean {
  return errno === 'EPERM' || errno === 'EACCES'
}

/** `EPERM` for 1 or -1; `errno 999` where it has no name here. */
export function errnoName(number: number): string {
  return NAMES.get(Math.abs(number)) ?? `errno ${Math.abs(number)}`
}

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))
// Two names each; these are the ones that manual pages use.
NAMES.set(constants.errno.EAGAIN, 'EAGAIN')
NAMES.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP')
