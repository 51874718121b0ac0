/* Ours, keepalived and FRR's vrrpd as one kind of thing: a virtual router of a dialect on a node, that is started, changed and left. */
import { writeFileSync } from 'node:fs'
import { says } from '../lab/agent-view.ts'
import { type Daemon, startAgent, startKeepalived } from '../lab/daemons.ts'
import { startFrr } from '../lab/frr.ts'
import type { LabNode } from '../lab/lan.ts'
import { priorities, secret, stream, virtualIP } from '../lab/virtual-ip-stream.ts'
import { type Dialect, HOSTS, type PeerName, VIRTUAL_ROUTER_ID } from './dialects.ts'

export interface Wish {
  readonly priority: number
  readonly addresses: readonly string[]
}

export interface Router {
  readonly daemon: Daemon
  /** That its adverts and its answers come from. */
  readonly mac: string
  change(wish: Wish): void
  /** As who administers it would end it. */
  leave(): Promise<void>
}

export type Start = (node: LabNode, dialect: Dialect, wish: Wish) => Promise<Router>

export const START: Readonly<Record<'ours' | PeerName, Start>> = {
  async ours(node, dialect, wish) {
    const agent = startAgent(node, { file: ourFile(node, dialect, wish) })
    await says(agent, / -> (BACKUP|MASTER)/)
    return {
      daemon: agent,
      mac: node.mac,
      change: next => writeFileSync(agent.file, ourFile(node, dialect, next)),
      async leave() {
        await agent.stop()
      },
    }
  },

  async keepalived(node, dialect, wish) {
    const keepalived = startKeepalived(node, keepalivedConfiguration(node, dialect, wish))
    await says(keepalived, /Entering (BACKUP|MASTER) STATE/)
    return {
      daemon: keepalived,
      mac: node.mac,
      change(next) {
        writeFileSync(keepalived.configurationPath, keepalivedConfiguration(node, dialect, next))
        keepalived.kill('SIGHUP')
      },
      async leave() {
        await keepalived.stop()
      },
    }
  },

  async FRR(node, { version, interval }, wish) {
    const common = { version, interval, virtualRouterID: VIRTUAL_ROUTER_ID }
    const frr = await startFrr(node, { ...common, ...wish })
    await says(frr, /Initialize -> (Backup|Master)/)
    return {
      daemon: frr,
      mac: frr.mac,
      change: next => frr.change({ ...common, ...next }),
      async leave() {
        await frr.stop()
      },
    }
  },
}

function ourFile(node: LabNode, dialect: Dialect, { priority, addresses }: Wish): string {
  const { version, interval, password, checksum, unicast } = dialect
  const { own, others } = hostsOf(node, dialect)
  const peers = [{ node: node.name, address: own }, ...others.map(address => ({ address }))]
  const web = virtualIP('web', {
    addresses: [...addresses],
    interface: { name: 'eth0' },
    virtualRouterID: VIRTUAL_ROUTER_ID,
    version,
    advertisementInterval: `${interval}ms`,
    priorities: priorities({ [node.name]: priority }),
    ...(checksum ? { checksum } : {}),
    ...(unicast ? { transport: { mode: 'Unicast', peers } } : {}),
    ...(password ? { authentication: { type: 'PASS', secretRef: { name: 'vrrp' } } } : {}),
  })
  return password ? stream(web, secret('vrrp', password)) : stream(web)
}

function keepalivedConfiguration(node: LabNode, dialect: Dialect, { priority, addresses }: Wish): string {
  const { version, interval, password, unicast } = dialect
  const { own, others } = hostsOf(node, dialect)
  const peers = unicast ? `unicast_src_ip ${own}\n  unicast_peer {\n    ${others.join('\n    ')}\n  }` : ''
  const authentication = password ? `authentication {\n auth_type PASS\n auth_pass ${password}\n }` : ''
  return `
global_defs {
  router_id peer
}
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id ${VIRTUAL_ROUTER_ID}
  priority ${priority}
  version ${version}
  advert_int ${interval / 1000}
  ${authentication}
  ${peers}
  virtual_ipaddress {
    ${addresses.join('\n    ')}
  }
}
`
}

/** The node's own address among those of the LAN. */
function hostsOf(node: LabNode, { family }: Dialect): { own: string; others: string[] } {
  const isOwn = (host: string) => node.addresses.some(address => address.startsWith(`${host}/`))
  return { own: HOSTS[family].find(isOwn) ?? '', others: HOSTS[family].filter(host => !isOwn(host)) }
}
