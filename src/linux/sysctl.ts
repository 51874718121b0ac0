import { readFileSync } from 'node:fs'

/**
 * The value of a kernel setting, e.g. `net.ipv4.ip_nonlocal_bind`; undefined where this kernel has none of that name. A name
 * with slashes has them as its only separators, for links with a dot in their name: `net/ipv6/conf/eth0.5/forwarding`.
 */
export function readSysctl(name: string): string | undefined {
  const path = name.includes('/') ? name : name.replaceAll('.', '/')
  try {
    return readFileSync(`/proc/sys/${path}`, 'utf8').trim()
  } catch {
    return undefined
  }
}
