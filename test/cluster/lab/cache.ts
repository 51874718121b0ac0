import { homedir } from 'node:os'
import { join } from 'node:path'

/** What clusters keep for the next run: images, and a containerd's root with them unpacked. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'kube-vrrp', 'cluster')

export function cached(...path: readonly string[]): string {
  return join(CACHE, ...path)
}
