/* Our agent and Debian's keepalived as two halves of one virtual router, each way round, over everything both can speak. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AgentDaemon, type Daemon, eventually, holders, startAgent, startKeepalived } from '../lab/daemons.ts'
import { type LabNode, type Lan, openLan } from '../lab/lan.ts'

interface Dialect {
  readonly name: string
  readonly address: string
  /** In our file. */
  readonly spec: string
  /** In keepalived's vrrp_instance. */
  readonly instance: string
  /** Of our node and theirs, by which they speak to each other; absent: by multicast. */
  readonly unicast?: readonly [string, string]
}

const IPV4 = ['192.168.1.10', '192.168.1.11'] as const
const IPV6 = ['fd00:1::10', 'fd00:1::11'] as const

const DIALECTS: readonly Dialect[] = [
  {
    name: 'version 2 with PASS, as in the guide',
    address: '192.168.1.100',
    spec: 'version: 2\n  authentication: {type: PASS, secretRef: {name: vrrp}}',
    instance: 'version 2\n  advert_int 1\n  authentication {\n    auth_type PASS\n    auth_pass SecretKey123\n  }',
  },
  {
    name: 'version 2 without authentication',
    address: '192.168.1.100',
    spec: 'version: 2',
    instance: 'version 2\n  advert_int 1',
  },
  {
    name: 'version 3 over IPv4',
    address: '192.168.1.100',
    spec: 'advertisementInterval: 100ms',
    instance: 'version 3\n  advert_int 0.1',
  },
  {
    name: 'version 3 over IPv6',
    address: 'fd00:1::100',
    spec: 'advertisementInterval: 100ms',
    instance: 'version 3\n  advert_int 0.1',
  },
  {
    name: 'version 2 with PASS by unicast',
    address: '192.168.1.100',
    spec: 'version: 2\n  authentication: {type: PASS, secretRef: {name: vrrp}}',
    instance: 'version 2\n  advert_int 1\n  authentication {\n    auth_type PASS\n    auth_pass SecretKey123\n  }',
    unicast: IPV4,
  },
  {
    name: 'version 3 over IPv4 by unicast',
    address: '192.168.1.100',
    spec: 'advertisementInterval: 100ms',
    instance: 'version 3\n  advert_int 0.1',
    unicast: IPV4,
  },
  {
    name: 'version 3 over IPv6 by unicast',
    address: 'fd00:1::100',
    spec: 'advertisementInterval: 100ms',
    instance: 'version 3\n  advert_int 0.1',
    unicast: IPV6,
  },
]

// Side by side: nearly all of it is waiting for timers of a second.
describe('with keepalived', { concurrency: true }, () => {
  for (const [i, dialect] of DIALECTS.entries()) {
    describe(dialect.name, { concurrency: 1 }, () => {
      let lan: Lan
      let ours: LabNode
      let theirs: LabNode
      before(() => {
        lan = openLan({ bridge: `br-interop${i}` })
        ours = lan.addNode({ name: `ours${i}`, addresses: ['192.168.1.10/24', 'fd00:1::10/64'] })
        theirs = lan.addNode({ name: `theirs${i}`, addresses: ['192.168.1.11/24', 'fd00:1::11/64'] })
      })
      after(() => lan.close())

      test('it takes over when our MASTER crashes, and yields when we come back', async () => {
        let agent = startAgent(ours, { file: file(ours, theirs, dialect, 200, 100) })
        await isHeldBy('ours', [agent])
        const keepalived = startKeepalived(theirs, configuration(dialect, 100))
        await staysWith(ours, 1.5, [agent, keepalived])

        lan.crash(ours)
        await isHeldBy('theirs', [agent, keepalived])
        lan.restore(ours)
        agent = startAgent(ours, { file: file(ours, theirs, dialect, 200, 100) })
        await isHeldBy('ours', [agent, keepalived])
        assert.equal(await agent.stop(), 0)
        await keepalived.stop()
      })

      test('it takes over when our MASTER leaves, sooner than it could notice a silence', async () => {
        const agent = startAgent(ours, { file: file(ours, theirs, dialect, 200, 100) })
        await isHeldBy('ours', [agent])
        const keepalived = startKeepalived(theirs, configuration(dialect, 100))
        await eventually('keepalived is BACKUP', () => /Entering BACKUP STATE/.test(keepalived.output()), {
          daemons: [keepalived],
        })
        await staysWith(ours, 1.5, [agent, keepalived])
        assert.equal(await agent.stop(), 0)
        assert.deepEqual(holders([ours], dialect.address), [], 'released before it ended')
        await isHeldBy('theirs', [agent, keepalived])
        assert.match(keepalived.output(), /Backup received priority 0 advertisement/)
        await keepalived.stop()
      })

      test('we take over when its MASTER crashes, and yield when it comes back', async () => {
        let keepalived = startKeepalived(theirs, configuration(dialect, 200))
        await isHeldBy('theirs', [keepalived])
        const agent = startAgent(ours, { file: file(ours, theirs, dialect, 100, 200) })
        await hears(agent, '-> BACKUP')
        await staysWith(theirs, 1.5, [agent, keepalived])

        lan.crash(theirs)
        await isHeldBy('ours', [agent, keepalived])
        lan.restore(theirs)
        keepalived = startKeepalived(theirs, configuration(dialect, 200))
        await isHeldBy('theirs', [agent, keepalived])
        assert.equal(await agent.stop(), 0)
        await keepalived.stop()
      })

      test('we take over when its MASTER leaves', async () => {
        const keepalived = startKeepalived(theirs, configuration(dialect, 200))
        await isHeldBy('theirs', [keepalived])
        const agent = startAgent(ours, { file: file(ours, theirs, dialect, 100, 200) })
        await hears(agent, '-> BACKUP')
        await staysWith(theirs, 1.5, [agent, keepalived])
        await keepalived.stop()
        await isHeldBy('ours', [agent, keepalived])
        assert.match(agent.output(), /PriorityZeroReceived/)
        assert.equal(await agent.stop(), 0)
      })

      async function isHeldBy(who: 'ours' | 'theirs', daemons: readonly Daemon[]): Promise<void> {
        const node = who === 'ours' ? ours : theirs
        await eventually(`${dialect.address} is held by ${who} alone`, () => alive().join() === node.name, { daemons })
      }

      /** Of the nodes that have a namespace with a link: a crashed one keeps its address where nobody sees it. */
      function alive(): string[] {
        return holders(
          [ours, theirs].filter(node => node.run('cat', '/sys/class/net/eth0/carrier').trim() === '1'),
          dialect.address,
        )
      }

      async function staysWith(node: LabNode, seconds: number, daemons: readonly Daemon[]): Promise<void> {
        for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
          const now = alive()
          assert.deepEqual(now, [node.name], daemons.map(daemon => daemon.output()).join('\n---\n'))
        }
      }
    })
  }
})

async function hears(agent: AgentDaemon, text: string): Promise<void> {
  await eventually(`the agent says "${text}"`, () => agent.output().includes(text), { daemons: [agent] })
}

function file(ours: LabNode, theirs: LabNode, { address, spec, unicast }: Dialect, own: number, other: number): string {
  const peers = [ours, theirs].map(({ name }, i) => `{node: ${name}, address: "${unicast?.[i]}"}`)
  return `
apiVersion: kube-vrrp.io/v1alpha1
kind: VirtualIP
metadata: {name: web}
spec:
  addresses: ["${address}"]
  interface: {name: eth0}
  virtualRouterID: 51
  priorities:
  - {node: ${ours.name}, priority: ${own}}
  - {node: ${theirs.name}, priority: ${other}}
  ${spec}
  ${unicast ? `transport: {mode: Unicast, peers: [${peers.join()}]}` : ''}
---
apiVersion: v1
kind: Secret
metadata: {name: vrrp}
stringData: {password: SecretKey123}
`
}

function configuration({ address, instance, unicast }: Dialect, priority: number): string {
  const [ours, theirs] = unicast ?? []
  return `
global_defs {
  router_id theirs
}
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority ${priority}
  ${instance}
  ${unicast ? `unicast_src_ip ${theirs}\n  unicast_peer {\n    ${ours}\n  }` : ''}
  virtual_ipaddress {
    ${address}
  }
}
`
}
