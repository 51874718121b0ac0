import { execFileSync } from 'node:child_process'
import type { LabNode } from './lan.ts'

/** Gives each of the nodes a link eth1, all on one bridge, without an IPv4 address but for the last; returns its MAC by node. Ends with the nodes. */
export function secondLan(
  t: { after(work: () => void): void },
  bridge: string,
  nodes: readonly LabNode[],
): Map<string, string> {
  const ip = (...args: string[]) => execFileSync('ip', args)
  ip('link', 'add', bridge, 'type', 'bridge', 'mcast_snooping', '0')
  t.after(() => ip('link', 'delete', bridge))
  ip('link', 'set', bridge, 'up')
  return new Map(
    nodes.map(({ name }, i) => {
      const [port, mac] = [`q-${name}`, `02:00:00:00:02:0${i + 1}`]
      ip('link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth1', 'address', mac, 'netns', name)
      ip('link', 'set', port, 'master', bridge, 'up')
      ip('-netns', name, 'link', 'set', 'eth1', 'up')
      return [name, mac]
    }),
  )
}
