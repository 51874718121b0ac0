import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Reception } from '../../src/agent/reception.ts'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { RouterSet } from '../../src/vrrp/router-set.ts'
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
  const set = new RouterSet()
  for (const virtualRouterID of ids) {
    const preemption = { mode: 'Always', delay: 0 } as const
    const own = { family: 'IPv4', version: 3, priority: 100, advertisementInterval: 100 } as const
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
