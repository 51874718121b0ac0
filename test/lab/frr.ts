import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, eventually, scratchFolder, start } from './daemons.ts'
import type { LabNode } from './lan.ts'

export interface FrrSettings {
  readonly version: 2 | 3
  readonly virtualRouterID: number
  /** 1..254 */
  readonly priority: number
  /** ms, in steps of 10 */
  readonly interval: number
  /** Of one family, without prefix lengths. */
  readonly addresses: readonly string[]
}

export interface Frr extends Daemon {
  /** Of its adverts and its answers: the virtual router's. */
  readonly mac: string
  /** Priority and addresses are changed while it runs. */
  change(settings: FrrSettings): void
}

/** FRR's vrrpd on a node, and the zebra it needs: one virtual router on eth0, whose addresses are on a macvlan with the virtual MAC. */
export async function startFrr(node: LabNode, settings: FrrSettings): Promise<Frr> {
  const folder = scratchFolder()
  let current = settings
  const { link, mac } = makeVirtualLink(node, settings)
  for (const address of settings.addresses) addAddress(node, link, address)
  const zebra = startProgram(node, folder, 'zebra', '')
  const socket = join(folder, 'zebra.sock')
  await eventually('zebra listens', () => existsSync(socket), { daemons: [zebra] })
  const lines = [`vrrp ${settings.virtualRouterID} version ${settings.version}`, ...linesOf(settings)]
  const vrrpd = startProgram(
    node,
    folder,
    'vrrpd',
    `debug vrrp protocol\ndebug vrrp packets\ninterface eth0\n${lines.join('\n')}\n`,
  )
  await eventually('vrrpd listens', () => existsSync(join(folder, 'vrrpd.vty')), { daemons: [vrrpd] })
  return {
    ...vrrpd,
    mac,
    change(next) {
      const gone = current.addresses.filter(address => !next.addresses.includes(address))
      for (const address of next.addresses) if (!current.addresses.includes(address)) addAddress(node, link, address)
      const commands = [...gone.map(address => `no ${addressLine(next, address)}`), ...linesOf(next)]
      const options = ['--vty_socket', folder, '-d', 'vrrpd']
      const typed = ['configure terminal', 'interface eth0', ...commands].flatMap(command => ['-c', command])
      node.run('vtysh', ...options, ...typed)
      for (const address of gone) node.run('ip', 'address', 'delete', withLength(address), 'dev', link)
      current = next
    },
    async stop() {
      const status = await vrrpd.stop()
      // Who stops both at once may stop zebra before it was told to: then the macvlan answers on, beside the new MASTER.
      const isDown = () => node.run('cat', `/sys/class/net/${link}/carrier`).trim() === '0'
      await eventually(`zebra has set the carrier of ${link} down`, isDown, { daemons: [zebra] })
      await zebra.stop()
      return status
    },
  }
}

/** Only the macvlan answers for its addresses: else eth0 does, also where vrrpd is a Backup and has set the macvlan's carrier down. */
function makeVirtualLink(node: LabNode, { virtualRouterID, addresses }: FrrSettings): { link: string; mac: string } {
  const family = addresses[0]?.includes(':') ? 6 : 4
  const link = `vrrp${family}-${virtualRouterID}`
  const mac = `00:00:5e:00:0${family === 6 ? 2 : 1}:${virtualRouterID.toString(16).padStart(2, '0')}`
  node.run(
    'sh',
    '-c',
    'cd /proc/sys/net/ipv4/conf/all && echo 1 >arp_ignore && echo 2 >arp_announce && echo 0 >rp_filter',
  )
  node.run('sh', '-c', `ip link show ${link} >/dev/null 2>&1 && ip link delete ${link}; true`)
  node.run('ip', 'link', 'add', link, 'link', 'eth0', 'address', mac, 'type', 'macvlan', 'mode', 'bridge')
  // Else two routers have one link-local address, that of their virtual MAC.
  node.run('ip', 'link', 'set', link, 'addrgenmode', 'random')
  node.run('ip', 'link', 'set', link, 'up')
  return { link, mac }
}

function addAddress(node: LabNode, link: string, address: string): void {
  node.run('ip', 'address', 'add', withLength(address), 'dev', link, ...(address.includes(':') ? ['nodad'] : []))
}

function withLength(address: string): string {
  return `${address}/${address.includes(':') ? 64 : 24}`
}

/** With its sockets and its files in a folder of its own. It must be in a group `frrvty`; this one is known to it alone. */
function startProgram(node: LabNode, folder: string, program: 'zebra' | 'vrrpd', configuration: string): Daemon {
  const [path, groups] = [join(folder, `${program}.conf`), join(folder, 'group')]
  writeFileSync(path, `log stdout\n${configuration}`)
  writeFileSync(groups, 'root:x:0:\nfrrvty:x:0:root\n')
  const own = ['--vty_socket', folder, '-z', join(folder, 'zebra.sock'), '-i', join(folder, `${program}.pid`)]
  const command = [`/usr/lib/frr/${program}`, '-u', 'root', '-g', 'root', '-P', '0', '-f', path, ...own]
  return start(node, 'sh', ['-c', 'mount --bind "$1" /etc/group && shift && exec "$@"', 'sh', groups, ...command])
}

function linesOf(settings: FrrSettings): string[] {
  const { virtualRouterID, priority, interval, addresses } = settings
  return [
    `vrrp ${virtualRouterID} priority ${priority}`,
    `vrrp ${virtualRouterID} advertisement-interval ${interval}`,
    ...addresses.map(address => addressLine(settings, address)),
  ]
}

function addressLine({ virtualRouterID }: FrrSettings, address: string): string {
  return `vrrp ${virtualRouterID} ${address.includes(':') ? 'ipv6' : 'ip'} ${address}`
}
