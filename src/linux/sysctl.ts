import { readFileSync, writeFileSync } from 'node:fs'
import { SyscallError } from './syscall-error.ts'

/**
 * The value of a kernel setting, e.g. `net.ipv4.ip_nonlocal_bind`; undefined where this kernel has none of that name. A name
 * with slashes has them as its only separators, for links with a dot in their name: `net/ipv6/conf/eth0.5/forwarding`.
 */
export function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(pathOf(name), 'utf8').trim()
  } catch {
    return undefined
  }
}

/** Gives a kernel setting another value. */
export function writeSysctl(name: string, value: string): SyscallError | undefined {
  try {
    writeFileSync(pathOf(name), value)
    return undefined
  } catch (cause) {
    const { code = 'EIO' } = cause as NodeJS.ErrnoException
    return new SyscallError(`set ${name} to ${value}`, code, { needs: 'CAP_NET_ADMIN', cause })
  }
}

function pathOf(name: string): string {
  return `/proc/sys/${name.includes('/') ? name : name.replaceAll('.', '/')}`
}
