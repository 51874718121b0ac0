import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Family, type IpAddress, ipAddress, isLinkLocal } from '../../src/lib/ip-address.ts'
import { close, int32, lastErrno, sendto, setsockopt, socket } from '../../src/linux/libc.ts'
import { type Link, watchLinks } from '../../src/linux/links.ts'
import { ADDRESS_FLAGS } from '../../src/linux/route-messages.ts'
import { SyscallError } from '../../src/linux/syscall-error.ts'
import { openVrrpSocket, type ReceivedPacket, type VrrpSocket } from '../../src/linux/vrrp-socket.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import { VRRP_GROUP } from '../../src/wire/vrrp.ts'
import { type LabNode, openLan } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'

/** One end of the LAN: a socket, and what it heard. */
interface End {
  readonly node: LabNode
  readonly link: Link
  readonly source: IpAddress
  readonly socket: VrrpSocket
  readonly heard: string[]
  readonly refused: DecodeError[]
  readonly ttls: number[]
}

const lan = openLan({ bridge: 'br-vrrp' })
const open = new Set<VrrpSocket>()
let a: LabNode
let b: LabNode

before(() => {
  a = lan.addNode({ name: 'vrrp-a', addresses: ['10.9.3.1/24'] })
  b = lan.addNode({ name: 'vrrp-b', addresses: ['10.9.3.2/24'] })
  a.run('ip', 'link', 'add', 'direct', 'type', 'veth', 'peer', 'name', 'direct', 'netns', 'vrrp-b')
  for (const [node, address] of [
    [a, '10.9.33.1/24'],
    [b, '10.9.33.2/24'],
  ] as const) {
    node.run('ip', 'link', 'set', 'direct', 'up')
    node.run('ip', 'address', 'add', address, 'dev', 'direct')
  }
})

afterEach(() => {
  for (const socket of open) socket.close()
  open.clear()
})

after(() => lan.close())

for (const family of ['IPv4', 'IPv6'] as const) {
  describe(family, () => {
    test('what one node sends, the other hears, with its source, the group and nothing but the payload', async () => {
      const [from, to] = [await endOn(a, family), await endOn(b, family)]
      from.socket.send(Uint8Array.of(1, 2, 3))
      await soon(() => to.heard.length > 0)
      assert.deepEqual(to.heard, [`${from.source.text} > ${VRRP_GROUP[family].text}: 1,2,3`])
      assert.deepEqual(to.refused, [])
    })

    test('a socket on one link hears nothing of another, not even while it is opened', async t => {
      await endOn(a, family)
      const { link, source } = await endOn(b, family)
      const flood = b.spawn('node', ['--input-type=module', '-e', floodOn(link, family, source)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      t.after(() => flood.kill('SIGKILL'))
      await once(flood.stdout ?? assert.fail(), 'data')
      for (let i = 0; i < 20; i++) {
        const { heard, socket } = await endOn(a, family, { link: 'direct' })
        await sleep(5)
        assert.deepEqual(heard, [])
        socket.close()
        open.delete(socket)
      }
    })

    test('it sends from the address it was given, of all that its link has', async () => {
      const second = secondAddress(family)
      const [first, to] = [await endOn(a, family), await endOn(b, family)]
      a.run('ip', 'address', 'add', `${second.text}/24`, 'dev', 'eth0', ...(family === 'IPv6' ? ['nodad'] : []))
      const ends = [first, await endOn(a, family, { source: second })]
      for (const { socket } of ends) socket.send(Uint8Array.of(1))
      await soon(() => to.heard.length > 1)
      const expected = ends.map(({ source }) => `${source.text} > ${VRRP_GROUP[family].text}: 1`)
      assert.deepEqual(to.heard, expected)
      assert.notEqual(expected[0], expected[1])
      a.run('ip', 'address', 'delete', `${second.text}/24`, 'dev', 'eth0')
    })

    test('a node does not hear itself, from whatever address', async () => {
      const [from, to] = [await endOn(a, family), await endOn(b, family)]
      const beside = await endOn(a, family, { source: secondAddress(family) })
      from.socket.send(Uint8Array.of(1))
      await soon(() => to.heard.length > 0)
      await sleep(20)
      assert.deepEqual([from.heard, beside.heard], [[], []])
    })

    test('a packet from its own address that comes back from the LAN is told as one from this node', async () => {
      const [from, to] = [await endOn(a, family), await endOn(b, family)]
      const twin = await endOn(b, family, { source: from.source })
      from.socket.send(Uint8Array.of(1))
      await soon(() => to.heard.length > 0 && twin.heard.length > 0)
      const packet = `${from.source.text} > ${VRRP_GROUP[family].text}: 1`
      assert.deepEqual([to.heard, twin.heard, twin.refused], [[packet], [`this node: ${packet}`], []])
    })

    test('by unicast it sends from its address to whom it is told, as far as it is told, and hears what is sent to it and no multicast', async () => {
      const [from, to] = [await endOn(a, family, { unicast: true }), await endOn(b, family, { unicast: true })]
      const [inGroup, third] = [await endOn(b, family), await endOn(a, family)]
      third.socket.send(Uint8Array.of(9))
      from.socket.send(Uint8Array.of(1), { address: to.source, ttl: 255 })
      from.socket.send(Uint8Array.of(2), { address: to.source, ttl: 7 })
      from.socket.send(Uint8Array.of(3), { address: VRRP_GROUP[family], ttl: 255 })
      await soon(() => to.heard.length > 1 && inGroup.heard.length > 1)
      await sleep(20)
      const path = `${from.source.text} > ${to.source.text}`
      assert.deepEqual(to.heard, [`${path}: 1`, `${path}: 2`])
      assert.deepEqual([to.ttls, to.refused], [[255, 7], []])
      const toGroup = `${from.source.text} > ${VRRP_GROUP[family].text}`
      assert.deepEqual(inGroup.heard, [`${toGroup}: 9`, `${toGroup}: 3`])
    })

    test('what a peer that is not there is sent does not keep another from hearing', async () => {
      const [from, to] = [await endOn(a, family, { unicast: true }), await endOn(b, family, { unicast: true })]
      const absent = [1, 2, 3].map(i => ipAddress(family === 'IPv4' ? `10.9.3.${90 + i}` : `fe80::90${i}`))
      for (let i = 0; i < 1000; i++) {
        for (const address of absent) from.socket.send(new Uint8Array(40), { address, ttl: 255 })
      }
      from.socket.send(Uint8Array.of(1), { address: to.source, ttl: 255 })
      await soon(() => to.heard.length > 0)
    })

    test('a neighbour is heard by the others on its node, and by the LAN as ever; what it asks its firewall is heard by nobody', async () => {
      const [beside, to] = [await endOn(a, family), await endOn(b, family)]
      const neighbour = await endOn(a, family, { isNeighbour: true })
      neighbour.socket.tryToSend()
      neighbour.socket.send(Uint8Array.of(1))
      beside.socket.send(Uint8Array.of(2))
      await soon(() => to.heard.length > 1 && beside.heard.length > 0 && neighbour.heard.length > 0)
      await sleep(20)
      const packet = (byte: number) => `${beside.source.text} > ${VRRP_GROUP[family].text}: ${byte}`
      assert.deepEqual(to.heard, [packet(1), packet(2)])
      assert.deepEqual(beside.heard, [`this node: ${packet(1)}`])
      assert.deepEqual(neighbour.heard, [`this node: ${packet(1)}`])
      assert.deepEqual([to.refused, beside.refused, neighbour.refused], [[], [], []])
    })

    test('one drain hands over all that waits', async () => {
      const [from, to] = [await endOn(a, family), await endOn(b, family, { drains: false })]
      for (let i = 0; i < 100; i++) from.socket.send(Uint8Array.of(i))
      const payloads: number[] = []
      assert.equal(
        to.socket.drain(({ payload }) => payloads.push(payload[0] ?? -1)),
        100,
      )
      assert.deepEqual(
        payloads,
        Array.from({ length: 100 }, (_, i) => i),
      )
      assert.equal(
        to.socket.drain(() => assert.fail()),
        0,
      )
    })

    test('what waits is told again and again until it is drained', async () => {
      let told = 0
      const from = await endOn(a, family)
      const to = await endOn(b, family, { drains: false, onReadable: () => told++ })
      from.socket.send(Uint8Array.of(1))
      await soon(() => told > 3)
      to.socket.drain(() => {})
      await sleep(5)
      const before = told
      await sleep(20)
      assert.equal(told, before)
    })

    for (const ttl of [254, 64, 1]) {
      test(`a packet with TTL ${ttl} is refused`, async () => {
        const to = await endOn(b, family)
        await sendByHand(a, family, VRRP_GROUP[family], ttl)
        await soon(() => to.refused.length > 0)
        assert.deepEqual(to.refused, [new DecodeError('TTL', `TTL is ${ttl}, must be 255`)])
        assert.deepEqual(to.heard, [])
      })
    }

    test('a packet to the node alone, or to another group, is not heard', async () => {
      const [from, to] = [await endOn(a, family), await endOn(b, family)]
      await sendByHand(a, family, to.source, 255)
      await sendByHand(a, family, ipAddress(family === 'IPv4' ? '224.0.0.1' : 'ff02::1'), 255)
      from.socket.send(Uint8Array.of(9))
      await soon(() => to.heard.length > 0)
      assert.deepEqual(to.heard, [`${from.source.text} > ${VRRP_GROUP[family].text}: 9`])
    })

    test('a packet on another link of the node is not heard', async () => {
      const eth0 = await endOn(b, family)
      const from = await endOn(a, family, { link: 'direct' })
      const to = await endOn(b, family, { link: 'direct' })
      from.socket.send(Uint8Array.of(5))
      await soon(() => to.heard.length > 0)
      await sleep(20)
      assert.deepEqual(eth0.heard, [])
    })

    test('a packet as long as 255 addresses make it is sent and heard', async () => {
      const [from, to] = [await endOn(a, family), await endOn(b, family, { drains: false })]
      const longest = new Uint8Array(8 + 255 * (family === 'IPv4' ? 4 : 16)).fill(7)
      from.socket.send(longest)
      let length = 0
      await soon(() => to.socket.drain(({ payload }) => (length = payload.length)) > 0)
      assert.equal(length, longest.length)
    })

    test("a firewall that refuses protocol 112 is a sentence, and an end of the link's is too", async () => {
      const from = await endOn(a, family)
      a.run('nft', 'add table inet t { chain o { type filter hook output priority 0; meta l4proto 112 drop; }; }')
      assert.throws(
        () => from.socket.send(Uint8Array.of(1)),
        isSyscallError(`Cannot send to ${VRRP_GROUP[family].text} on eth0: EPERM (refused by this node's firewall)`),
      )
      a.run('nft', 'delete table inet t')
      a.run('ip', 'link', 'set', 'eth0', 'down')
      assert.throws(() => from.socket.send(Uint8Array.of(1)), /^SyscallError: Cannot send to .* on eth0: E[A-Z]+$/)
      a.run('ip', 'link', 'set', 'eth0', 'up')
    })

    test('on a link that is gone, no socket is opened', () => {
      const gone = { index: 999, name: 'gone0' }
      const source = ipAddress(family === 'IPv4' ? '10.9.3.1' : 'fe80::1')
      const options = { family, source, link: gone, onReadable: () => {}, onRefused: () => {} }
      assert.throws(() => openVrrpSocket(options), isSyscallError('Cannot open a VRRP socket on gone0: ENODEV'))
    })
  })
}

test('a promise kept while a packet is told of does not wait for another event', () => {
  // A process of its own: in this one, the test runner's events come often enough.
  const program = `
    import { ipAddress } from './src/lib/ip-address.ts'
    import { openVrrpSocket } from './src/linux/vrrp-socket.ts'
    import { inNamespace } from './test/lab/namespace.ts'
    const open = (node, index, source, onReadable) => inNamespace(node, () => openVrrpSocket({
      family: 'IPv4', link: { index, name: 'eth0' }, source: ipAddress(source), onReadable, onRefused() {},
    }))
    const [from, to] = [
      open('vrrp-a', ${indexOf(a)}, '10.9.3.1', () => {}),
      open('vrrp-b', ${indexOf(b)}, '10.9.3.2', () => {
        const told = performance.now()
        to.drain(() => {})
        Promise.resolve().then(() => process.stdout.write(String(performance.now() - told)))
      }),
    ]
    setTimeout(() => from.send(Uint8Array.of(1)), 100)
    setTimeout(() => {
      from.close()
      to.close()
    }, 1000)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  assert.match(stdout, /^\d/, stderr)
  assert.ok(Number(stdout) < 500, `${stdout} ms`)
})

function indexOf(node: LabNode): number {
  const links: { ifindex: number }[] = JSON.parse(node.run('ip', '-json', 'link', 'show', 'dev', 'eth0'))
  return links[0]?.ifindex ?? 0
}

interface EndOptions {
  readonly link?: string
  readonly source?: IpAddress
  readonly isNeighbour?: boolean
  readonly unicast?: boolean
  /** Whether it reads at once. */
  readonly drains?: boolean
  readonly onReadable?: () => void
}

async function endOn(
  node: LabNode,
  family: Family,
  {
    link: name = 'eth0',
    source,
    isNeighbour = false,
    unicast = false,
    drains = true,
    onReadable = () => {},
  }: EndOptions = {},
): Promise<End> {
  const link = await linkOn(node, name, family)
  const own = link.addresses.map(({ prefix }) => prefix.address).find(address => isSource(address, family))
  const from = source ?? own ?? assert.fail(`no ${family} address on ${name}`)
  const heard: string[] = []
  const refused: DecodeError[] = []
  const ttls: number[] = []
  const take = (packet: ReceivedPacket) => {
    heard.push(textOf(packet))
    ttls.push(packet.ttl)
  }
  const socket: VrrpSocket = inNamespace(node.name, () =>
    openVrrpSocket({
      family,
      link,
      source: from,
      isNeighbour,
      unicast,
      onReadable: () => {
        onReadable()
        if (drains) socket.drain(take)
      },
      onRefused: error => refused.push(error),
    }),
  )
  open.add(socket)
  return { node, link, source: from, socket, heard, refused, ttls }
}

function textOf({ source, destination, payload, fromThisNode }: ReceivedPacket): string {
  return `${fromThisNode ? 'this node: ' : ''}${source.text} > ${destination.text}: ${payload}`
}

function secondAddress(family: Family): IpAddress {
  return ipAddress(family === 'IPv4' ? '10.9.3.11' : 'fe80::11')
}

/** IPv6 adverts come from a link-local address (RFC 9568 §5.1.2.1). */
function isSource(address: IpAddress, family: Family): boolean {
  return address.family === family && (family === 'IPv4' || isLinkLocal(address))
}

async function linkOn(node: LabNode, name: string, family: Family): Promise<Link> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const table = await inNamespace(node.name, () => watchLinks(() => {}))
    table.close()
    const link = [...table.links.values()].find(candidate => candidate.name === name)
    const isUsable = link?.addresses.some(
      // A tentative one can't be sent from yet: the kernel's work queue comes when it comes.
      ({ prefix, flags }) => isLinkLocal(prefix.address) && (flags & ADDRESS_FLAGS.TENTATIVE) === 0,
    )
    if (link && (family === 'IPv4' || isUsable)) return link
    await sleep(10)
  }
  return assert.fail(`no link ${name} on ${node.name}`)
}

/** A program that sends without end, and says when it has begun. */
function floodOn({ index, name }: Link, family: Family, source: IpAddress): string {
  const of = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href)
  return `
    import { openVrrpSocket } from ${of('linux/vrrp-socket.ts')}
    import { ipAddress } from ${of('lib/ip-address.ts')}
    const socket = openVrrpSocket({
      ...${JSON.stringify({ family, link: { index, name } })},
      source: ipAddress('${source.text}'), onReadable: () => {}, onRefused: () => {},
    })
    const end = performance.now() + 10_000
    const send = () => {
      for (let i = 0; i < 10; i++) socket.send(Uint8Array.of(9))
      if (performance.now() < end) setImmediate(send)
    }
    send()
    console.log('begun')`
}

/** A packet of protocol 112 as this program never sends it. */
async function sendByHand(node: LabNode, family: Family, destination: IpAddress, ttl: number): Promise<void> {
  const { index } = await linkOn(node, 'eth0', family)
  inNamespace(node.name, () => {
    const [domain, level, multicastLink, multicastTtl] = family === 'IPv4' ? [2, 0, 32, 33] : [10, 41, 17, 18]
    const descriptor = socket(domain, 3, 112)
    const onLink = family === 'IPv4' ? Buffer.concat([new Uint8Array(8), int32(index)]) : int32(index)
    assert.equal(setsockopt(descriptor, level, multicastLink, onLink, onLink.length), 0)
    assert.equal(setsockopt(descriptor, level, multicastTtl, int32(ttl), 4), 0)
    const head = new Uint8Array(Uint16Array.of(domain).buffer)
    const address =
      family === 'IPv4'
        ? Buffer.concat([head, new Uint8Array(2), destination.bytes, new Uint8Array(8)])
        : Buffer.concat([head, new Uint8Array(6), destination.bytes, int32(index)])
    assert.equal(sendto(descriptor, Uint8Array.of(1), 1, 0, address, address.length), 1, lastErrno())
    close(descriptor)
  })
}

function isSyscallError(message: string): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof SyscallError)
    assert.equal(error.message, message)
    return true
  }
}

async function soon(isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 1000
  while (!isTrue()) {
    assert.ok(performance.now() < end, 'not within a second')
    await sleep(1)
  }
}
