/* Whether this node's firewall would let adverts out, without a packet that anybody hears. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { openVrrpSocket } from '../../src/linux/vrrp-socket.ts'
import { eventually } from '../lab/daemons.ts'
import { listenOn } from '../lab/frames.ts'
import { inNamespace } from '../lab/namespace.ts'
import { testLan } from '../lab/test-lan.ts'

for (const [family, source] of [
  ['IPv4', '10.1.0.1'],
  ['IPv6', 'fe80::ff:fe00:1'],
] as const) {
  test(`over ${family} a try is refused where the firewall refuses adverts, and is heard by nobody where it does not`, async t => {
    const { node } = testLan(t, `try${family}`.toLowerCase())
    const [node1, node2] = [node(), node()]
    const listener = listenOn(node2)
    t.after(() => listener.close())
    const index = Number(node1.run('cat', '/sys/class/net/eth0/ifindex'))
    const received: string[] = []
    const socket = inNamespace(node1.name, () =>
      openVrrpSocket({
        family,
        link: { index, name: 'eth0' },
        source: ipAddress(source),
        onReadable: () => socket.drain(packet => received.push(packet.source.text)),
        onRefused: error => received.push(error.reason),
      }),
    )
    t.after(() => socket.close())

    socket.tryToSend()
    // Version 3, VRID 9, priority 7: heard, so what was tried before it would have been.
    socket.send(Uint8Array.of(0x31, 9, 7, 1, 0, 100, 0, 0))
    const advert = `advert 9 priority 7 from ${source}`
    await eventually('the advert is heard', () => listener.heard.includes(advert))
    assert.deepEqual(
      listener.heard.filter(line => line.startsWith('advert')),
      [advert],
    )

    const chain = 'add chain inet firewall out { type filter hook output priority 0; }'
    node1.run('nft', `add table inet firewall; ${chain}; add rule inet firewall out meta l4proto 112 drop`)
    assert.throws(() => socket.tryToSend(), { errno: 'EPERM', message: /refused by this node's firewall/ })
    node1.run('nft', 'delete', 'table', 'inet', 'firewall')
    socket.tryToSend()
    await sleep(20)
    assert.deepEqual(received, [], 'nor by this node')
  })
}

for (const [family, source, peer] of [
  ['IPv4', '10.1.0.1', '10.1.0.2'],
  ['IPv6', 'fd01::1', 'fd01::2'],
] as const) {
  test(`over ${family} by unicast a try is refused where the firewall refuses adverts to that peer, which hears nothing to mind`, async t => {
    const { node } = testLan(t, `tru${family}`.toLowerCase())
    const [node1, node2] = [node(), node()]
    const listener = listenOn(node2)
    t.after(() => listener.close())
    const index = Number(node1.run('cat', '/sys/class/net/eth0/ifindex'))
    const socket = inNamespace(node1.name, () =>
      openVrrpSocket({
        family,
        link: { index, name: 'eth0' },
        source: ipAddress(source),
        unicast: true,
        onReadable() {},
        onRefused() {},
      }),
    )
    t.after(() => socket.close())
    const [to, other] = [peer, `${peer}7`].map(text => ({ address: ipAddress(text), ttl: 255 }))
    const chain = 'add chain inet firewall out { type filter hook output priority 0; }'
    const rule = `${family === 'IPv4' ? 'ip' : 'ip6'} daddr ${peer} meta l4proto 112 drop`
    node1.run('nft', `add table inet firewall; ${chain}; add rule inet firewall out ${rule}`)
    assert.throws(() => socket.tryToSend(to), { errno: 'EPERM', message: /refused by this node's firewall/ })
    socket.tryToSend(other)
    node1.run('nft', 'delete', 'table', 'inet', 'firewall')
    socket.tryToSend(to)
    const heard = () => listener.heard.filter(line => line.startsWith('advert'))
    await eventually('the peer hears it', () => heard().length > 0)
    assert.deepEqual(heard(), [`advert 0 priority 0 from ${source}`], 'of no virtual router')
  })
}
