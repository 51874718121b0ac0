/* What an agent says of what is wrong around its virtual router: it hears it, tells what to do, and takes it back when it is over. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { agentSource } from '../../src/cli/agent-source.ts'
import { comesTo, transitions } from '../lab/agent-view.ts'
import { type AgentDaemon, type Daemon, eventually, holders, startAgent, startKeepalived } from '../lab/daemons.ts'
import type { LabNode } from '../lab/lan.ts'
import { testLan } from '../lab/test-lan.ts'
import { priorities, secret, stream, virtualIP } from '../lab/virtual-ip-stream.ts'

const ADDRESS = '10.1.0.100'

describe('an agent tells of', { concurrency: 3 }, () => {
  for (const [what, password, sentence] of [
    [
      'another password',
      'another1',
      /^On odd-pw1: adverts from 10\.1\.0\.2 are refused: the password is not ours; give both the same authentication$/,
    ],
    [
      'no password',
      undefined,
      /^On odd-np1: adverts from 10\.1\.0\.2 are refused: Auth Type is 0, this virtual router has a password; give both the same authentication$/,
    ],
  ] as const) {
    test(`a router with ${what}`, async t => {
      const { node } = testLan(t, password ? 'odd-pw' : 'odd-np')
      const [ours, theirs] = [node(), node()]
      const authentication = { type: 'PASS', secretRef: { name: 'vrrp' } } as const
      const agent = startAgent(ours, {
        file: stream(
          web({ [ours.name]: 200 }, { version: 2, advertisementInterval: '1s', authentication }),
          secret('vrrp', 'password'),
        ),
      })
      await comesTo(agent, 'MASTER')
      await staysSilent(agent)
      const auth = password ? `authentication {\n auth_type PASS\n auth_pass ${password}\n }` : ''
      const keepalived = startKeepalived(
        theirs,
        instance({ priority: 100, more: `version 2\n advert_int 1\n ${auth}` }),
      )
      assert.match(await told(agent, 'Degraded AuthenticationMismatch', keepalived), sentence)
      await keepalived.stop()
      await silent(agent)
    })
  }

  test('a MASTER of another interval', async t => {
    const { agent, theirs } = await alone(t, 'odd-int')
    const keepalived = startKeepalived(theirs, instance({ priority: 220, more: 'version 3\n advert_int 0.5' }))
    assert.match(
      await told(agent, 'Degraded IntervalMismatch'),
      /10\.1\.0\.2 advertises every 500ms, this node every 200ms: it is followed while it is MASTER; give both the same advertisementInterval/,
    )
    await keepalived.stop()
    await silent(agent)
  })

  test('a foreign router with its VRID, and the addresses that one advertises', async t => {
    const { agent, theirs } = await alone(t, 'odd-for')
    const keepalived = startKeepalived(
      theirs,
      instance({ priority: 220, address: '10.1.0.222', more: 'version 3\n advert_int 0.2' }),
    )
    assert.match(
      await told(agent, 'Degraded AddressListMismatch'),
      /10\.1\.0\.2 advertises other addresses than this node: 10\.1\.0\.222; give both the same addresses/,
    )
    await keepalived.stop()
    await silent(agent)
  })

  test('a router of another version, which is MASTER as well', async t => {
    const { agent, theirs } = await alone(t, 'odd-ver')
    const keepalived = startKeepalived(theirs, instance({ priority: 220, more: 'version 2\n advert_int 1' }))
    assert.match(
      await told(agent, 'Degraded VersionMismatch'),
      /10\.1\.0\.2 speaks VRRP version 2, this node version 3: neither believes the other; give both the same version/,
    )
    // That one has the address too.
    assert.match(await told(agent, 'AddressConflict AddressClaimed'), new RegExp(theirs.mac))
    await keepalived.stop()
    await silent(agent)
  })

  test('a router that advertises its address under another VRID', async t => {
    const { agent, theirs } = await alone(t, 'odd-vrid')
    const keepalived = startKeepalived(
      theirs,
      instance({ priority: 100, virtualRouterID: 52, more: 'version 3\n advert_int 0.2' }),
    )
    assert.match(
      await told(agent, 'AddressConflict SameAddressOtherVRID|AddressConflict AddressClaimed'),
      /10\.1\.0\.2 advertises 10\.1\.0\.100 too, with VRID 52 where this node has 51: give both the same virtualRouterID/,
    )
    await keepalived.stop()
    await silent(agent)
  })

  for (const family of ['IPv4', 'IPv6'] as const) {
    test(`another host that has its ${family} address and never said so`, async t => {
      const { agent, theirs } = await alone(
        t,
        family === 'IPv4' ? 'odd-arp' : 'odd-nd',
        {
          addresses: [family === 'IPv4' ? `${ADDRESS}/24` : 'fd01::100/64'],
        },
        family,
      )
      const address = family === 'IPv4' ? ADDRESS : 'fd01::100'
      theirs.run(
        'ip',
        'address',
        'add',
        `${address}/${family === 'IPv4' ? 24 : 64}`,
        'dev',
        'eth0',
        ...(family === 'IPv4' ? [] : ['nodad']),
      )
      const protocol = family === 'IPv4' ? 'ARP' : 'Neighbor Discovery'
      assert.equal(
        await told(agent, 'AddressConflict AddressClaimed'),
        `On ${agent.node.name}: ${theirs.mac} answers ${protocol} for ${address} too, which this node holds: take the address from that host, or choose one that nobody has`,
      )
      theirs.run('ip', 'address', 'del', `${address}/${family === 'IPv4' ? 24 : 64}`, 'dev', 'eth0')
      await silent(agent)
    })
  }

  test('adverts that lose their way to the other node: who hears tells that it is not heard', async t => {
    const { lan, node } = testLan(t, 'odd-way')
    const [node1, node2] = [node(), node()]
    const file = stream(web({ [node1.name]: 200, [node2.name]: 100 }))
    const agent = startAgent(node1, { file })
    await comesTo(agent, 'MASTER')
    const other = startAgent(node2, { file })
    await comesTo(other, 'BACKUP')
    await staysSilent(agent)
    lan.cut(node2, 'ToNode', 'ip protocol 112')
    assert.match(
      await told(agent, 'SplitBrain OtherMaster'),
      /^On odd-way1: 10\.1\.0\.2 \(priority 100\) goes on as MASTER, though this node \(priority 200\) is: it does not hear this node, or does not believe it; let IP protocol 112 through from this node to it/,
    )
    lan.uncut(node2)
    await comesTo(other, 'BACKUP')
    await silent(agent)
  })

  test('all of it over IPv6: adverts that lose their way, that were forwarded, and a foreign router', async t => {
    const { lan, node } = testLan(t, 'odd-six')
    const [node1, node2] = [node(), node()]
    const address = 'fd01::100/64'
    const file = stream(web({ [node1.name]: 200, [node2.name]: 100 }, { addresses: [address] }))
    const agent = startAgent(node1, { file })
    await comesTo(agent, 'MASTER', { family: 'IPv6' })
    const other = startAgent(node2, { file })
    await comesTo(other, 'BACKUP', { family: 'IPv6' })
    lan.cut(node2, 'ToNode', 'ip6 nexthdr 112')
    assert.match(
      await told(agent, 'SplitBrain OtherMaster'),
      /^On odd-six1: fe80::\S+ \(priority 100\) goes on as MASTER, though this node \(priority 200\) is: it does not hear this node/,
    )
    lan.uncut(node2)
    await comesTo(other, 'BACKUP', { family: 'IPv6' })
    await silent(agent)
    await other.stop()

    node2.run(
      'nft',
      'table ip6 t { chain out { type filter hook postrouting priority 0; meta l4proto 112 ip6 hoplimit set 64; }; chain in { type filter hook input priority 0; meta l4proto 112 drop; }; }',
    )
    const forwarded = startAgent(node2, { file })
    await comesTo(forwarded, 'MASTER', { family: 'IPv6' })
    assert.match(
      await told(agent, 'Degraded TTLMismatch'),
      /adverts from fe80::\S+ are refused: TTL is 64, must be 255: they were forwarded from another link/,
    )
    await forwarded.stop()
    await silent(agent)
    node2.run('nft', 'delete table ip6 t')

    const keepalived = startKeepalived(
      node2,
      instance({ priority: 220, address: 'fd01::222', more: 'version 3\n advert_int 0.2' }),
    )
    assert.match(
      await told(agent, 'Degraded AddressListMismatch', keepalived),
      /fe80::\S+ advertises other addresses than this node: fd01::222; give both the same addresses/,
    )
    await keepalived.stop()
    await silent(agent)
  })

  test('addresses that are not the same on both nodes: they agree on a MASTER all the same, and no longer complain when they are', async t => {
    const { node } = testLan(t, 'odd-set')
    const [node1, node2] = [node(), node()]
    const byNode = { [node1.name]: 200, [node2.name]: 100 }
    const agent = startAgent(node1, { file: stream(web(byNode)) })
    await comesTo(agent, 'MASTER')
    const other = startAgent(node2, {
      file: stream(web(byNode, { addresses: [`${ADDRESS}/24`, '10.1.0.101/24'] })),
    })
    await comesTo(other, 'BACKUP')
    assert.match(
      await told(other, 'Degraded AddressListMismatch'),
      /^On odd-set2: 10\.1\.0\.1 advertises other addresses than this node: 10\.1\.0\.100; give both the same addresses/,
    )
    assert.deepEqual(holders([node1, node2], ADDRESS), [node1.name])
    assert.deepEqual(holders([node1, node2], '10.1.0.101'), [], 'nobody advertises it')
    assert.equal(
      transitions(other).some(line => line.includes('-> MASTER')),
      false,
    )
    writeFileSync(other.file, stream(web(byNode)))
    await silent(other)
  })

  test('adverts that were forwarded, and counts what it observes in a metric', async t => {
    const { node } = testLan(t, 'odd-ttl')
    const [node1, node2] = [node(), node()]
    const file = stream(web({ [node1.name]: 200, [node2.name]: 100 }))
    const agent = startAgent(node1, { file, args: ['--metrics-address', '127.0.0.1:9180'] })
    await comesTo(agent, 'MASTER')
    node2.run(
      'nft',
      'table ip t { chain out { type filter hook postrouting priority 0; ip protocol 112 ip ttl set 64; }; chain in { type filter hook input priority 0; ip protocol 112 drop; }; }',
    )
    const other = startAgent(node2, { file })
    await comesTo(other, 'MASTER')
    assert.match(
      await told(agent, 'Degraded TTLMismatch'),
      /adverts from 10\.1\.0\.2 are refused: TTL is 64, must be 255: they were forwarded from another link/,
    )
    const metrics = () => node1.run('curl', '-s', 'http://127.0.0.1:9180/metrics')
    assert.match(metrics(), /\nkube_vrrp_observations\{virtual_ip="web",family="IPv4",reason="TTLMismatch"\} 1\n/)
    await other.stop()
    await silent(agent)
    assert.doesNotMatch(metrics(), /\nkube_vrrp_observations\{/)
  })
})

interface Instance {
  readonly priority: number
  readonly virtualRouterID?: number
  readonly address?: string
  readonly more: string
}

function instance({ priority, virtualRouterID = 51, address = ADDRESS, more }: Instance): string {
  return `vrrp_instance odd {
  state BACKUP
  interface eth0
  virtual_router_id ${virtualRouterID}
  priority ${priority}
  ${more}
  virtual_ipaddress {
    ${address}/${address.includes(':') ? 64 : 24}
  }
}
`
}

function web(byNode: Record<string, number>, more: Partial<VirtualIPSpec> = {}): object {
  return virtualIP('web', {
    addresses: [`${ADDRESS}/24`],
    virtualRouterID: 51,
    advertisementInterval: '200ms',
    priorities: priorities(byNode),
    ...more,
  })
}

/** An agent that is MASTER with priority 200 and has nothing to tell, and a node beside it. */
async function alone(
  t: Parameters<typeof testLan>[0],
  name: string,
  more: Partial<VirtualIPSpec> = {},
  family: 'IPv4' | 'IPv6' = 'IPv4',
): Promise<{ agent: AgentDaemon; theirs: LabNode }> {
  const { node } = testLan(t, name)
  const [ours, theirs] = [node(), node()]
  const agent = startAgent(ours, { file: stream(web({ [ours.name]: 200 }, more)) })
  await comesTo(agent, 'MASTER', { family })
  await staysSilent(agent)
  return { agent, theirs }
}

/** `Degraded TTLMismatch`, and its sentence. */
async function troubles({ node, stateDir }: AgentDaemon): Promise<Map<string, string>> {
  const [entry] = await agentSource(join(stateDir, node.name, 'agent.sock')).list()
  const conditions = entry?.status.conditions ?? []
  return new Map(
    conditions
      .filter(({ type }) => type !== 'Ready')
      .map(({ type, reason, message }) => [`${type} ${reason}`, message]),
  )
}

function told(agent: AgentDaemon, what: string, ...others: Daemon[]): Promise<string> {
  const names = what.split('|')
  return eventually(
    `${agent.node.name} tells of ${what}`,
    async () => {
      const all = await troubles(agent)
      return names.map(name => all.get(name)).find(message => message !== undefined)
    },
    { daemons: [agent, ...others] },
  )
}

/** It is over. */
async function silent(agent: AgentDaemon): Promise<void> {
  await eventually('there is nothing to tell any more', async () => (await troubles(agent)).size === 0, {
    daemons: [agent],
  })
}

async function staysSilent(agent: AgentDaemon): Promise<void> {
  await sleep(2500)
  assert.deepEqual([...(await troubles(agent))], [])
}
