/* What can't be done as it was asked for: a condition says so, and what serves goes on serving. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HMACAuthentication } from '../../src/api/authentication.ts'
import { PASSWORD_SECRET } from '../../src/api/names.ts'
import type { VirtualIPSpec } from '../../src/api/virtual-ip.ts'
import { SECRETS, VIRTUAL_IP_NODES } from '../../src/kube/resources.ts'
import { LiveCluster } from './live-cluster.ts'

const ADDRESS = '192.168.1.100'
const WEB = { addresses: [`${ADDRESS}/24`], virtualRouterID: 51 }
const SECRET = { resource: SECRETS, name: PASSWORD_SECRET, namespace: 'kube-vrrp' }
const FREE = '192.168.1.130/24'

interface Refused {
  readonly what: string
  readonly spec: VirtualIPSpec
  readonly reason: string
  readonly message: RegExp
}

const REFUSED: readonly Refused[] = [
  {
    what: 'an address of another VirtualIP',
    spec: { addresses: [FREE, `${ADDRESS}/24`] },
    reason: 'AddressInUse',
    message: /192\.168\.1\.100 belongs to VirtualIP web/,
  },
  {
    what: "a node's own address",
    spec: { addresses: ['192.168.1.11/24'] },
    reason: 'AddressInUse',
    message: /192\.168\.1\.11 is the own address of node2 \(eth0\)/,
  },
  {
    what: 'a VRID that is taken',
    spec: { addresses: [FREE], virtualRouterID: 51 },
    reason: 'VirtualRouterIDInUse',
    message: /VRID 51 belongs to VirtualIP web/,
  },
  {
    what: 'a nodeSelector that matches nothing',
    spec: { addresses: [FREE], nodeSelector: { matchLabels: { rack: 'z' } } },
    reason: 'NoNodeMatches',
    message: /nodeSelector rack=z/,
  },
  {
    what: 'an address on no subnet of any node',
    spec: { addresses: ['10.9.9.9/24'] },
    reason: 'NoNodeHasSubnet',
    message: /No node has a link in 10\.9\.9\.0\/24.*192\.168\.1\.0\/24/,
  },
  {
    what: 'a process check that no agent allows',
    spec: { addresses: [FREE], checks: [{ name: 'nginx', process: { name: 'nginx' } }] },
    reason: 'CheckNotAllowed',
    message: /--allow-process-checks/,
  },
  {
    what: 'a command that no agent allows',
    spec: { addresses: [FREE], checks: [{ name: 'web', exec: { command: ['true'] } }] },
    reason: 'CheckNotAllowed',
    message: /--allow-exec-checks/,
  },
  {
    what: 'pods that no agent may read',
    spec: { addresses: [FREE], checks: [{ name: 'app', pods: { namespace: 'web', selector: {} } }] },
    reason: 'CheckNotAllowed',
    message: /--pod-check-namespaces=web/,
  },
  {
    what: 'a file in a folder that no agent allows',
    spec: { addresses: [FREE], checks: [{ name: 'load', file: { path: '/run/load/now' } }] },
    reason: 'CheckNotAllowed',
    message: /--file-check-folders=\/run\/load/,
  },
]

describe('bad input', () => {
  let cluster: LiveCluster
  before(async () => {
    cluster = await LiveCluster.start(['node1', 'node2', 'node3'])
  })
  afterEach(() => cluster.reset())
  after(() => cluster.close())

  test('is a condition with a sentence, disturbs no other VirtualIP, and is over when it is mended', async () => {
    const [first = ''] = await cluster.ready('web', WEB)
    await cluster.calm()
    const before = cluster.transitions()
    const written = cluster.seen.length
    for (const { what, spec, reason, message } of REFUSED) {
      await cluster.apply('other', spec)
      await cluster.until(`${what} is refused`, () => {
        const accepted = cluster.condition('other', 'Accepted')
        return accepted?.reason === reason && message.test(accepted.message)
      })
      assert.ok(cluster.is('other', 'Accepted', 'False') && cluster.is('other', 'Ready', 'False'))
    }
    assert.equal(cluster.transitions(), before)
    assert.deepEqual(
      cluster.seen.slice(written).filter(({ name }) => name === 'web'),
      [],
    )
    assert.deepEqual(cluster.holders(ADDRESS), [first])
    assert.deepEqual(cluster.holders('192.168.1.130'), [])
    const [holder = ''] = await cluster.ready('other', { addresses: [FREE] })
    await cluster.heldBy('192.168.1.130', holder)
    assert.ok(cluster.is('other', 'Accepted', 'True'))
  })

  test('a bad edit of a VirtualIP that serves leaves it serving as it was', async () => {
    const [first = ''] = await cluster.ready('web', WEB)
    await cluster.calm()
    const before = cluster.transitions()
    await cluster.apply('web', { ...WEB, addresses: ['10.9.9.9/24'] })
    await cluster.until('the edit is refused', () => cluster.is('web', 'Accepted', 'False'))
    assert.match(cluster.condition('web', 'Accepted')?.message ?? '', /the last accepted spec goes on/)
    assert.ok(cluster.is('web', 'Ready', 'True'))
    await cluster.apply('web', WEB)
    await cluster.until('it is mended', () => cluster.is('web', 'Accepted', 'True'))
    assert.deepEqual(cluster.holders(ADDRESS), [first])
    assert.equal(cluster.transitions(), before)
  })

  test('a link that one node lacks is a FAULT there, with its reason; the others serve until it is plugged in', async () => {
    execFileSync('ip', ['link', 'add', 'br-second', 'type', 'bridge'])
    execFileSync('ip', ['link', 'set', 'br-second', 'up'])
    plugIn('node1', '192.168.2.10/24')
    plugIn('node2', '192.168.2.11/24')
    await cluster.apply('second', { addresses: ['192.168.2.100/24'], interface: { name: 'eth1' } })
    await cluster.until('node3 is in FAULT', () => cluster.row('second', 'node3') === 'FAULT LinkMissing')
    await cluster.until('the others serve', () => cluster.is('second', 'Ready', 'True'))
    assert.match(cluster.condition('second', 'Accepted')?.message ?? '', /link is missing on node3 \(eth1\)/)
    // One that is told a moment later may come second, and takes over then.
    await cluster.heldBy('192.168.2.100', 'node1')
    plugIn('node3', '192.168.2.12/24')
    await cluster.settled('second')
    assert.equal(cluster.latest('second').backups, '2/2')

    execFileSync('ip', ['link', 'set', 's-node1', 'down'])
    await cluster.until('no carrier is a FAULT', () => cluster.row('second', 'node1') === 'FAULT NoCarrier')
    await cluster.heldBy('192.168.2.100', 'node2')
    execFileSync('ip', ['link', 'delete', 's-node1'])
    await cluster.until('no link is one too', () => cluster.row('second', 'node1') === 'FAULT LinkMissing')
    for (const name of ['s-node2', 's-node3', 'br-second']) execFileSync('ip', ['link', 'delete', name])
  })

  test('a password that is missing is a FAULT until it is there; a changed one makes no address move', async () => {
    await cluster.apply('web', withPassword('web'))
    await cluster.until('both lack the Secret', () =>
      ['node1', 'node2'].every(node => cluster.row('web', node) === 'FAULT SecretMissing'),
    )
    assert.match(
      cluster.condition('web', 'Ready')?.message ?? '',
      /Secret kube-vrrp-passwords with a key web was not found/,
    )
    await setPasswords(cluster, { other: 'Secret-0' })
    await cluster.until('both lack the key', () =>
      /node2 is FAULT \(Secret kube-vrrp-passwords has no key web\)/.test(
        cluster.condition('web', 'Ready')?.message ?? '',
      ),
    )
    await setPasswords(cluster, { web: 'Secret-1' })
    await cluster.settled('web')
    await cluster.heldBy(ADDRESS, 'node1')
    await cluster.calm()
    const before = cluster.transitions()
    await setPasswords(cluster, { web: 'Secret-2' })
    await cluster.until('both use the new one', () =>
      ['node1', 'node2'].every(node =>
        readFileSync(`${cluster.stateDir}/${node}/spec.json`, 'utf8').includes(btoa('Secret-2')),
      ),
    )
    // Longer than a BACKUP waits that believes nothing it hears.
    await sleep(4500)
    assert.equal(cluster.transitions(), before)
    await cluster.api.client.delete(SECRET)
    assert.equal(await cluster.stopAgent('node2'), 0)
    await cluster.startAgent('node2')
    await cluster.until('the one that knows it serves on', () => cluster.row('web', 'node2') === 'FAULT SecretMissing')
    assert.deepEqual(cluster.holders(ADDRESS), ['node1'])
  })

  test('a key that was added to the Secret a moment before is read at once', async () => {
    await setPasswords(cluster, { web: 'Secret-1' })
    await cluster.apply('web', withPassword('web'))
    await cluster.settled('web')
    await setPasswords(cluster, { web: 'Secret-1', second: 'Secret-2' })
    await cluster.apply('second', { ...withPassword('second'), addresses: ['192.168.1.101/24'] })
    await cluster.settled('second')
    const faults = cluster.seen.filter(
      ({ name, status }) => name === 'second' && status?.nodes?.some(({ state }) => state === 'FAULT'),
    )
    assert.deepEqual(faults, [])
  })

  test('a key to sign with is a FAULT while it is of a wrong length; what becomes wrong later changes nothing', async () => {
    const readAnew = () => {
      for (const node of ['node1', 'node2']) cluster.agent(node).kill('SIGHUP')
    }
    await setPasswords(cluster, { old: 'too short' })
    await cluster.apply('web', signed({ keys: [{ id: 1, key: 'old' }] }))
    await cluster.until('no key can be used', () =>
      ['node1', 'node2'].every(node => cluster.row('web', node) === 'FAULT SecretInvalid'),
    )
    assert.match(
      cluster.condition('web', 'Ready')?.message ?? '',
      /Key old of Secret kube-vrrp-passwords has 9 bytes, a key of HMAC must have 32 to 64/,
    )
    await setPasswords(cluster, { old: 'f'.repeat(32) })
    readAnew()
    await cluster.settled('web')
    const before = cluster.transitions()
    await setPasswords(cluster, { old: 'too short' })
    readAnew()
    await cluster.until('it is told', () => cluster.condition('web', 'Degraded')?.reason === 'SecretInvalid')
    const both = [
      { id: 1, key: 'old' },
      { id: 2, key: 'new' },
    ]
    await setPasswords(cluster, { old: 'f'.repeat(32) })
    await cluster.apply('web', signed({ keys: both, activeKey: 2 }))
    await cluster.until('one is missing', () => cluster.condition('web', 'Degraded')?.reason === 'SecretMissing')
    assert.match(cluster.condition('web', 'Degraded')?.message ?? '', /Secret kube-vrrp-passwords has no key new/)
    await setPasswords(cluster, { old: 'f'.repeat(32), new: 's'.repeat(32) })
    await cluster.until('all is well', () => cluster.is('web', 'Degraded', 'False'))
    await setPasswords(cluster, { old: 'f'.repeat(32), new: 'another key, under the same name' })
    readAnew()
    const another = Buffer.from('another key, under the same name').toString('base64')
    await cluster.until('both use another key', () =>
      ['node1', 'node2'].every(node => readFileSync(`${cluster.stateDir}/${node}/spec.json`, 'utf8').includes(another)),
    )
    // Longer than a BACKUP waits that believes nothing it hears.
    await sleep(1500)
    assert.equal(cluster.transitions(), before)
    assert.deepEqual(cluster.holders(ADDRESS), [cluster.ranked('web')[0]])
    await cluster.reset('Degraded')
  })

  test('a Secret that agents may not read is a FAULT that says where passwords belong', async () => {
    await cluster.apply('web', withPassword('password', 'web-password'))
    await cluster.until('both say so', () =>
      ['node1', 'node2'].every(node => cluster.row('web', node) === 'FAULT SecretForbidden'),
    )
    const described = await cluster.api.kubectl(['describe', 'vip', 'web'])
    assert.match(
      described.replaceAll(/\s+/g, ' '),
      /node1 is FAULT \(Cannot read Secret web-password: agents may read only the Secret that the chart's value agent\.passwordSecret names \(kube-vrrp-passwords unless it was changed\): put the passwords and keys there, or name that one in the value\)/,
    )
  })

  test('a spec that an agent can not read leaves the last good one running, and says so', async () => {
    const [first = ''] = await cluster.ready('web', WEB)
    await cluster.calm()
    const before = cluster.transitions()
    assert.equal(await cluster.stopController('a'), 0)
    const { spec, status } = await cluster.virtualIPNode(first)
    const [router] = spec.virtualRouters
    const broken = { virtualRouters: [{ ...router, advertisementInterval: 'soon' }] }
    await cluster.api.client.mergePatch({ resource: VIRTUAL_IP_NODES, name: first }, { spec: broken })
    await cluster.until('the agent says so', async () => {
      const now = await cluster.virtualIPNode(first)
      const [accepted] = now.status?.conditions ?? []
      return accepted?.status === 'False' && accepted.observedGeneration === now.metadata.generation
    })
    const [accepted] = (await cluster.virtualIPNode(first)).status?.conditions ?? []
    assert.equal(accepted?.reason, 'InvalidSpec')
    assert.match(accepted?.message ?? '', /advertisementInterval.*"soon"/)
    const now = (await cluster.virtualIPNode(first)).status
    assert.equal(now?.observedGeneration, status?.observedGeneration, 'what it runs is what it observed')
    assert.deepEqual(now?.virtualRouters, status?.virtualRouters)
    assert.match(cluster.agent(first).output(), /the last good one goes on/)
    await cluster.startController('a')
    await cluster.until('the controller puts it right', async () => {
      const { metadata, status } = await cluster.virtualIPNode(first)
      return status?.conditions?.[0]?.status === 'True' && status.observedGeneration === metadata.generation
    })
    assert.equal(cluster.transitions(), before)
    assert.deepEqual(cluster.holders(ADDRESS), [first])
  })
})

/** Gives a node an eth1 on the second bridge. */
function plugIn(node: string, address: string): void {
  const commands = [
    `link add s-${node} type veth peer name eth1 netns ${node}`,
    `link set s-${node} master br-second up`,
    `-netns ${node} address add ${address} dev eth1`,
    `-netns ${node} link set eth1 up`,
  ]
  for (const command of commands) execFileSync('ip', command.split(' '))
}

function withPassword(key: string, name = PASSWORD_SECRET): VirtualIPSpec {
  const secretRef = { name, key }
  return { addresses: [`${ADDRESS}/24`], version: 2, authentication: { type: 'PASS', secretRef }, redundancy: 2 }
}

function signed(hmac: HMACAuthentication): VirtualIPSpec {
  const secretRef = { name: PASSWORD_SECRET }
  return { addresses: [`${ADDRESS}/24`], authentication: { type: 'HMAC', secretRef, hmac }, redundancy: 2 }
}

async function setPasswords(cluster: LiveCluster, passwords: Readonly<Record<string, string>>): Promise<void> {
  const metadata = { name: SECRET.name, namespace: SECRET.namespace }
  const data = Object.fromEntries(Object.entries(passwords).map(([key, text]) => [key, btoa(text)]))
  await cluster.api.client.apply(SECRET, { apiVersion: 'v1', kind: 'Secret', metadata, data }, 'test')
}
