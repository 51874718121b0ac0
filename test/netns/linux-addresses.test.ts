import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatPrefix, parsePrefix } from '../../src/lib/ip-address.ts'
import { type AddressChange, type Addresses, openAddresses } from '../../src/linux/addresses.ts'
import { type LinkTable, watchLinks } from '../../src/linux/links.ts'
import { encodeRouteLookup, type RouteMessage } from '../../src/linux/route-messages.ts'
import { NO_GROUPS, RouteSocket } from '../../src/linux/route-socket.ts'
import { type LabNode, openLan } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'

const MARK = 201
const LONG = 60_000

interface AddressJson {
  readonly local: string
  readonly prefixlen: number
  readonly scope: string
  readonly noprefixroute?: boolean
  readonly nodad?: boolean
  readonly tentative?: boolean
  readonly deprecated?: boolean
}

const lan = openLan({ bridge: 'br-addr' })
let node: LabNode
let eth0 = 0
let addresses: Addresses
let table: LinkTable

before(async () => {
  node = lan.addNode({ name: 'addr1', addresses: ['10.9.2.1/24', 'fd09:2::1/64'] })
  addresses = await inNamespace('addr1', () => openAddresses(MARK, LONG))
  table = await inNamespace('addr1', () => watchLinks(() => {}))
  eth0 = [...table.links.values()].find(({ name }) => name === 'eth0')?.index ?? 0
})

afterEach(() => {
  node.run('ip', 'address', 'flush', 'dev', 'eth0', 'scope', 'global')
  node.run('ip', 'address', 'add', '10.9.2.1/24', 'dev', 'eth0')
})

after(() => {
  addresses.close()
  table.close()
  lan.close()
})

test('an IPv4 address is held with our mark and without a route to its prefix, and released', async () => {
  assert.deepEqual(await addresses.apply([hold('10.9.2.5/25')]), [undefined])
  const { prefixlen, noprefixroute, scope } = present('10.9.2.5') ?? assert.fail()
  assert.deepEqual([prefixlen, noprefixroute, scope], [25, true, 'global'])
  assert.equal(await markOf('10.9.2.5'), MARK)
  assert.doesNotMatch(node.run('ip', 'route', 'show'), /10\.9\.2\.0\/25/)
  assert.deepEqual(await addresses.apply([release('10.9.2.5/25')]), [undefined])
  assert.equal(present('10.9.2.5'), undefined)
})

test('an IPv6 address is received for when it is held: the kernel says that it has one some moments before', async () => {
  const routes = inNamespace('addr1', () => new RouteSocket(NO_GROUPS))
  for (let i = 1; i <= 100; i++) {
    const prefix = parsePrefix(`fd09:2::a:${i}/64`) ?? assert.fail()
    assert.deepEqual(await addresses.apply([hold(formatPrefix(prefix))]), [undefined])
    const answers: RouteMessage[] = []
    routes.send(encodeRouteLookup(prefix.address, i))
    routes.drain(({ message }) => answers.push(message))
    assert.deepEqual(answers, [{ type: 'Route', isLocal: true }], `address ${i}`)
  }
  routes.close()
})

test('an IPv6 address is held at once, without duplicate address detection, and is no source of its own', async () => {
  node.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad')
  assert.deepEqual(await addresses.apply([hold('fd09:2::5/128')]), [undefined])
  const { prefixlen, noprefixroute, nodad, tentative, deprecated } = present('fd09:2::5') ?? assert.fail()
  assert.deepEqual([prefixlen, noprefixroute], [128, true])
  assert.equal(await markOf('fd09:2::5'), MARK)
  assert.deepEqual([nodad, tentative, deprecated], [true, undefined, true])
  assert.deepEqual(await addresses.apply([release('fd09:2::5/128')]), [undefined])
  assert.equal(present('fd09:2::5'), undefined)
})

test('an IPv6 address with a prefix length of its own is not deprecated and adds no route', async () => {
  assert.deepEqual(await addresses.apply([hold('fd09:77::5/64')]), [undefined])
  assert.deepEqual([present('fd09:77::5')?.prefixlen, present('fd09:77::5')?.deprecated], [64, undefined])
  assert.doesNotMatch(node.run('ip', '-6', 'route', 'show'), /fd09:77::/)
})

test('to hold what is held and to release what is gone succeeds', async () => {
  assert.deepEqual(await addresses.apply([hold('10.9.2.5/32'), hold('10.9.2.5/32')]), [undefined, undefined])
  assert.deepEqual(await addresses.apply([hold('10.9.2.5/32')]), [undefined])
  assert.deepEqual(await addresses.apply([release('10.9.2.5/32'), release('10.9.2.5/32')]), [undefined, undefined])
  assert.deepEqual(await addresses.apply([release('10.9.2.5/32', 999)]), [undefined])
})

for (const prefix of ['10.9.2.6/32', 'fd09:2::6/128']) {
  test(`${prefix}, where someone else put it, is left as it was`, async () => {
    node.run('ip', 'address', 'add', prefix, 'dev', 'eth0')
    const [error] = await addresses.apply([hold(prefix)])
    assert.equal(error?.message, `Cannot add address ${prefix} on eth0: EEXIST (someone else put it there)`)
    const [address = ''] = prefix.split('/')
    assert.deepEqual([await markOf(address), present(address)?.noprefixroute], [undefined, undefined])
  })
}

test('an address beside ours, of someone else and of the same prefix, stays when ours goes', async () => {
  node.run('ip', 'address', 'add', '10.9.2.7/24', 'dev', 'eth0')
  assert.deepEqual(await addresses.apply([hold('10.9.2.8/24'), hold('10.9.2.7/32')]), [undefined, undefined])
  assert.deepEqual(await addresses.apply([release('10.9.2.8/24'), release('10.9.2.7/32')]), [undefined, undefined])
  assert.equal(present('10.9.2.7')?.prefixlen, 24)
  assert.equal(present('10.9.2.1')?.prefixlen, 24)
})

test('in a batch, each change has its own answer', async () => {
  const results = await addresses.apply([hold('10.9.2.5/32'), hold('10.9.2.6/32', 999), release('10.9.2.5/32')])
  assert.deepEqual(
    results.map(error => error?.message),
    [undefined, 'Cannot add address 10.9.2.6/32 on eth0: ENODEV', undefined],
  )
})

test('where IPv6 is disabled, the answer says so', async () => {
  node.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6')
  const [error] = await addresses.apply([hold('fd09:2::9/128')])
  assert.equal(error?.message, 'Cannot add address fd09:2::9/128 on eth0: EACCES (IPv6 is disabled on eth0)')
  node.run('sh', '-c', 'echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6')
})

test('1,020 addresses come and go in one call, and no notification of it is lost', async t => {
  const prefixes = Array.from({ length: 1020 }, (_, i) =>
    i % 2 === 0 ? `10.9.${100 + Math.floor(i / 400)}.${(i % 400) / 2}/32` : `fd09:9::${i.toString(16)}/128`,
  )
  const begun = performance.now()
  assert.ok((await addresses.apply(prefixes.map(prefix => hold(prefix)))).every(error => error === undefined))
  t.diagnostic(`held in ${Math.round(performance.now() - begun)} ms`)
  const held = () => table.links.get(eth0)?.addresses.filter(({ protocol }) => protocol === MARK) ?? []
  while (held().length < prefixes.length) await sleep(1)
  assert.deepEqual(
    held()
      .map(({ prefix }) => formatPrefix(prefix))
      .sort(),
    prefixes.toSorted(),
  )

  assert.ok((await addresses.apply(prefixes.map(prefix => release(prefix)))).every(error => error === undefined))
  assert.doesNotMatch(node.run('ip', 'address', 'show'), /noprefixroute/)
  assert.equal(table.overruns, 0)
})

test('calls that overlap are made one after the other', async () => {
  const calls = [addresses.apply([hold('10.9.2.5/32')]), addresses.apply([release('10.9.2.5/32')])]
  assert.deepEqual(await Promise.all(calls), [[undefined], [undefined]])
  assert.equal(present('10.9.2.5'), undefined)
})

test('what is held goes away by itself unless it is renewed; what is released, or of someone else, is not touched', async () => {
  const short = await inNamespace('addr1', () => openAddresses(MARK))
  const held = ['10.9.2.20/32', 'fd09:2::20/128'].map(prefix => hold(prefix))
  const released = hold('10.9.2.21/32')
  const foreign = hold('10.9.2.22/32')
  node.run('ip', 'address', 'add', '10.9.2.22/32', 'dev', 'eth0')
  assert.deepEqual(await short.apply([...held, released]), [undefined, undefined, undefined])
  const before = [present('10.9.2.20'), present('fd09:2::20')]
  await short.apply([release('10.9.2.21/32')])
  for (let i = 0; i < 5; i++) {
    await sleep(short.pace)
    await short.renew([...held, released, foreign])
  }
  assert.deepEqual([present('10.9.2.20'), present('fd09:2::20')].map(lasting), before.map(lasting))
  assert.equal(present('10.9.2.21'), undefined)
  assert.equal(await markOf('10.9.2.20'), MARK)
  assert.match(node.run('ip', 'address', 'show', 'to', '10.9.2.22'), /valid_lft forever/)
  const at = Date.now()
  while (present('10.9.2.20') || present('fd09:2::20')) {
    assert.ok(Date.now() < at + 8000, 'still there')
    await sleep(100)
  }
  assert.ok(Date.now() > at + 1000, 'too early')
  short.close()
})

test('what was not made yet at the end is canceled', async () => {
  const ending = await inNamespace('addr1', () => openAddresses(MARK, LONG))
  const calls = [ending.apply([hold('10.9.2.5/32')]), ending.apply([hold('10.9.2.6/32')])]
  await Promise.resolve()
  ending.close()
  const [first, second] = await Promise.all(calls)
  assert.deepEqual(first, [undefined])
  assert.equal(second?.[0]?.message, 'Cannot add address 10.9.2.6/32 on eth0: ECANCELED')
})

/** Without its lifetimes. */
function lasting(address: AddressJson | undefined) {
  const { valid_life_time, preferred_life_time, ...rest } = address as Record<string, unknown> & AddressJson
  return rest
}

function hold(prefix: string, linkIndex = eth0): AddressChange {
  return { action: 'hold', linkIndex, linkName: 'eth0', prefix: parsePrefix(prefix) ?? assert.fail() }
}

function release(prefix: string, linkIndex = eth0): AddressChange {
  return { ...hold(prefix, linkIndex), action: 'release' }
}

function present(address: string): AddressJson | undefined {
  const links: { addr_info: AddressJson[] }[] = JSON.parse(node.run('ip', '-json', 'address', 'show', 'dev', 'eth0'))
  return links.flatMap(({ addr_info }) => addr_info).find(({ local }) => local === address)
}

/** As the kernel tells it. */
async function markOf(address: string): Promise<number | undefined> {
  const now = await inNamespace('addr1', () => watchLinks(() => {}))
  const found = now.links.get(eth0)?.addresses.find(({ prefix }) => prefix.address.text === address)
  now.close()
  return found?.protocol
}
