import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HmacAuthentication, type HmacKeys } from '../../src/agent/hmac-authentication.ts'
import { Reception } from '../../src/agent/reception.ts'
import { type IpAddress, ipAddress } from '../../src/lib/ip-address.ts'
import { UNICAST_PROBE } from '../../src/linux/vrrp-socket.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
import type { Unicast } from '../../src/vrrp/virtual-router.ts'
import { simplePassword } from '../../src/wire/simple-password.ts'
import { encodeAdvertisement, VRRP_GROUP } from '../../src/wire/vrrp.ts'

const addresses = [ipAddress('10.0.0.100')]
const source = ipAddress('10.0.0.6')
const destination = VRRP_GROUP.IPv4
const noPassword = () => undefined

function packet(priority: number, virtualRouterID = 51, from = source) {
  const advertisement = { version: 3 as const, virtualRouterID, priority, interval: 100, addresses }
  const payload = encodeAdvertisement(advertisement, { source: from, destination, checksum: 'RFC9568' })
  return { payload, source: from, destination, ttl: 255, fromThisNode: false }
}

function receptionOf(...ids: number[]): Reception {
  return receptionWith(ids, {})
}

function receptionWith(ids: readonly number[], more: { readonly version?: 2; readonly unicast?: Unicast }): Reception {
  const set = new RouterSet()
  for (const virtualRouterID of ids) {
    const preemption = { mode: 'Always', delay: 0 } as const
    const own = { family: 'IPv4', version: 3, priority: 100, advertisementInterval: 100, ...more } as const
    const config = { ...own, virtualRouterID, addresses, preemption, primaryAddress: ipAddress('10.0.0.5') }
    set.add(`vip${virtualRouterID}`, 2, config, 0)
  }
  return new Reception(set)
}

describe('what was heard before', () => {
  test('is the same object when the same sender says the same again, also from bytes that are overwritten', () => {
    const reception = receptionOf(51)
    const first = packet(200)
    const heard = reception.decode(2, 'IPv4', first, noPassword)
    assert.equal(heard.type === 'Advertisement' && heard.key, 'vip51')
    first.payload.fill(0)
    assert.equal(reception.decode(2, 'IPv4', packet(200), noPassword), heard)
  })

  test('is another where anything in it is: bytes, sender, VRID, link', () => {
    const reception = receptionOf(51, 52)
    const heard = reception.decode(2, 'IPv4', packet(200), noPassword)
    assert.notEqual(reception.decode(2, 'IPv4', packet(200, 52), noPassword), heard)
    assert.equal(reception.decode(3, 'IPv4', packet(200), noPassword).type, 'Foreign')
    assert.notEqual(reception.decode(2, 'IPv4', packet(200, 51, ipAddress('10.0.0.7')), noPassword), heard)
    assert.notEqual(reception.decode(2, 'IPv4', packet(199), noPassword), heard)
  })

  test('proves nothing once it is forgotten', () => {
    const reception = receptionOf(51)
    assert.equal(reception.decode(2, 'IPv4', packet(200), noPassword).type, 'Advertisement')
    const password = () => ({ type: 'PASS' as const, password: simplePassword('secret') })
    assert.equal(reception.decode(2, 'IPv4', packet(200), password).type, 'Advertisement', 'nobody said it has changed')
    reception.forget('vip51')
    assert.equal(reception.decode(2, 'IPv4', packet(200), password).type, 'Refused')
  })
})

describe('by unicast', () => {
  const own = ipAddress('10.0.0.5')
  const group = VRRP_GROUP.IPv4
  const unicast = { peers: [source], ttl: 255, minTTL: 250, multicast: false }

  /** What becomes of an advert of a virtual router that is told to speak so. */
  function fateOf(told: Partial<Unicast> | undefined, more: { from?: string; to?: IpAddress; ttl?: number }): string {
    const { from = source.text, to = own, ttl = 255 } = more
    const result = receptionWith([51], told ? { unicast: { ...unicast, ...told } } : {}).decode(
      2,
      'IPv4',
      heard(from, to, ttl),
      noPassword,
    )
    return result.type === 'Refused' ? `${result.error.reason}: ${result.error.detail}` : result.type
  }

  function heard(from: string, to: IpAddress, ttl: number) {
    const advertisement = { version: 3 as const, virtualRouterID: 51, priority: 200, interval: 100, addresses }
    const path = { source: ipAddress(from), destination: to }
    const payload = encodeAdvertisement(advertisement, { ...path, checksum: 'PseudoHeader' })
    return { ...path, payload, ttl, fromThisNode: false }
  }

  test('only peers are believed, and only from as near as they are said to be', () => {
    assert.equal(fateOf({}, {}), 'Advertisement')
    assert.equal(fateOf({}, { from: '10.0.0.7' }), 'Peer: it comes from none of the peers')
    assert.equal(fateOf({}, { ttl: 250 }), 'Advertisement')
    assert.equal(fateOf({}, { ttl: 249 }), 'TTL: TTL is 249, must be at least 250')
    assert.equal(fateOf({ peers: [] }, {}), 'Peer: it comes from none of the peers')
  })

  test('who speaks by the other transport is refused, but for a peer that is changing over', () => {
    assert.equal(
      fateOf({}, { to: group, from: '10.0.0.7' }),
      'Transport: it came by multicast, this virtual router speaks unicast',
    )
    assert.equal(fateOf({}, { to: group }), 'Ignored')
    assert.equal(fateOf(undefined, {}), 'Transport: it came by unicast, this virtual router speaks multicast')
    assert.equal(fateOf(undefined, { to: group }), 'Advertisement')
  })

  test('while it changes over it believes its peers, and whoever speaks to the group', () => {
    assert.equal(fateOf({ multicast: true }, { to: group, from: '10.0.0.7' }), 'Advertisement')
    assert.equal(fateOf({ multicast: true }, {}), 'Advertisement')
    assert.equal(fateOf({ multicast: true }, { from: '10.0.0.7' }), 'Peer: it comes from none of the peers')
  })

  test('what a peer asks its own firewall is nothing to mind', () => {
    const packet = { ...heard(source.text, own, 255), payload: UNICAST_PROBE }
    assert.equal(receptionWith([51], { unicast }).decode(2, 'IPv4', packet, noPassword).type, 'Ignored')
  })

  test('the same bytes from farther away, or to the group, are looked at anew', () => {
    const reception = receptionWith([51], { unicast: { ...unicast, multicast: true } })
    const near = heard(source.text, own, 255)
    const first = reception.decode(2, 'IPv4', near, noPassword)
    assert.equal(reception.decode(2, 'IPv4', near, noPassword), first)
    assert.equal(reception.decode(2, 'IPv4', { ...near, ttl: 9 }, noPassword).type, 'Refused')
    assert.equal(reception.decode(2, 'IPv4', { ...near, destination: group }, noPassword).type, 'Refused', 'checksum')
  })
})

describe('of adverts that are signed', () => {
  const keys: HmacKeys = { mode: 'Enforce', keys: new Map([[1, new Uint8Array(32)]]), activeKey: 1, timeWindow: 5000 }
  const clock = { wallClock: () => 1_800_000_000_000 }
  const sender = new HmacAuthentication(keys, clock)
  const signed = (priority: number) => {
    const plain = packet(priority)
    const [payload = plain.payload] = sender.sign([{ message: plain.payload, path: { source, destination } }])
    return { ...plain, payload }
  }
  const receiving = (mode: HmacKeys['mode']) => {
    const reception = receptionOf(51)
    const own = new HmacAuthentication({ ...keys, mode }, clock)
    return (given: ReturnType<typeof packet>) => reception.decode(2, 'IPv4', given, () => own)
  }
  const fate = (received: ReturnType<ReturnType<typeof receiving>>) => {
    if (received.type === 'Refused') return received.error.reason
    return received.type === 'Advertisement' ? `believed, ${received.doubt?.reason ?? 'without doubt'}` : received.type
  }

  test('one that says the same as the last is the same object, though it is signed anew', () => {
    const receive = receiving('Enforce')
    const first = receive(signed(200))
    assert.equal(fate(first), 'believed, without doubt')
    assert.equal(receive(signed(200)), first)
    assert.notEqual(receive(signed(199)), first)
  })

  test('one that comes again is refused, and so is what it says without its signature', () => {
    const receive = receiving('Enforce')
    const first = signed(200)
    assert.equal(fate(receive(first)), 'believed, without doubt')
    assert.equal(fate(receive(first)), 'HMACReplayed')
    assert.equal(fate(receive(packet(200))), 'HMACMissing')
    assert.equal(fate(receive(signed(200))), 'believed, without doubt')
  })

  for (const mode of ['Permissive', 'ReceiveOnly'] as const) {
    test(`with mode ${mode} those that are not signed, or not well, are believed, and it is said of each why they would not be`, () => {
      const receive = receiving(mode)
      const first = signed(200)
      assert.equal(fate(receive(packet(200))), 'believed, HMACMissing')
      assert.equal(fate(receive(first)), 'believed, without doubt')
      assert.equal(fate(receive(first)), 'believed, HMACReplayed')
      assert.equal(fate(receive(packet(200))), 'believed, HMACMissing')
    })
  }

  for (const mode of ['Enforce', 'Permissive'] as const) {
    test(`while the transport changes over, with mode ${mode}, the second copy of each is nothing to mind, and one that comes again is a replay`, () => {
      const reception = receptionWith([51], { unicast: { peers: [source], ttl: 255, minTTL: 255, multicast: true } })
      const own = new HmacAuthentication({ ...keys, mode }, clock)
      const receive = (given: ReturnType<typeof packet>) => fate(reception.decode(2, 'IPv4', given, () => own))
      const replayed = mode === 'Enforce' ? 'HMACReplayed' : 'believed, HMACReplayed'
      for (let i = 0; i < 3; i++) {
        const [byUnicast, byMulticast] = copies()
        assert.equal(receive(byUnicast), 'believed, without doubt')
        assert.equal(receive(byMulticast), 'Ignored')
        assert.equal(receive(byMulticast), replayed)
        assert.equal(receive(byUnicast), replayed)
      }
    })
  }

  /** One advert that is signed once and sent both ways. */
  function copies() {
    const advertisement = { version: 3 as const, virtualRouterID: 51, priority: 200, interval: 100, addresses }
    const both = [ipAddress('10.0.0.5'), destination].map(to => {
      const path = { source, destination: to }
      return { path, message: encodeAdvertisement(advertisement, { ...path, checksum: 'PseudoHeader' }) }
    })
    const signed = sender.sign(both)
    const packets = both.map(({ path, message }, i) => ({
      ...path,
      payload: signed[i] ?? message,
      ttl: 255,
      fromThisNode: false,
    }))
    return packets as [(typeof packets)[0], (typeof packets)[0]]
  }

  for (const mode of ['Permissive', 'ReceiveOnly'] as const) {
    test(`with mode ${mode} those with a password are believed too, and not with mode Enforce`, () => {
      const advertisement = {
        ...{ version: 2 as const, virtualRouterID: 51, priority: 200, interval: 1000, addresses },
        authentication: { type: 'PASS' as const, password: simplePassword('secret') },
      }
      const payload = encodeAdvertisement(advertisement, { source, destination, checksum: 'RFC9568' })
      const receive = (to: HmacKeys['mode']) => {
        const own = new HmacAuthentication({ ...keys, mode: to }, clock)
        return fate(receptionWith([51], { version: 2 }).decode(2, 'IPv4', { ...packet(200), payload }, () => own))
      }
      assert.equal(receive(mode), 'believed, HMACMissing')
      assert.equal(receive('Enforce'), 'AuthenticationType')
    })
  }

  test('whoever has no authentication believes them too', () => {
    const reception = receptionOf(51)
    assert.equal(reception.decode(2, 'IPv4', signed(200), noPassword).type, 'Advertisement')
  })
})
