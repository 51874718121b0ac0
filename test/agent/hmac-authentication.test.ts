import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HmacAuthentication, type HmacKeys } from '../../src/agent/hmac-authentication.ts'
import { ipAddress } from '../../src/lib/ip-address.ts'
import { readTrailer } from '../../src/wire/hmac-trailer.ts'
import { encodeAdvertisement, VRRP_GROUP } from '../../src/wire/vrrp.ts'

const SOURCE = ipAddress('10.0.0.6')
const PATH = { source: SOURCE, destination: VRRP_GROUP.IPv4 }
const MESSAGE = encodeAdvertisement(
  { version: 3, virtualRouterID: 51, priority: 200, interval: 200, addresses: [ipAddress('10.0.0.100')] },
  { ...PATH, checksum: 'PseudoHeader' },
)
const [FIRST, SECOND] = [new Uint8Array(32).fill(1), new Uint8Array(64).fill(2)]
const ONE: HmacKeys = { mode: 'Enforce', keys: new Map([[1, FIRST]]), activeKey: 1, timeWindow: 5000 }
const BOTH: HmacKeys = { ...ONE, keys: new Map([...ONE.keys, [2, SECOND]]) }

/** A node with a clock that stands still until it is set. */
function node(keys: HmacKeys) {
  const clock = { time: 1_800_000_000_000, wallClock: () => clock.time }
  const hmac = new HmacAuthentication(keys, clock)
  return {
    hmac,
    clock,
    advert: () => hmac.sign([{ message: MESSAGE, path: PATH }])[0] ?? MESSAGE,
    hears: (advert: Uint8Array) => {
      const refusal = hmac.refusal(advert, SOURCE, 'Multicast')
      return refusal === 'Copy' ? refusal : (refusal?.reason ?? 'believed')
    },
  }
}

describe('keys change without an advert that is not believed', () => {
  test('when all have the new one before anybody signs with it, and nobody does with the old one before it goes', () => {
    const [a, b] = [node(ONE), node(ONE)]
    const each = (work: (keys: ReturnType<typeof node>) => void) => {
      for (const one of [a, b]) {
        work(one)
        assert.equal(b.hears(a.advert()), 'believed')
        assert.equal(a.hears(b.advert()), 'believed')
      }
    }
    each(({ hmac }) => hmac.change(BOTH))
    each(({ hmac }) => hmac.change({ ...BOTH, activeKey: 2 }))
    each(({ hmac }) => hmac.change({ ...ONE, keys: new Map([[2, SECOND]]), activeKey: 2 }))
  })

  test('and not when one signs with a key that the other does not have', () => {
    const [a, b] = [node({ ...BOTH, activeKey: 2 }), node(ONE)]
    assert.equal(b.hears(a.advert()), 'HMACUnknownKey')
    assert.equal(a.hears(b.advert()), 'believed')
  })
})

describe('what is refused is so for one reason', () => {
  test('of many', () => {
    const [a, b] = [node(ONE), node(ONE)]
    const advert = a.advert()
    const invalid = node({ ...ONE, keys: new Map([[1, SECOND]]) }).advert()
    assert.equal(b.hears(MESSAGE), 'HMACMissing')
    assert.equal(b.hears(advert.subarray(0, -1)), 'HMACMalformed')
    assert.equal(
      b.hears(Uint8Array.from(advert, (byte, i) => (i === MESSAGE.length ? byte + 1 : byte))),
      'HMACMalformed',
    )
    assert.equal(b.hears(node({ ...BOTH, activeKey: 2 }).advert()), 'HMACUnknownKey')
    assert.equal(b.hears(invalid), 'HMACInvalid')
    a.clock.time += 6000
    assert.equal(b.hears(a.advert()), 'HMACStale')
    assert.equal(b.hears(advert), 'believed')
    assert.equal(b.hears(advert), 'HMACReplayed')
  })

  test('and a forged one does not stand in the way of those that come after', () => {
    const [a, b] = [node(ONE), node(ONE)]
    const forger = node({ ...ONE, keys: new Map([[1, SECOND]]) })
    forger.clock.time += 3000
    assert.equal(b.hears(forger.advert()), 'HMACInvalid')
    assert.equal(b.hears(a.advert()), 'believed')
  })
})

describe('what was heard', () => {
  test('is not believed again after a change of keys', () => {
    const [a, b] = [node(ONE), node(ONE)]
    const advert = a.advert()
    assert.equal(b.hears(advert), 'believed')
    b.hmac.change(BOTH)
    assert.equal(b.hears(advert), 'HMACReplayed')
  })

  test('is not believed again by an agent that was started anew, once the time window is over', () => {
    const advert = node(ONE).advert()
    const anew = node(ONE)
    anew.clock.time += 5001
    assert.equal(anew.hears(advert), 'HMACStale')
  })
})

describe('a sender', () => {
  test('that is started anew is believed, for its clock went on', () => {
    const [a, b] = [node(ONE), node(ONE)]
    for (let i = 0; i < 10; i++) b.hears(a.advert())
    const anew = node(ONE)
    anew.clock.time += 1
    assert.equal(b.hears(anew.advert()), 'believed')
  })

  test('whose clock is set back within the time window is believed meanwhile', () => {
    const [a, b] = [node(ONE), node(ONE)]
    assert.equal(b.hears(a.advert()), 'believed')
    a.clock.time -= 4000
    assert.equal(b.hears(a.advert()), 'believed')
  })

  test('whose clock is set back further is believed by those whose clocks were set back too', () => {
    const [a, b, c] = [node(ONE), node(ONE), node(ONE)]
    const first = a.advert()
    for (const one of [b, c]) assert.equal(one.hears(first), 'believed')
    for (const one of [a, b]) one.clock.time -= 3_600_000
    const second = a.advert()
    assert.equal(b.hears(second), 'believed')
    assert.equal(b.hears(second), 'HMACReplayed')
    assert.equal(c.hears(second), 'HMACStale')
  })

  test('that is to receive only signs nothing', () => {
    assert.deepEqual(node({ ...ONE, mode: 'ReceiveOnly' }).advert(), MESSAGE)
    assert.notDeepEqual(node({ ...ONE, mode: 'Permissive' }).advert(), MESSAGE)
  })

  test('signs all copies of an advert with one sequence, and the next with a greater one', () => {
    const { hmac } = node(ONE)
    const copy = { message: MESSAGE, path: PATH }
    const sequences = [hmac.sign([copy, copy]), hmac.sign([copy])].map(copies =>
      copies.map(signed => {
        const trailer = readTrailer(signed, 'IPv4')
        return trailer && 'sequence' in trailer ? trailer.sequence : 0n
      }),
    )
    const [[one = 0n, two] = [], [three] = []] = sequences
    assert.equal(two, one)
    assert.equal(three, one + 1n)
  })
})
