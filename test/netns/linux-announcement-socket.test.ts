import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ipAddress } from '../../src/lib/ip-address.ts'
import {
  type AnnouncementSocket,
  type HeardAnnouncement,
  openAnnouncementSocket,
} from '../../src/linux/announcement-socket.ts'
import { type FrameSocket, openFrameSocket } from '../../src/linux/frame-socket.ts'
import { arpProbe, gratuitousArp } from '../../src/wire/arp.ts'
import { unsolicitedNeighborAdvertisement } from '../../src/wire/neighbor-advertisement.ts'
import { duplicateAddressSolicitation } from '../../src/wire/neighbor-solicitation.ts'
import { eventually } from '../lab/daemons.ts'
import { type LabNode, openLan } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'

const lan = openLan({ bridge: 'br-heard' })
let a: LabNode
let b: LabNode
let sockets: Record<'a' | 'b', FrameSocket>
let listening: AnnouncementSocket
let heard: string[] = []

before(() => {
  a = lan.addNode({ name: 'heard-a', addresses: ['10.9.5.1/24', 'fd09::1/64'] })
  b = lan.addNode({ name: 'heard-b', addresses: ['10.9.5.2/24', 'fd09::2/64'] })
  sockets = { a: inNamespace('heard-a', openFrameSocket), b: inNamespace('heard-b', openFrameSocket) }
  listening = inNamespace('heard-a', () => openAnnouncementSocket(all => heard.push(...all.map(textOf))))
})

after(() => {
  listening.close()
  for (const socket of Object.values(sockets)) socket.close()
  lan.close()
})

for (const [what, frame, address] of [
  ['a gratuitous ARP', gratuitousArp(ipAddress('10.9.5.7'), mac(2)), '10.9.5.7'],
  ['a gratuitous ARP of an address it has itself', gratuitousArp(ipAddress('10.9.5.1'), mac(2)), '10.9.5.1'],
  ['an unsolicited NA', unsolicitedNeighborAdvertisement(ipAddress('fd09::7'), mac(2), false), 'fd09::7'],
  [
    'an unsolicited NA of an address it has itself',
    unsolicitedNeighborAdvertisement(ipAddress('fd09::1'), mac(2), true),
    'fd09::1',
  ],
] as const) {
  test(`hears ${what}, with the link it came on and who sent it`, async () => {
    heard = []
    sockets.b.send(indexOf(b), frame)
    await eventually('it is heard', () => heard.length > 0)
    assert.deepEqual(heard, [`${address} is at 02:00:00:00:00:02 on ${indexOf(a)}`])
  })
}

for (const [what, probe, address] of [
  ['an ARP Probe', arpProbe(ipAddress('10.9.5.2'), mac(1)), '10.9.5.2'],
  [
    'a Neighbor Solicitation of Duplicate Address Detection',
    duplicateAddressSolicitation(ipAddress('fd09::2'), mac(1)),
    'fd09::2',
  ],
] as const) {
  test(`hears who has an address answer ${what}, and who hasn't it be silent`, async () => {
    heard = []
    sockets.a.send(indexOf(a), arpProbe(ipAddress('10.9.5.9'), mac(1)))
    sockets.a.send(indexOf(a), duplicateAddressSolicitation(ipAddress('fd09::9'), mac(1)))
    sockets.a.send(indexOf(a), probe)
    await eventually('it is heard', () => heard.length > 0)
    await sleep(100)
    assert.deepEqual(heard, [`${address} is at 02:00:00:00:00:02 on ${indexOf(a)}`])
    assert.doesNotMatch(b.run('ip', 'neighbour'), /02:00:00:00:00:01/, 'the question taught it nothing')
  })
}

test('does not hear a Neighbor Advertisement that was forwarded (RFC 4861 §7.1.2)', async () => {
  heard = []
  const forwarded = unsolicitedNeighborAdvertisement(ipAddress('fd09::7'), mac(2), false)
  forwarded[HOP_LIMIT] = 254
  sockets.b.send(indexOf(b), forwarded)
  sockets.b.send(indexOf(b), unsolicitedNeighborAdvertisement(ipAddress('fd09::8'), mac(2), false))
  await eventually('the next one is heard', () => heard.length > 0)
  assert.deepEqual(heard, [`fd09::8 is at 02:00:00:00:00:02 on ${indexOf(a)}`])
})

test('hears neither questions, nor answers to them, nor what this node announces', async () => {
  heard = []
  b.run('ip', 'neighbour', 'flush', 'dev', 'eth0')
  a.run('ip', 'neighbour', 'flush', 'dev', 'eth0')
  sockets.a.send(indexOf(a), gratuitousArp(ipAddress('10.9.5.1'), mac(1)))
  sockets.a.send(indexOf(a), unsolicitedNeighborAdvertisement(ipAddress('fd09::1'), mac(1), false))
  b.run('bash', '-c', 'echo >/dev/udp/10.9.5.1/9; echo >/dev/udp/fd09::1/9')
  a.run('bash', '-c', 'echo >/dev/udp/10.9.5.2/9; echo >/dev/udp/fd09::2/9')
  await eventually('they have found each other', () => /10\.9\.5\.2 .*lladdr/.test(a.run('ip', 'neighbour')))
  await sleep(100)
  assert.deepEqual(heard, [])
})

/** In a frame with an IPv6 header. */
const HOP_LIMIT = 21

function textOf({ linkIndex, address, mac }: HeardAnnouncement): string {
  return `${address.text} is at ${Array.from(mac, byte => byte.toString(16).padStart(2, '0')).join(':')} on ${linkIndex}`
}

function mac(last: number): Uint8Array {
  return Uint8Array.of(2, 0, 0, 0, 0, last)
}

function indexOf(node: LabNode): number {
  return Number(node.run('cat', '/sys/class/net/eth0/ifindex'))
}
