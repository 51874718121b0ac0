import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { type FrameSocket, openFrameSocket } from '../../src/linux/frame-socket.ts'
import { gratuitousArp } from '../../src/wire/arp.ts'
import { type LabNode, openLan } from '../lab/lan.ts'
import { inNamespace } from '../lab/namespace.ts'

const lan = openLan({ bridge: 'br-frame' })
let a: LabNode
let b: LabNode
let frames: FrameSocket
let eth0 = 0

before(() => {
  a = lan.addNode({ name: 'frame-a', addresses: ['10.9.4.1/24'] })
  b = lan.addNode({ name: 'frame-b', addresses: ['10.9.4.2/24'] })
  frames = inNamespace('frame-a', openFrameSocket)
  const links: { ifindex: number }[] = JSON.parse(a.run('ip', '-json', 'link', 'show', 'dev', 'eth0'))
  eth0 = links[0]?.ifindex ?? 0
})

after(() => {
  frames.close()
  lan.close()
})

test('a neighbour takes over what a gratuitous ARP says', async () => {
  b.run('ip', 'neighbour', 'replace', '10.9.4.5', 'lladdr', '02:00:00:00:00:ff', 'dev', 'eth0', 'nud', 'stale')
  frames.send(eth0, gratuitousArp(ipAddress('10.9.4.5'), Uint8Array.of(2, 0, 0, 0, 0, 1)))
  for (let i = 0; i < 50 && !neighbours().includes('02:00:00:00:00:01'); i++) await sleep(5)
  assert.match(neighbours(), /10\.9\.4\.5 dev eth0 lladdr 02:00:00:00:00:01/)
})

test('a link that is down or gone is an error with its name', () => {
  const frame = gratuitousArp(ipAddress('10.9.4.5'), Uint8Array.of(2, 0, 0, 0, 0, 1))
  assert.throws(() => frames.send(999, frame), /^SyscallError: Cannot send a frame on link 999: ENXIO$/)
  a.run('ip', 'link', 'set', 'eth0', 'down')
  assert.throws(() => frames.send(eth0, frame), /^SyscallError: Cannot send a frame on link \d+: ENETDOWN$/)
  a.run('ip', 'link', 'set', 'eth0', 'up')
})

test('nothing that arrives is kept for it', () => {
  b.run('bash', '-c', 'for i in {1..50}; do echo >/dev/udp/10.9.4.1/9; done')
  // Columns of /proc/net/packet: sk RefCnt Type Proto Iface R Rmem …
  const [, ...sockets] = a.run('cat', '/proc/net/packet').trim().split('\n')
  assert.deepEqual(
    sockets.map(line => line.trim().split(/\s+/)[6]),
    ['0'],
  )
})

function neighbours(): string {
  return b.run('ip', 'neighbour', 'show')
}
