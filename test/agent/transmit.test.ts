import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AdvertisementBytes, sendCopies } from '../../src/agent/transmit.ts'
import { type Family, ipAddress } from '../../src/lib/ip-address.ts'
import { SyscallError } from '../../src/linux/syscall-error.ts'
import type { Destination, VrrpSocket } from '../../src/linux/vrrp-socket.ts'
import type { Unicast, VirtualRouterConfig } from '../../src/vrrp/virtual-router.ts'
import { DecodeError } from '../../src/wire/decode-error.ts'
import { checksumForm, decodeAdvertisement, VRRP_GROUP } from '../../src/wire/vrrp.ts'

const OWN = { IPv4: '10.0.0.5', IPv6: 'fd00::5' }
const HELD = { IPv4: '10.0.0.100', IPv6: 'fd00::100' }
const PEERS = { IPv4: ['10.0.0.6', '10.7.0.1'], IPv6: ['fd00::6', 'fd07::1'] }

function configOf(family: Family, unicast?: Partial<Unicast>): VirtualRouterConfig {
  return {
    family,
    version: 3,
    virtualRouterID: 51,
    priority: 100,
    advertisementInterval: 200,
    addresses: [ipAddress(HELD[family])],
    preemption: { mode: 'Never' },
    primaryAddress: ipAddress(OWN[family]),
    ...(unicast && {
      unicast: { peers: PEERS[family].map(ipAddress), ttl: 64, minTTL: 1, multicast: false, ...unicast },
    }),
  }
}

for (const family of ['IPv4', 'IPv6'] as const) {
  describe(`an advert over ${family}`, () => {
    const places = (unicast?: Partial<Unicast>) =>
      new AdvertisementBytes()
        .of(configOf(family, unicast), 100, 'PseudoHeader', undefined)
        .map(({ to }) => (to ? `${to.address.text} ${to.ttl}` : 'group'))

    test('goes to the group, or to each peer as far as it is told, or to both while that changes', () => {
      const [one, other] = PEERS[family]
      assert.deepEqual(places(), ['group'])
      assert.deepEqual(places({}), [`${one} 64`, `${other} 64`])
      assert.deepEqual(places({ multicast: true }), [`${one} 64`, `${other} 64`, `${VRRP_GROUP[family].text} 255`])
      assert.deepEqual(places({ peers: [] }), [])
    })

    test('has the checksum of where it goes, as keepalived has it', () => {
      const copies = new AdvertisementBytes().of(configOf(family, {}), 100, 'PseudoHeader', undefined)
      for (const { bytes, to } of copies) {
        const path = { source: ipAddress(OWN[family]), destination: to?.address ?? VRRP_GROUP[family] }
        assert.ok(!(decodeAdvertisement(bytes, path) instanceof DecodeError))
        if (family === 'IPv4') assert.equal(checksumForm(bytes, path), 'PseudoHeader')
        const elsewhere = { ...path, destination: VRRP_GROUP[family] }
        assert.ok(decodeAdvertisement(bytes, elsewhere) instanceof DecodeError)
      }
    })

    test('is made once, until something in it changes', () => {
      const bytes = new AdvertisementBytes()
      const config = configOf(family, {})
      const made = bytes.of(config, 100, 'PseudoHeader', undefined)
      assert.equal(bytes.of(config, 100, 'PseudoHeader', undefined), made)
      assert.notEqual(bytes.of(config, 0, 'PseudoHeader', undefined), made)
      const peers = [ipAddress(PEERS[family][0] ?? '')]
      assert.equal(bytes.of(configOf(family, { peers }), 0, 'PseudoHeader', undefined).length, 1)
    })
  })
}

describe('one peer that cannot be sent to', () => {
  const copies = new AdvertisementBytes().of(configOf('IPv4', {}), 100, 'PseudoHeader', undefined)

  /** Whom it reaches, and what is told, where these are refused so. */
  function send(refused: Readonly<Record<string, string>>): { reached: string[]; told: string[] } {
    const reached: string[] = []
    const socket: VrrpSocket = {
      drain: () => 0,
      send(_, to?: Destination) {
        const { text } = to?.address ?? VRRP_GROUP.IPv4
        const errno = refused[text]
        if (errno) throw new SyscallError(`send to ${text}`, errno)
        reached.push(text)
      },
      tryToSend() {},
      poll() {},
      close() {},
    }
    return { told: sendCopies(socket, copies).map(({ message }) => message), reached }
  }

  test('does not keep the other from hearing it', () => {
    assert.deepEqual(send({ '10.0.0.6': 'EPERM' }), {
      reached: ['10.7.0.1'],
      told: ['Cannot send to 10.0.0.6: EPERM'],
    })
  })

  test('is thrown where nobody is reached, unless it is that no route leads there', () => {
    assert.throws(() => send({ '10.0.0.6': 'ENOBUFS', '10.7.0.1': 'ENETUNREACH' }), { errno: 'ENOBUFS' })
    assert.equal(send({ '10.0.0.6': 'EHOSTUNREACH', '10.7.0.1': 'ENETUNREACH' }).told.length, 2)
  })
})
