import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatPrefix, parsePrefix } from '../../src/lib/ip-address.ts'
import { openAddresses } from '../../src/linux/addresses.ts'
import { type Link, type LinkTable, watchLinks } from '../../src/linux/links.ts'
import { type LabNode, openLan } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'

const lan = openLan({ bridge: 'br-links' })
let node: LabNode
let table: LinkTable
let changes = 0
const returned: string[] = []

before(async () => {
  node = lan.addNode({ name: 'links1', addresses: ['10.9.1.1/24', 'fd09:1::1/64'] })
  table = await inNamespace('links1', () =>
    watchLinks(addresses => {
      changes++
      returned.push(...addresses.map(({ prefix }) => formatPrefix(prefix)))
    }),
  )
})

after(() => {
  table.close()
  lan.close()
})

test('what is there when the watch begins is in the table', () => {
  const eth0 = link('eth0')
  assert.deepEqual(addressesOf(eth0), ['10.9.1.1/24', 'fd09:1::1/64', 'fe80::ff:fe00:1/64'])
  assert.deepEqual([...eth0.mac], [2, 0, 0, 0, 0, 1])
  assert.equal(eth0.mtu, 1500)
  assert.deepEqual([eth0.up, eth0.carrier, eth0.loopback, eth0.noArp], [true, true, false, false])
  const lo = link('lo')
  assert.deepEqual([lo.up, lo.loopback], [true, true])
  assert.deepEqual(addressesOf(lo), ['127.0.0.1/8', '::1/128'])
  assert.deepEqual([link('eth0').addresses[0]?.scope, link('eth0').addresses[2]?.scope], [0, 253])
})

test('an address that comes and goes by hand is noticed, with its mark', async () => {
  const addresses = await inNamespace('links1', () => openAddresses(177, 60_000))
  const prefix = parsePrefix('10.9.1.5/32') ?? assert.fail()
  await addresses.apply([{ action: 'hold', linkIndex: link('eth0').index, linkName: 'eth0', prefix }])
  addresses.close()
  await soon(() => addressesOf(link('eth0')).includes('10.9.1.5/32'))
  const added = link('eth0').addresses.find(({ prefix }) => prefix.address.text === '10.9.1.5')
  assert.equal(added?.protocol, 177)
  assert.equal(link('eth0').addresses[0]?.protocol, undefined)

  node.run('ip', 'address', 'delete', '10.9.1.5/32', 'dev', 'eth0')
  await soon(() => !addressesOf(link('eth0')).includes('10.9.1.5/32'))
  assert.deepEqual(returned, [])
})

test('an address that goes and comes back before anybody looks is told of', async () => {
  const before = changes
  // This process is not polled meanwhile.
  for (const address of ['10.9.1.1/24', 'fd09:1::1/64']) {
    node.run('ip', 'address', 'delete', address, 'dev', 'eth0')
    node.run('ip', 'address', 'add', address, 'dev', 'eth0')
  }
  await soon(() => changes > before)
  assert.deepEqual(returned.sort(), ['10.9.1.1/24', 'fd09:1::1/64'])
  assert.deepEqual(addressesOf(link('eth0')).sort(), ['10.9.1.1/24', 'fd09:1::1/64', 'fe80::ff:fe00:1/64'])
})

test('a link that goes down and up, loses its carrier, changes its MAC or MTU is noticed', async () => {
  node.run('ip', 'link', 'set', 'eth0', 'down')
  await soon(() => !link('eth0').up && !link('eth0').carrier)
  node.run('ip', 'link', 'set', 'eth0', 'up', 'mtu', '1400', 'address', '02:00:00:00:00:99')
  await soon(() => link('eth0').up && link('eth0').mtu === 1400 && link('eth0').mac[5] === 0x99)
  lan.setCarrier(node, false)
  await soon(() => link('eth0').up && !link('eth0').carrier)
  lan.setCarrier(node, true)
  await soon(() => link('eth0').carrier)
})

test('a link that appears, is renamed and deleted is noticed, and its addresses go with it', async () => {
  node.run('ip', 'link', 'add', 'new0', 'type', 'veth', 'peer', 'name', 'new1')
  node.run('ip', 'address', 'add', '10.9.1.6/32', 'dev', 'new0')
  await soon(() => addressesOf(link('new0')).includes('10.9.1.6/32'))
  const { index } = link('new0')
  node.run('ip', 'link', 'set', 'new0', 'name', 'old0')
  await soon(() => table.links.get(index)?.name === 'old0')
  assert.deepEqual(addressesOf(link('old0')), ['10.9.1.6/32'])
  node.run('ip', 'link', 'delete', 'old0')
  await soon(() => !table.links.has(index))
})

test('a link that leaves a bridge is not taken for deleted, and keeps its addresses', async () => {
  node.run('ip', 'link', 'add', 'br1', 'type', 'bridge')
  node.run('ip', 'link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'port1')
  node.run('ip', 'address', 'add', '10.9.1.7/32', 'dev', 'port0')
  node.run('ip', 'link', 'set', 'port0', 'master', 'br1')
  node.run('ip', 'link', 'set', 'port0', 'nomaster')
  node.run('ip', 'link', 'set', 'br1', 'mtu', '1300')
  await soon(() => link('br1').mtu === 1300)
  assert.deepEqual(addressesOf(link('port0')), ['10.9.1.7/32'])
  node.run('ip', 'link', 'delete', 'br1')
  node.run('ip', 'link', 'delete', 'port0')
})

test('what changes nothing is not told', async () => {
  await sleep(50)
  const before = changes
  node.run('ip', 'address', 'change', '10.9.1.1/24', 'dev', 'eth0')
  node.run('ip', 'link', 'set', 'eth0', 'alias', 'the uplink')
  await sleep(50)
  assert.equal(changes, before)
})

test('when more happens than the kernel keeps for us, everything is read anew', async () => {
  const chatter = Array.from({ length: 10_000 }, (_, i) => `link set lo mtu ${60_000 + (i % 2)}`)
  const batch = [...chatter, 'address add 10.9.1.8/32 dev lo', 'link set lo mtu 65000'].join('\n')
  // Synchronous: nothing is read meanwhile.
  const { status } = spawnSync('ip', ['-netns', node.name, '-batch', '-'], { input: batch })
  assert.equal(status, 0)
  await soon(() => link('lo').mtu === 65_000, 2000)
  assert.ok(table.overruns > 0)
  assert.ok(addressesOf(link('lo')).includes('10.9.1.8/32'))
  assert.deepEqual(addressesOf(link('eth0')).slice(0, 1), ['10.9.1.1/24'])

  node.run('ip', 'address', 'delete', '10.9.1.8/32', 'dev', 'lo')
  await soon(() => !addressesOf(link('lo')).includes('10.9.1.8/32'))
})

test('a closed watch tells nothing', async () => {
  const silent = await inNamespace('links1', () => watchLinks(() => assert.fail('told')))
  silent.close()
  node.run('ip', 'link', 'set', 'eth0', 'mtu', '1450')
  await soon(() => link('eth0').mtu === 1450)
})

function link(name: string): Link {
  const found = [...table.links.values()].find(candidate => candidate.name === name)
  return found ?? { ...NO_LINK, name }
}

const NO_LINK = {
  index: 0,
  mac: new Uint8Array(),
  mtu: 0,
  up: false,
  carrier: false,
  loopback: false,
  noArp: false,
  addresses: [],
}

function addressesOf({ addresses }: Link): string[] {
  return addresses.map(({ prefix }) => formatPrefix(prefix))
}

async function soon(isTrue: () => boolean, limit = 500): Promise<void> {
  const end = performance.now() + limit
  while (!isTrue()) {
    assert.ok(performance.now() < end, `not within ${limit} ms`)
    await sleep(1)
  }
}
